/* What can't be put into a keyspace leaves nothing there. */
#include "persist/rdb_record.h"

#include <criterion/criterion.h>

#include "core/config.h"
#include "core/rdb_value.h"

static struct config config;
static struct memory memory;
static struct keyspace *keyspace;
static struct rdb_loader loader;
static struct entry *entry; /* the last key */

static void begin(void)
{
    keyspace_hash_seed((const uint8_t *)"a secret that is 32 bytes long..");
    config_init(&config);
    keyspace = keyspace_create(&memory, 2);
    rdb_loader_init(&loader, STR(""), &memory, &config);
}

static void end(void)
{
    rdb_loader_deinit(&loader);
    keyspace_destroy(keyspace);
    config_deinit(&config);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(rdb_record, .init = begin, .fini = end);

static struct rdb_record record_of(int db, uint8_t type, struct str value)
{
    return (struct rdb_record){RDB_RECORD_KEY, .db = db,          .type = type,       .name = STR("k"),
                               .value = value, .deadline_ms = -1, .idle_seconds = -1, .frequency = -1};
}

static void expect_refused(struct rdb_record record, const char *problem)
{
    size_t keys = keyspace_count(keyspace, 0);

    cr_assert_str_eq(rdb_record_put(&record, &loader, keyspace, 0, &entry), problem);
    cr_assert_eq(keyspace_count(keyspace, 0), keys);
}

Test(rdb_record, a_key_has_its_deadline_even_if_that_has_passed)
{
    struct rdb_record record = record_of(1, RDB_LIST, STR("\2\1a\1b"));

    record.deadline_ms = 0;
    cr_assert_null(rdb_record_put(&record, &loader, keyspace, 1000, &entry));
    cr_assert_str_eq(rdb_record_put(&record, &loader, keyspace, 1000, &entry), "the key is there twice");
    cr_assert_eq(entry_expiry_ms(keyspace_find(keyspace, 1, key_of(STR("k")), RDB_BEFORE_ALL_MS)), 0);
    cr_assert_null(keyspace_find(keyspace, 1, key_of(STR("k")), 0));
}

Test(rdb_record, a_value_has_to_be_whole_and_nothing_more)
{
    expect_refused(record_of(0, RDB_STRING, STR("\1vx")), "the value is malformed");
    expect_refused(record_of(0, RDB_SET, STR("\2\1a\1bx")), "the value is malformed");
    expect_refused(record_of(0, RDB_SET, STR("\2\1a\1a")), "the value is malformed");
    expect_refused(record_of(0, RDB_HASH_LISTPACK, STR("\1x")), "the value is malformed");
}

Test(rdb_record, a_value_without_items_is_no_key)
{
    struct rdb_record record = record_of(0, RDB_LIST, STR("\0"));

    cr_assert_null(rdb_record_put(&record, &loader, keyspace, 0, &entry));
    cr_assert_null(entry);
    cr_assert_eq(keyspace_count(keyspace, 0), 0);
    expect_refused(record_of(0, RDB_LIST, STR("\0x")), "the value is malformed");
}

Test(rdb_record, a_key_is_there_once_and_in_a_database_that_there_is)
{
    struct rdb_record record = record_of(0, RDB_STRING, STR("\1v"));

    cr_assert_null(rdb_record_put(&record, &loader, keyspace, 0, &entry));
    expect_refused(record, "the key is there twice");
    record.db = 2;
    expect_refused(record, "there are not as many databases");
}

Test(rdb_record, how_a_key_was_used_is_noted_as_the_policy_wants)
{
    static const int64_t now_ms = 1700000000000;
    struct rdb_record record = record_of(0, RDB_STRING, STR("\1v"));

    record.idle_seconds = 100;
    cr_assert_null(rdb_record_put(&record, &loader, keyspace, now_ms, &entry));
    cr_assert_eq(access_idle_seconds(entry_access(keyspace_find(keyspace, 0, key_of(STR("k")), 0)), now_ms), 100);
    config.maxmemory_policy = CONFIG_POLICY_ALLKEYS_LFU;
    record.db = 1;
    record.frequency = 77;
    cr_assert_null(rdb_record_put(&record, &loader, keyspace, now_ms, &entry));
    cr_assert_eq(access_frequency(entry_access(keyspace_find(keyspace, 1, key_of(STR("k")), 0)), now_ms, 1), 77);
}
