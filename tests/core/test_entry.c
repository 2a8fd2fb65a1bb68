#include "core/entry.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/entry_build.h"
#include "core/listpack.h"
#include "core/memory.h"
#include "tests/support/dice.h"

/* One entry, and beside it what it should hold. */
struct fixture {
    struct memory memory;
    struct entry *entry;
    char key[70000];
    size_t key_length;
    char *text;
    size_t length;
    enum value_encoding encoding;
    int64_t expiry_ms;
};

static const size_t key_lengths[] = {0, 1, 16, 254, 255, 256, 257, 70000};
static const size_t lengths[] = {0, 1, 8, 20, 21, 43, 44, 45, 46, 100, 191, 192, 193, 255, 256, 257, 1000, 9000};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void start(struct fixture *fixture, size_t key_length)
{
    *fixture = (struct fixture){.key_length = key_length, .text = calloc(1, 1 << 20), .expiry_ms = -1};
    memset(fixture->key, 'k', sizeof(fixture->key));

    struct entry_content content = entry_content_bytes(STR(""));
    fixture->encoding = ENCODING_EMBSTR;
    fixture->entry = entry_create(&fixture->memory, (struct str){fixture->key, key_length}, &content, -1);
    entry_set_access(fixture->entry, 0xabcdef);
}

static void stop(struct fixture *fixture)
{
    entry_destroy(&fixture->memory, fixture->entry);
    free(fixture->text);
    cr_assert_eq(fixture->memory.used_bytes, 0);
}

static void check_entry(const struct fixture *fixture, const struct entry *entry)
{
    char digits[32];
    struct str text = entry_string(entry, digits);

    cr_assert(str_equal(entry_key(entry), (struct str){fixture->key, fixture->key_length}));
    cr_assert_eq(text.length, fixture->length);
    cr_assert_eq(memcmp(text.bytes, fixture->text, text.length), 0);
    cr_assert_eq(entry_string_length(entry), fixture->length);
    cr_assert_eq(entry_encoding(entry), fixture->encoding);
    cr_assert_eq(entry_expiry_ms(entry), fixture->expiry_ms);
    cr_assert_eq(entry_type(entry), VALUE_STRING);
    cr_assert_eq(entry_access(entry), 0xabcdef);
}

static void check(const struct fixture *fixture)
{
    check_entry(fixture, fixture->entry);
    cr_assert_eq(entry_bytes(fixture->entry), fixture->memory.used_bytes);
}

/* As the keyspace does it. */
static void put(struct fixture *fixture, const struct entry_content *content)
{
    if (!entry_overwrite(fixture->entry, content, fixture->expiry_ms))
        fixture->entry = entry_store(&fixture->memory, fixture->entry, content, fixture->expiry_ms);
}

static void store(struct fixture *fixture, struct str text)
{
    struct entry_content content = entry_content_bytes(text);

    memcpy(fixture->text, text.bytes, text.length);
    fixture->length = text.length;
    fixture->encoding = text.length <= 44 ? ENCODING_EMBSTR : ENCODING_RAW;
    put(fixture, &content);
}

static void store_random(struct fixture *fixture)
{
    static char text[9000];
    size_t length = lengths[dice_below(COUNT_OF(lengths))];

    for (size_t at = 0; at < length; at++)
        text[at] = (char)dice_bits();
    store(fixture, (struct str){text, length});
}

static void store_integer(struct fixture *fixture, int64_t integer)
{
    struct entry_content content = entry_content_integer(integer);

    fixture->length = (size_t)sprintf(fixture->text, "%lld", (long long)integer);
    fixture->encoding = ENCODING_INT;
    put(fixture, &content);
}

/* A piece of the entry's own bytes: what GETRANGE handed out, stored again. */
static void store_piece(struct fixture *fixture)
{
    char digits[32], *copy;
    struct str text = entry_string(fixture->entry, digits);
    size_t from = dice_below(text.length + 1);
    struct str piece = {text.bytes + from, dice_below(text.length - from + 1)};
    struct entry_content content = entry_content_bytes(piece);

    if (fixture->encoding == ENCODING_INT)
        return;
    copy = malloc(piece.length + 1);
    memcpy(copy, piece.bytes, piece.length);
    fixture->expiry_ms = dice_below(2) ? -1 : 77;
    put(fixture, &content);
    memcpy(fixture->text, copy, piece.length);
    fixture->length = piece.length;
    fixture->encoding = piece.length <= 44 ? ENCODING_EMBSTR : ENCODING_RAW;
    free(copy);
}

