#include "core/eviction.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "core/keyspace.h"
#include "core/memory.h"

enum { DATABASES = 3, KEYS = 2000, SECOND = 1000 };

static struct memory memory;
static struct keyspace *keyspace;
static struct config config;
static struct eviction eviction;
static int64_t now_ms = INT64_C(1700000000000);

static void start(void)
{
    keyspace_hash_seed((const uint8_t *)"a secret that is 32 bytes long..");
    keyspace = keyspace_create(&memory, DATABASES);
    config_init(&config);
    keyspace_set_access(keyspace, ACCESS_LRU, now_ms);
}

static void stop(void)
{
    keyspace_destroy(keyspace);
    config_deinit(&config);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(eviction, .init = start, .fini = stop);

static struct entry *add(int db, int number, int64_t expiry_ms)
{
    char name[32];

    snprintf(name, sizeof name, "key:%d", number);
    return keyspace_set_string(keyspace, db, key_of(str_from(name)), STR("value"), expiry_ms);
}

static struct entry *find(int db, int number)
{
    char name[32];

    snprintf(name, sizeof name, "key:%d", number);
    return keyspace_find(keyspace, db, key_of(str_from(name)), now_ms);
}

static bool step(void)
{
    return eviction_step(&eviction, keyspace, &config, now_ms);
}

static void evict(int count)
{
    for (int i = 0; i < count; i++)
        cr_assert(step());
}

static int left_of(int db, int first, int count)
{
    int left = 0;

    for (int i = first; i < first + count; i++)
        left += find(db, i) != NULL;
    return left;
}

Test(eviction, nothing_is_evicted_without_a_policy)
{
    add(0, 1, now_ms + SECOND);
    config.maxmemory_policy = CONFIG_POLICY_NOEVICTION;
    cr_assert_not(eviction_is_possible(keyspace, &config));
    cr_assert_not(step());
    cr_assert(find(0, 1));
}

Test(eviction, an_empty_keyspace_has_nothing_to_evict)
{
    for (int policy = 0; policy < CONFIG_POLICY_NOEVICTION; policy++) {
        config.maxmemory_policy = policy;
        cr_assert_not(eviction_is_possible(keyspace, &config));
        cr_assert_not(step());
    }
}

Test(eviction, volatile_policies_leave_keys_without_a_deadline)
{
    for (int policy = CONFIG_POLICY_VOLATILE_LRU; policy <= CONFIG_POLICY_VOLATILE_TTL; policy++) {
        config.maxmemory_policy = policy;
        for (int i = 0; i < 100; i++)
            add(i % DATABASES, i, i % 2 ? now_ms + SECOND : -1);
        evict(50);
        cr_assert_not(eviction_is_possible(keyspace, &config));
        cr_assert_not(step());
        for (int i = 0; i < 100; i++)
            cr_assert_eq(find(i % DATABASES, i) != NULL, i % 2 == 0);
    }
}

Test(eviction, other_policies_take_every_key_in_the_end)
{
    for (int policy = CONFIG_POLICY_ALLKEYS_LRU; policy <= CONFIG_POLICY_ALLKEYS_RANDOM; policy++) {
        config.maxmemory_policy = policy;
        for (int i = 0; i < 300; i++)
            add(i % DATABASES, i, i % 2 ? now_ms + SECOND : -1);
        evict(300);
        cr_assert_not(step());
    }
    cr_assert_eq(keyspace_stats(keyspace)->evicted, 900);
}

Test(eviction, the_first_to_expire_goes_first_in_all_databases)
{
    config.maxmemory_policy = CONFIG_POLICY_VOLATILE_TTL;
    for (int i = 0; i < 200; i++) /* 7 and 200 have no common divisor: all deadlines differ */
        add(i % DATABASES, i, now_ms + SECOND + i * 7 % 200);
    for (int ms = 0; ms < 200; ms++) {
        cr_assert(step());
        for (int i = 0; i < 200; i++)
            cr_assert_eq(find(i % DATABASES, i) != NULL, i * 7 % 200 > ms);
    }
}

/* Ten samples a step: those used in the older half of the time are gone nearly all when half of them is. */
Test(eviction, what_was_not_used_for_long_goes_first)
{
    config.maxmemory_policy = CONFIG_POLICY_ALLKEYS_LRU;
    config.maxmemory_samples = 10;
    for (int i = 0; i < KEYS; i++) {
        keyspace_set_access(keyspace, ACCESS_LRU, now_ms += SECOND);
        add(0, i, -1);
    }
    evict(KEYS / 2);
    cr_assert_gt(left_of(0, KEYS / 2, KEYS / 2), KEYS / 2 * 95 / 100);
    cr_assert_eq(left_of(0, KEYS / 4 * 3, KEYS / 4), KEYS / 4);
}

Test(eviction, what_is_used_seldom_goes_first)
{
    config.maxmemory_policy = CONFIG_POLICY_VOLATILE_LFU;
    config.maxmemory_samples = 10;
    keyspace_set_access(keyspace, ACCESS_LFU, now_ms);
    for (int i = 0; i < KEYS; i++)
        entry_set_access(add(1, i, now_ms + SECOND), access_with_frequency(now_ms, i < KEYS / 2 ? 5 : 50));
    evict(KEYS / 2);
    cr_assert_gt(left_of(1, KEYS / 2, KEYS / 2), KEYS / 2 * 95 / 100);
}

/* A candidate of the pool that has been read since is none any more. */
Test(eviction, a_key_that_is_used_again_is_spared)
{
    config.maxmemory_policy = CONFIG_POLICY_ALLKEYS_LRU;
    for (int i = 0; i < 20; i++)
        add(0, i, -1);
    now_ms += 100 * SECOND;
    evict(1); /* the pool holds some of the others */
    for (int i = 0; i < 10; i++)
        if (find(0, i))
            entry_set_access(find(0, i), access_touch_lru(now_ms));
    int spared = left_of(0, 0, 10), others = left_of(0, 10, 10);
    evict(others);
    cr_assert_geq(left_of(0, 0, 10), spared - 2);
}

Test(eviction, the_random_policies_take_the_databases_in_turn)
{
    config.maxmemory_policy = CONFIG_POLICY_ALLKEYS_RANDOM;
    for (int i = 0; i < 900; i++)
        add(i % DATABASES, i, -1);
    evict(300);
    for (int db = 0; db < DATABASES; db++)
        cr_assert_eq(keyspace_count(keyspace, db), 200);
}

Test(eviction, a_random_victim_is_any_key)
{
    int first_half = 0;

    config.maxmemory_policy = CONFIG_POLICY_VOLATILE_RANDOM;
    for (int i = 0; i < KEYS; i++)
        add(0, i, now_ms + SECOND + i);
    evict(KEYS / 2);
    first_half = left_of(0, 0, KEYS / 2);
    cr_assert(first_half > KEYS / 4 - KEYS / 20 && first_half < KEYS / 4 + KEYS / 20, "%d", first_half);
}

Test(eviction, a_key_whose_time_has_come_expires_instead)
{
    config.maxmemory_policy = CONFIG_POLICY_VOLATILE_TTL;
    add(0, 1, now_ms + SECOND);
    now_ms += 2 * SECOND;
    cr_assert(step());
    cr_assert_eq(keyspace_stats(keyspace)->expired, 1);
    cr_assert_eq(keyspace_stats(keyspace)->evicted, 0);
}

Test(eviction, it_is_told)
{
    struct changes *changes = keyspace_changes(keyspace);
    struct change change;
    size_t at = 0;

    changes_set_events(changes, EVENT_EVICTED | EVENT_OF_NAME);
    config.maxmemory_policy = CONFIG_POLICY_ALLKEYS_RANDOM;
    add(2, 7, -1);
    cr_assert(step());
    cr_assert(changes_next(changes, &at, &change));
    cr_assert(change.db == 2 && str_equal(change.event, STR("evicted")) && str_equal(change.key, STR("key:7")));
    cr_assert_not(changes_next(changes, &at, &change));
}
