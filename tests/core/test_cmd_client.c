#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/command.h"
#include "tests/support/command_scatter.h"

enum { SHARDS = 2, OTHERS = 6 };

static struct command_run run;
static struct session others[OTHERS]; /* ids 2 …, on both shards in turn, the first on shard 1 */

/* run's own session has id 1 and lies on the first shard. */
static void begin(void)
{
    session_restart_ids();
    command_run_init(&run, SHARDS);
    snprintf(run.session.peer, sizeof(run.session.peer), "10.0.0.1:1");
    snprintf(run.session.local, sizeof(run.session.local), "10.0.0.100:6379");
    for (int i = 0; i < OTHERS; i++) {
        others[i] = (struct session){.fd = 20 + i};
        snprintf(others[i].peer, sizeof(others[i].peer), "10.0.0.%d:%d", i + 2, i + 2);
        snprintf(others[i].local, sizeof(others[i].local), "10.0.0.%d:6379", 100 + i % 2);
        session_begin(&run.cores[(i + 1) % SHARDS].sessions, &others[i], run.now_ms + i * 1000);
    }
    run.now_ms += OTHERS * 1000;
}

static void end(void)
{
    for (int i = 0; i < OTHERS; i++)
        session_end(&run.cores[(i + 1) % SHARDS].sessions, &others[i]);
    command_run_deinit(&run);
}

TestSuite(cmd_client, .init = begin, .fini = end);

static bool contains(struct str reply, const char *text)
{
    return memmem(reply.bytes, reply.length, text, strlen(text)) != NULL;
}

/* The ids of the lines in a reply, as "1 2 3 ". */
static const char *ids_in(struct str reply)
{
    static char text[512];
    size_t length = 0;

    text[0] = '\0';
    for (const char *at = reply.bytes; at < reply.bytes + reply.length; at++)
        if (strncmp(at, "id=", 3) == 0 && (at[-1] == '\n' || at[-1] == ':'))
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%d ", atoi(at + 3));
    return text;
}

static void expect_ids(const char *line, const char *ids)
{
    struct str reply = command_scatter(&run, line);
    const char *seen = ids_in(reply);

    cr_assert_str_eq(seen, ids, "%s: %s instead of %s", line, seen, ids);
}

Test(cmd_client, id_is_the_sessions)
{
    command_expect(&run, "CLIENT ID", ":1 ");
}

Test(cmd_client, name_is_kept_until_it_is_set_empty)
{
    command_expect(&run, "CLIENT GETNAME", "$-1 ");
    command_expect(&run, "CLIENT SETNAME worker-1", "+OK ");
    command_expect(&run, "CLIENT GETNAME", "$8 worker-1 ");
    command_expect(&run, "CLIENT SETNAME \"a b\"",
                   "-ERR Client names cannot contain spaces, newlines or special characters. ");
    command_expect(&run, "CLIENT SETNAME \"a\\n\"",
                   "-ERR Client names cannot contain spaces, newlines or special characters. ");
    command_expect(&run, "CLIENT SETNAME \"\\x7f\"",
                   "-ERR Client names cannot contain spaces, newlines or special characters. ");
    command_expect(&run, "CLIENT SETNAME \"\\xff\"",
                   "-ERR Client names cannot contain spaces, newlines or special characters. ");
    command_expect(&run, "CLIENT GETNAME", "$8 worker-1 ");
    command_expect(&run, "CLIENT SETNAME \"\"", "+OK ");
    command_expect(&run, "CLIENT GETNAME", "$-1 ");
}

Test(cmd_client, setinfo_takes_the_librarys_name_and_version)
{
    command_expect(&run, "CLIENT SETINFO lib-name redis-py", "+OK ");
    command_expect(&run, "CLIENT SETINFO LIB-VER 5.0.1", "+OK ");
    cr_assert_str_eq(run.session.library_name, "redis-py");
    cr_assert_str_eq(run.session.library_version, "5.0.1");
    command_expect(&run, "CLIENT SETINFO lib-name \"a b\"",
                   "-ERR lib-name cannot contain spaces, newlines or special characters. ");
    command_expect(&run, "CLIENT SETINFO foo bar", "-ERR Unrecognized option 'foo' ");
}