static void set_expiry(struct fixture *fixture)
{
    fixture->expiry_ms = dice_below(2) ? -1 : (int64_t)dice_below(1000);
    fixture->entry = entry_store_expiry(&fixture->memory, fixture->entry, fixture->expiry_ms);
}

static void resize(struct fixture *fixture, size_t length)
{
    fixture->entry = entry_resize_raw(&fixture->memory, fixture->entry, length);
    if (length > fixture->length)
        memset(fixture->text + fixture->length, 0, length - fixture->length);
    fixture->length = length;
    fixture->encoding = ENCODING_RAW;
}

static void scribble(struct fixture *fixture)
{
    if (fixture->encoding != ENCODING_RAW || fixture->length == 0)
        return;
    size_t at = dice_below(fixture->length);
    entry_raw_bytes(fixture->entry)[at] = fixture->text[at] = (char)dice_bits();
}

static void check_copy(struct fixture *fixture)
{
    struct memory other = {0};
    struct str key = {fixture->key, fixture->key_length};
    struct entry *copy = entry_create_copy(&other, key, fixture->entry);

    check_entry(fixture, copy);
    cr_assert_eq(entry_bytes(copy), other.used_bytes);
    entry_destroy(&other, copy);
    cr_assert_eq(other.used_bytes, 0);
}

static void rename_random(struct fixture *fixture)
{
    fixture->key_length = key_lengths[dice_below(COUNT_OF(key_lengths))];
    fixture->entry = entry_rename(&fixture->memory, fixture->entry, (struct str){fixture->key, fixture->key_length});
}

static void change_random(struct fixture *fixture)
{
    switch (dice_below(9)) {
    case 0:
    case 1:
        store_random(fixture);
        break;
    case 2:
        store_integer(fixture, (int64_t)dice_bits() >> dice_below(64));
        break;
    case 3:
        store_piece(fixture);
        break;
    case 4:
        set_expiry(fixture);
        break;
    case 5:
        resize(fixture, dice_below(2) ? fixture->length + dice_below(60) : lengths[dice_below(COUNT_OF(lengths))]);
        break;
    case 6:
        scribble(fixture);
        break;
    case 7:
        check_copy(fixture);
        break;
    default:
        rename_random(fixture);
    }
}

Test(entry, random_changes_leave_what_a_plain_copy_holds)
{
    struct fixture fixture;

    dice_seed();
    start(&fixture, 16);
    for (int round = 0; round < 50000; round++) {
        if (fixture.length > 200000)
            store(&fixture, STR("short again"));
        change_random(&fixture);
        check(&fixture);
    }
    stop(&fixture);
}

Test(entry, every_key_length_goes_with_every_value_length)
{
    static char text[9000];

    memset(text, 'v', sizeof(text));
    for (size_t key = 0; key < COUNT_OF(key_lengths); key++) {
        struct fixture fixture;

        start(&fixture, key_lengths[key]);
        for (size_t from = 0; from < COUNT_OF(lengths); from++)
            for (size_t to = 0; to < COUNT_OF(lengths); to++) {
                store(&fixture, (struct str){text, lengths[from]});
                check(&fixture);
                store(&fixture, (struct str){text, lengths[to]});
                check(&fixture);
            }
        stop(&fixture);
    }
}

static enum value_encoding encoding_of(const char *text)
{
    return entry_content_text(str_from(text)).encoding;
}

Test(entry, only_canonical_integers_become_integers)
{
    cr_assert_eq(encoding_of("0"), ENCODING_INT);
    cr_assert_eq(encoding_of("-1"), ENCODING_INT);
    cr_assert_eq(encoding_of("9223372036854775807"), ENCODING_INT);
    cr_assert_eq(encoding_of("-9223372036854775808"), ENCODING_INT);
    cr_assert_eq(encoding_of("9223372036854775808"), ENCODING_EMBSTR);
    cr_assert_eq(encoding_of("-9223372036854775809"), ENCODING_EMBSTR);
    cr_assert_eq(encoding_of("01"), ENCODING_EMBSTR);
    cr_assert_eq(encoding_of("-0"), ENCODING_EMBSTR);
    cr_assert_eq(encoding_of("+1"), ENCODING_EMBSTR);
    cr_assert_eq(encoding_of(" 1"), ENCODING_EMBSTR);
    cr_assert_eq(encoding_of("1 "), ENCODING_EMBSTR);
    cr_assert_eq(encoding_of(""), ENCODING_EMBSTR);
    cr_assert_eq(encoding_of("-"), ENCODING_EMBSTR);
}

