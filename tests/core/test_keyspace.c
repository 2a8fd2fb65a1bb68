#include "core/keyspace.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"

enum { DATABASES = 3 };

static struct memory memory;
static struct keyspace *keyspace;

static void start(void)
{
    keyspace_hash_seed((const uint8_t *)"a secret that is 32 bytes long..");
    keyspace = keyspace_create(&memory, DATABASES);
}

static void stop(void)
{
    keyspace_destroy(keyspace);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(keyspace, .init = start, .fini = stop);

static struct key key(const char *name)
{
    return key_of(str_from(name));
}

static struct entry *set(const char *name, const char *value, int64_t expiry_ms)
{
    return keyspace_set_string(keyspace, 0, key(name), str_from(value), expiry_ms);
}

static bool holds(const struct entry *entry, struct str expected)
{
    char digits[32];

    return entry != NULL && str_equal(entry_string(entry, digits), expected);
}

static bool reads(const char *name, const char *expected, int64_t now_ms)
{
    return holds(keyspace_find(keyspace, 0, key(name), now_ms), str_from(expected));
}

static void add_numbered(int count, int64_t expiry_ms)
{
    char name[32];

    for (int at = 0; at < count; at++) {
        snprintf(name, sizeof(name), "key:%d", at);
        set(name, "value", expiry_ms);
    }
}

Test(keyspace, the_hashes_of_many_keys_are_those_of_each)
{
    char bytes[64];
    struct str names[60];
    uint64_t hashes[61];

    for (int i = 0; i < 64; i++)
        bytes[i] = (char)(i * 37);
    for (int i = 0; i < 60; i++)
        names[i] = (struct str){bytes + i % 5, (size_t)i};
    for (int step = 1; step <= 3; step++) {
        hashes[60 / step] = 7;
        keyspace_hash_each(names, step, 60 / step, hashes);
        for (int i = 0; i < 60 / step; i++)
            cr_assert_eq(hashes[i], keyspace_hash(names[i * step]));
        cr_assert_eq(hashes[60 / step], 7);
    }
}

/* Plain behaviour */

Test(keyspace, an_absent_key_is_not_found)
{
    cr_assert_null(keyspace_find(keyspace, 0, key("nowhere"), 0));
    cr_assert(!keyspace_delete(keyspace, 0, key("nowhere"), 0));
    cr_assert_null(keyspace_random(keyspace, 0, 0));
    cr_assert_eq(keyspace_next_expiry_ms(keyspace), INT64_MAX);
}

Test(keyspace, an_empty_name_is_one_wherever_its_bytes_would_be)
{
    struct entry *entry = set("", "v", INT64_MAX);

    cr_assert_eq(keyspace_find(keyspace, 0, key_of((struct str){NULL, 0}), 0), entry);
}

Test(keyspace, expired_key_reads_as_absent)
{
    set("k", "v", 100);
    cr_assert(reads("k", "v", 99));
    cr_assert_null(keyspace_find(keyspace, 0, key("k"), 100));
    cr_assert_eq(keyspace_count(keyspace, 0), 0);
    cr_assert_eq(keyspace_stats(keyspace)->expired, 1);
}

Test(keyspace, deleting_an_expired_key_is_no_deletion)
{
    set("k", "v", 100);
    cr_assert(!keyspace_delete(keyspace, 0, key("k"), 100));
    cr_assert_eq(keyspace_stats(keyspace)->expired, 1);
    cr_assert_eq(keyspace_stats(keyspace)->dirty, 1);
}

Test(keyspace, setting_drops_the_expiry_unless_told_to_keep_it)
{
    set("k", "v", 100);
    cr_assert_eq(entry_expiry_ms(keyspace_set_string_keep_expiry(keyspace, 0, key("k"), STR("w"))), 100);
    cr_assert_eq(entry_expiry_ms(keyspace_set_integer(keyspace, 0, key("k"), 5)), 100);
    cr_assert_eq(entry_expiry_ms(keyspace_set_bytes(keyspace, 0, key("k"), STR("11"))), 100);
    cr_assert_eq(entry_expiry_ms(set("k", "v", -1)), -1);
    cr_assert_eq(keyspace_count_expiring(keyspace, 0), 0);
    cr_assert_eq(keyspace_next_expiry_ms(keyspace), INT64_MAX);
}

Test(keyspace, bytes_stored_as_they_are_never_become_an_integer)
{
    cr_assert_eq(entry_encoding(keyspace_set_string(keyspace, 0, key("k"), STR("11"), -1)), ENCODING_INT);
    cr_assert_eq(entry_encoding(keyspace_set_bytes(keyspace, 0, key("k"), STR("11"))), ENCODING_EMBSTR);
    cr_assert(reads("k", "11", 0));
}

Test(keyspace, a_grown_string_is_raw_and_padded_with_zeros)
{
    char *bytes;
    struct entry *entry = keyspace_set_string(keyspace, 0, key("k"), STR("12"), 77);

    entry = keyspace_resize_raw(keyspace, 0, key("k"), entry, 4, &bytes);
    cr_assert(holds(entry, STR("12\0\0")));
    cr_assert_eq(entry_encoding(entry), ENCODING_RAW);
    cr_assert_eq(entry_expiry_ms(entry), 77);
    entry = keyspace_resize_raw(keyspace, 0, key("new"), NULL, 3, &bytes);
    memcpy(bytes, "abc", 3);
    cr_assert(reads("new", "abc", 0));
}

Test(keyspace, removal_by_deadline_is_bounded_and_in_order)
{
    set("late", "v", 30);
    keyspace_set_string(keyspace, 2, key("early"), STR("v"), 10);
    set("middle", "v", 20);
    cr_assert_eq(keyspace_next_expiry_ms(keyspace), 10);
    cr_assert_eq(keyspace_expire(keyspace, 9, 100), 0);
    cr_assert_eq(keyspace_expire(keyspace, 25, 1), 1);
    cr_assert_eq(keyspace_count(keyspace, 2), 0);
    cr_assert_eq(keyspace_next_expiry_ms(keyspace), 20);
    cr_assert_eq(keyspace_expire(keyspace, 25, 100), 1);
    cr_assert(reads("late", "v", 25));
    cr_assert_eq(keyspace_stats(keyspace)->expired, 2);
}

Test(keyspace, the_last_of_all_deadlines_is_one_too)
{
    struct entry *entry = set("k", "v", INT64_MAX);

    cr_assert_eq(keyspace_count_expiring(keyspace, 0), 1);
    entry = keyspace_set_expiry(keyspace, 0, entry, 500);
    cr_assert_eq(keyspace_next_expiry_ms(keyspace), 500);
    entry = keyspace_set_expiry(keyspace, 0, entry, INT64_MAX);
    cr_assert_eq(keyspace_next_expiry_ms(keyspace), INT64_MAX);
    cr_assert_eq(keyspace_count_expiring(keyspace, 0), 1);
    keyspace_set_expiry(keyspace, 0, entry, -1);
    cr_assert_eq(keyspace_count_expiring(keyspace, 0), 0);
}

Test(keyspace, active_expiry_can_be_off)
{
    set("k", "v", 10);
    keyspace_set_active_expiry(keyspace, false);
    cr_assert_eq(keyspace_expire(keyspace, 50, 100), 0);
    cr_assert_eq(keyspace_next_expiry_ms(keyspace), INT64_MAX);
    keyspace_set_active_expiry(keyspace, true);
    cr_assert_eq(keyspace_expire(keyspace, 50, 100), 1);
}

Test(keyspace, names_of_any_length_are_told_apart_by_any_byte)
{
    for (size_t length = 1; length <= 40; length++)
        for (size_t at = 0; at < length; at++) {
            char same[40], other[40];

            memset(same, 'n', length);
            memcpy(other, same, length);
            other[at] = 'm';
            /* The same hash, so that only the bytes can tell. */
            struct key stored = {{same, length}, 7}, wanted = {{other, length}, 7};

            keyspace_set_string(keyspace, 0, stored, STR("v"), -1);
            cr_assert_null(keyspace_find(keyspace, 0, wanted, 0));
            cr_assert_not_null(keyspace_find(keyspace, 0, stored, 0));
            cr_assert(keyspace_delete(keyspace, 0, stored, 0));
        }
}

Test(keyspace, a_random_key_is_never_an_expired_one)
{
    add_numbered(50, 10);
    set("alive", "v", -1);
    for (int round = 0; round < 20; round++)
        cr_assert(str_equal(entry_key(keyspace_random(keyspace, 0, 10)), STR("alive")));
    cr_assert(keyspace_delete(keyspace, 0, key("alive"), 0));
    cr_assert_null(keyspace_random(keyspace, 0, 10));
    cr_assert_eq(keyspace_count(keyspace, 0), 0);
}

Test(keyspace, swapping_exchanges_keys_and_deadlines)
{
    set("k", "v", 10);
    keyspace_swap(keyspace, 0, 1);
    cr_assert_eq(keyspace_count(keyspace, 0), 0);
    cr_assert(holds(keyspace_find(keyspace, 1, key("k"), 0), STR("v")));
    cr_assert_eq(keyspace_next_expiry_ms(keyspace), 10);
    cr_assert_eq(keyspace_expire(keyspace, 10, 5), 1);
    cr_assert_eq(keyspace_count(keyspace, 1), 0);
}

Test(keyspace, a_flush_is_instant_and_its_memory_comes_back_in_slices)
{
    size_t steps = 1, before = memory.used_bytes;

    add_numbered(20000, 50);
    cr_assert_eq(keyspace_flush(keyspace, 0), 20000);
    cr_assert_eq(keyspace_count(keyspace, 0), 0);
    cr_assert_eq(keyspace_count_expiring(keyspace, 0), 0);
    cr_assert_eq(keyspace_next_expiry_ms(keyspace), INT64_MAX);
    cr_assert_null(keyspace_find(keyspace, 0, key("key:1"), 0));
    set("after", "v", -1);
    while (keyspace_reclaim(keyspace, 1000) > 0)
        steps++;
    cr_assert_gt(steps, 10);
    cr_assert(reads("after", "v", 0));
    cr_assert(keyspace_delete(keyspace, 0, key("after"), 0));
    cr_assert_eq(memory.used_bytes, before);
    cr_assert_eq(keyspace_reclaim(keyspace, 100), 0);
}

Test(keyspace, one_slice_frees_little_more_than_it_may)
{
    size_t before, freed, segment_bytes = 1000 * 64;

    add_numbered(20000, 50);
    keyspace_flush(keyspace, 0);
    do {
        before = memory.used_bytes;
        if (keyspace_reclaim(keyspace, 100) == 0)
            break;
        freed = before - memory.used_bytes;
        cr_assert_gt(freed, 0);
        cr_assert_lt(freed, 2 * segment_bytes);
    } while (true);
}

Test(keyspace, a_large_value_is_freed_after_its_key_is_gone)
{
    char *bytes;
    size_t before = memory.used_bytes;

    keyspace_resize_raw(keyspace, 0, key("large"), NULL, 8 << 20, &bytes);
    cr_assert(keyspace_delete(keyspace, 0, key("large"), 0));
    cr_assert_null(keyspace_find(keyspace, 0, key("large"), 0));
    cr_assert_gt(memory.used_bytes, 8u << 20);
    cr_assert_eq(keyspace_reclaim(keyspace, 1), 0);
    cr_assert_eq(memory.used_bytes, before);
}

Test(keyspace, large_values_of_a_flushed_database_are_freed_too)
{
    char *bytes;

    for (int at = 0; at < 3; at++)
        keyspace_resize_raw(keyspace, 0, key(at == 0 ? "a" : at == 1 ? "b" : "c"), NULL, 4 << 20, &bytes);
    keyspace_flush(keyspace, 0);
    while (keyspace_reclaim(keyspace, 1) > 0)
        continue;
    cr_assert_lt(memory.used_bytes, 100000);
}

Test(keyspace, every_change_is_counted_once)
{
    uint64_t *dirty = &keyspace_stats(keyspace)->dirty;
    char *bytes;

    set("a", "1", -1);
    set("a", "1", 5);
    keyspace_set_integer(keyspace, 0, key("a"), 2);
    cr_assert_eq(*dirty, 3);
    keyspace_set_expiry(keyspace, 0, keyspace_find(keyspace, 0, key("a"), 0), -1);
    keyspace_resize_raw(keyspace, 0, key("b"), NULL, 5, &bytes);
    keyspace_move(keyspace, 0, key("a"), keyspace, 0, key("c"));
    keyspace_copy(keyspace, 0, keyspace_find(keyspace, 0, key("c"), 0), keyspace, 1, key("c"));
    cr_assert_eq(*dirty, 7);
    keyspace_move(keyspace, 0, key("c"), keyspace, 0, key("c"));
    keyspace_copy(keyspace, 0, keyspace_find(keyspace, 0, key("c"), 0), keyspace, 0, key("c"));
    cr_assert_eq(*dirty, 7, "onto itself is no change");
    cr_assert(keyspace_delete(keyspace, 0, key("b"), 0));
    keyspace_flush(keyspace, 0);
    keyspace_swap(keyspace, 0, 1);
    cr_assert_eq(*dirty, 10);
}

Test(keyspace, new_and_overwritten_keys_are_fresh_under_lru)
{
    keyspace_set_access(keyspace, ACCESS_LRU, 50000);
    cr_assert_eq(entry_access(set("k", "v", -1)), 50);
    keyspace_set_access(keyspace, ACCESS_LRU, 70000);
    cr_assert_eq(entry_access(keyspace_find(keyspace, 0, key("k"), 0)), 50);
    cr_assert_eq(entry_access(set("k", "w", -1)), 70);
}

Test(keyspace, an_overwritten_key_keeps_its_count_under_lfu)
{
    keyspace_set_access(keyspace, ACCESS_LFU, 60000);
    cr_assert_eq(entry_access(set("k", "v", -1)), 1 << 8 | ACCESS_LFU_START);
    entry_set_access(keyspace_find(keyspace, 0, key("k"), 0), 1 << 8 | 99);
    cr_assert_eq(entry_access(set("k", "a longer value than before, in another entry", -1)), 1 << 8 | 99);
}

Test(keyspace, the_value_may_be_a_piece_of_the_entry_it_replaces)
{
    char digits[32];
    struct entry *entry = set("k", "a value that is read from the very entry that is written", 100);
    struct str piece = entry_string(entry, digits);

    piece.bytes += 8;
    piece.length = 4;
    cr_assert(holds(keyspace_set_string(keyspace, 0, key("k"), piece, -1), STR("that")));
}

Test(keyspace, average_ttl_is_over_the_expiring_keys)
{
    set("a", "v", 1000);
    set("b", "v", 3000);
    set("c", "v", -1);
    cr_assert_eq(keyspace_average_ttl_ms(keyspace, 0, 500), 1500);
    cr_assert_eq(keyspace_average_ttl_ms(keyspace, 1, 500), 0);
}

static void count_visit(void *context, struct entry *entry)
{
    (*(int *)context)++;
}

Test(keyspace, each_live_key_is_visited_once)
{
    int visits = 0;

    add_numbered(1000, -1);
    set("dead", "v", 10);
    keyspace_each(keyspace, 0, 10, count_visit, &visits);
    cr_assert_eq(visits, 1000);
}

Test(keyspace, empty_databases_are_cheap)
{
    struct memory other = {0};
    struct keyspace *many = keyspace_create(&other, 1000);

    cr_assert_lt(other.used_bytes, 1000 * 512);
    keyspace_destroy(many);
    cr_assert_eq(other.used_bytes, 0);
}
