/* The set commands, through the same steps as a request. */
#include "core/handlers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/resp_write.h"
#include "tests/support/command_run.h"

static struct command_run run;

static void begin(void)
{
    command_run_init(&run, 1);
    run.cores[0].config.enable_debug_command = CONFIG_ACCESS_YES;
}

static void begin_shards(void)
{
    command_run_init(&run, 3);
}

static void end(void)
{
    command_run_deinit(&run);
}

TestSuite(cmd_set, .init = begin, .fini = end);
TestSuite(cmd_set_shards, .init = begin_shards, .fini = end);

static void expect(const char *line, const char *reply)
{
    command_expect(&run, line, reply);
}

static void expect_integer(const char *line, int64_t value)
{
    command_expect_integer(&run, line, value);
}

/* Runs the line and returns how many changes it counted. */
static uint64_t changes_of(const char *line)
{
    uint64_t before = keyspace_stats(run.keyspaces[0])->dirty;

    command_run(&run, line);
    return keyspace_stats(run.keyspaces[0])->dirty - before;
}

static void set_thresholds(int64_t intset, int64_t listpack, int64_t length)
{
    for (int i = 0; i < run.count; i++) {
        run.cores[i].config.set_max_intset_entries = intset;
        run.cores[i].config.set_max_listpack_entries = listpack;
        run.cores[i].config.set_max_listpack_value = length;
    }
}

/* SADD of the integers from `first` on. */
static void add_range(const char *key, int first, int count)
{
    char line[64];

    for (int i = 0; i < count; i++) {
        snprintf(line, sizeof line, "SADD %s %d", key, first + i);
        expect(line, ":1 ");
    }
}

static void expect_encoding(const char *key, const char *name, const char *real_name)
{
    char line[64], expected[64];

    snprintf(line, sizeof line, "OBJECT ENCODING %s", key);
    snprintf(expected, sizeof expected, "$%zu %s ", strlen(name), name);
    expect(line, expected);
    snprintf(line, sizeof line, "DEBUG OBJECT %s", key);
    snprintf(expected, sizeof expected, "encoding:%s ", real_name);
    struct str reply = command_run(&run, line);
    cr_assert(memmem(reply.bytes, reply.length, expected, strlen(expected)), "%.*s instead of %s", (int)reply.length,
              reply.bytes, expected);
}

Test(cmd_set, adds_and_removes_members_once)
{
    expect("SADD s a b a c", ":3 ");
    expect("SADD s a d", ":1 ");
    expect("SCARD s", ":4 ");
    expect("SISMEMBER s d", ":1 ");
    expect("SISMEMBER s e", ":0 ");
    expect("SMISMEMBER s a x b", "*3 :1 :0 :1 ");
    expect("SREM s a x b", ":2 ");
    expect("SMEMBERS s", "*2 $1 c $1 d ");
    expect("SREM s c d e", ":2 ");
    expect("EXISTS s", ":0 ");
    expect("SREM s a", ":0 ");
}

Test(cmd_set, an_absent_key_is_an_empty_set)
{
    expect("SCARD no", ":0 ");
    expect("SMEMBERS no", "*0 ");
    expect("SISMEMBER no a", ":0 ");
    expect("SMISMEMBER no a b", "*2 :0 :0 ");
    expect("SRANDMEMBER no", "$-1 ");
    expect("SRANDMEMBER no 3", "*0 ");
    expect("SRANDMEMBER no -3", "*0 ");
    expect("SPOP no", "$-1 ");
    expect("SPOP no 3", "*0 ");
    expect("SMOVE no other a", ":0 ");
    expect("SSCAN no 0", "*2 $1 0 *0 ");
    expect("SSCAN no 0 COUNT", "*2 $1 0 *0 ");
    expect("SINTER no", "*0 ");
    expect("SUNION no no", "*0 ");
    expect("SDIFF no", "*0 ");
    expect("SINTERCARD 1 no", ":0 ");
    expect("SUNIONSTORE no no", ":0 ");
}

Test(cmd_set, another_type_is_refused)
{
    static const char *const lines[] = {
        "SADD k a",   "SREM k a",         "SCARD k",           "SISMEMBER k a",     "SMISMEMBER k a",
        "SMEMBERS k", "SPOP k",           "SPOP k 2",          "SRANDMEMBER k",     "SRANDMEMBER k 2",
        "SSCAN k 0",  "SMOVE k s a",      "SMOVE s k a",       "SINTER s k",        "SUNION k",
        "SDIFF no k", "SINTERCARD 2 s k", "SINTERSTORE d k s", "SUNIONSTORE d s k", "SDIFFSTORE d no k",
    };

    expect("SET k v", "+OK ");
    expect("SADD s a", ":1 ");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        expect(lines[i], "-WRONGTYPE Operation against a key holding the wrong kind of value ");
    expect("SMOVE no k a", ":0 ");
    expect("SUNIONSTORE k s", ":1 ");
    expect("TYPE k", "+set ");
}

