/* Transactions by their commands, over one shard and over three. */
#include "core/transaction.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "core/changes.h"
#include "core/client_line.h"
#include "tests/support/command_run.h"

static struct command_run run;

static void begin(void)
{
    command_run_init(&run, 3);
}

static void end(void)
{
    size_t used;

    transaction_leave(&run.session);
    used = run.cores[0].memory.used_bytes;
    command_run_deinit(&run);
    cr_assert_leq(run.cores[0].memory.used_bytes, used);
}

TestSuite(transaction, .init = begin, .fini = end);

static void expect(const char *line, const char *reply)
{
    command_expect(&run, line, reply);
}

/* Another client's. */
static void set_elsewhere(const char *line)
{
    struct session kept = run.session;

    run.session.transaction = NULL;
    expect(line, "+OK ");
    run.session.transaction = kept.transaction;
}

Test(transaction, commands_are_queued_and_run_together)
{
    expect("MULTI", "+OK ");
    expect("SET k0 1", "+QUEUED ");
    expect("INCR k0", "+QUEUED ");
    expect("MGET k0 k1", "+QUEUED ");
    expect("EXEC", "*3 +OK :2 *2 $1 2 $-1 ");
    expect("GET k0", "$1 2 ");
    expect("EXEC", "-ERR EXEC without MULTI ");
}

Test(transaction, an_error_that_shows_at_run_time_does_not_stop_the_others)
{
    expect("MULTI", "+OK ");
    expect("SET k0 word", "+QUEUED ");
    expect("INCR k0", "+QUEUED ");
    expect("LPUSH k0 1", "+QUEUED ");
    expect("SET k1 2", "+QUEUED ");
    expect("EXEC", "*4 +OK -ERR value is not an integer or out of range "
                   "-WRONGTYPE Operation against a key holding the wrong kind of value +OK ");
    cr_assert_not(run.reply.error);
    cr_assert_eq(run.cores[0].stats.error_replies, 2);
}

Test(transaction, a_value_that_is_missing_shows_when_it_is_run)
{
    expect("MULTI", "+OK ");
    expect("MSET k0 1 k1", "+QUEUED ");
    expect("PING", "+QUEUED ");
    expect("EXEC", "*2 -ERR wrong number of arguments for 'mset' command +PONG ");
    expect("GET k0", "$-1 ");
}

Test(transaction, what_is_refused_when_queued_aborts_it)
{
    const char *refused[] = {"NOSUCH", "GET", "CONFIG NOSUCH", "MULTI 1", "SHUTDOWN NOSAVE"};

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        expect("MULTI", "+OK ");
        expect("SET k0 1", "+QUEUED ");
        cr_assert_eq(command_run(&run, refused[i]).bytes[0], '-', "%s", refused[i]);
        expect("SET k1 1", "+QUEUED ");
        expect("EXEC", "-EXECABORT Transaction discarded because of previous errors. ");
        expect("EXISTS k0 k1", ":0 ");
    }
}

Test(transaction, what_may_not_be_nested_does_not_abort_it)
{
    expect("MULTI", "+OK ");
    expect("MULTI", "-ERR MULTI calls can not be nested ");
    expect("WATCH k0", "-ERR WATCH inside MULTI is not allowed ");
    expect("PING", "+QUEUED ");
    expect("EXEC", "*1 +PONG ");
}

Test(transaction, an_exec_with_arguments_ends_it)
{
    const char *answer = "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command ";

    expect("EXEC now", answer);
    expect("MULTI", "+OK ");
    expect("SET k0 1", "+QUEUED ");
    expect("EXEC now", answer);
    expect("EXEC", "-ERR EXEC without MULTI ");
    expect("GET k0", "$-1 ");
}

Test(transaction, discard_and_reset_forget_it)
{
    expect("DISCARD", "-ERR DISCARD without MULTI ");
    expect("MULTI", "+OK ");
    expect("SET k0 1", "+QUEUED ");
    expect("DISCARD", "+OK ");
    expect("MULTI", "+OK ");
    expect("SET k0 1", "+QUEUED ");
    expect("RESET", "+RESET ");
    run.session.authenticated = true;
    expect("GET k0", "$-1 ");
    expect("EXEC", "-ERR EXEC without MULTI ");
}