Test(cmd_client, info_has_redis_fields_in_their_order)
{
    run.session.fd = 8;
    run.session.last_command = command_find_by_name(STR("client|info"));
    run.session.query_buffer_bytes = 26;
    run.session.query_free_bytes = 20448;
    run.session.arguments_bytes = 10;
    run.session.total_bytes = 22272;
    run.session.active_ms = run.now_ms - 2500;
    command_run(&run, "CLIENT SETNAME me");
    command_run(&run, "CLIENT SETINFO lib-name lettuce");
    command_expect(
        &run, "CLIENT INFO",
        "$292 id=1 addr=10.0.0.1:1 laddr=10.0.0.100:6379 fd=8 name=me age=6 idle=2 flags=N db=0 sub=0 psub=0 "
        "ssub=0 multi=-1 watch=0 qbuf=26 qbuf-free=20448 argv-mem=10 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 "
        "omem=0 tot-mem=22272 events=r cmd=client|info user=default redir=-1 resp=2 lib-name=lettuce "
        "lib-ver=  ");
}

Test(cmd_client, info_shows_flags_and_pending_output)
{
    run.session.unix_socket = run.session.close_after_reply = true;
    run.session.output_bytes = 100;
    run.session.output_chunks = 2;
    command_run(&run, "CLIENT NO-EVICT ON");
    command_run(&run, "CLIENT NO-TOUCH on");
    struct str reply = command_run(&run, "CLIENT INFO");

    cr_assert(contains(reply, " flags=cUeT "));
    cr_assert(contains(reply, " oll=2 omem=100 "));
    cr_assert(contains(reply, " events=rw cmd=NULL "));
}

Test(cmd_client, list_is_sorted_by_id_over_the_shards)
{
    expect_ids("CLIENT LIST", "1 2 3 4 5 6 7 ");
    expect_ids("CLIENT LIST TYPE normal", "1 2 3 4 5 6 7 ");
    command_scatter_expect(&run, "CLIENT LIST TYPE pubsub", "$0  ");
    command_scatter_expect(&run, "CLIENT LIST TYPE replica", "$0  ");
    run.session.protocol = 3;
    command_scatter_expect(&run, "CLIENT LIST TYPE master", "=4 txt: ");
    expect_ids("CLIENT LIST", "1 2 3 4 5 6 7 ");
}

Test(cmd_client, list_by_id_answers_in_the_order_asked)
{
    expect_ids("CLIENT LIST ID 5 2 3", "5 2 3 ");
    expect_ids("CLIENT LIST ID 7 7 99 1", "7 7 1 ");
    command_scatter_expect(&run, "CLIENT LIST ID 99 -1 0", "$0  ");
}

Test(cmd_client, list_by_id_agrees_with_a_search)
{
    unsigned seed = (unsigned)time(NULL);
    char line[256], expected[256];

    cr_log_info("seed %u", seed);
    srand(seed);
    for (int round = 0; round < 200; round++) {
        size_t length = (size_t)snprintf(line, sizeof(line), "CLIENT LIST ID"), wanted = 0;

        expected[0] = '\0';
        for (int i = rand() % 12; i >= 0; i--) {
            int id = rand() % (OTHERS + 4);

            length += (size_t)snprintf(line + length, sizeof(line) - length, " %d", id);
            if (id >= 1 && id <= OTHERS + 1)
                wanted += (size_t)snprintf(expected + wanted, sizeof(expected) - wanted, "%d ", id);
        }
        expect_ids(line, expected);
    }
}

Test(cmd_client, list_refuses_other_options)
{
    command_scatter_expect(&run, "CLIENT LIST foo", "-ERR syntax error ");
    command_scatter_expect(&run, "CLIENT LIST TYPE", "-ERR syntax error ");
    command_scatter_expect(&run, "CLIENT LIST TYPE normal x", "-ERR syntax error ");
    command_scatter_expect(&run, "CLIENT LIST ID", "-ERR syntax error ");
    command_scatter_expect(&run, "CLIENT LIST TYPE foo", "-ERR Unknown client type 'foo' ");
    command_scatter_expect(&run, "CLIENT LIST ID 1 x", "-ERR Invalid client ID ");
}

