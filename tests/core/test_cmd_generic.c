/* Commands for keys of any type, in one keyspace and over several. */
#include "core/handlers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/command_run.h"

static struct command_run run;

static void begin(void)
{
    command_run_init(&run, 1);
}

static void end(void)
{
    command_run_deinit(&run);
}

static void begin_two(void)
{
    command_run_init(&run, 2);
}

TestSuite(cmd_generic, .init = begin, .fini = end);
TestSuite(cmd_generic_shards, .init = begin_two, .fini = end);

static void expect(const char *line, const char *reply)
{
    command_expect(&run, line, reply);
}

Test(cmd_generic, del_exists_and_touch_count)
{
    expect("MSET a 1 b 2", "+OK ");
    expect("EXISTS a b c a", ":3 ");
    expect("TOUCH a b c", ":2 ");
    expect("DEL a a c", ":1 ");
    expect("UNLINK b", ":1 ");
    expect("DBSIZE", ":0 ");
}

Test(cmd_generic, an_expired_key_is_absent_to_all)
{
    static const char *const lines[][2] = {
        {"EXISTS k", ":0 "},
        {"DEL k", ":0 "},
        {"TYPE k", "+none "},
        {"TTL k", ":-2 "},
        {"TOUCH k", ":0 "},
        {"RENAMENX a k", ":1 "},
        {"EXPIRE k 1", ":0 "},
        {"PERSIST k", ":0 "},
        {"MOVE k 1", ":0 "},
        {"COPY k z", ":0 "},
        {"OBJECT ENCODING k", "$-1 "},
        {"MEMORY USAGE k", "$-1 "},
        {"MSETNX k 1", ":1 "},
        {"COPY a k", ":1 "},
        {"SETNX k 1", ":1 "},
        {"RENAME k z", "-ERR no such key "},
        {"MOVE b 1", ":1 "},
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        expect("FLUSHALL", "+OK ");
        expect("MSET a 1 b 2", "+OK ");
        expect("SET k v PX 5", "+OK ");
        run.session.db = 1;
        expect("SET b v PX 5", "+OK ");
        run.session.db = 0;
        run.now_ms += 5;
        expect(lines[i][0], lines[i][1]);
    }
}

Test(cmd_generic, type_names_the_type)
{
    expect("SET k 1", "+OK ");
    expect("TYPE k", "+string ");
    expect("TYPE absent", "+none ");
}

Test(cmd_generic, rename_takes_value_and_expiry_along)
{
    expect("RENAME a b", "-ERR no such key ");
    expect("RENAME a a", "-ERR no such key ");
    expect("SET a x EX 10", "+OK ");
    expect("SET b y", "+OK ");
    expect("RENAMENX a b", ":0 ");
    expect("RENAMENX a a", ":0 ");
    expect("RENAME a a", "+OK ");
    expect("RENAME a b", "+OK ");
    expect("MGET a b", "*2 $-1 $1 x ");
    expect("TTL b", ":10 ");
    expect("RENAMENX b c", ":1 ");
    expect("TTL c", ":10 ");
    expect("DBSIZE", ":1 ");
}

Test(cmd_generic, copy_leaves_the_source)
{
    expect("COPY a b", ":0 ");
    expect("COPY a a", "-ERR source and destination objects are the same ");
    expect("SET a x EX 10", "+OK ");
    expect("COPY a b", ":1 ");
    expect("COPY a b", ":0 ");
    expect("SET a y", "+OK ");
    expect("COPY a b REPLACE", ":1 ");
    expect("MGET a b", "*2 $1 y $1 y ");
    expect("TTL b", ":-1 ");
    expect("COPY a a DB 1", ":1 ");
    expect("COPY a a DB 1", ":0 ");
    expect("COPY a b DB 16", "-ERR DB index is out of range ");
    expect("COPY a b DB x", "-ERR value is not an integer or out of range ");
    expect("COPY a b DB 99999999999", "-ERR value is out of range, value must between -2147483648 and 2147483647 ");
    expect("COPY a b DB", "-ERR syntax error ");
    run.session.db = 1;
    expect("GET a", "$1 y ");
}