Test(entry, strings_are_embedded_up_to_44_bytes)
{
    char text[46] = {0};

    memset(text, 'x', 45);
    cr_assert_eq(encoding_of(text), ENCODING_RAW);
    text[44] = '\0';
    cr_assert_eq(encoding_of(text), ENCODING_EMBSTR);
}

Test(entry, integers_read_back_as_number_and_as_text)
{
    static const int64_t integers[] = {0, 1, -1, 42, INT64_MAX, INT64_MIN};
    struct fixture fixture;
    int64_t value;

    start(&fixture, 5);
    for (size_t at = 0; at < COUNT_OF(integers); at++) {
        store_integer(&fixture, integers[at]);
        check(&fixture);
        cr_assert(entry_integer(fixture.entry, &value));
        cr_assert_eq(value, integers[at]);
    }
    stop(&fixture);
}

Test(entry, text_is_an_integer_when_it_looks_like_one)
{
    struct fixture fixture;
    int64_t value;

    start(&fixture, 5);
    cr_assert(!entry_integer(fixture.entry, &value), "an empty string is none");
    store(&fixture, STR("-17"));
    cr_assert(entry_integer(fixture.entry, &value));
    cr_assert_eq(value, -17);
    store(&fixture, STR("17x"));
    cr_assert(!entry_integer(fixture.entry, &value));
    stop(&fixture);
}

Test(entry, a_value_of_the_same_size_is_written_in_place)
{
    struct fixture fixture;
    struct entry *before;

    start(&fixture, 16);
    store(&fixture, STR("32 bytes, neither more nor less."));
    before = fixture.entry;
    store(&fixture, STR("32 other bytes, just as many too"));
    cr_assert_eq(fixture.entry, before);
    check(&fixture);
    stop(&fixture);
}

Test(entry, appending_byte_by_byte_seldom_moves_the_string)
{
    struct fixture fixture;
    const char *bytes = NULL;
    int moves = 0;

    start(&fixture, 16);
    for (size_t length = 1; length <= 100000; length++) {
        resize(&fixture, length);
        moves += entry_raw_bytes(fixture.entry) != bytes;
        bytes = entry_raw_bytes(fixture.entry);
    }
    check(&fixture);
    cr_assert_lt(moves, 30);
    stop(&fixture);
}

Test(entry, a_large_value_gives_its_memory_back_when_overwritten)
{
    struct fixture fixture;

    start(&fixture, 16);
    resize(&fixture, 1 << 20);
    check(&fixture);
    store(&fixture, STR("short"));
    cr_assert_lt(fixture.memory.used_bytes, 200);
    stop(&fixture);
}

Test(entry, a_dismantled_entry_leaves_what_it_owned)
{
    struct memory memory = {0};
    const struct value_kind *kind = NULL;
    struct entry_content short_text = entry_content_text(STR("short")), integer = entry_content_integer(5);
    char bytes[1000] = {0};
    struct entry_content long_text = entry_content_text((struct str){bytes, sizeof(bytes)});
    void *block;

    cr_assert_null(entry_dismantle(&memory, entry_create(&memory, STR("key"), &short_text, 7), &kind));
    cr_assert_null(entry_dismantle(&memory, entry_create(&memory, STR("key"), &integer, 7), &kind));
    cr_assert_eq(memory.used_bytes, 0);
    block = entry_dismantle(&memory, entry_create(&memory, STR("key"), &long_text, 7), &kind);
    cr_assert_eq(kind->bytes(block), memory.used_bytes);
    value_destroy(kind, &memory, block);
    cr_assert_eq(memory.used_bytes, 0);
}

/* Packs in line */

/* An entry of a hash's pack, and the length of the one text in that. */
struct packed {
    struct memory memory;
    struct entry *entry;
    struct str key;
    size_t length;
    int64_t expiry_ms;
};

static unsigned char *pack_of(struct memory *memory, size_t length)
{
    static char text[1000];
    unsigned char *pack = listpack_create(memory, dice_below(300));

    memset(text, 'p', sizeof text);
    listpack_append(memory, &pack, listpack_value_of((struct str){text, length}));
    return pack;
}

static void check_packed(const struct packed *packed)
{
    const struct entry *entry = packed->entry;
    const unsigned char *pack = entry_value(entry);
    struct listpack_value text = listpack_get(listpack_first(pack));

    cr_assert(str_equal(entry_key(entry), packed->key));
    cr_assert_eq(entry_expiry_ms(entry), packed->expiry_ms);
    cr_assert_eq(entry_access(entry), 0xabcdef);
    cr_assert(entry_type(entry) == VALUE_HASH && entry_encoding(entry) == ENCODING_LISTPACK);
    cr_assert(listpack_validate(pack, listpack_bytes(pack)) && listpack_next(listpack_first(pack)) == NULL);
    cr_assert_eq(text.length, packed->length);
    for (size_t at = 0; at < text.length; at++)
        cr_assert_eq(text.bytes[at], 'p');
    cr_assert_eq(entry_holds_value(entry), listpack_bytes(pack) <= 192);
    cr_assert_eq(entry_bytes(entry), packed->memory.used_bytes);
}

