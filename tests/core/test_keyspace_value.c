/* Values that are not strings, in the keyspaces of two shards as a gather sees
 * them: single claims, then random operations beside plain arrays. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/keyspace.h"
#include "core/listpack.h"
#include "core/memory.h"
#include "core/sparse_bitmap.h"
#include "tests/support/bag.h"
#include "tests/support/dice.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { DATABASES = 2, NAMES = 30, SPACES = 2 };

static struct memory memories[SPACES];
static struct keyspace *spaces[SPACES];
static size_t start_bytes[SPACES];
static int64_t now_ms;

static void start(void)
{
    keyspace_hash_seed((const uint8_t *)"a secret that is 32 bytes long..");
    bag_register();
    for (int space = 0; space < SPACES; space++) {
        spaces[space] = keyspace_create(&memories[space], DATABASES);
        start_bytes[space] = memories[space].used_bytes;
    }
}

static void stop(void)
{
    for (int space = 0; space < SPACES; space++) {
        keyspace_destroy(spaces[space]);
        cr_assert_eq(memories[space].used_bytes, 0);
    }
}

TestSuite(keyspace_value, .init = start, .fini = stop);

static struct key key(const char *name)
{
    return key_of(str_from(name));
}

static struct entry *find(const char *name)
{
    return keyspace_find(spaces[0], 0, key(name), now_ms);
}

static struct entry *add_bag(const char *name, size_t count)
{
    return keyspace_add_value(spaces[0], 0, key(name), BAG_TYPE, BAG_ENCODING, bag_create(&memories[0], 1, count));
}

static void *blob_create(struct memory *memory, size_t bytes)
{
    return memset(memory_alloc(memory, bytes), 'b', bytes);
}

static struct entry *add_blob(const char *name, size_t bytes)
{
    return keyspace_add_value(spaces[0], 0, key(name), VALUE_LIST, ENCODING_LISTPACK, blob_create(&memories[0], bytes));
}

Test(keyspace_value, an_entry_tells_what_its_value_is)
{
    struct entry *blob = add_blob("blob", 100), *bag = add_bag("bag", 3);
    struct entry *string = keyspace_set_string(spaces[0], 0, key("string"), STR("s"), -1);

    cr_assert(entry_has_value(blob) && entry_has_value(bag) && !entry_has_value(string));
    cr_assert_eq(entry_type(blob), VALUE_LIST);
    cr_assert_str_eq(entry_encoding_name(blob), "listpack");
    cr_assert_str_eq(entry_encoding_name(bag), "pouch");
    cr_assert_str_eq(entry_real_encoding_name(bag), "bag");
    cr_assert_str_eq(entry_real_encoding_name(string), "embstr");
    cr_assert(bag_holds(entry_value(bag), 1, 3));
}

Test(keyspace_value, an_encodings_name_may_depend_on_the_value)
{
    cr_assert_str_eq(entry_encoding_name(add_bag("many", 101)), "sack");
}

Test(keyspace_value, the_bytes_of_an_entry_hold_its_value)
{
    const struct entry *entry = add_bag("bag", 1000);

    cr_assert_eq(entry_bytes(entry) + keyspace_overhead_bytes(spaces[0], 0), memories[0].used_bytes - start_bytes[0]);
}

Test(keyspace_value, a_value_may_be_exchanged_in_its_place)
{
    struct entry *entry = keyspace_set_expiry(spaces[0], 0, add_bag("k", 200), 50);
    void *old = entry_value(entry);

    entry_set_value(entry, BAG_ENCODING, bag_create(&memories[0], 7, 2));
    keyspace_free_value(spaces[0], BAG_TYPE, BAG_ENCODING, old);
    cr_assert_eq(find("k"), entry);
    cr_assert_eq(entry_expiry_ms(entry), 50);
    cr_assert(bag_holds(entry_value(entry), 7, 2));
    cr_assert_eq(keyspace_reclaim(spaces[0], 200), 0);
    cr_assert_eq(entry_bytes(entry) + keyspace_overhead_bytes(spaces[0], 0), memories[0].used_bytes - start_bytes[0]);
}

Test(keyspace_value, an_exchange_may_change_the_encoding)
{
    void *intset = blob_create(&memories[0], 10), *listpack = blob_create(&memories[0], 20);
    struct entry *entry = keyspace_add_value(spaces[0], 0, key("k"), VALUE_SET, ENCODING_INTSET, intset);

    entry_set_value(entry, ENCODING_LISTPACK, listpack);
    keyspace_free_value(spaces[0], VALUE_SET, ENCODING_INTSET, intset);
    cr_assert_eq(entry_type(entry), VALUE_SET);
    cr_assert_eq(entry_encoding(entry), ENCODING_LISTPACK);
    cr_assert_eq(entry_value(entry), listpack);
}

static struct entry *add_sparse_bitmap(const char *name, size_t length, char last)
{
    struct sparse_bitmap *bitmap = sparse_bitmap_create(&memories[0], length);

    sparse_bitmap_write(bitmap, length - 1, (struct str){&last, 1});
    return keyspace_add_value(spaces[0], 0, key(name), VALUE_STRING, ENCODING_SPARSE_BITMAP, bitmap);
}

static bool is_zeros_and(struct str text, size_t length, char last)
{
    for (size_t i = 0; i + 1 < length; i++)
        if (text.bytes[i] != 0)
            return false;
    return text.length == length && text.bytes[length - 1] == last;
}

Test(keyspace_value, a_sparse_bitmap_is_made_raw_in_place_when_its_bytes_are_asked_for)
{
    struct entry *entry = keyspace_set_expiry(spaces[0], 0, add_sparse_bitmap("k", 100000, 'z'), 50);
    char digits[32];

    cr_assert_eq(entry_string_length(entry), 100000);
    cr_assert_eq(entry_encoding(entry), ENCODING_SPARSE_BITMAP);
    cr_assert(entry_bytes(entry) < 1000);
    cr_assert(is_zeros_and(entry_string(entry, digits), 100000, 'z'));
    cr_assert_eq(find("k"), entry);
    cr_assert_eq(entry_encoding(entry), ENCODING_RAW);
    cr_assert_eq(entry_expiry_ms(entry), 50);
    cr_assert_eq(entry_bytes(entry) + keyspace_overhead_bytes(spaces[0], 0), memories[0].used_bytes - start_bytes[0]);
}

Test(keyspace_value, a_sparse_bitmap_that_is_resized_is_raw_and_keeps_its_bytes)
{
    static const size_t lengths[] = {100000, 100001, 900000};

    for (size_t at = 0; at < COUNT_OF(lengths); at++) {
        struct entry *entry = keyspace_set_expiry(spaces[0], 0, add_sparse_bitmap("k", 100000, 'z'), 50);
        char *bytes;

        entry = keyspace_resize_raw(spaces[0], 0, key("k"), entry, lengths[at], &bytes);
        cr_assert_eq(entry_encoding(entry), ENCODING_RAW);
        cr_assert_eq(entry_expiry_ms(entry), 50);
        cr_assert(is_zeros_and((struct str){bytes, 100000}, 100000, 'z'));
        cr_assert_eq(entry_string_length(entry), lengths[at]);
        for (size_t i = 100000; i < lengths[at]; i++)
            cr_assert_eq(bytes[i], 0);
        keyspace_delete_entry(spaces[0], 0, entry);
    }
}

Test(keyspace_value, a_replaced_value_is_fresh_under_lru_and_keeps_its_count_under_lfu)
{
    struct entry *entry;

    keyspace_set_access(spaces[0], ACCESS_LRU, 50000);
    cr_assert_eq(entry_access(add_bag("k", 1)), 50);
    keyspace_set_access(spaces[0], ACCESS_LRU, 70000);
    entry = keyspace_set_value(spaces[0], 0, key("k"), BAG_TYPE, BAG_ENCODING, bag_create(&memories[0], 1, 5));
    cr_assert_eq(entry_access(entry), 70);
    keyspace_set_access(spaces[0], ACCESS_LFU, 60000);
    entry_set_access(entry, 1 << 8 | 99);
    entry = keyspace_set_value(spaces[0], 0, key("k"), BAG_TYPE, BAG_ENCODING, bag_create(&memories[0], 1, 5));
    cr_assert_eq(entry_access(entry), 1 << 8 | 99);
    cr_assert_eq(entry_access(keyspace_set_string(spaces[0], 0, key("k"), STR("v"), -1)), 1 << 8 | 99);
}

Test(keyspace_value, storing_replaces_the_value_and_drops_the_expiry)
{
    keyspace_set_string(spaces[0], 0, key("k"), STR("text"), 50);
    keyspace_set_value(spaces[0], 0, key("k"), BAG_TYPE, BAG_ENCODING, bag_create(&memories[0], 1, 5));
    cr_assert(bag_holds(entry_value(find("k")), 1, 5));
    cr_assert_eq(entry_expiry_ms(find("k")), -1);
    cr_assert_eq(keyspace_count_expiring(spaces[0], 0), 0);
    cr_assert_eq(keyspace_count(spaces[0], 0), 1);
}

Test(keyspace_value, a_string_takes_the_place_of_a_value)
{
    char digits[32];

    keyspace_set_expiry(spaces[0], 0, add_bag("k", 5), 50);
    cr_assert_eq(entry_expiry_ms(keyspace_set_string_keep_expiry(spaces[0], 0, key("k"), STR("text"))), 50);
    cr_assert(str_equal(entry_string(find("k"), digits), STR("text")));
    keyspace_set_value(spaces[0], 0, key("k"), BAG_TYPE, BAG_ENCODING, bag_create(&memories[0], 1, 5));
    cr_assert_eq(entry_expiry_ms(keyspace_set_string(spaces[0], 0, key("k"), STR("12"), -1)), -1);
    cr_assert_eq(entry_encoding(find("k")), ENCODING_INT);
}

Test(keyspace_value, only_the_command_counts_changes_of_values)
{
    uint64_t *dirty = &keyspace_stats(spaces[0])->dirty;

    add_bag("a", 1);
    keyspace_set_value(spaces[0], 0, key("b"), BAG_TYPE, BAG_ENCODING, bag_create(&memories[0], 1, 5));
    keyspace_delete_entry(spaces[0], 0, find("a"));
    cr_assert_eq(*dirty, 0);
    keyspace_changed(spaces[0], 3);
    cr_assert_eq(*dirty, 3);
}

Test(keyspace_value, an_added_key_must_be_absent, .signal = SIGABRT)
{
    add_bag("k", 1);
    add_bag("k", 1);
}

Test(keyspace_value, a_copy_shares_nothing)
{
    struct entry *source = add_bag("k", 3), *copy;

    keyspace_copy(spaces[0], 0, source, spaces[1], 1, key("copy"));
    copy = keyspace_find(spaces[1], 1, key("copy"), 0);
    bag_add(entry_value(source), 4);
    cr_assert(bag_holds(entry_value(source), 1, 4));
    cr_assert(bag_holds(entry_value(copy), 1, 3));
}

Test(keyspace_value, a_moved_value_is_charged_to_its_new_shard_and_stays_where_it_is)
{
    struct entry *moved;
    void *bag = entry_value(add_bag("k", 5000));

    keyspace_move(spaces[0], 0, key("k"), spaces[1], 0, key("a name that is longer"));
    moved = keyspace_find(spaces[1], 0, key("a name that is longer"), 0);
    cr_assert_eq(entry_value(moved), bag);
    cr_assert_eq(memories[0].used_bytes, start_bytes[0] + keyspace_overhead_bytes(spaces[0], 0));
    cr_assert_eq(memories[1].used_bytes, start_bytes[1] + keyspace_overhead_bytes(spaces[1], 0) + entry_bytes(moved));
}

/* Frees what is left in slices of 100 items; fails if one of them frees much more. Returns how many there were. */
static size_t reclaim_in_slices(size_t most_bytes)
{
    size_t slices = 1, left;

    do {
        size_t before = memories[0].used_bytes;

        left = keyspace_reclaim(spaces[0], 100);
        cr_assert_leq(before - memories[0].used_bytes, most_bytes);
        slices++;
    } while (left > 0);
    return slices;
}