Test(cmd_generic, move_and_swapdb_change_databases)
{
    expect("MOVE a 0", "-ERR source and destination objects are the same ");
    expect("MOVE a 16", "-ERR DB index is out of range ");
    expect("MOVE a 1", ":0 ");
    expect("SET a x EX 10", "+OK ");
    expect("MOVE a 1", ":1 ");
    expect("SET a y", "+OK ");
    expect("MOVE a 1", ":0 ");
    expect("SWAPDB 0 1", "+OK ");
    expect("GET a", "$1 x ");
    expect("TTL a", ":10 ");
    expect("SWAPDB 0 0", "+OK ");
    expect("SWAPDB a 0", "-ERR invalid first DB index ");
    expect("SWAPDB 0 b", "-ERR invalid second DB index ");
    expect("SWAPDB 0 16", "-ERR DB index is out of range ");
}

Test(cmd_generic, flushes_empty_one_or_all)
{
    expect("SET a x", "+OK ");
    run.session.db = 1;
    expect("MSET b x c x", "+OK ");
    expect("FLUSHDB ASYNC", "+OK ");
    expect("DBSIZE", ":0 ");
    run.session.db = 0;
    expect("DBSIZE", ":1 ");
    expect("FLUSHALL sync", "+OK ");
    expect("DBSIZE", ":0 ");
    expect("FLUSHALL now", "-ERR syntax error ");
    expect("FLUSHDB sync async", "-ERR syntax error ");
}

Test(cmd_generic, expire_in_all_units)
{
    expect("EXPIRE k 10", ":0 ");
    expect("SET k v", "+OK ");
    expect("TTL k", ":-1 ");
    expect("EXPIRE k 10", ":1 ");
    expect("PTTL k", ":10000 ");
    expect("PEXPIRE k 1500", ":1 ");
    expect("TTL k", ":2 ");
    expect("PEXPIRE k 1499", ":1 ");
    expect("TTL k", ":1 ");
    expect("EXPIREAT k 1700000033", ":1 ");
    expect("EXPIRETIME k", ":1700000033 ");
    expect("PEXPIREAT k 1700000000500", ":1 ");
    expect("EXPIRETIME k", ":1700000001 ");
    expect("PEXPIRETIME k", ":1700000000500 ");
    expect("PEXPIREAT k 9223372036854775807", ":1 ");
    expect("EXPIRETIME k", ":9223372036854776 ");
    expect("PERSIST k", ":1 ");
    expect("PERSIST k", ":0 ");
    expect("PEXPIRETIME k", ":-1 ");
    expect("PEXPIRETIME absent", ":-2 ");
}

Test(cmd_generic, a_deadline_in_the_past_removes_the_key)
{
    static const char *const lines[] = {"EXPIRE k -1", "PEXPIRE k 0", "EXPIREAT k 1", "PEXPIREAT k -5"};

    for (int i = 0; i < 4; i++) {
        expect("SET k v", "+OK ");
        expect(lines[i], ":1 ");
        expect("DBSIZE", ":0 ");
    }
}

Test(cmd_generic, expire_refuses_what_overflows)
{
    expect("SET k v", "+OK ");
    expect("EXPIRE k 9223372036854775807", "-ERR invalid expire time in 'expire' command ");
    expect("EXPIRE k -9223372036854775807", "-ERR invalid expire time in 'expire' command ");
    expect("PEXPIRE k 9223372036854770000", "-ERR invalid expire time in 'pexpire' command ");
    expect("EXPIREAT k 9223372036854776", "-ERR invalid expire time in 'expireat' command ");
    expect("EXPIRE k 1x", "-ERR value is not an integer or out of range ");
    expect("TTL k", ":-1 ");
}

Test(cmd_generic, expire_conditions_compare_deadlines)
{
    expect("SET k v", "+OK ");
    expect("EXPIRE k 100 XX", ":0 ");
    expect("EXPIRE k 100 GT", ":0 ");
    expect("EXPIRE k 100 LT", ":1 ");
    expect("EXPIRE k 200 NX", ":0 ");
    expect("EXPIRE k 200 LT", ":0 ");
    expect("EXPIRE k 100 LT", ":0 ");
    expect("EXPIRE k 100 GT", ":0 ");
    expect("EXPIRE k 200 GT", ":1 ");
    expect("EXPIRE k 50 XX LT", ":1 ");
    expect("EXPIRE k 60 XX gt", ":1 ");
    expect("TTL k", ":60 ");
    expect("PERSIST k", ":1 ");
    expect("EXPIRE k 70 NX", ":1 ");
    expect("TTL k", ":70 ");
    expect("EXPIRE k 1 NX XX", "-ERR NX and XX, GT or LT options at the same time are not compatible ");
    expect("EXPIRE k 1 GT LT", "-ERR GT and LT options at the same time are not compatible ");
    expect("EXPIRE k 1 soon", "-ERR Unsupported option soon ");
    expect("EXPIRE k x NX LT", "-ERR NX and XX, GT or LT options at the same time are not compatible ");
}