Test(cmd_set, sets_are_sets_in_resp3)
{
    expect("SADD s 1", ":1 ");
    run.session.protocol = 3;
    expect("SMEMBERS s", "~1 $1 1 ");
    expect("SINTER s s", "~1 $1 1 ");
    expect("SUNION s", "~1 $1 1 ");
    expect("SDIFF s no", "~1 $1 1 ");
    expect("SDIFF no s", "~0 ");
    expect("SRANDMEMBER s 5", "*1 $1 1 ");
    expect("SRANDMEMBER s -2", "*2 $1 1 $1 1 ");
    expect("SPOP s 0", "~0 ");
    expect("SPOP s 1", "~1 $1 1 ");
    expect("SPOP s", "_ ");
    expect("SPOP s 1", "~0 ");
    expect("SMEMBERS s", "~0 ");
}

Test(cmd_set, encodings_are_named_as_redis_names_them)
{
    set_thresholds(4, 6, 8);
    add_range("i", 0, 4);
    expect_encoding("i", "intset", "intset");
    add_range("i", 4, 1);
    expect_encoding("i", "hashtable", "roaring");
    expect("SADD i x", ":1 ");
    expect_encoding("i", "hashtable", "hashtable");
    expect("SADD w a b c d e f", ":6 ");
    expect_encoding("w", "listpack", "listpack");
    expect("SADD w g", ":1 ");
    expect_encoding("w", "hashtable", "hashtable");
    expect("SADD mixed 1 2 a", ":3 ");
    expect_encoding("mixed", "listpack", "listpack");
    expect("SADD long 1 123456789", ":2 ");
    expect_encoding("long", "intset", "intset");
    expect("SADD long a", ":1 ");
    expect_encoding("long", "hashtable", "hashtable");
    expect("SADD hinted 1 2 3 4 5", ":5 ");
    expect_encoding("hinted", "listpack", "listpack");
    expect("SADD hinted 1 2 3 4 5 1 2", ":0 ");
    expect_encoding("hinted", "hashtable", "roaring");
}

Test(cmd_set, a_large_set_keeps_integers_and_words_apart)
{
    set_thresholds(2, 2, 64);
    expect("SADD s 1 2 3 4294967295 4294967296 -1 01 word", ":8 ");
    expect("SADD s 1 4294967295 4294967296 -1 01 word", ":0 ");
    expect("SMISMEMBER s 1 01 4294967295 4294967296 -1 word 4 -0", "*8 :1 :1 :1 :1 :1 :1 :0 :0 ");
    expect("SREM s 1 01 4294967296 -1 word", ":5 ");
    expect("SMEMBERS s", "*3 $1 2 $1 3 $10 4294967295 ");
}

Test(cmd_set, smove_moves_between_two_sets)
{
    expect("SADD a 1 x", ":2 ");
    expect("SADD b 1", ":1 ");
    expect("SMOVE a b x", ":1 ");
    expect("SMEMBERS b", "*2 $1 1 $1 x ");
    expect("SMOVE a b x", ":0 ");
    expect("SMOVE a b 1", ":1 ");
    expect("EXISTS a", ":0 ");
    expect("SMOVE b b x", ":1 ");
    expect("SMOVE b b y", ":0 ");
    expect("SMOVE b c x", ":1 ");
    expect("SMEMBERS c", "*1 $1 x ");
    expect_encoding("c", "listpack", "listpack");
}

Test(cmd_set, spop_takes_what_it_gives)
{
    for (int large = 0; large < 2; large++) {
        set_thresholds(large ? 0 : 512, 128, 64);
        add_range("s", 0, 50);
        for (int left = 49; left > 40; left--) {
            command_run(&run, "SPOP s");
            expect_integer("SCARD s", left);
        }
        command_run(&run, "SPOP s 11");
        expect("SCARD s", ":30 ");
        command_run(&run, "SPOP s 27");
        expect("SCARD s", ":3 ");
        command_run(&run, "SPOP s 9223372036854775807");
        expect("EXISTS s", ":0 ");
    }
    expect("SADD s a", ":1 ");
    expect("SPOP s", "$1 a ");
    expect("EXISTS s", ":0 ");
}

Test(cmd_set, spop_leaves_few_in_a_small_encoding)
{
    set_thresholds(10, 10, 64);
    add_range("s", 0, 100);
    expect_encoding("s", "hashtable", "roaring");
    command_run(&run, "SPOP s 95");
    expect("SCARD s", ":5 ");
    expect_encoding("s", "listpack", "listpack");
}

