/* Commands within a command, over one shard and over several. */
#include "core/call.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/command.h"
#include "tests/support/command_run.h"

static struct command_run run;
static struct call outer;
static struct call_wait outer_wait;

static void begin_with(int shards)
{
    command_run_init(&run, shards);
    outer_wait = (struct call_wait){0};
    outer = (struct call){
        .command = command_find_by_name(STR("ping")),
        .now_ms = run.now_ms,
        .now_us = run.now_ms * 1000,
        .core = &run.cores[0],
        .reach = shards > 1 ? &run.reach : NULL,
        .wait = &outer_wait,
    };
}

static void end(void)
{
    command_run_deinit(&run);
}

TestSuite(call_nested, .fini = end);

/* Splits at spaces. */
static int split(const char *line, struct str argv[16])
{
    int argc = 0;

    while (*line) {
        size_t length = strcspn(line, " ");

        argv[argc++] = (struct str){line, length};
        line += length + (line[length] == ' ');
    }
    return argc;
}

static struct str nested(const char *line)
{
    const struct command *container;
    struct str argv[16];
    int argc = split(line, argv);
    const struct command *command = command_find(argv, argc, &container);

    cr_assert(command, "%s", line);
    run.reply.buffer.length = 0;
    run.reply.error = false;
    call_nested(&outer, command, argv, argc, &run.reply);
    return buffer_str(&run.reply.buffer);
}

static void expect(const char *line, const char *reply)
{
    command_expect_reply(&run, line, nested(line), reply);
}

Test(call_nested, runs_in_the_database_that_select_chose)
{
    begin_with(1);
    expect("SET k here", "+OK ");
    expect("SELECT 3", "+OK ");
    cr_assert_eq(outer.db, 3);
    expect("GET k", "$-1 ");
    expect("SELECT 16", "-ERR DB index is out of range ");
    cr_assert_eq(outer.db, 3);
    expect("SELECT 0", "+OK ");
    expect("GET k", "$4 here ");
    cr_assert_eq(run.session.db, 0);
}

Test(call_nested, select_moves_the_session_where_there_is_one)
{
    begin_with(1);
    outer.session = &run.session;
    expect("SELECT 3", "+OK ");
    cr_assert_eq(run.session.db, 3);
    expect("CLIENT NO-TOUCH ON", "+OK ");
    cr_assert(outer.no_touch);
}

static void replay(const char *line, int db)
{
    const struct command *container;
    struct str argv[16];
    int argc = split(line, argv);

    run.reply.buffer.length = 0;
    call_replay(&outer, command_find(argv, argc, &container), argv, argc, db, &run.reply);
}

Test(call_nested, what_is_replayed_has_its_database_and_no_deadline_has_come)
{
    begin_with(3);
    replay("SET k0 v PXAT 1", 2);
    command_expect_reply(&run, "SET", buffer_str(&run.reply.buffer), "+OK ");
    replay("PERSIST k0", 2);
    replay("MSET k1 a k2 b", 0);
    replay("SWAPDB 0 1", 0);
    cr_assert_eq(outer.db, 0);
    expect("DBSIZE", ":0 ");
    expect("SELECT 1", "+OK ");
    expect("MGET k1 k2", "*2 $1 a $1 b ");
    expect("SELECT 2", "+OK ");
    expect("GET k0", "$1 v ");
}

Test(call_nested, a_flush_that_is_replayed_is_none_of_what_is_saved)
{
    begin_with(2);
    replay("SET k0 v", 0);
    replay("FLUSHALL", 0);
    expect("DBSIZE", ":0 ");
    cr_assert_not(run.cores[0].flushed_all || run.cores[1].flushed_all);
    expect("FLUSHALL", "+OK ");
    cr_assert(run.cores[0].flushed_all && run.cores[1].flushed_all);
}

Test(call_nested, does_not_block)
{
    begin_with(2);
    expect("BLPOP k0 k1 0", "*-1 ");
    expect("BLMOVE k0 k1 LEFT RIGHT 0", "$-1 ");
    cr_assert_not(outer_wait.wanted);
}