Test(cmd_generic, keys_lists_what_matches)
{
    expect("KEYS *", "*0 ");
    expect("SET one 1", "+OK ");
    expect("KEYS *", "*1 $3 one ");
    expect("SET two 2 PX 5", "+OK ");
    expect("KEYS t?o", "*1 $3 two ");
    run.now_ms += 5;
    expect("KEYS t*", "*0 ");
}

static int key_number(struct str *rest)
{
    const char *found = memmem(rest->bytes, rest->length, "\r\nkey:", 6);

    if (found == NULL)
        return -1;
    rest->length -= (size_t)(found + 6 - rest->bytes);
    rest->bytes = found + 6;
    return atoi(rest->bytes);
}

/* One step of SCAN; marks what it lists and returns the next cursor. */
static uint64_t scan_step(uint64_t cursor, const char *options, int *seen, int most)
{
    char line[128];

    snprintf(line, sizeof(line), "SCAN %llu %s", (unsigned long long)cursor, options);
    struct str reply = command_run(&run, line);
    cr_assert(reply.length > 5 && memcmp(reply.bytes, "*2\r\n$", 5) == 0, "%s", line);
    cursor = strtoull(strchr(reply.bytes + 5, '\n') + 1, NULL, 10);
    for (int number = key_number(&reply); number >= 0; number = key_number(&reply), most--)
        seen[number]++;
    cr_assert_geq(most, 0, "%s lists too many", line);
    return cursor;
}

static void set_keys(int count)
{
    char line[64];

    for (int i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "SET key:%d %d", i, i);
        expect(line, "+OK ");
    }
}

Test(cmd_generic, scan_sees_every_key_in_small_steps)
{
    enum { KEYS = 2000 };
    static int seen[KEYS];
    uint64_t cursor = 0;
    int steps = 0;

    set_keys(KEYS);
    do {
        cursor = scan_step(cursor, "COUNT 20", seen, 80);
        steps++;
    } while (cursor != 0);
    for (int i = 0; i < KEYS; i++)
        cr_assert_geq(seen[i], 1, "key:%d", i);
    cr_assert_geq(steps, KEYS / 80);
}

Test(cmd_generic, scan_keeps_what_match_and_type_ask_for)
{
    static int seen[100];
    uint64_t cursor = 0;

    set_keys(100);
    do
        cursor = scan_step(cursor, "MATCH key:?5 TYPE STRING", seen, 100);
    while (cursor != 0);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(seen[i] > 0, i >= 10 && i % 10 == 5, "key:%d", i);
    expect("SCAN 0 COUNT 1000 TYPE list", "*2 $1 0 *0 ");
    expect("SCAN 0 COUNT 1000 TYPE nonsense", "*2 $1 0 *0 ");
}

Test(cmd_generic, scan_takes_every_cursor_that_strtoul_takes)
{
    static const char *const taken[] = {"+0", "-0", "00", "", "0\\x00x", "-18446744073709551615"};
    static const char *const refused[] = {"-", "+", "+-5", "' 0'", "'0 '", "0x1", "-18446744073709551616"};
    char line[64];

    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        snprintf(line, sizeof line, "SCAN \"%s\"", taken[i]);
        expect(line, "*2 $1 0 *0 ");
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        snprintf(line, sizeof line, "SCAN %s", refused[i]);
        expect(line, "-ERR invalid cursor ");
    }
    expect("SCAN -1", "*2 $1 0 *0 ");
    expect("SCAN 18446744073709551615", "*2 $1 0 *0 ");
}

Test(cmd_generic, scan_refuses_bad_arguments)
{
    expect("SCAN x", "-ERR invalid cursor ");
    expect("SCAN 18446744073709551616", "-ERR invalid cursor ");
    expect("SCAN 0 COUNT 0", "-ERR syntax error ");
    expect("SCAN 0 COUNT x", "-ERR value is not an integer or out of range ");
    expect("SCAN 0 MATCH", "-ERR syntax error ");
    expect("SCAN 0 COUNT 9223372036854775807", "*2 $1 0 *0 ");
}