static int killed_count(void)
{
    int count = 0;

    for (int i = 0; i < OTHERS; i++)
        count += others[i].killed;
    return count;
}

Test(cmd_client, kill_by_address_answers_ok_or_no_such_client)
{
    command_scatter_expect(&run, "CLIENT KILL 10.0.0.3:3", "+OK ");
    cr_assert(others[1].killed);
    cr_assert_eq(killed_count(), 1);
    command_scatter_expect(&run, "CLIENT KILL 10.0.0.3:3", "-ERR No such client ");
    command_scatter_expect(&run, "CLIENT KILL nobody", "-ERR No such client ");
}

Test(cmd_client, kill_of_oneself_lets_the_reply_out_first)
{
    command_scatter_expect(&run, "CLIENT KILL 10.0.0.1:1", "+OK ");
    cr_assert(run.session.close_after_reply);
    cr_assert_not(run.session.killed);
    command_scatter_expect(&run, "CLIENT KILL ID 1 SKIPME no", ":1 ");
    command_scatter_expect(&run, "CLIENT KILL ID 1", ":0 ");
}

Test(cmd_client, kill_counts_over_the_shards_those_that_fit_every_option)
{
    command_scatter_expect(&run, "CLIENT KILL ID 4", ":1 ");
    cr_assert(others[2].killed);
    command_scatter_expect(&run, "CLIENT KILL LADDR 10.0.0.101:6379 TYPE normal", ":3 ");
    command_scatter_expect(&run, "CLIENT KILL TYPE pubsub", ":0 ");
    command_scatter_expect(&run, "CLIENT KILL ADDR 10.0.0.6:6 LADDR 10.0.0.101:6379", ":0 ");
    command_scatter_expect(&run, "CLIENT KILL USER default", ":2 ");
    cr_assert_eq(killed_count(), OTHERS);
    cr_assert_not(run.session.close_after_reply);
}

Test(cmd_client, kill_by_age_spares_the_younger)
{
    command_scatter_expect(&run, "CLIENT KILL MAXAGE 5", ":2 ");
    cr_assert(others[0].killed && others[1].killed);
    command_scatter_expect(&run, "CLIENT KILL MAXAGE 5 SKIPME no", ":1 ");
    cr_assert(run.session.close_after_reply);
    command_scatter_expect(&run, "CLIENT KILL MAXAGE 9223372036854775807", ":0 ");
}

Test(cmd_client, kill_asks_for_nets_attention)
{
    others[0].attention = (struct completion *)&others[0];
    command_scatter(&run, "CLIENT KILL ID 2");
    cr_assert_eq(sessions_take_attention(&run.cores[1].sessions), (struct completion *)&others[0]);
}

Test(cmd_client, kill_refuses_what_it_does_not_know)
{
    command_scatter_expect(&run, "CLIENT KILL ID 0", "-ERR client-id should be greater than 0 ");
    command_scatter_expect(&run, "CLIENT KILL ID x", "-ERR client-id should be greater than 0 ");
    command_scatter_expect(&run, "CLIENT KILL TYPE foo", "-ERR Unknown client type 'foo' ");
    command_scatter_expect(&run, "CLIENT KILL USER nobody", "-ERR No such user 'nobody' ");
    command_scatter_expect(&run, "CLIENT KILL SKIPME maybe", "-ERR syntax error ");
    command_scatter_expect(&run, "CLIENT KILL foo bar", "-ERR syntax error ");
    command_scatter_expect(&run, "CLIENT KILL ID 2 ADDR", "-ERR syntax error ");
    command_scatter_expect(&run, "CLIENT KILL MAXAGE x", "-ERR maxage is not an integer or out of range ");
    command_scatter_expect(&run, "CLIENT KILL MAXAGE 0", "-ERR maxage should be greater than 0 ");
    cr_assert_eq(killed_count(), 0);
}

static void expect_pause(enum session_pause pause, int64_t for_ms)
{
    for (int i = 0; i < SHARDS; i++) {
        cr_assert_eq(run.cores[i].sessions.pause, pause);
        cr_assert_eq(run.cores[i].sessions.pause_until_ms, run.now_ms + for_ms);
    }
}