Test(keyspace_value, a_large_value_is_freed_in_slices_however_it_goes)
{
    enum { COUNT = 10000 };
    size_t before;

    for (int way = 0; way < 5; way++) {
        struct entry *entry = add_bag("k", COUNT);

        before = memories[0].used_bytes;
        if (way == 0)
            cr_assert(keyspace_delete(spaces[0], 0, key("k"), 0));
        else if (way == 1)
            keyspace_delete_entry(spaces[0], 0, entry);
        else if (way == 2)
            keyspace_set_string(spaces[0], 0, key("k"), STR("v"), -1);
        else if (way == 3)
            keyspace_set_expiry(spaces[0], 0, entry, 5), keyspace_expire(spaces[0], 5, 1);
        else
            keyspace_flush(spaces[0], 0);
        cr_assert_gt(memories[0].used_bytes, before - 1000, "it went at once, way %d", way);
        cr_assert_geq(reclaim_in_slices(100 * 40 + 2000), COUNT / 100);
        keyspace_flush(spaces[0], 0);
        keyspace_reclaim(spaces[0], 100);
        cr_assert_eq(memories[0].used_bytes, start_bytes[0]);
    }
}

Test(keyspace_value, a_flushed_database_of_middling_values_is_freed_in_slices)
{
    char name[32];
    size_t most_bytes;

    for (int at = 0; at < 3000; at++) {
        snprintf(name, sizeof(name), "key:%d", at);
        add_bag(name, 60);
    }
    /* A segment's keys, their entries and what holds a detached value, and the items of the slice itself. */
    most_bytes = 1024 * 64 + (100 + 60) * 40 + 64 * 1024;
    keyspace_flush(spaces[0], 0);
    cr_assert_geq(reclaim_in_slices(most_bytes), 3000 * 60 / 200);
    cr_assert_eq(memories[0].used_bytes, start_bytes[0]);
}