Test(transaction, an_empty_one_does_nothing)
{
    expect("MULTI", "+OK ");
    expect("EXEC", "*0 ");
}

Test(transaction, select_in_it_lasts)
{
    expect("MULTI", "+OK ");
    expect("SELECT 3", "+QUEUED ");
    expect("SET k0 there", "+QUEUED ");
    expect("EXEC", "*2 +OK +OK ");
    cr_assert_eq(run.session.db, 3);
    expect("GET k0", "$5 there ");
}

Test(transaction, the_protocol_may_change_in_it)
{
    expect("MULTI", "+OK ");
    expect("HGETALL k0", "+QUEUED ");
    expect("HELLO 3", "+QUEUED ");
    expect("HGETALL k0", "+QUEUED ");
    cr_assert_not_null(strstr(command_run(&run, "EXEC").bytes, "*3\r\n*0\r\n%7\r\n"));
    expect("WATCH k0", "+OK ");
    set_elsewhere("SET k0 1");
    expect("MULTI", "+OK ");
    expect("EXEC", "_ ");
}

Test(transaction, commands_for_all_shards_are_in_it)
{
    expect("MULTI", "+OK ");
    expect("MSET k0 a k1 b k2 c", "+QUEUED ");
    expect("DBSIZE", "+QUEUED ");
    expect("FLUSHALL", "+QUEUED ");
    expect("DBSIZE", "+QUEUED ");
    expect("RANDOMKEY", "+QUEUED ");
    expect("EXEC", "*5 +OK :3 +OK :0 $-1 ");
}

Test(transaction, reply_modes_hold_within_it)
{
    expect("MULTI", "+OK ");
    expect("PING", "+QUEUED ");
    expect("CLIENT REPLY OFF", "+QUEUED ");
    expect("PING", "+QUEUED ");
    expect("CLIENT REPLY ON", "+QUEUED ");
    expect("PING", "+QUEUED ");
    expect("CLIENT REPLY SKIP", "+QUEUED ");
    expect("PING", "+QUEUED ");
    expect("EXEC", "*7 +PONG +OK +PONG +PONG ");
    cr_assert_eq(run.session.reply_mode, SESSION_REPLY_SKIP);
}

Test(transaction, client_list_tells_of_it)
{
    expect("WATCH k0 k1 k0", "+OK ");
    expect("MULTI", "+OK ");
    expect("PING", "+QUEUED ");
    set_elsewhere("SET k1 1");

    struct buffer line;

    buffer_init(&line, &run.memory, NULL, 0);
    client_line_append(&line, &run.session, run.now_ms);
    buffer_append(&line, "", 1);
    cr_assert_not_null(strstr(line.bytes, " flags=xd "), "%s", line.bytes);
    cr_assert_not_null(strstr(line.bytes, " multi=1 watch=2 "), "%s", line.bytes);
    buffer_deinit(&line);
}

/* Watching. */

static void expect_executed(bool executed)
{
    expect("MULTI", "+OK ");
    expect("PING", "+QUEUED ");
    expect("EXEC", executed ? "*1 +PONG " : "*-1 ");
}

Test(transaction, a_watched_key_that_changes_stops_it)
{
    expect("WATCH k0 k1 k2", "+OK ");
    expect_executed(true);
    expect("WATCH k0 k1 k2", "+OK ");
    set_elsewhere("SET k1 1");
    expect_executed(false);
    expect_executed(true);
}

Test(transaction, ones_own_changes_stop_it_too)
{
    expect("WATCH k0", "+OK ");
    expect("SET k0 1", "+OK ");
    expect_executed(false);
}

Test(transaction, a_key_that_changes_and_changes_back_stops_it)
{
    expect("SET k0 1", "+OK ");
    expect("WATCH k0", "+OK ");
    expect("SET k0 2", "+OK ");
    expect("SET k0 1", "+OK ");
    expect_executed(false);
    expect("WATCH k1", "+OK ");
    expect("SET k1 2", "+OK ");
    expect("DEL k1", ":1 ");
    expect_executed(false);
}

