/* Hashes of every encoding beside a plain array of fields, with thresholds so
 * small that they convert, and a clock that lets fields expire. */
#include "core/hash_value.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/config.h"
#include "core/entry_build.h"
#include "core/hash.h"
#include "core/memory.h"
#include "tests/support/dice.h"

enum { NAMES = 40, VALUE_BYTES_MOST = 300, START_MS = 1000000 };

struct model_field {
    bool there;
    char value[VALUE_BYTES_MOST];
    size_t length;
    int64_t deadline_ms; /* -1: none */
};

static struct config config;
static struct memory memory;
static struct hash hash;
static struct entry *entry; /* that the hash is put into between two operations; NULL: none */
static bool timed;          /* fields get deadlines */
static struct model_field model[NAMES];

static void start(void)
{
    if (!hash_is_seeded())
        hash_seed((const uint8_t *)"a secret that is 32 bytes long..");
    config_init(&config);
    memory_init(&memory, NULL);
    memset(model, 0, sizeof model);
    timed = true;
    entry = NULL;
    hash_create(&hash, &memory, &config, START_MS);
}

/* As a command leaves a hash, and the next one finds it. */
static void put_away_and_take_up(void)
{
    if (entry == NULL)
        entry = entry_create_value(&memory, STR("hash"), VALUE_HASH, hash.encoding, hash.value);
    else if (hash.encoding == ENCODING_LISTPACK || entry_holds_value(entry))
        entry = entry_store_value(&memory, entry, hash.encoding, hash.value);
    else
        entry_set_value(entry, hash.encoding, hash.value);
    hash.value = entry_value(entry);
    hash.holder = entry_holds_value(entry) ? entry : NULL;
    cr_assert_eq(entry_holds_value(entry), hash.encoding == ENCODING_LISTPACK && listpack_bytes(hash.value) <= 192);
    cr_assert_eq(entry_bytes(entry), memory.used_bytes);
}

static void destroy(void)
{
    put_away_and_take_up();
    entry_destroy(&memory, entry);
    entry = NULL;
}

static void stop(void)
{
    destroy();
    config_deinit(&config);
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes leaked", memory.used_bytes);
}

TestSuite(hash_value, .init = start, .fini = stop);

/* Some names read as integers, one is empty, one is long. */
static struct str name_of(int field, char text[static 200])
{
    int length = snprintf(text, 200, field % 4 == 0 ? "%d" : "field%d", field);

    if (field == 1)
        length = 0;
    if (field == 2) {
        length = 150;
        memset(text, 'n', (size_t)length);
    }
    return (struct str){text, (size_t)length};
}

static int field_named(struct str name)
{
    char text[200];

    int field = 0;

    while (field < NAMES && !str_equal(name, name_of(field, text)))
        field++;
    cr_assert_lt(field, NAMES, "no field has this name");
    return field;
}

static bool is_live(const struct model_field *field)
{
    return field->there && (field->deadline_ms < 0 || field->deadline_ms > hash.now_ms);
}

static size_t live_in_model(void)
{
    size_t count = 0;

    for (int field = 0; field < NAMES; field++)
        count += is_live(&model[field]);
    return count;
}

static void check_item(int field, const struct hash_item *item)
{
    char digits[NUMBER_TEXT_MAX];
    struct str value = listpack_text(item->value, digits);

    cr_assert(is_live(&model[field]));
    cr_assert(str_equal(value, (struct str){model[field].value, model[field].length}));
    cr_assert_eq(item->deadline_ms, model[field].deadline_ms);
}

struct seen {
    int times[NAMES];
};

static void see(void *context, const struct hash_item *item)
{
    struct seen *seen = context;
    char digits[NUMBER_TEXT_MAX];
    int field = field_named(listpack_text(item->field, digits));

    check_item(field, item);
    seen->times[field]++;
}

static int64_t next_in_model(void)
{
    int64_t next = -1;

    for (int field = 0; field < NAMES; field++)
        if (model[field].there && model[field].deadline_ms >= 0 && (next < 0 || model[field].deadline_ms < next))
            next = model[field].deadline_ms;
    return next;
}