/* Random operations */

enum content { ABSENT, STRING, BLOB, PACK, BAG };

struct model_key {
    enum content content;
    uint64_t first; /* a bag's first number, a string's bytes */
    size_t count;   /* of a bag's numbers, a blob's bytes, the length of a string or of the text in a pack */
    int64_t expiry_ms;
};

static struct model_key model[SPACES][DATABASES][NAMES];

/* One of the keys, wherever it lies. */
struct spot {
    int space, db, name;
};

static struct spot any_spot(void)
{
    return (struct spot){(int)dice_below(SPACES), (int)dice_below(DATABASES), (int)dice_below(NAMES)};
}

/* Short and long names, which an entry keeps in different ways. */
static struct key spot_key(struct spot spot)
{
    static char names[NAMES][300];
    size_t length = spot.name % 3 == 0 ? 299 : 12;

    memset(names[spot.name], 'n', length);
    names[spot.name][0] = (char)('A' + spot.name);
    return key_of((struct str){names[spot.name], length});
}

static struct model_key *spot_model(struct spot spot)
{
    struct model_key *modelled = &model[spot.space][spot.db][spot.name];

    if (modelled->content != ABSENT && modelled->expiry_ms >= 0 && modelled->expiry_ms <= now_ms)
        *modelled = (struct model_key){.content = ABSENT};
    return modelled;
}