static void start_packed(struct packed *packed, struct str key)
{
    *packed = (struct packed){.key = key, .length = 10, .expiry_ms = -1};
    packed->entry =
        entry_create_value(&packed->memory, key, VALUE_HASH, ENCODING_LISTPACK, pack_of(&packed->memory, 10));
    entry_set_access(packed->entry, 0xabcdef);
}

static void store_packed(struct packed *packed, void *value)
{
    packed->entry = entry_store_value(&packed->memory, packed->entry, ENCODING_LISTPACK, value);
}

static void exchange_pack(struct packed *packed, size_t length)
{
    void *old = entry_holds_value(packed->entry) ? NULL : entry_value(packed->entry);

    packed->length = length;
    store_packed(packed, pack_of(&packed->memory, length));
    memory_free(&packed->memory, old);
}

/* Half of the time it is changed where it lies, as far as there is room. */
static void change_pack(struct packed *packed)
{
    size_t length = dice_below(dice_below(4) ? 220 : 900);

    if (!entry_holds_value(packed->entry) || dice_below(2)) {
        exchange_pack(packed, length);
        return;
    }
    struct memory other = {0};
    unsigned char *pack = pack_of(&other, length);
    if (listpack_bytes(pack) <= entry_value_room(packed->entry)) {
        memcpy(entry_value(packed->entry), pack, listpack_bytes(pack));
        packed->length = length;
        store_packed(packed, entry_value(packed->entry));
    }
    listpack_free(&other, pack);
}

static void copy_packed(struct packed *packed)
{
    struct packed copy = {.key = STR("a copy"), .length = packed->length, .expiry_ms = packed->expiry_ms};

    copy.entry = entry_create_copy(&copy.memory, copy.key, packed->entry);
    check_packed(&copy);
    entry_recharge(&copy.memory, &packed->memory, copy.entry);
    cr_assert_eq(copy.memory.used_bytes, 0);
    entry_destroy(&packed->memory, copy.entry);
}

Test(entry, a_short_pack_lies_in_line_through_all_changes)
{
    static char key[300];
    struct packed packed;

    dice_seed();
    memset(key, 'k', sizeof key);
    start_packed(&packed, STR("key"));
    for (int round = 0; round < 30000; round++) {
        switch (dice_below(6)) {
        case 0:
            packed.expiry_ms = dice_below(2) ? -1 : (int64_t)dice_below(1000);
            packed.entry = entry_store_expiry(&packed.memory, packed.entry, packed.expiry_ms);
            break;
        case 1:
            packed.key = (struct str){key, dice_below(sizeof key)};
            packed.entry = entry_rename(&packed.memory, packed.entry, packed.key);
            break;
        case 2:
            copy_packed(&packed);
            break;
        default:
            change_pack(&packed);
        }
        check_packed(&packed);
    }
    entry_destroy(&packed.memory, packed.entry);
    cr_assert_eq(packed.memory.used_bytes, 0);
}

Test(entry, a_pack_in_line_that_shrinks_gives_its_memory_back)
{
    struct packed packed;

    start_packed(&packed, STR("key"));
    exchange_pack(&packed, 180);
    size_t before = packed.memory.used_bytes;
    listpack_delete(NULL, &(unsigned char *){entry_value(packed.entry)}, listpack_first(entry_value(packed.entry)));
    store_packed(&packed, entry_value(packed.entry));
    cr_assert_lt(packed.memory.used_bytes, before / 4);
    cr_assert_eq(listpack_bytes(entry_value(packed.entry)), LISTPACK_EMPTY_BYTES);
    entry_destroy(&packed.memory, packed.entry);
}

Test(entry, names_are_those_that_redis_shows)
{
    struct fixture fixture;

    start(&fixture, 1);
    cr_assert_str_eq(entry_encoding_name(fixture.entry), "embstr");
    resize(&fixture, 1);
    cr_assert_str_eq(entry_encoding_name(fixture.entry), "raw");
    store_integer(&fixture, 1);
    cr_assert_str_eq(entry_encoding_name(fixture.entry), "int");
    cr_assert_str_eq(value_type_name(VALUE_STRING), "string");
    cr_assert_str_eq(value_type_name(VALUE_STREAM), "stream");
    stop(&fixture);
}