Test(cmd_set, counts_are_checked)
{
    expect("SADD s a b", ":2 ");
    expect("SPOP s -1", "-ERR value is out of range, must be positive ");
    expect("SPOP s x", "-ERR value is out of range, must be positive ");
    expect("SPOP s 1 2", "-ERR syntax error ");
    expect("SRANDMEMBER s x", "-ERR value is not an integer or out of range ");
    expect("SRANDMEMBER s -9223372036854775808",
           "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807 ");
    expect("SRANDMEMBER s 1 2", "-ERR syntax error ");
    expect("SRANDMEMBER s 9223372036854775807", "*2 $1 a $1 b ");
    expect("SRANDMEMBER s 0", "*0 ");
    expect("SCARD s", ":2 ");
}

Test(cmd_set, srandmember_repeats_no_more_than_a_reply_can_hold)
{
    expect("SADD s a", ":1 ");
    expect("SRANDMEMBER s -3", "*3 $1 a $1 a $1 a ");
    expect("SRANDMEMBER s -9223372036854775807", "-ERR so many members make a reply of more than 512 MB ");
    cr_assert_lt(run.reply.buffer.capacity, 1000);
}

Test(cmd_set, sintercard_checks_its_arguments)
{
    expect("SADD a 1 2 3", ":3 ");
    expect("SADD b 2 3 4", ":3 ");
    expect("SINTERCARD 2 a b", ":2 ");
    expect("SINTERCARD 2 a b LIMIT 1", ":1 ");
    expect("SINTERCARD 2 a b LIMIT 0", ":2 ");
    expect("SINTERCARD 2 a b limit 9 LIMIT 1", ":1 ");
    expect("SINTERCARD 1 a LIMIT 2", ":2 ");
    expect("SINTERCARD 0 a", "-ERR numkeys should be greater than 0 ");
    expect("SINTERCARD x a", "-ERR numkeys should be greater than 0 ");
    expect("SINTERCARD 3 a b", "-ERR Number of keys can't be greater than number of args ");
    expect("SINTERCARD 9223372036854775807 a", "-ERR Number of keys can't be greater than number of args ");
    expect("SINTERCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative ");
    expect("SINTERCARD 1 a LIMIT x", "-ERR LIMIT can't be negative ");
    expect("SINTERCARD 1 a LIMIT", "-ERR syntax error ");
    expect("SINTERCARD 1 a b", "-ERR syntax error ");
}

Test(cmd_set, algebra_answers_and_stores)
{
    expect("SADD a 1 2 3 x", ":4 ");
    expect("SADD b 2 3 4 x", ":4 ");
    expect("SADD c 3 x", ":2 ");
    expect("SINTER a b", "*3 $1 2 $1 3 $1 x ");
    expect("SINTER a b c", "*2 $1 3 $1 x ");
    expect("SDIFF a b", "*1 $1 1 ");
    expect("SDIFF a a", "*0 ");
    expect("SINTERSTORE d a b", ":3 ");
    expect_encoding("d", "listpack", "listpack");
    expect("SDIFFSTORE d a c", ":2 ");
    expect("SMEMBERS d", "*2 $1 1 $1 2 ");
    expect_encoding("d", "intset", "intset");
    expect("SADD e 2 3 y", ":3 ");
    expect("SINTERSTORE d a e", ":2 ");
    expect_encoding("d", "intset", "intset");
    expect("SUNIONSTORE a a b c", ":5 ");
    expect("SCARD a", ":5 ");
    expect("SINTERSTORE a a no", ":0 ");
    expect("EXISTS a", ":0 ");
    expect("SINTER b no k", "*0 ");
}

Test(cmd_set, a_stored_result_replaces_key_and_expiry)
{
    expect("SADD a 1", ":1 ");
    expect("SET d v EX 100", "+OK ");
    expect("SUNIONSTORE d a", ":1 ");
    expect("TTL d", ":-1 ");
    expect("TYPE d", "+set ");
    expect("EXPIRE d 100", ":1 ");
    expect("SADD d 2", ":1 ");
    expect("TTL d", ":100 ");
    expect("SDIFFSTORE d a a", ":0 ");
    expect("EXISTS d", ":0 ");
}