static struct entry *spot_find(struct spot spot)
{
    return keyspace_find(spaces[spot.space], spot.db, spot_key(spot), now_ms);
}

static bool all_bytes_are(const char *bytes, size_t count, char wanted)
{
    for (size_t at = 0; at < count; at++)
        if (bytes[at] != wanted)
            return false;
    return true;
}

/* A hash that lies in line where it is short. */
static unsigned char *pack_create(struct memory *memory, size_t length)
{
    static char text[1000];
    unsigned char *pack = listpack_create(memory, 0);

    memset(text, 'p', sizeof text);
    listpack_append(memory, &pack, (struct listpack_value){text, {length}});
    return pack;
}

static bool pack_holds(const unsigned char *pack, size_t length)
{
    struct listpack_value text = listpack_get(listpack_first(pack));

    return listpack_validate(pack, listpack_bytes(pack)) && text.length == length &&
           all_bytes_are(text.bytes, length, 'p');
}

static bool holds(const struct entry *entry, const struct model_key *modelled)
{
    char digits[32];

    switch (modelled->content) {
    case BLOB:
        return entry_type(entry) == VALUE_LIST && all_bytes_are(entry_value(entry), modelled->count, 'b');
    case PACK:
        return entry_type(entry) == VALUE_HASH && pack_holds(entry_value(entry), modelled->count) &&
               entry_holds_value(entry) == (listpack_bytes(entry_value(entry)) <= 192);
    case BAG:
        return entry_type(entry) == BAG_TYPE && bag_holds(entry_value(entry), modelled->first, modelled->count);
    default:
        return entry_type(entry) == VALUE_STRING && entry_string_length(entry) == modelled->count &&
               all_bytes_are(entry_string(entry, digits).bytes, modelled->count, (char)modelled->first);
    }
}

