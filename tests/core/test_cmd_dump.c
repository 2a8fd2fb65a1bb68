/* What DUMP payloads of every layout hold once restored, on one shard and two. */
#include "core/handlers.h"

#include <criterion/criterion.h>
#include <stdint.h>

#include "core/crc64.h"
#include "tests/support/command_run.h"
#include "tests/support/rdb_samples.h"

static struct command_run run;

static void begin(void)
{
    command_run_init(&run, 1);
}

static void begin_two(void)
{
    command_run_init(&run, 2);
}

static void end(void)
{
    command_run_deinit(&run);
}

TestSuite(cmd_dump, .init = begin, .fini = end);
TestSuite(cmd_dump_shards, .init = begin_two, .fini = end);

/* A payload of this version around a type and value; it lives until the next one. */
static struct str payload(struct str value, uint16_t version)
{
    static char bytes[512];
    uint64_t checksum;

    cr_assert_leq(value.length + sizeof version + sizeof checksum, sizeof bytes);
    memcpy(bytes, value.bytes, value.length);
    memcpy(bytes + value.length, &version, sizeof version);
    checksum = crc64(0, (struct str){bytes, value.length + sizeof version});
    memcpy(bytes + value.length + sizeof version, &checksum, sizeof checksum);
    return (struct str){bytes, value.length + sizeof version + sizeof checksum};
}

static struct str restore(const char *key, struct str bytes)
{
    struct str argv[] = {STR("RESTORE"), str_from(key), STR("0"), bytes, STR("REPLACE")};

    return command_run_argv(&run, argv, 5);
}

static void expect_restored(const char *key, struct str bytes, const char *reply)
{
    command_expect_reply(&run, "RESTORE", restore(key, bytes), reply);
}

static void expect_samples(void)
{
    for (size_t i = 0; i < sizeof rdb_samples / sizeof rdb_samples[0]; i++) {
        expect_restored("k", payload(rdb_samples[i].bytes, 12), "+OK ");
        command_expect(&run, rdb_samples[i].command, rdb_samples[i].reply);
    }
}

Test(cmd_dump, every_layout_holds_what_was_stored)
{
    expect_samples();
}

Test(cmd_dump, every_layout_holds_what_was_stored_in_large_encodings_too)
{
    struct config *config = &run.cores[0].config;

    config->hash_max_listpack_entries = config->zset_max_listpack_entries = 1;
    config->list_max_listpack_size = 1;
    expect_samples();
}

Test(cmd_dump_shards, a_value_is_restored_on_the_shard_of_its_key)
{
    command_expect(&run, "RPUSH k0 a b c", ":3 ");
    struct str dumped = command_run(&run, "DUMP k0");
    char copy[200];
    size_t header = (size_t)((const char *)memchr(dumped.bytes, '\n', dumped.length) + 1 - dumped.bytes);
    struct str bytes = {copy, dumped.length - header - 2};
    memcpy(copy, dumped.bytes + header, bytes.length);
    size_t before = run.cores[1].data.used_bytes;

    expect_restored("k1", bytes, "+OK ");
    cr_assert_gt(run.cores[1].data.used_bytes, before);
    command_expect(&run, "LRANGE k1 0 -1", "*3 $1 a $1 b $1 c ");
}

Test(cmd_dump, versions_of_the_future_are_refused)
{
    expect_restored("k", payload(STR("\000\005hello"), 13), "-ERR DUMP payload version or checksum are wrong ");
    for (uint16_t version = 6; version <= 12; version++)
        expect_restored("k", payload(STR("\000\005hello"), version), "+OK ");
}

Test(cmd_dump, a_changed_bit_is_noticed)
{
    struct str good = payload(STR("\000\005hello"), 10);

    for (size_t bit = 0; bit < good.length * 8; bit++) {
        ((char *)good.bytes)[bit / 8] ^= (char)(1 << bit % 8);
        expect_restored("k", good, "-ERR DUMP payload version or checksum are wrong ");
        ((char *)good.bytes)[bit / 8] ^= (char)(1 << bit % 8);
    }
}

Test(cmd_dump, a_restore_is_one_change)
{
    struct keyspace *keyspace = run.keyspaces[0];
    uint64_t dirty;

    command_expect(&run, "SET k old", "+OK ");
    dirty = keyspace_stats(keyspace)->dirty;
    expect_restored("k", payload(STR("\000\005hello"), 10), "+OK ");
    cr_assert_eq(keyspace_stats(keyspace)->dirty, ++dirty);
    expect_restored("k", payload(STR("\001\001\001a"), 10), "+OK ");
    cr_assert_eq(keyspace_stats(keyspace)->dirty, ++dirty);
    expect_restored("k", payload(STR("\001\002\001a"), 10), "-ERR Bad data format ");
    cr_assert_eq(keyspace_stats(keyspace)->dirty, dirty);
}