Test(cmd_generic, object_tells_the_encoding)
{
    static const char long_value[] = "SET k 012345678901234567890123456789012345678901234";

    expect("SET k 7", "+OK ");
    expect("OBJECT ENCODING k", "$3 int ");
    expect("OBJECT REFCOUNT k", ":2147483647 ");
    expect("SET k 10000", "+OK ");
    expect("OBJECT REFCOUNT k", ":1 ");
    expect("SET k x", "+OK ");
    expect("OBJECT ENCODING k", "$6 embstr ");
    expect(long_value, "+OK ");
    expect("OBJECT ENCODING k", "$3 raw ");
    expect("OBJECT ENCODING absent", "$-1 ");
    expect("OBJECT REFCOUNT absent", "$-1 ");
    expect("OBJECT IDLETIME absent", "$-1 ");
}

/* A collection as a handler leaves it: a list kept as one block. */
static void add_blob(const char *name, size_t bytes)
{
    struct keyspace *keyspace = run.cores[0].keyspace;
    void *blob = memory_alloc_zeroed(keyspace_memory(keyspace), bytes);

    keyspace_add_value(keyspace, 0, key_of(str_from(name)), VALUE_LIST, ENCODING_LISTPACK, blob);
}

Test(cmd_generic, commands_on_keys_serve_every_type)
{
    add_blob("k0", 100);
    expect("TYPE k0", "+list ");
    expect("OBJECT ENCODING k0", "$8 listpack ");
    expect("OBJECT REFCOUNT k0", ":1 ");
    expect("GET k0", "-WRONGTYPE Operation against a key holding the wrong kind of value ");
    expect("APPEND k0 x", "-WRONGTYPE Operation against a key holding the wrong kind of value ");
    expect("COPY k0 copy", ":1 ");
    expect("EXPIRE k0 10", ":1 ");
    expect("RENAME k0 renamed", "+OK ");
    expect("MOVE copy 1", ":1 ");
    expect("TYPE renamed", "+list ");
    expect("TTL renamed", ":10 ");
    expect("DBSIZE", ":1 ");
    expect("SET renamed x KEEPTTL", "+OK ");
    expect("GET renamed", "$1 x ");
    expect("TTL renamed", ":10 ");
    add_blob("k0", 100);
    expect("UNLINK k0", ":1 ");
    expect("FLUSHALL", "+OK ");
}

Test(cmd_generic, memory_usage_holds_the_whole_value)
{
    add_blob("k", 100000);
    struct str reply = command_run(&run, "MEMORY USAGE k");
    cr_assert_gt(atoi(reply.bytes + 1), 100000);
}

Test(cmd_generic, idletime_counts_from_the_last_access)
{
    expect("SET k v", "+OK ");
    run.now_ms += 20000;
    expect("EXISTS k", ":1 ");
    expect("TTL k", ":-1 ");
    expect("OBJECT IDLETIME k", ":20 ");
    expect("GET k", "$1 v ");
    expect("OBJECT IDLETIME k", ":0 ");
    run.now_ms += 5000;
    run.session.no_touch = true;
    expect("GET k", "$1 v ");
    expect("OBJECT IDLETIME k", ":5 ");
    expect("TOUCH k", ":1 ");
    expect("OBJECT IDLETIME k", ":0 ");
    expect("OBJECT FREQ k", "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "
                            "that when switching between policies at runtime LRU and LFU data will take some time to "
                            "adjust. ");
}

Test(cmd_generic, memory_usage_grows_with_the_value)
{
    expect("MEMORY USAGE k", "$-1 ");
    expect("SETRANGE k 999 x", ":1000 ");
    struct str reply = command_run(&run, "MEMORY USAGE k SAMPLES 0");
    cr_assert_eq(reply.bytes[0], ':');
    cr_assert_gt(atoi(reply.bytes + 1), 1000);
    expect("MEMORY USAGE k SAMPLES -1", "-ERR syntax error ");
    expect("MEMORY USAGE k SAMPLES", "-ERR syntax error ");
    expect("MEMORY USAGE k SAMPLES x", "-ERR value is not an integer or out of range ");
}