static void check_all(void)
{
    struct seen seen = {0};

    hash_each(&hash, see, &seen);
    for (int field = 0; field < NAMES; field++)
        cr_assert_eq(seen.times[field], is_live(&model[field]));
    cr_assert_eq(hash_live_length(&hash), live_in_model());
    cr_assert_geq(hash_length(&hash), live_in_model());
    cr_assert_eq(hash_is_empty(&hash), hash_length(&hash) == 0);
}

/* Operations */

static void make_value(struct model_field *field)
{
    field->length = dice_below(3) == 0 ? dice_below(VALUE_BYTES_MOST) : dice_below(12);
    for (size_t i = 0; i < field->length; i++)
        field->value[i] = (char)('0' + dice_below(dice_below(2) ? 10 : 60));
}

static int64_t some_deadline(void)
{
    return hash.now_ms + 1 + (int64_t)dice_below(50);
}

static void set(int number)
{
    static const int64_t modes[] = {HASH_NO_DEADLINE, HASH_NO_DEADLINE, HASH_KEEP_DEADLINE, 0};
    struct model_field *field = &model[number];
    int64_t deadline_ms = modes[dice_below(timed ? 4 : 3)];
    bool was_live = is_live(field);
    char text[200];

    if (deadline_ms == 0)
        deadline_ms = some_deadline();
    make_value(field);
    cr_assert_eq(hash_set(&hash, name_of(number, text), (struct str){field->value, field->length}, deadline_ms),
                 !was_live);
    if (deadline_ms == HASH_KEEP_DEADLINE)
        deadline_ms = was_live ? field->deadline_ms : HASH_NO_DEADLINE;
    field->there = true;
    field->deadline_ms = deadline_ms;
}

static void delete (int number)
{
    char text[200];

    cr_assert_eq(hash_delete(&hash, name_of(number, text)), is_live(&model[number]));
    model[number].there = false;
}

static void set_deadline(int number)
{
    char text[200];

    if (!is_live(&model[number]) || !timed)
        return;
    model[number].deadline_ms = dice_below(3) == 0 ? HASH_NO_DEADLINE : some_deadline();
    hash_set_deadline(&hash, name_of(number, text), model[number].deadline_ms);
}

static void get(int number)
{
    struct hash_item item;
    char text[200];
    bool there = hash_get(&hash, name_of(number, text), &item);

    cr_assert_eq(there, is_live(&model[number]));
    if (there)
        check_item(number, &item);
}

/* Removes what has expired, some at a time; afterwards the model need not tell it from what never was. */
static void expire(void)
{
    const struct value_kind *kind = value_kind_of(VALUE_HASH, hash.encoding);
    size_t most = 1 + dice_below(5);
    bool emptied = false;

    if (kind->expire == NULL)
        return;
    while (kind->expire(&memory, &hash.value, hash.now_ms, most, &emptied) == most)
        continue;
    for (int field = 0; field < NAMES; field++)
        model[field].there = is_live(&model[field]);
    cr_assert_eq(emptied, live_in_model() == 0);
    cr_assert_eq(hash_length(&hash), live_in_model());
    cr_assert_eq(hash_next_deadline_ms(&hash), next_in_model());
}

static uint64_t roll(void *context)
{
    return dice_bits();
}

static void draw(void)
{
    char digits[NUMBER_TEXT_MAX];

    if (live_in_model() == 0)
        return;
    struct hash_item item = hash_item_at(&hash, hash_random(&hash, roll, NULL));
    check_item(field_named(listpack_text(item.field, digits)), &item);
}

/* The copy goes on in the place of the original. */
static void copy(void)
{
    const struct value_kind *kind = value_kind_of(VALUE_HASH, hash.encoding);

    if (hash.holder)
        return;
    void *copied = kind->copy(&memory, hash.value);
    void *old = hash.value;

    hash.value = copied;
    while (kind->drain(&memory, old, 1 + dice_below(20)) > 0)
        continue;
    check_all();
}