Test(transaction, a_watched_key_that_expires_stops_it)
{
    expect("SET k0 1 PX 100", "+OK ");
    expect("WATCH k0", "+OK ");
    run.now_ms += 99;
    expect_executed(true);
    expect("WATCH k0", "+OK ");
    run.now_ms += 1;
    expect_executed(false);
    expect("SET k0 1 PX 100", "+OK ");
    run.now_ms += 100;
    expect("WATCH k0", "+OK "); /* it has expired, and nobody has seen it yet */
    expect_executed(true);
}

Test(transaction, keys_are_watched_in_the_database_of_then)
{
    expect("WATCH k0", "+OK ");
    expect("SELECT 1", "+OK ");
    expect("SET k0 1", "+OK ");
    expect_executed(true);
    expect("SELECT 0", "+OK ");
    expect("WATCH k0", "+OK ");
    expect("SELECT 1", "+OK ");
    expect("WATCH k1", "+OK ");
    expect("SELECT 0", "+OK ");
    expect("SET k0 1", "+OK ");
    expect("SELECT 1", "+OK ");
    expect_executed(false);
}

Test(transaction, flushes_and_swaps_stop_it_where_the_key_was)
{
    expect("MULTI", "+OK ");
    expect("SET k0 1", "+QUEUED ");
    expect("EXEC", "*1 +OK ");
    expect("WATCH k0 k1", "+OK ");
    expect("MULTI", "+OK ");
    expect("FLUSHALL", "+QUEUED ");
    expect("EXEC", "*1 +OK "); /* its own commands come too late */
    expect("WATCH k0 k1", "+OK ");
    expect_executed(true);
}

Test(transaction, unwatch_and_discard_end_the_watches)
{
    const char *ends[] = {"UNWATCH", "DISCARD", "RESET"};

    for (int i = 0; i < 3; i++) {
        expect("WATCH k0 k1 k2", "+OK ");
        expect("WATCH k1 k3", "+OK ");
        expect("SET k0 1", "+OK ");
        if (i == 1)
            expect("MULTI", "+OK ");
        command_run(&run, ends[i]);
        run.session.authenticated = true;
        for (int shard = 0; shard < 3; shard++)
            cr_assert_not(keyspace_changes(run.keyspaces[shard])->heeded & CHANGES_WATCHED);
        expect_executed(true);
    }
}

Test(transaction, an_aborted_exec_ends_the_watches)
{
    expect("WATCH k0 k1 k2", "+OK ");
    expect("MULTI", "+OK ");
    expect("NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with:  ");
    expect("EXEC", "-EXECABORT Transaction discarded because of previous errors. ");
    for (int shard = 0; shard < 3; shard++)
        cr_assert_not(keyspace_changes(run.keyspaces[shard])->heeded & CHANGES_WATCHED);
}

Test(transaction, a_queued_unwatch_comes_too_late)
{
    expect("WATCH k0", "+OK ");
    expect("MULTI", "+OK ");
    expect("UNWATCH", "+QUEUED ");
    set_elsewhere("SET k0 1");
    expect("EXEC", "*-1 ");
}

Test(transaction, many_keys_named_twice_are_watched)
{
    char line[40000] = "WATCH";
    size_t length = strlen(line);

    for (int i = 0; i < 4000; i++)
        length += (size_t)sprintf(line + length, " k%d", i % 1500);
    expect(line, "+OK ");
    set_elsewhere("SET k1499 1");
    expect_executed(false);
}

Test(transaction, one_that_cannot_succeed_keeps_nothing)
{
    size_t bytes;

    expect("WATCH k0", "+OK ");
    expect("MULTI", "+OK ");
    bytes = run.session.transaction->bytes;
    expect("SET k1 1", "+QUEUED ");
    cr_assert_gt(run.session.transaction->bytes, bytes);
    set_elsewhere("SET k0 1");
    bytes = run.session.transaction->bytes;
    expect("SET k1 2", "+QUEUED ");
    cr_assert_eq(run.session.transaction->bytes, bytes);
    expect("EXEC", "*-1 ");
}

