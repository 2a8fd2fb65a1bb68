#include <criterion/criterion.h>
#include <stdio.h>

#include "core/keyspace.h"
#include "tests/support/command_scatter.h"

static struct command_run run;

static void begin(void)
{
    command_run_init(&run, 2);
    for (int i = 0; i < 2; i++)
        run.cores[i].config.enable_debug_command = CONFIG_ACCESS_YES;
}

static void end(void)
{
    command_run_deinit(&run);
}

TestSuite(cmd_server, .init = begin, .fini = end);

static bool contains(struct str reply, const char *text)
{
    return memmem(reply.bytes, reply.length, text, strlen(text)) != NULL;
}

Test(cmd_server, time_is_seconds_and_microseconds)
{
    run.now_ms = 1700000000789;
    command_expect(&run, "TIME", "*2 $10 1700000000 $6 789000 ");
}

Test(cmd_server, lolwut_ends_with_the_version)
{
    struct str reply = command_run(&run, "LOLWUT");

    cr_assert_eq(reply.bytes[0], '$');
    cr_assert(contains(reply, "\nRedis ver. 7.4.2\n\r\n"));
    cr_assert(contains(command_run(&run, "LOLWUT VERSION 5 1 2"), "Redis ver. 7.4.2"));
    cr_assert(contains(command_run(&run, "LOLWUT VERSION"), "Redis ver. 7.4.2"));
    command_expect(&run, "LOLWUT VERSION x", "-ERR value is not an integer or out of range ");
    run.session.protocol = 3;
    cr_assert(contains(command_run(&run, "LOLWUT"), "\r\ntxt:"));
}

Test(cmd_server, shutdown_asks_for_the_end_and_says_nothing)
{
    static const char *const lines[] = {"SHUTDOWN", "SHUTDOWN nosave", "SHUTDOWN SAVE NOW",
                                        "SHUTDOWN NOSAVE NOW FORCE"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        run.cores[0].shutdown_asked = 0;
        command_expect(&run, lines[i], "");
        cr_assert(run.cores[0].shutdown_asked & SHUTDOWN_ASKED);
    }
}

Test(cmd_server, shutdown_refuses_what_does_not_go_together)
{
    command_expect(&run, "SHUTDOWN foo", "-ERR syntax error ");
    command_expect(&run, "SHUTDOWN SAVE NOSAVE", "-ERR syntax error ");
    command_expect(&run, "SHUTDOWN ABORT NOW", "-ERR syntax error ");
    cr_assert_eq(run.cores[0].shutdown_asked, 0);
}

Test(cmd_server, debug_sleep_stalls_every_shard)
{
    command_scatter_expect(&run, "DEBUG SLEEP 0.25", "+OK ");
    cr_assert_eq(run.cores[0].stall_us, 250000);
    cr_assert_eq(run.cores[1].stall_us, 250000);
}

Test(cmd_server, debug_sleep_holds_odd_numbers_to_a_day)
{
    static const struct {
        const char *line;
        int64_t stall_us;
    } cases[] = {
        {"DEBUG SLEEP x", 0},
        {"DEBUG SLEEP -1", 0},
        {"DEBUG SLEEP inf", 86400LL * 1000000},
        {"DEBUG SLEEP 1e300", 86400LL * 1000000},
        {"DEBUG SLEEP nan", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        command_scatter_expect(&run, cases[i].line, "+OK ");
        cr_assert_eq(run.cores[1].stall_us, cases[i].stall_us, "%s", cases[i].line);
    }
}

Test(cmd_server, debug_set_active_expire_stops_and_starts_every_shard)
{
    command_run(&run, "SET k0 x PX 1");
    command_run(&run, "SET k1 x PX 1");
    run.now_ms += 10;
    command_scatter_expect(&run, "DEBUG SET-ACTIVE-EXPIRE 0", "+OK ");
    cr_assert_eq(keyspace_expire(run.keyspaces[0], run.now_ms, 10), 0);
    cr_assert_eq(keyspace_expire(run.keyspaces[1], run.now_ms, 10), 0);
    command_scatter_expect(&run, "DEBUG SET-ACTIVE-EXPIRE 1", "+OK ");
    cr_assert_eq(keyspace_expire(run.keyspaces[0], run.now_ms, 10), 1);
    cr_assert_eq(keyspace_expire(run.keyspaces[1], run.now_ms, 10), 1);
}

/* What Debian's redis-server says of the same values, but for the address and the clock. */
Test(cmd_server, debug_object_tells_encoding_and_serialized_length)
{
    static const struct {
        const char *value, *says;
    } cases[] = {
        {"hello", " refcount:1 encoding:embstr serializedlength:6 lru:"},
        {"12", " encoding:int serializedlength:2 lru:"},
        {"-128", " encoding:int serializedlength:2 lru:"},
        {"128", " encoding:int serializedlength:3 lru:"},
        {"32768", " encoding:int serializedlength:5 lru:"},
        {"-2147483648", " encoding:int serializedlength:5 lru:"},
        {"2147483648", " encoding:int serializedlength:11 lru:"},
        {"20000000000000", " encoding:int serializedlength:15 lru:"},
        {"\"\"", " encoding:embstr serializedlength:1 lru:"},
        {"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-", " encoding:raw serializedlength:66 lru:"},
    };
    char line[256];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(line, sizeof(line), "SET k %s", cases[i].value);
        command_run(&run, line);
        struct str reply = command_run(&run, "DEBUG OBJECT k");
        cr_assert(contains(reply, "+Value at:0x"));
        cr_assert(contains(reply, cases[i].says), "%s: %.*s", cases[i].value, (int)reply.length, reply.bytes);
    }
    command_run(&run, "SETRANGE long 1000 x");
    cr_assert(contains(command_run(&run, "DEBUG OBJECT long"), " encoding:raw serializedlength:22 lru:"));
    command_run(&run, "SADD set 1 2 3");
    cr_assert(contains(command_run(&run, "DEBUG OBJECT set"), " encoding:intset serializedlength:15 lru:"));
    command_run(&run, "ZADD tree 1 a 2 bb");
    cr_assert(contains(command_run(&run, "DEBUG OBJECT tree"), " encoding:listpack serializedlength:19 lru:"));
    command_run(&run, "CONFIG SET zset-max-listpack-entries 1");
    command_run(&run, "ZADD tree 3 c");
    cr_assert(contains(command_run(&run, "DEBUG OBJECT tree"), " serializedlength:32 lru:"));
    run.now_ms += 5000;
    cr_assert(contains(command_run(&run, "DEBUG OBJECT set"), " lru_seconds_idle:5\r\n"));
    command_expect(&run, "DEBUG OBJECT nosuch", "-ERR no such key ");
}