static void begin_again(void)
{
    destroy();
    memset(model, 0, sizeof model);
    timed = dice_below(2);
    config.hash_max_listpack_entries = (int64_t)dice_below(NAMES);
    config.hash_max_listpack_value = (int64_t)dice_below(2 * VALUE_BYTES_MOST);
    hash_create(&hash, &memory, &config, hash.now_ms);
}

static void check_encoding(void)
{
    if (hash.encoding == ENCODING_TABLE)
        return;
    cr_assert_leq((int64_t)hash_length(&hash), config.hash_max_listpack_entries);
    cr_assert(hash.encoding == ENCODING_LISTPACK_EX || hash_next_deadline_ms(&hash) < 0);
}

static void operate(void)
{
    int number = (int)dice_below(NAMES);
    uint64_t choice = dice_below(1000);

    if (choice < 450)
        set(number);
    else if (choice < 600)
        delete (number);
    else if (choice < 750)
        set_deadline(number);
    else if (choice < 850)
        get(number);
    else if (choice < 900)
        hash.now_ms += (int64_t)dice_below(10);
    else if (choice < 930)
        expire();
    else if (choice < 980)
        draw();
    else if (choice < 990)
        copy();
    else
        begin_again();
}

Test(hash_value, random_operations_agree_with_an_array)
{
    enum { ROUNDS = 80000 };
    int in_line = 0;

    dice_seed();
    for (int round = 0; round < ROUNDS; round++) {
        operate();
        check_encoding();
        if (dice_below(3))
            put_away_and_take_up();
        in_line += hash.holder != NULL;
        if (round % 10 == 0)
            check_all();
    }
    cr_assert_gt(in_line, ROUNDS / 100);
}

/* Single claims */

static struct str text(const char *terminated)
{
    return str_from(terminated);
}

static void set_plain(const char *field, const char *value)
{
    hash_set(&hash, text(field), text(value), HASH_NO_DEADLINE);
}

Test(hash_value, small_hash_is_a_listpack_until_it_has_too_many_fields)
{
    config.hash_max_listpack_entries = 2;
    set_plain("a", "1");
    set_plain("b", "2");
    set_plain("a", "3");
    cr_assert_eq(hash.encoding, ENCODING_LISTPACK);
    set_plain("c", "4");
    cr_assert_eq(hash.encoding, ENCODING_TABLE);
    cr_assert_eq(hash_length(&hash), 3);
}

Test(hash_value, a_hash_in_line_is_changed_where_it_lies_while_there_is_room)
{
    set_plain("counter", "10");
    set_plain("word", "abcd");
    put_away_and_take_up();
    cr_assert(hash.holder != NULL);
    set_plain("counter", "99");
    set_plain("word", "efgh");
    set_plain("word", "ab");
    hash_delete(&hash, text("counter"));
    cr_assert_eq(hash.value, entry_value(entry));
    for (int i = 0; i < 9; i++)
        set_plain(&"a\0b\0c\0d\0e\0f\0g\0h\0i"[2 * i], "a longer value");
    cr_assert_neq(hash.value, entry_value(entry));
    cr_assert(hash.holder == NULL);
    put_away_and_take_up();
    cr_assert_eq(hash_length(&hash), 10);
}

Test(hash_value, a_hash_in_line_leaves_its_entry_when_it_becomes_another_encoding)
{
    set_plain("a", "1");
    put_away_and_take_up();
    hash_set_deadline(&hash, text("a"), hash.now_ms + 5);
    cr_assert(hash.encoding == ENCODING_LISTPACK_EX && hash.holder == NULL);
    put_away_and_take_up();
    destroy();

    hash_create(&hash, &memory, &config, hash.now_ms);
    set_plain("a", "1");
    put_away_and_take_up();
    hash_expect(&hash, 10000);
    cr_assert(hash.encoding == ENCODING_TABLE && hash.holder == NULL);
    put_away_and_take_up();
    cr_assert_eq(hash_length(&hash), 1);
}