static void set_out_of_memory(bool is_out)
{
    for (int shard = 0; shard < 3; shard++)
        run.cores[shard].out_of_memory = is_out;
}

#define OOM "OOM command not allowed when used memory > 'maxmemory'. "

Test(transaction, without_memory_only_what_ends_the_queue_is_admitted)
{
    static const char *const refused[] = {"MULTI", "WATCH k0", "UNWATCH", "GET k0", "PING"};

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        expect("MULTI", "+OK ");
        set_out_of_memory(true);
        expect(refused[i], "-" OOM);
        expect("EXEC", "-EXECABORT Transaction discarded because of previous errors. ");
        expect("WATCH k0", "+OK ");
        expect("MULTI", "+OK ");
        expect("DISCARD", "+OK ");
        set_out_of_memory(false);
    }
}

/* Alone in a transaction that is executed when something is short. */
static void expect_queued(const char *line, const char *reply, void set_short(bool is_short))
{
    expect("MULTI", "+OK ");
    expect(line, "+QUEUED ");
    set_short(true);
    expect("EXEC", reply);
    set_short(false);
}

Test(transaction, without_memory_one_with_a_script_that_may_need_some_is_not_begun)
{
    static const char aborted[] = "-EXECABORT Transaction discarded because of: " OOM;

    expect("SCRIPT LOAD \"#!lua\\nreturn 1\"", "$40 cb70127618f0b0be70c53cf6bfcfa54a29d9b0c0 ");
    expect("FUNCTION LOAD \"#!lua name=one\\nredis.register_function('f', function() return 1 end) "
           "redis.register_function{function_name='g', callback=function() return 2 end, flags={'no-writes'}}\"",
           "$3 one ");
    expect_queued("EVAL \"#!lua\\nreturn 1\" 0", aborted, set_out_of_memory);
    expect_queued("EVAL \"#!lua\\nreturn ((\" 0", aborted, set_out_of_memory);
    expect_queued("EVAL_RO \"#!lua\\nreturn 1\" 0", aborted, set_out_of_memory);
    expect_queued("EVALSHA cb70127618f0b0be70c53cf6bfcfa54a29d9b0c0 0", aborted, set_out_of_memory);
    expect_queued("FCALL f 0", aborted, set_out_of_memory);
    expect_queued("FCALL_RO f 0", aborted, set_out_of_memory);
    expect_queued("EVAL \"#!lua flags=allow-oom\\nreturn 1\" 0", "*1 :1 ", set_out_of_memory);
    expect_queued("EVAL \"#!lua flags=no-writes\\nreturn 1\" 0", "*1 :1 ", set_out_of_memory);
    expect_queued("EVAL \"return 1\" 0", "*1 :1 ", set_out_of_memory);
    expect_queued("FCALL g 0", "*1 :2 ", set_out_of_memory);
    expect_queued("FCALL none 0", "*1 -ERR Function not found ", set_out_of_memory);
    expect_queued("EVALSHA none 0", "*1 -NOSCRIPT No matching script. Please use EVAL. ", set_out_of_memory);
    expect_queued("EVAL \"#!lua flags=none\\nreturn 1\" 0", "*1 -ERR Unexpected flag in script shebang: none ",
                  set_out_of_memory);
}

static void set_disk_error(bool has_error)
{
    for (int shard = 0; shard < 3; shard++)
        run.cores[shard].aof.error = has_error ? ENOSPC : 0;
}

Test(transaction, while_the_disk_fails_one_with_a_script_that_may_write_is_not_begun)
{
    static const char aborted[] =
        "-EXECABORT Transaction discarded because of: MISCONF Errors writing to the AOF file: No space left on device ";

    expect_queued("EVAL \"#!lua flags=allow-oom\\nreturn 1\" 0", aborted, set_disk_error);
    expect_queued("EVAL \"#!lua flags=no-writes\\nreturn 1\" 0", "*1 :1 ", set_disk_error);
    expect_queued("EVAL \"return 1\" 0", "*1 :1 ", set_disk_error);
}