static void check_spot(struct spot spot)
{
    const struct model_key *modelled = spot_model(spot);
    const struct entry *entry = spot_find(spot);

    cr_assert_eq(entry != NULL, modelled->content != ABSENT);
    if (entry == NULL)
        return;
    cr_assert_eq(entry_expiry_ms(entry), modelled->expiry_ms);
    cr_assert(holds(entry, modelled));
}

static void do_string(struct spot spot)
{
    static char bytes[1000];
    struct model_key *modelled = spot_model(spot);
    int64_t kept_ms = spot_find(spot) ? modelled->expiry_ms : -1, expiry_ms = now_ms + 1 + (int64_t)dice_below(30);
    struct str text = {bytes, dice_below(2) ? 20 : dice_below(sizeof(bytes))};
    bool keep = dice_below(2);

    memset(bytes, 's', sizeof(bytes));
    if (keep)
        keyspace_set_string_keep_expiry(spaces[spot.space], spot.db, spot_key(spot), text);
    else
        keyspace_set_string(spaces[spot.space], spot.db, spot_key(spot), text, expiry_ms);
    *modelled = (struct model_key){STRING, 's', text.length, keep ? kept_ms : expiry_ms};
}

/* Mostly small, at times so large that it is freed in slices. */
static size_t any_count(void)
{
    return dice_below(10) == 0 ? dice_below(400) : dice_below(20);
}

static void do_value(struct spot spot)
{
    struct memory *memory = &memories[spot.space];
    struct model_key made = {dice_below(2) ? BAG : BLOB, dice_bits(), any_count(), -1};
    enum value_type type = made.content == BAG ? BAG_TYPE : VALUE_LIST;
    enum value_encoding encoding = made.content == BAG ? BAG_ENCODING : ENCODING_LISTPACK;
    void *value;

    if (made.content == BLOB)
        made.count += dice_below(200) == 0 ? 2 << 20 : 1;
    value = made.content == BAG ? bag_create(memory, made.first, made.count) : blob_create(memory, made.count);
    if (spot_find(spot) == NULL && dice_below(2))
        keyspace_add_value(spaces[spot.space], spot.db, spot_key(spot), type, encoding, value);
    else
        keyspace_set_value(spaces[spot.space], spot.db, spot_key(spot), type, encoding, value);
    *spot_model(spot) = made;
}

/* As commands do that add to a collection or exchange how it is kept. */
static void do_change(struct spot spot)
{
    struct model_key *modelled = spot_model(spot);
    struct entry *entry = spot_find(spot);

    if (modelled->content == BAG && dice_below(2)) {
        bag_add(entry_value(entry), modelled->first + modelled->count++);
    } else if (modelled->content == BAG) {
        void *old = entry_value(entry);

        modelled->count = any_count();
        entry_set_value(entry, BAG_ENCODING, bag_create(&memories[spot.space], modelled->first, modelled->count));
        keyspace_free_value(spaces[spot.space], BAG_TYPE, BAG_ENCODING, old);
    } else if (modelled->content == BLOB) {
        char *grown = memory_resize(&memories[spot.space], entry_value(entry), modelled->count + 100);

        memset(grown + modelled->count, 'b', 100);
        modelled->count += 100;
        entry_set_value(entry, ENCODING_LISTPACK, grown);
    }
}