Test(cmd_set, changes_are_counted_as_redis_counts_them)
{
    cr_assert_eq(changes_of("SADD s a b c d e f g h"), 8);
    cr_assert_eq(changes_of("SADD s a b"), 0);
    cr_assert_eq(changes_of("SREM s a b x"), 2);
    cr_assert_eq(changes_of("SREM s x"), 0);
    cr_assert_eq(changes_of("SPOP s"), 1);
    cr_assert_eq(changes_of("SPOP s 2"), 2);
    cr_assert_eq(changes_of("SPOP s 0"), 0);
    cr_assert_eq(changes_of("SADD t 1"), 1);
    cr_assert_eq(changes_of("SMOVE t u 1"), 2);
    cr_assert_eq(changes_of("SADD t 1"), 1);
    cr_assert_eq(changes_of("SMOVE t u 1"), 1);
    cr_assert_eq(changes_of("SMOVE u u 1"), 0);
    cr_assert_eq(changes_of("SUNIONSTORE u s"), 1);
    cr_assert_eq(changes_of("SUNIONSTORE u no"), 1);
    cr_assert_eq(changes_of("SUNIONSTORE u no"), 0);
    cr_assert_eq(changes_of("SPOP s 100"), 3);
    cr_assert_eq(changes_of("SRANDMEMBER s 2"), 0);
}

Test(cmd_set, sscan_checks_its_arguments)
{
    expect("SADD s a", ":1 ");
    expect("SSCAN s x", "-ERR invalid cursor ");
    expect("SSCAN s -1", "*2 $1 0 *1 $1 a ");
    expect("SSCAN no x", "-ERR invalid cursor ");
    expect("SSCAN s 0 COUNT 0", "-ERR syntax error ");
    expect("SSCAN s 0 COUNT x", "-ERR value is not an integer or out of range ");
    expect("SSCAN s 0 MATCH", "-ERR syntax error ");
    expect("SSCAN s 0 TYPE set", "-ERR syntax error ");
    expect("SSCAN s 0 NOVALUES", "-ERR NOVALUES option can only be used in HSCAN ");
    expect("SSCAN s 0 MATCH a* COUNT 5", "*2 $1 0 *1 $1 a ");
    expect("SSCAN s 0 MATCH b*", "*2 $1 0 *0 ");
    expect("SSCAN s 18446744073709551615", "*2 $1 0 *1 $1 a ");
}

/* Adds up the members that one step lists, and returns its cursor. */
static uint64_t scan_step(uint64_t cursor, int *listed)
{
    char line[64];
    int count;

    snprintf(line, sizeof line, "SSCAN s %llu COUNT 7", (unsigned long long)cursor);
    struct str reply = command_run(&run, line);
    const char *digits = strchr(reply.bytes + 4, '\n') + 1;
    cr_assert_eq(sscanf(strchr(digits, '*'), "*%d", &count), 1);
    *listed += count;
    return strtoull(digits, NULL, 10);
}

Test(cmd_set, sscan_walks_over_a_large_set_in_small_steps)
{
    uint64_t cursor = 0;
    int listed = 0, steps = 0;

    set_thresholds(4, 4, 64);
    add_range("s", 0, 500);
    for (int i = 0; i < 500; i++) {
        char line[64];

        snprintf(line, sizeof line, "SADD s word%d", i);
        expect(line, ":1 ");
    }
    do {
        cursor = scan_step(cursor, &listed);
        steps++;
    } while (cursor != 0);
    cr_assert_eq(listed, 1000);
    cr_assert_gt(steps, 50);
}

Test(cmd_set_shards, algebra_reaches_over_shards)
{
    set_thresholds(8, 8, 64);
    add_range("k0", 0, 20);
    add_range("k1", 10, 20);
    expect("SADD k2 11 12 x", ":3 ");
    expect("SINTERCARD 2 k0 k1", ":10 ");
    expect("SINTER k0 k1 k2", "*2 $2 11 $2 12 ");
    expect("SUNIONSTORE d2 k0 k1 k2", ":31 ");
    expect("SINTERSTORE d1 k0 k1", ":10 ");
    expect("SDIFFSTORE d0 k0 k1", ":10 ");
    expect("SMOVE k2 k0 x", ":1 ");
    expect("SMOVE k0 e1 x", ":1 ");
    expect("SMOVE k2 e1 11", ":1 ");
    expect("SMEMBERS e1", "*2 $1 x $2 11 ");
    expect("SCARD k2", ":1 ");
    cr_assert_gt(run.cores[2].data.used_bytes, 0);
    expect("DEL k0 k1 k2 d0 d1 d2 e1", ":7 ");
}

Test(cmd_set, large_sets_are_copied_moved_and_freed)
{
    set_thresholds(4, 4, 64);
    add_range("s", 0, 300);
    expect("SADD s a b", ":2 ");
    expect("COPY s t", ":1 ");
    expect("SREM s a 1", ":2 ");
    expect("SCARD t", ":302 ");
    expect("RENAME t u", "+OK ");
    expect("MOVE u 1", ":1 ");
    expect("SELECT 1", "+OK ");
    expect("SCARD u", ":302 ");
    expect("SMISMEMBER u a 1 299 300", "*4 :1 :1 :1 :0 ");
    expect("UNLINK u", ":1 ");
}