Test(call_nested, finds_keys_of_every_shard)
{
    begin_with(3);
    expect("MSET k0 a k1 b k2 c", "+OK ");
    expect("MGET k2 k3 k0 k1", "*4 $1 c $-1 $1 a $1 b ");
    expect("DEL k0 k1 k2 k3", ":3 ");
}

Test(call_nested, what_is_for_all_shards_runs_on_all)
{
    begin_with(3);
    expect("MSET k0 a k1 b k2 c", "+OK ");
    expect("DBSIZE", ":3 ");
    cr_assert_eq(nested("KEYS *").length, strlen("*3\r\n") + 3 * strlen("$2\r\nk0\r\n"));
    expect("CONFIG SET maxmemory 100mb", "+OK ");
    for (int i = 0; i < 3; i++)
        cr_assert_eq(run.cores[i].config.maxmemory, UINT64_C(100) << 20);
    expect("SWAPDB 0 1", "+OK ");
    expect("DBSIZE", ":0 ");
    expect("SELECT 1", "+OK ");
    expect("DBSIZE", ":3 ");
    expect("FLUSHALL ASYNC", "+OK ");
    expect("DBSIZE", ":0 ");
}

Test(call_nested, an_error_of_a_part_is_the_answer)
{
    begin_with(3);
    expect("FLUSHALL NOW", "-ERR syntax error ");
    cr_assert(run.reply.error);
    expect("DBSIZE", ":0 ");
    cr_assert_not(run.reply.error);
}

Test(call_nested, one_shard_has_its_part_merged_too)
{
    begin_with(1);
    expect("DBSIZE", ":0 ");

    struct str answer = nested("INFO server");

    cr_assert_not_null(memmem(answer.bytes, answer.length, "redis_version:", 14));
}

Test(call_nested, scan_walks_through_all_shards)
{
    begin_with(3);
    for (int i = 0; i < 60; i++) {
        char line[32];

        snprintf(line, sizeof line, "SET k%d x", i);
        expect(line, "+OK ");
    }

    char line[64] = "SCAN 0";
    int listed = 0;

    do {
        struct str reply = nested(line);
        int64_t length;
        char cursor[32];

        cr_assert_eq(sscanf(reply.bytes, "*2\r\n$%*d\r\n%31[0-9]\r\n*%ld", cursor, &length), 2);
        listed += (int)length;
        snprintf(line, sizeof line, "SCAN %s", cursor);
    } while (strcmp(line, "SCAN 0") != 0);
    cr_assert_eq(listed, 60);
}

static bool ends_in_zero(const struct reach *reach, struct str key)
{
    return key.bytes[key.length - 1] == '0';
}

static bool in_reach(const char *line)
{
    const struct command *container;
    struct str argv[16];
    int argc = split(line, argv);
    const struct command *command = command_find(argv, argc, &container);

    cr_assert(command, "%s", line);
    return call_in_reach(&outer, command, argv, argc);
}

Test(call_nested, knows_what_is_in_reach)
{
    struct reach some = {.has = ends_in_zero};

    begin_with(1);
    cr_assert(in_reach("GET k1") && in_reach("DBSIZE"));
    outer.reach = &some;
    cr_assert(in_reach("GET k0") && in_reach("MSET k0 1 j0 2") && in_reach("PING") && in_reach("TIME"));
    cr_assert(in_reach("ZUNIONSTORE k0 2 a0 b0") && in_reach("ZUNIONSTORE k0 x a0 b0"));
    cr_assert_not(in_reach("GET k1"));
    cr_assert_not(in_reach("MSET k0 1 j1 2"));
    cr_assert_not(in_reach("ZUNIONSTORE k0 2 a0 b1"));
    cr_assert_not(in_reach("SORT k0 BY w_*"));
    cr_assert(in_reach("SORT k0"));
    cr_assert_not(in_reach("DBSIZE") || in_reach("RANDOMKEY") || in_reach("SCAN 0") || in_reach("FLUSHALL"));
    some.everywhere = true;
    cr_assert(in_reach("GET k1") && in_reach("SCAN 0") && in_reach("SORT k0 BY w_*"));
}