static void do_pack(struct spot spot)
{
    struct memory *memory = &memories[spot.space];
    struct model_key *modelled = spot_model(spot);
    struct entry *entry = spot_find(spot);
    size_t length = dice_below(dice_below(3) ? 200 : 1000);
    void *pack = pack_create(memory, length), *old = NULL;

    if (modelled->content != PACK) {
        keyspace_set_value(spaces[spot.space], spot.db, spot_key(spot), VALUE_HASH, ENCODING_LISTPACK, pack);
        *modelled = (struct model_key){PACK, 'p', length, -1};
        return;
    }
    if (!entry_holds_value(entry))
        old = entry_value(entry);
    keyspace_put_value(spaces[spot.space], spot.db, entry, ENCODING_LISTPACK, pack);
    memory_free(memory, old);
    modelled->count = length;
}

static void do_expiry(struct spot spot)
{
    struct entry *entry = spot_find(spot);

    if (entry == NULL)
        return;
    spot_model(spot)->expiry_ms = dice_below(2) ? -1 : now_ms + 1 + (int64_t)dice_below(30);
    keyspace_set_expiry(spaces[spot.space], spot.db, entry, spot_model(spot)->expiry_ms);
}

static void do_delete(struct spot spot)
{
    struct entry *entry = spot_find(spot);

    if (entry != NULL && dice_below(2))
        keyspace_delete_entry(spaces[spot.space], spot.db, entry);
    else
        cr_assert_eq(keyspace_delete(spaces[spot.space], spot.db, spot_key(spot), now_ms), entry != NULL);
    spot_model(spot)->content = ABSENT;
}

static void do_move_or_copy(struct spot spot)
{
    struct spot target = any_spot();
    struct entry *entry = spot_find(spot);
    struct model_key copy = *spot_model(spot);

    if (entry == NULL)
        return;
    if (dice_below(2)) {
        keyspace_copy(spaces[spot.space], spot.db, entry, spaces[target.space], target.db, spot_key(target));
    } else {
        keyspace_move(spaces[spot.space], spot.db, spot_key(spot), spaces[target.space], target.db, spot_key(target));
        spot_model(spot)->content = ABSENT;
    }
    *spot_model(target) = copy;
    check_spot(target);
}

static void do_flush(struct spot spot)
{
    if (dice_below(20) != 0)
        return;
    keyspace_flush(spaces[spot.space], spot.db);
    memset(model[spot.space][spot.db], 0, sizeof(model[spot.space][spot.db]));
}

static void do_clock(struct spot spot)
{
    now_ms += (int64_t)dice_below(4);
    keyspace_expire(spaces[spot.space], now_ms, 5);
    keyspace_reclaim(spaces[spot.space], dice_below(50));
}

static void add_bytes(void *context, struct entry *entry)
{
    *(size_t *)context += entry_bytes(entry);
}

/* What is charged is what the entries say that they take, the tables, and nothing else. */
static void check_account(int space)
{
    size_t bytes = start_bytes[space];

    while (keyspace_expire(spaces[space], now_ms, 100) > 0 || keyspace_reclaim(spaces[space], 100) > 0)
        continue;
    for (int db = 0; db < DATABASES; db++) {
        keyspace_each(spaces[space], db, now_ms, add_bytes, &bytes);
        bytes += keyspace_overhead_bytes(spaces[space], db);
    }
    cr_assert_eq(memories[space].used_bytes, bytes);
}

Test(keyspace_value, random_operations_on_two_shards_agree_with_plain_arrays)
{
    static void (*const operations[])(struct spot spot) = {do_string,       do_value,  do_value,  do_pack,
                                                           do_pack,         do_change, do_expiry, do_delete,
                                                           do_move_or_copy, do_flush,  do_clock};

    dice_seed();
    for (int round = 0; round < 30000; round++) {
        struct spot spot = any_spot();

        operations[dice_below(COUNT_OF(operations))](spot);
        check_spot(spot);
        check_spot(any_spot());
        if (round % 50 == 0)
            check_account(round / 50 % SPACES);
    }
}