Test(cmd_server, debug_htstats_counts_each_shards_keys)
{
    command_run(&run, "SET k0 x");
    command_run(&run, "SET k2 x EX 10");
    command_run(&run, "SET k1 x");
    struct str reply = command_run(&run, "DEBUG HTSTATS 0");

    cr_assert(contains(reply, "[Table of shard 0]\n number of elements: 2\n elements that expire: 1\n segments: 1\n"));
    cr_assert(contains(reply, "[Table of shard 1]\n number of elements: 1\n elements that expire: 0\n segments: 1\n"));
    cr_assert(contains(command_run(&run, "DEBUG HTSTATS 15"), " number of elements: 0\n"));
    command_expect(&run, "DEBUG HTSTATS 16", "-ERR Out of range database ");
    command_expect(&run, "DEBUG HTSTATS -1", "-ERR Out of range database ");
    command_expect(&run, "DEBUG HTSTATS x", "-ERR value is not an integer or out of range ");
}

Test(cmd_server, debug_error_is_the_text_given)
{
    command_expect(&run, "DEBUG ERROR \"CODE with words\"", "-CODE with words ");
    command_expect(&run, "DEBUG ERROR \"two\\r\\nlines\"", "-two  lines ");
}

Test(cmd_server, debug_stringmatch_len_is_the_glob_of_keys)
{
    command_expect(&run, "DEBUG STRINGMATCH-LEN a* abc", ":1 ");
    command_expect(&run, "DEBUG STRINGMATCH-LEN b* abc", ":0 ");
}

Test(cmd_server, debug_quicklist_packed_threshold_takes_sizes_below_4gb)
{
    command_expect(&run, "DEBUG QUICKLIST-PACKED-THRESHOLD 1kb", "+OK ");
    command_expect(&run, "DEBUG QUICKLIST-PACKED-THRESHOLD 0", "+OK ");
    command_expect(&run, "DEBUG QUICKLIST-PACKED-THRESHOLD x",
                   "-ERR argument must be a memory value bigger than 1 and smaller than 4gb ");
    command_expect(&run, "DEBUG QUICKLIST-PACKED-THRESHOLD 4gb",
                   "-ERR argument must be a memory value bigger than 1 and smaller than 4gb ");
}

Test(cmd_server, debug_answers_for_subcommands_that_there_are_none_of)
{
    command_expect(&run, "DEBUG foo",
                   "-ERR unknown subcommand or wrong number of arguments for 'foo'. Try DEBUG HELP. ");
    command_expect(&run, "DEBUG sleep",
                   "-ERR unknown subcommand or wrong number of arguments for 'sleep'. Try DEBUG HELP. ");
}

Test(cmd_server, debug_log_and_jmap_write_to_the_log)
{
    command_expect(&run, "DEBUG LOG hello", "+OK ");
    command_expect(&run, "DEBUG JMAP", "+OK ");
}