Test(hash_value, a_field_or_value_that_is_too_long_makes_a_table)
{
    config.hash_max_listpack_value = 4;
    set_plain("four", "four");
    cr_assert_eq(hash.encoding, ENCODING_LISTPACK);
    set_plain("a", "fives");
    cr_assert_eq(hash.encoding, ENCODING_TABLE);
}

Test(hash_value, many_fields_that_are_expected_make_a_table_at_once)
{
    hash_expect(&hash, 512);
    cr_assert_eq(hash.encoding, ENCODING_LISTPACK);
    hash_expect(&hash, 513);
    cr_assert_eq(hash.encoding, ENCODING_TABLE);
}

Test(hash_value, a_first_deadline_changes_the_encoding_for_good)
{
    set_plain("a", "1");
    hash_set_deadline(&hash, text("a"), HASH_NO_DEADLINE);
    cr_assert_eq(hash.encoding, ENCODING_LISTPACK);
    hash_set_deadline(&hash, text("a"), hash.now_ms + 5);
    cr_assert_eq(hash.encoding, ENCODING_LISTPACK_EX);
    hash_set_deadline(&hash, text("a"), HASH_NO_DEADLINE);
    cr_assert_eq(hash.encoding, ENCODING_LISTPACK_EX);
    cr_assert_eq(hash_next_deadline_ms(&hash), -1);
}

Test(hash_value, expired_field_is_absent_before_anyone_removes_it)
{
    struct hash_item item;

    hash_set(&hash, text("a"), text("1"), hash.now_ms + 5);
    cr_assert(hash_get(&hash, text("a"), &item));
    hash.now_ms += 5;
    cr_assert_not(hash_get(&hash, text("a"), &item));
    cr_assert_not(hash_delete(&hash, text("b")));
    cr_assert_eq(hash_length(&hash), 1);
    cr_assert_eq(hash_live_length(&hash), 0);
    cr_assert(hash_set(&hash, text("a"), text("2"), HASH_KEEP_DEADLINE));
    cr_assert(hash_get(&hash, text("a"), &item));
    cr_assert_eq(item.deadline_ms, -1);
}

Test(hash_value, draws_are_even_over_every_encoding)
{
    enum { FIELDS = 8, DRAWS = 8000 };

    dice_seed();
    for (int encoding = 0; encoding < 3; encoding++) {
        int times[FIELDS] = {0};

        for (int i = 0; i < FIELDS; i++)
            hash_set(&hash, (struct str){&"abcdefgh"[i], 1}, text("v"), HASH_NO_DEADLINE);
        if (encoding == 1)
            hash_set(&hash, text("dead"), text("v"), hash.now_ms);
        if (encoding == 2)
            hash_expect(&hash, 10000);
        for (int i = 0; i < DRAWS; i++)
            times[hash_item_at(&hash, hash_random(&hash, roll, NULL)).field.bytes[0] - 'a']++;
        for (int i = 0; i < FIELDS; i++)
            cr_assert(times[i] > 850 && times[i] < 1150, "%d of %d draws", times[i], DRAWS);
    }
}

enum { STAY = 500 };

static void count_stay(void *context, const struct hash_item *item)
{
    int *seen = context, number;

    if (sscanf(item->field.bytes, "stay%d|", &number) == 1)
        seen[number]++;
}

Test(hash_value, a_walk_by_cursor_meets_what_stays_while_the_table_changes)
{
    enum { PASSING = 3000 };
    int seen[STAY] = {0};
    uint64_t cursor = 0;
    int passing = 0;
    char name[32];

    for (int i = 0; i < STAY; i++) {
        snprintf(name, sizeof name, "stay%d|", i);
        set_plain(name, "x");
    }
    hash_expect(&hash, 10000);
    do {
        cursor = hash_scan(&hash, cursor, count_stay, seen);
        for (int i = 0; i < 50 && passing < PASSING; i++) {
            snprintf(name, sizeof name, "passing%d", passing++);
            set_plain(name, "x");
        }
    } while (cursor != 0);
    for (int i = 0; i < STAY; i++)
        cr_assert_geq(seen[i], 1);
}