Test(cmd_client, pause_holds_on_every_shard_and_never_gets_weaker)
{
    command_scatter_expect(&run, "CLIENT PAUSE 100 WRITE", "+OK ");
    expect_pause(SESSION_PAUSE_WRITE, 100);
    command_scatter_expect(&run, "CLIENT PAUSE 50", "+OK ");
    expect_pause(SESSION_PAUSE_ALL, 100);
    command_scatter_expect(&run, "CLIENT PAUSE 200 write", "+OK ");
    expect_pause(SESSION_PAUSE_ALL, 200);
    run.now_ms += 300;
    command_scatter_expect(&run, "CLIENT PAUSE 10 WRITE", "+OK ");
    expect_pause(SESSION_PAUSE_WRITE, 10);
    command_scatter_expect(&run, "CLIENT UNPAUSE", "+OK ");
    cr_assert_eq(run.cores[1].sessions.pause, SESSION_PAUSE_NONE);
}

Test(cmd_client, pause_refuses_what_it_does_not_know)
{
    command_scatter_expect(&run, "CLIENT PAUSE x", "-ERR timeout is not an integer or out of range ");
    command_scatter_expect(&run, "CLIENT PAUSE -1", "-ERR timeout is negative ");
    command_scatter_expect(&run, "CLIENT PAUSE 9223372036854775807", "-ERR timeout is out of range ");
    command_scatter_expect(&run, "CLIENT PAUSE 1 foo", "-ERR CLIENT PAUSE mode must be WRITE or ALL ");
    command_scatter_expect(&run, "CLIENT PAUSE 1 ALL x",
                           "-ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP. ");
    cr_assert_eq(run.cores[0].sessions.pause, SESSION_PAUSE_NONE);
}

Test(cmd_client, unblock_finds_nobody_blocked)
{
    command_scatter_expect(&run, "CLIENT UNBLOCK 1", ":0 ");
    command_scatter_expect(&run, "CLIENT UNBLOCK 1 ERROR", ":0 ");
    command_scatter_expect(&run, "CLIENT UNBLOCK x", "-ERR value is not an integer or out of range ");
    command_scatter_expect(&run, "CLIENT UNBLOCK x foo", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR ");
}

Test(cmd_client, reply_modes_follow_redis)
{
    command_expect(&run, "CLIENT REPLY SKIP", "");
    cr_assert_eq(run.session.reply_mode, SESSION_REPLY_SKIP_NEXT);
    command_expect(&run, "CLIENT REPLY OFF", "");
    cr_assert_eq(run.session.reply_mode, SESSION_REPLY_OFF);
    command_expect(&run, "CLIENT REPLY SKIP", "");
    cr_assert_eq(run.session.reply_mode, SESSION_REPLY_OFF);
    command_expect(&run, "CLIENT REPLY ON", "+OK ");
    cr_assert_eq(run.session.reply_mode, SESSION_REPLY_ON);
    command_expect(&run, "CLIENT REPLY maybe", "-ERR syntax error ");
}

Test(cmd_client, switches_take_on_and_off_only)
{
    command_expect(&run, "CLIENT NO-EVICT on", "+OK ");
    cr_assert(run.session.no_evict);
    command_expect(&run, "CLIENT NO-EVICT OFF", "+OK ");
    cr_assert_not(run.session.no_evict);
    command_expect(&run, "CLIENT NO-TOUCH ON", "+OK ");
    cr_assert(run.session.no_touch);
    command_expect(&run, "CLIENT NO-TOUCH maybe", "-ERR syntax error ");
    cr_assert(run.session.no_touch);
}

Test(cmd_client, help_begins_and_ends_as_redis_has_it)
{
    struct str reply = command_run(&run, "CLIENT HELP");

    cr_assert(
        memmem(reply.bytes, reply.length, "+CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n", 66));
    cr_assert(contains(reply, "+HELP\r\n+    Prints this help.\r\n"));
    cr_assert_eq(resp_value_length(reply), reply.length);
}