Test(cmd_generic, memory_usage_of_a_lone_key_is_the_keys_own)
{
    expect("SET k 1", "+OK ");
    int alone = atoi(command_run(&run, "MEMORY USAGE k").bytes + 1);
    cr_assert(alone > 8 && alone < 100, "%d", alone);
    expect("EXPIRE k 100", ":1 ");
    int expiring = atoi(command_run(&run, "MEMORY USAGE k").bytes + 1);
    cr_assert(expiring > alone && expiring < 150, "%d", expiring);
}

Test(cmd_generic, randomkey_finds_what_is_left)
{
    expect("RANDOMKEY", "$-1 ");
    expect("SET a 1", "+OK ");
    expect("SET b 1 PX 5", "+OK ");
    run.now_ms += 5;
    expect("RANDOMKEY", "$1 a ");
    expect("DEL a", ":1 ");
    expect("RANDOMKEY", "$-1 ");
}

/* Two shards: keys that end in an even digit lie on the first. */

static void expect_count(int shard, size_t count)
{
    cr_assert_eq(keyspace_count(run.keyspaces[shard], 0), count, "shard %d", shard);
}

Test(cmd_generic_shards, rename_and_copy_cross_shards)
{
    expect("SET k0 x EX 10", "+OK ");
    expect("RENAME k0 k1", "+OK ");
    expect_count(0, 0);
    expect("COPY k1 k2", ":1 ");
    expect("COPY k1 k2", ":0 ");
    expect_count(0, 1);
    expect_count(1, 1);
    expect("TTL k2", ":10 ");
    expect("RENAMENX k1 k2", ":0 ");
    expect("RENAMENX k1 k4", ":1 ");
    expect("GET k4", "$1 x ");
    expect_count(1, 0);
}

Test(cmd_generic_shards, long_values_are_charged_where_they_lie)
{
    size_t before = run.cores[1].data.used_bytes;

    expect("SETRANGE k0 99999 x", ":100000 ");
    expect("RENAME k0 k1", "+OK ");
    cr_assert_geq(run.cores[1].data.used_bytes, before + 100000);
    cr_assert_lt(run.cores[0].data.used_bytes, 100000);
    expect("COPY k1 k0", ":1 ");
    cr_assert_geq(run.cores[0].data.used_bytes, 100000);
    expect("STRLEN k0", ":100000 ");
}

Test(cmd_generic_shards, values_are_charged_where_they_lie)
{
    size_t before = run.cores[1].data.used_bytes;

    add_blob("k0", 100000);
    expect("RENAME k0 k1", "+OK ");
    cr_assert_geq(run.cores[1].data.used_bytes, before + 100000);
    cr_assert_lt(run.cores[0].data.used_bytes, 100000);
    expect("COPY k1 k0", ":1 ");
    expect("TYPE k0", "+list ");
    cr_assert_geq(run.cores[0].data.used_bytes, 100000);
}

Test(cmd_generic_shards, msetnx_and_lcs_see_all_shards)
{
    expect("MSETNX k0 ab k1 cb", ":1 ");
    expect_count(0, 1);
    expect_count(1, 1);
    expect("MSETNX k2 x k1 y", ":0 ");
    expect("EXISTS k2", ":0 ");
    expect("LCS k0 k1", "$1 b ");
    expect("MSETEX 2 k0 p k1 q XX EX 5", ":1 ");
    expect("MGET k0 k1", "*2 $1 p $1 q ");
    expect("TTL k1", ":5 ");
}

Test(cmd_generic_shards, randomkey_weighs_shards_by_their_keys)
{
    int first = 0;

    set_keys(2);
    expect("MSET a3 x b3 x c3 x", "+OK ");
    for (int i = 0; i < 2000; i++) {
        struct str reply = command_run(&run, "RANDOMKEY");
        first += str_equal(reply, STR("$5\r\nkey:0\r\n"));
    }
    cr_assert(first > 300 && first < 500, "%d of 2000 from a shard with 1 key of 5", first);
}

Test(cmd_generic_shards, scan_goes_from_shard_to_shard)
{
    enum { KEYS = 500 };
    static int seen[KEYS];
    uint64_t cursor = 0;

    set_keys(KEYS);
    do {
        run.at = (int)(cursor % 2);
        cursor = scan_step(cursor, "", seen, 60);
    } while (cursor != 0);
    cr_assert_eq(run.at, 1);
    for (int i = 0; i < KEYS; i++)
        cr_assert_geq(seen[i], 1, "key:%d", i);
}
