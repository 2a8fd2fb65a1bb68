/* The stream commands, in one keyspace and over several, and what they say when they wait. */
#include "core/handlers.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/command.h"
#include "tests/support/command_run.h"
#include "tests/support/dice.h"

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

TestSuite(cmd_stream, .init = begin, .fini = end);
TestSuite(cmd_stream_shards, .init = begin_two, .fini = end);

static void expect(const char *line, const char *reply)
{
    command_expect(&run, line, reply);
}

/* 1-0, 2-0 … in the stream s. */
static void add_entries(int count)
{
    char line[64], reply[64];

    for (int i = 1; i <= count; i++) {
        snprintf(line, sizeof line, "XADD s %d-0 f %d", i, i);
        snprintf(reply, sizeof reply, "$%d %d-0 ", i < 10 ? 3 : 4, i);
        expect(line, reply);
    }
}

static uint64_t changes(void)
{
    return keyspace_stats(run.cores[0].keyspace)->dirty;
}

Test(cmd_stream, xadd_gives_rising_ids)
{
    expect("XADD s * f v", "$15 1700000000000-0 ");
    expect("XADD s * f v", "$15 1700000000000-1 ");
    run.now_ms -= 1000;
    expect("XADD s * f v", "$15 1700000000000-2 ");
    expect("XADD s 1700000000000-* f v", "$15 1700000000000-3 ");
    expect("XADD s 1700000000001-* f v", "$15 1700000000001-0 ");
    expect("XADD s 1700000000002 f v", "$15 1700000000002-0 ");
    expect("XADD s 1-* f v", "-ERR The ID specified in XADD is equal or smaller than the target stream top item ");
    expect("XADD s 1-1 f v", "-ERR The ID specified in XADD is equal or smaller than the target stream top item ");
    expect("XADD t 0-* f v", "$3 0-1 ");
    expect("XLEN s", ":6 ");
    cr_assert_eq(changes(), 7);
}

Test(cmd_stream, xadd_refuses_before_it_makes_a_key)
{
    expect("XADD s 0-0 f v", "-ERR The ID specified in XADD must be greater than 0-0 ");
    expect("XADD s 0 f v", "-ERR The ID specified in XADD must be greater than 0-0 ");
    expect("XADD s x f v", "-ERR Invalid stream ID specified as stream command argument ");
    expect("XADD s - f v", "-ERR Invalid stream ID specified as stream command argument ");
    expect("XADD s * f", "-ERR wrong number of arguments for 'xadd' command ");
    expect("XADD s * f v g", "-ERR wrong number of arguments for 'xadd' command ");
    expect("XADD s NOMKSTREAM * f v", "$-1 ");
    expect("EXISTS s", ":0 ");
    expect("SET t x", "+OK ");
    expect("XADD t 1-1 f v", "-WRONGTYPE Operation against a key holding the wrong kind of value ");
}

Test(cmd_stream, xadd_ends_at_the_last_id)
{
    expect("XADD s 18446744073709551615-18446744073709551614 f v", "$41 18446744073709551615-18446744073709551614 ");
    expect("XADD s * f v", "$41 18446744073709551615-18446744073709551615 ");
    expect("XADD s * f v", "-ERR The stream has exhausted the last possible ID, unable to add more items ");
}

Test(cmd_stream, counters_end_at_the_greatest_integer)
{
    add_entries(2);
    expect("XGROUP CREATE s g 0", "+OK ");
    expect("XREADGROUP GROUP g c COUNT 1 STREAMS s >", "*1 *2 $1 s *1 *2 $3 1-0 *2 $1 f $1 1 ");
    expect("XGROUP SETID s g 1 ENTRIESREAD 9223372036854775807", "+OK ");
    expect("XSETID s 2 ENTRIESADDED 9223372036854775807", "+OK ");
    expect("XADD s 3-0 f v3", "$3 3-0 ");
    expect("XREADGROUP GROUP g c COUNT 1 STREAMS s >", "*1 *2 $1 s *1 *2 $3 2-0 *2 $1 f $1 2 ");
    expect("XINFO GROUPS s", "*1 *12 $4 name $1 g $9 consumers :1 $7 pending :2 $17 last-delivered-id $3 2-0 "
                             "$12 entries-read :9223372036854775807 $3 lag :0 ");
    expect("COPY s t", ":1 ");
}

Test(cmd_stream, xadd_trims)
{
    add_entries(5);
    expect("XADD s MAXLEN 3 6-0 f v", "$3 6-0 ");
    expect("XLEN s", ":3 ");
    expect("XADD s MINID = 6 7-0 f v", "$3 7-0 ");
    expect("XRANGE s - +", "*2 *2 $3 6-0 *2 $1 f $1 v *2 $3 7-0 *2 $1 f $1 v ");
    expect("XADD s MAXLEN ~ 1 8-0 f v", "$3 8-0 ");
    expect("XLEN s", ":3 ");
    cr_assert_eq(changes(), 8);
}

Test(cmd_stream, trimming_refuses_what_does_not_go_together)
{
    expect("XTRIM s MAXLEN 1 MINID 1",
           "-ERR syntax error, MAXLEN and MINID options at the same time are not compatible ");
    expect("XTRIM s MAXLEN 1 LIMIT 1", "-ERR syntax error, LIMIT cannot be used without the special ~ option ");
    expect("XTRIM s LIMIT 1", "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy ");
    expect("XTRIM s LIMIT 0", "-ERR syntax error, XTRIM must be called with a trimming strategy ");
    expect("XTRIM s MAXLEN -1", "-ERR The MAXLEN argument must be >= 0. ");
    expect("XTRIM s MAXLEN ~ 1 LIMIT -1", "-ERR The LIMIT argument must be >= 0. ");
    expect("XTRIM s MAXLEN x", "-ERR value is not an integer or out of range ");
    expect("XTRIM s MAXLEN 1 x", "-ERR syntax error ");
    expect("XTRIM s MAXLEN 0", ":0 ");
}

Test(cmd_stream, a_limit_bounds_what_goes)
{
    run.cores[0].config.stream_node_max_entries = 3;
    add_entries(10);
    expect("XTRIM s MAXLEN ~ 0 LIMIT 2", ":0 ");
    expect("XTRIM s MAXLEN ~ 0 LIMIT 7", ":6 ");
    expect("XTRIM s MAXLEN 1", ":3 ");
    expect("XTRIM s MAXLEN 0", ":1 ");
    expect("XLEN s", ":0 ");
    expect("EXISTS s", ":1 ");
}

Test(cmd_stream, ranges_have_open_ends_and_counts)
{
    add_entries(3);
    expect("XRANGE s 2 +", "*2 *2 $3 2-0 *2 $1 f $1 2 *2 $3 3-0 *2 $1 f $1 3 ");
    expect("XRANGE s (2-0 3", "*1 *2 $3 3-0 *2 $1 f $1 3 ");
    expect("XRANGE s - (2-0", "*1 *2 $3 1-0 *2 $1 f $1 1 ");
    expect("XREVRANGE s + - COUNT 1", "*1 *2 $3 3-0 *2 $1 f $1 3 ");
    expect("XREVRANGE s (3-0 1 COUNT 1", "*1 *2 $3 2-0 *2 $1 f $1 2 ");
    expect("XRANGE s + -", "*0 ");
    expect("XRANGE s - + COUNT 0", "*-1 ");
    expect("XRANGE s - + COUNT -5", "*-1 ");
    expect("XRANGE absent - + COUNT 0", "*0 ");
    expect("XRANGE s - + COUNT", "-ERR syntax error ");
    expect("XRANGE s (- +", "-ERR Invalid stream ID specified as stream command argument ");
    expect("XRANGE s (18446744073709551615-18446744073709551615 +", "-ERR invalid start ID for the interval ");
    expect("XRANGE s - (0-0", "-ERR invalid end ID for the interval ");
}

Test(cmd_stream, xdel_leaves_an_empty_stream)
{
    add_entries(2);
    expect("XDEL s 1-0 x", "-ERR Invalid stream ID specified as stream command argument ");
    expect("XDEL s 1-0 2-0 2-0 9-9", ":2 ");
    expect("XRANGE s - +", "*0 ");
    expect("TYPE s", "+stream ");
    expect("XADD s 2-0 f v", "-ERR The ID specified in XADD is equal or smaller than the target stream top item ");
    expect("XDEL absent x", ":0 ");
    cr_assert_eq(changes(), 4);
}

Test(cmd_stream, xread_reads_what_came_after)
{
    add_entries(3);
    expect("XADD t 5-5 a b", "$3 5-5 ");
    expect("XREAD COUNT 1 STREAMS s t absent 1-0 5 0",
           "*2 *2 $1 s *1 *2 $3 2-0 *2 $1 f $1 2 *2 $1 t *1 *2 $3 5-5 *2 $1 a $1 b ");
    expect("XREAD STREAMS s $", "*-1 ");
    expect("XREAD STREAMS s t + +", "*2 *2 $1 s *1 *2 $3 3-0 *2 $1 f $1 3 *2 $1 t *1 *2 $3 5-5 *2 $1 a $1 b ");
    expect("XDEL s 3-0", ":1 ");
    expect("XREAD STREAMS s +", "*1 *2 $1 s *1 *2 $3 2-0 *2 $1 f $1 2 ");
    run.session.protocol = 3;
    expect("XREAD STREAMS t 0", "%1 $1 t *1 *2 $3 5-5 *2 $1 a $1 b ");
    expect("XREAD STREAMS t 9", "_ ");
}

Test(cmd_stream, xread_refuses_what_does_not_go_together)
{
    expect("XREAD STREAMS s t 0",
           "-ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be specified. ");
    expect("XREADGROUP GROUP g c STREAMS s t 0",
           "-ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified. ");
    expect("XREAD GROUP g c STREAMS s 0",
           "-ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead. ");
    expect("XREAD NOACK STREAMS s 0",
           "-ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead. ");
    expect("XREADGROUP COUNT 1 COUNT 1 STREAMS s 0", "-ERR Missing GROUP option for XREADGROUP ");
    expect("XREAD BLOCK x STREAMS s 0", "-ERR timeout is not an integer or out of range ");
    expect("XREAD BLOCK -1 STREAMS s 0", "-ERR timeout is negative ");
    expect("XREAD BLOCK 9223372036854775807 STREAMS s 0", "-ERR timeout is out of range ");
    expect("XREAD COUNT 1 COUNT 2", "-ERR syntax error ");
    expect("XREAD STREAMS s x", "-ERR Invalid stream ID specified as stream command argument ");
    expect("XREAD STREAMS s >",
           "-ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option. ");
    expect("XREADGROUP GROUP g c STREAMS s >",
           "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option ");
    expect("XGROUP CREATE s g 0 MKSTREAM", "+OK ");
    expect(
        "XREADGROUP GROUP g c STREAMS s $",
        "-ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by "
        "specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result "
        "set. ");
    expect("XREADGROUP GROUP g c CLAIM x STREAMS s >", "-ERR min-idle-time is not an integer or out of range ");
    expect("XREADGROUP GROUP g c CLAIM -1 STREAMS s >", "-ERR min-idle-time must be a positive integer ");
    expect("XREAD CLAIM 1 STREAMS s 0", "-ERR syntax error ");
}

Test(cmd_stream, a_group_gives_each_entry_to_one_consumer)
{
    add_entries(3);
    expect("XGROUP CREATE s g 0", "+OK ");
    expect("XREADGROUP GROUP g alice COUNT 1 STREAMS s >", "*1 *2 $1 s *1 *2 $3 1-0 *2 $1 f $1 1 ");
    expect("XREADGROUP GROUP g bob COUNT 1 STREAMS s >", "*1 *2 $1 s *1 *2 $3 2-0 *2 $1 f $1 2 ");
    expect("XREADGROUP GROUP g carol NOACK STREAMS s >", "*1 *2 $1 s *1 *2 $3 3-0 *2 $1 f $1 3 ");
    expect("XREADGROUP GROUP g bob STREAMS s >", "*-1 ");
    expect("XPENDING s g", "*4 :2 $3 1-0 $3 2-0 *2 *2 $5 alice $1 1 *2 $3 bob $1 1 ");
    expect("XACK s g 1-0 3-0 9", ":1 ");
    expect("XACK s nosuch x", ":0 ");
    expect("XACK s g x", "-ERR Invalid stream ID specified as stream command argument ");
    expect("XPENDING s g", "*4 :1 $3 2-0 $3 2-0 *1 *2 $3 bob $1 1 ");
    expect("XACK s g 2-0", ":1 ");
    expect("XPENDING s g", "*4 :0 $-1 $-1 *-1 ");
}

Test(cmd_stream, history_is_what_is_pending_for_the_consumer)
{
    add_entries(3);
    expect("XGROUP CREATE s g 0", "+OK ");
    command_run(&run, "XREADGROUP GROUP g alice STREAMS s >");
    expect("XDEL s 2-0", ":1 ");
    run.now_ms += 50;
    expect("XREADGROUP GROUP g alice STREAMS s 1-0", "*1 *2 $1 s *2 *2 $3 2-0 *-1 *2 $3 3-0 *2 $1 f $1 3 ");
    expect("XREADGROUP GROUP g alice COUNT 1 STREAMS s 0", "*1 *2 $1 s *1 *2 $3 1-0 *2 $1 f $1 1 ");
    expect("XREADGROUP GROUP g bob STREAMS s 0", "*1 *2 $1 s *0 ");
    expect("XPENDING s g - + 10", "*3 *4 $3 1-0 $5 alice :0 :2 *4 $3 2-0 $5 alice :50 :1 *4 $3 3-0 $5 alice :0 :2 ");
    expect("XPENDING s g IDLE 50 - + 10", "*1 *4 $3 2-0 $5 alice :50 :1 ");
    expect("XPENDING s g (1 3 1", "*1 *4 $3 2-0 $5 alice :50 :1 ");
    expect("XPENDING s g - + 10 nobody", "*0 ");
    expect("XPENDING s g - + -1", "*0 ");
    expect("XPENDING s g - +", "-ERR syntax error ");
    expect("XPENDING s nosuch", "-NOGROUP No such key 's' or consumer group 'nosuch' ");
}

Test(cmd_stream, an_entry_that_is_read_again_changes_hands)
{
    add_entries(1);
    expect("XGROUP CREATE s g 0", "+OK ");
    command_run(&run, "XREADGROUP GROUP g alice STREAMS s >");
    expect("XGROUP SETID s g 0", "+OK ");
    expect("XREADGROUP GROUP g bob STREAMS s >", "*1 *2 $1 s *1 *2 $3 1-0 *2 $1 f $1 1 ");
    expect("XPENDING s g - + 10", "*1 *4 $3 1-0 $3 bob :0 :1 ");
}

Test(cmd_stream, xgroup_makes_and_ends_groups_and_consumers)
{
    expect(
        "XGROUP CREATE s g $",
        "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM "
        "option to create an empty stream automatically. ");
    expect("XGROUP CREATE s g $ MKSTREAM ENTRIESREAD 5", "+OK ");
    expect("XGROUP CREATE s g $", "-BUSYGROUP Consumer Group name already exists ");
    expect("XGROUP CREATE s h x", "-ERR Invalid stream ID specified as stream command argument ");
    expect("XGROUP CREATE s h 0 ENTRIESREAD -2", "-ERR value for ENTRIESREAD must be positive or -1 ");
    expect("XGROUP CREATE s h 0 what",
           "-ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP. ");
    expect("XGROUP CREATECONSUMER s g c", ":1 ");
    expect("XGROUP CREATECONSUMER s g c", ":0 ");
    expect("XGROUP CREATECONSUMER s h c", "-NOGROUP No such consumer group 'h' for key name 's' ");
    expect("XADD s 1-1 a b", "$3 1-1 ");
    command_run(&run, "XREADGROUP GROUP g c STREAMS s >");
    expect("XGROUP DELCONSUMER s g c", ":1 ");
    expect("XGROUP DELCONSUMER s g c", ":0 ");
    expect("XPENDING s g", "*4 :0 $-1 $-1 *-1 ");
    expect("XGROUP DESTROY s g", ":1 ");
    expect("XGROUP DESTROY s g", ":0 ");
}

Test(cmd_stream, xclaim_takes_what_is_idle)
{
    add_entries(3);
    expect("XGROUP CREATE s g 0", "+OK ");
    command_run(&run, "XREADGROUP GROUP g alice STREAMS s >");
    run.now_ms += 100;
    expect("XCLAIM s g bob 101 1-0", "*0 ");
    expect("XCLAIM s g bob 100 1-0", "*1 *2 $3 1-0 *2 $1 f $1 1 ");
    expect("XCLAIM s g bob 0 2-0 9-9 JUSTID IDLE 30 RETRYCOUNT 7", "*1 $3 2-0 ");
    expect("XPENDING s g - + 10", "*3 *4 $3 1-0 $3 bob :0 :2 *4 $3 2-0 $3 bob :30 :7 *4 $3 3-0 $5 alice :100 :1 ");
    expect("XDEL s 3-0", ":1 ");
    expect("XCLAIM s g bob 0 3-0", "*0 ");
    expect("XACK s g 1-0", ":1 ");
    expect("XCLAIM s g bob 0 1-0 FORCE", "*1 *2 $3 1-0 *2 $1 f $1 1 ");
    expect("XPENDING s g - + 10 bob", "*2 *4 $3 1-0 $3 bob :0 :2 *4 $3 2-0 $3 bob :30 :7 ");
    expect("XCLAIM s g bob 0 1-0 what", "-ERR Unrecognized XCLAIM option 'what' ");
    expect("XCLAIM s g bob x 1-0", "-ERR Invalid min-idle-time argument for XCLAIM ");
    expect("XCLAIM s g bob 0 1-0 TIME x", "-ERR Invalid TIME option argument for XCLAIM ");
    expect("XCLAIM s g bob 0 1-0 IDLE -9223372036854775808 JUSTID", "*1 $3 1-0 ");
    expect("XCLAIM s nosuch bob 0 1-0", "-NOGROUP No such key 's' or consumer group 'nosuch' ");
}

Test(cmd_stream, xautoclaim_goes_on_where_it_stopped)
{
    add_entries(4);
    expect("XGROUP CREATE s g 0", "+OK ");
    command_run(&run, "XREADGROUP GROUP g alice STREAMS s >");
    expect("XDEL s 2-0", ":1 ");
    run.now_ms += 100;
    expect("XAUTOCLAIM s g bob 100 - COUNT 2", "*3 $3 3-0 *1 *2 $3 1-0 *2 $1 f $1 1 *1 $3 2-0 ");
    expect("XAUTOCLAIM s g bob 100 3-0 JUSTID", "*3 $3 0-0 *2 $3 3-0 $3 4-0 *0 ");
    expect("XAUTOCLAIM s g bob 100 -", "*3 $3 0-0 *0 *0 ");
    expect("XPENDING s g", "*4 :3 $3 1-0 $3 4-0 *1 *2 $3 bob $1 3 ");
    expect("XAUTOCLAIM s g bob 0 - COUNT 0", "-ERR COUNT must be > 0 ");
    expect("XAUTOCLAIM s g bob x -", "-ERR Invalid min-idle-time argument for XAUTOCLAIM ");
    expect("XAUTOCLAIM s g bob 0 - COUNT 576460752303423487 JUSTID", "*3 $3 0-0 *3 $3 1-0 $3 3-0 $3 4-0 *0 ");
}

Test(cmd_stream, xreadgroup_claims_the_longest_idle_first)
{
    add_entries(3);
    expect("XGROUP CREATE s g 0", "+OK ");
    command_run(&run, "XREADGROUP GROUP g alice COUNT 2 STREAMS s >");
    expect("XCLAIM s g alice 0 2-0 IDLE 500 JUSTID", "*1 $3 2-0 ");
    run.now_ms += 100;
    expect("XREADGROUP GROUP g bob CLAIM 100 COUNT 1 STREAMS s >", "*1 *2 $1 s *1 *4 $3 2-0 *2 $1 f $1 2 :600 :1 ");
    expect("XREADGROUP GROUP g bob CLAIM 100 STREAMS s >",
           "*1 *2 $1 s *2 *4 $3 1-0 *2 $1 f $1 1 :100 :1 *4 $3 3-0 *2 $1 f $1 3 :0 :0 ");
    expect("XREADGROUP GROUP g bob CLAIM 100 STREAMS s >", "*-1 ");
    expect("XREADGROUP GROUP g bob CLAIM 0 NOACK STREAMS s >",
           "*1 *2 $1 s *3 *4 $3 1-0 *2 $1 f $1 1 :0 :2 *4 $3 2-0 *2 $1 f $1 2 :0 :2 *4 $3 3-0 *2 $1 f $1 3 :0 :1 ");
    expect("XPENDING s g", "*4 :3 $3 1-0 $3 3-0 *1 *2 $3 bob $1 3 ");
    run.now_ms += 100;
    expect("XTRIM s MAXLEN 0", ":3 ");
    expect("XREADGROUP GROUP g bob CLAIM 50 STREAMS s >", "*-1 ");
    expect("XREADGROUP GROUP g bob CLAIM 50 STREAMS s 2", "*1 *2 $1 s *1 *2 $3 3-0 *-1 ");
}

Test(cmd_stream, deletion_minds_the_references)
{
    add_entries(4);
    expect("XGROUP CREATE s g 0", "+OK ");
    expect("XGROUP CREATE s h 0", "+OK ");
    command_run(&run, "XREADGROUP GROUP g c COUNT 3 STREAMS s >");
    command_run(&run, "XREADGROUP GROUP h c COUNT 3 STREAMS s >");
    expect("XDELEX s ACKED IDS 3 1-0 4-0 9-0", "*3 :2 :2 :-1 ");
    expect("XACKDEL s g ACKED IDS 2 1-0 9-0", "*2 :2 :-1 ");
    expect("XACKDEL s h ACKED IDS 1 1-0", "*1 :1 ");
    expect("XACKDEL s g IDS 1 2-0", "*1 :1 ");
    expect("XPENDING s h", "*4 :2 $3 2-0 $3 3-0 *1 *2 $1 c $1 2 ");
    expect("XDELEX s DELREF IDS 2 2-0 3-0", "*2 :-1 :1 ");
    expect("XPENDING s h", "*4 :0 $-1 $-1 *-1 ");
    expect("XDELEX s IDS 1 4-0", "*1 :1 ");
    expect("XLEN s", ":0 ");
    expect("XDELEX absent IDS 2 1 2", "*2 :-1 :-1 ");
    expect("XACKDEL s nosuch IDS 1 1", "*1 :-1 ");
}

Test(cmd_stream, deletion_refuses_a_wrong_list_of_ids)
{
    expect("XDELEX s IDS 0 1-1", "-ERR Number of IDs must be a positive integer ");
    expect("XDELEX s IDS x 1-1", "-ERR Number of IDs must be a positive integer ");
    expect("XDELEX s IDS 9223372036854775807 1-1", "-ERR The `numids` parameter must match the number of arguments ");
    expect("XACKDEL s g IDS 1 1-1 2-2", "-ERR syntax error ");
    expect("XACKDEL s g KEEPREF ACKED IDS 1 1-1", "-ERR syntax error ");
    expect("XDELEX s KEEPREF DELREF ACKED", "-ERR syntax error ");
    expect("XDELEX s IDS 1 x", "-ERR Invalid stream ID specified as stream command argument ");
    expect("XDELEX s IDS 1 1-1 KEEPREF", "*1 :-1 ");
}

Test(cmd_stream, trimming_minds_the_references)
{
    add_entries(6);
    expect("XGROUP CREATE s g 0", "+OK ");
    expect("XGROUP CREATE s h 0", "+OK ");
    command_run(&run, "XREADGROUP GROUP g c COUNT 4 STREAMS s >");
    command_run(&run, "XREADGROUP GROUP h c COUNT 4 STREAMS s >");
    expect("XACK s g 1-0 3-0", ":2 ");
    expect("XACK s h 1-0 2-0 3-0", ":3 ");
    expect("XTRIM s MAXLEN 3 ACKED", ":2 ");
    expect("XTRIM s MINID 4 ACKED", ":0 ");
    expect("XTRIM s ACKED MAXLEN ~ 0", ":0 ");
    expect("XTRIM s MINID 4 KEEPREF", ":1 ");
    expect("XPENDING s g", "*4 :2 $3 2-0 $3 4-0 *1 *2 $1 c $1 2 ");
    expect("XADD s DELREF MAXLEN 1 7-0 f 7", "$3 7-0 ");
    expect("XPENDING s g", "*4 :1 $3 2-0 $3 2-0 *1 *2 $1 c $1 1 ");
    expect("XPENDING s h", "*4 :0 $-1 $-1 *-1 ");
    expect("XGROUP DESTROY s g", ":1 ");
    expect("XGROUP DESTROY s h", ":1 ");
    expect("XTRIM s MAXLEN 0 ACKED", ":1 ");
    expect("XADD s ACKED 8-0 f 8", "$3 8-0 ");
    expect("XADD s ACKED DELREF 9-0 f 9", "-ERR Invalid stream ID specified as stream command argument ");
    expect("XTRIM s MAXLEN 0 ACKED KEEPREF", "-ERR syntax error ");
    expect("XTRIM s ACKED DELREF", "-ERR syntax error ");
    expect("XTRIM s ACKED LIMIT 0", "-ERR syntax error, XTRIM must be called with a trimming strategy ");
}

enum { MODEL_ENTRIES = 40, MODEL_GROUPS = 2 };

/* What is there, and which of it each group has pending; entry i is i + 1. */
struct references_model {
    bool live[MODEL_ENTRIES], pending[MODEL_GROUPS][MODEL_ENTRIES];
    int length, given[MODEL_GROUPS];
};

static void begin_model(struct references_model *model)
{
    char line[96];

    *model = (struct references_model){.length = MODEL_ENTRIES};
    add_entries(MODEL_ENTRIES);
    for (int group = 0; group < MODEL_GROUPS; group++) {
        model->given[group] = 1 + (int)dice_below(MODEL_ENTRIES);
        snprintf(line, sizeof line, "XGROUP CREATE s g%d 0", group);
        expect(line, "+OK ");
        snprintf(line, sizeof line, "XREADGROUP GROUP g%d c COUNT %d STREAMS s >", group, model->given[group]);
        command_run(&run, line);
        for (int i = 0; i < model->given[group]; i++) {
            model->pending[group][i] = dice_below(2);
            snprintf(line, sizeof line, "XACK s g%d %d", group, i + 1);
            if (!model->pending[group][i])
                expect(line, ":1 ");
        }
    }
    for (int i = 0; i < MODEL_ENTRIES; i++)
        model->live[i] = true;
}

static bool may_go(const struct references_model *model, int at)
{
    for (int group = 0; group < MODEL_GROUPS; group++)
        if (at >= model->given[group] || model->pending[group][at])
            return false;
    return true;
}

/* most: so many are left, or -1; until: only what is below. */
static int trim_model(struct references_model *model, bool acked, int most, int until)
{
    int removed = 0;

    for (int i = 0; i < until && model->length > most; i++) {
        if (!model->live[i] || (acked && !may_go(model, i)))
            continue;
        model->live[i] = false;
        model->length--;
        removed++;
        for (int group = 0; group < MODEL_GROUPS; group++)
            model->pending[group][i] = false;
    }
    return removed;
}

static void expect_model(const struct references_model *model)
{
    char line[64], reply[64];

    for (int i = 0; i < MODEL_ENTRIES; i++) {
        snprintf(line, sizeof line, "XRANGE s %d %d", i + 1, i + 1);
        cr_assert_eq(str_equal(command_run(&run, line), STR("*0\r\n")), !model->live[i], "%s", line);
        for (int group = 0; group < MODEL_GROUPS; group++) {
            snprintf(line, sizeof line, "XPENDING s g%d %d %d 1", group, i + 1, i + 1);
            cr_assert_eq(str_equal(command_run(&run, line), STR("*0\r\n")), !model->pending[group][i], "%s", line);
        }
    }
    snprintf(reply, sizeof reply, ":%d ", model->length);
    expect("XLEN s", reply);
}

Test(cmd_stream, trimming_with_references_is_as_entry_by_entry)
{
    struct references_model model;
    char line[64], reply[32];

    dice_seed();
    for (int round = 0; round < 60; round++) {
        run.cores[0].config.stream_node_max_entries = 1 + (int64_t)dice_below(12);
        begin_model(&model);
        for (int trim = 0; trim < 4; trim++) {
            bool acked = dice_below(2), by_id = dice_below(2);
            int threshold = (int)dice_below(MODEL_ENTRIES);

            snprintf(line, sizeof line, "XTRIM s %s %d %s", by_id ? "MINID" : "MAXLEN", threshold,
                     acked ? "ACKED" : "DELREF");
            snprintf(reply, sizeof reply, ":%d ",
                     by_id ? trim_model(&model, acked, -1, threshold - 1)
                           : trim_model(&model, acked, threshold, MODEL_ENTRIES));
            expect(line, reply);
            expect_model(&model);
        }
        expect("DEL s", ":1 ");
    }
}

Test(cmd_stream, an_endless_name_is_not_shown_in_whole)
{
    static char name[STR_SHOWN_MAX + 1000];
    struct str argv[] = {STR("XPENDING"), STR("s"), {name, sizeof name}};

    memset(name, 'x', sizeof name);
    add_entries(1);
    struct str reply = command_run_argv(&run, argv, 3);
    cr_assert_eq(reply.length, STR_SHOWN_MAX + strlen("-NOGROUP No such key 's' or consumer group ''\r\n"));
}

Test(cmd_stream, xsetid_keeps_ids_rising)
{
    expect("XSETID s 1-0", "-ERR no such key ");
    add_entries(3);
    expect("XSETID s 2-0", "-ERR The ID specified in XSETID is smaller than the target stream top item ");
    expect("XSETID s 9-0 ENTRIESADDED 2",
           "-ERR The entries_added specified in XSETID is smaller than the target stream length ");
    expect("XSETID s 9-0 ENTRIESADDED -1", "-ERR entries_added must be positive ");
    expect("XSETID s 9-0 MAXDELETEDID 10",
           "-ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id ");
    expect("XSETID s 9-0 what", "-ERR syntax error ");
    expect("XSETID s 9-0 ENTRIESADDED 20 MAXDELETEDID 5-5", "+OK ");
    expect("XSETID s 5-4", "-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id ");
    expect("XADD s 9-* f v", "$3 9-1 ");
    expect("XINFO STREAM s FULL COUNT 1",
           "*18 $6 length :4 $15 radix-tree-keys :1 $16 radix-tree-nodes :2 $17 last-generated-id $3 9-1 "
           "$20 max-deleted-entry-id $3 5-5 $13 entries-added :21 $23 recorded-first-entry-id $3 1-0 "
           "$7 entries *1 *2 $3 1-0 *2 $1 f $1 1 $6 groups *0 ");
}

Test(cmd_stream, xinfo_shows_streams_groups_and_consumers)
{
    expect("XINFO STREAM s", "-ERR no such key ");
    add_entries(2);
    expect("XGROUP CREATE s g 0", "+OK ");
    expect("XGROUP CREATECONSUMER s g bob", ":1 ");
    command_run(&run, "XREADGROUP GROUP g al COUNT 1 STREAMS s >");
    run.now_ms += 5;
    expect("XINFO GROUPS s", "*1 *12 $4 name $1 g $9 consumers :2 $7 pending :1 $17 last-delivered-id $3 1-0 "
                             "$12 entries-read :1 $3 lag :1 ");
    expect("XINFO CONSUMERS s g", "*2 *8 $4 name $2 al $7 pending :1 $4 idle :5 $8 inactive :5 "
                                  "*8 $4 name $3 bob $7 pending :0 $4 idle :5 $8 inactive :-1 ");
    expect("XINFO CONSUMERS s h", "-NOGROUP No such consumer group 'h' for key name 's' ");
    run.session.protocol = 3;
    expect("XINFO STREAM s FULL COUNT 1",
           "%9 $6 length :2 $15 radix-tree-keys :1 $16 radix-tree-nodes :2 $17 last-generated-id $3 2-0 "
           "$20 max-deleted-entry-id $3 0-0 $13 entries-added :2 $23 recorded-first-entry-id $3 1-0 "
           "$7 entries *1 *2 $3 1-0 *2 $1 f $1 1 $6 groups *1 %7 $4 name $1 g $17 last-delivered-id $3 1-0 "
           "$12 entries-read :1 $3 lag :1 $9 pel-count :1 $7 pending *1 *4 $3 1-0 $2 al :1700000000000 :1 "
           "$9 consumers *2 %5 $4 name $2 al $9 seen-time :1700000000000 $11 active-time :1700000000000 "
           "$9 pel-count :1 $7 pending *1 *3 $3 1-0 :1700000000000 :1 %5 $4 name $3 bob $9 seen-time :1700000000000 "
           "$11 active-time :-1 $9 pel-count :0 $7 pending *0 ");
    expect("XINFO STREAM s COUNT",
           "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP. ");
}

Test(cmd_stream, ids_are_read_as_redis_does)
{
    expect("XADD s \" +007-+1\" f v", "$3 7-1 ");
    expect("XADD s \"8-2\\x00x\" f v", "$3 8-2 ");
    expect("XADD s 18446744073709551616-0 f v", "-ERR Invalid stream ID specified as stream command argument ");
    expect("XADD s 9--1 f v", "-ERR Invalid stream ID specified as stream command argument ");
    expect("XADD s 9--01 f v", "$22 9-18446744073709551615 ");
    expect("XADD s 10- f v", "-ERR Invalid stream ID specified as stream command argument ");
}

static struct call_wait run_waiting(const char *name, const struct str *argv, int argc)
{
    struct call_wait wait = {0};
    struct call call = {.command = command_find_by_name(str_from(name)),
                        .argv = argv,
                        .argc = argc,
                        .now_ms = run.now_ms,
                        .reply = &run.reply,
                        .core = &run.cores[0],
                        .wait = &wait};

    buffer_init(&wait.rewritten, &run.memory, NULL, 0);
    run.reply.buffer.length = 0;
    call_run(&call);
    return wait;
}

Test(cmd_stream, xread_waits_for_what_comes_after_now)
{
    static const struct str argv[] = {STR("XREAD"),  STR("BLOCK"), STR("500"), STR("STREAMS"), STR("s"),
                                      STR("absent"), STR("t"),     STR("$"),   STR("+"),       STR("7-7")};
    uint32_t header[2];

    add_entries(3);
    struct call_wait wait = run_waiting("xread", argv, 10);
    cr_assert(wait.wanted && !wait.any_change && wait.type == VALUE_STREAM);
    cr_assert_eq(wait.deadline_ms, run.now_ms + 500);
    cr_assert_eq(run.reply.buffer.length, 0);
    cr_assert_eq(wait.rewritten.length, 2 * (sizeof header + 3));
    memcpy(header, wait.rewritten.bytes, sizeof header);
    cr_assert(header[0] == 7 && header[1] == 3);
    cr_assert_eq(memcmp(wait.rewritten.bytes + sizeof header, "3-0", 3), 0);
    memcpy(header, wait.rewritten.bytes + sizeof header + 3, sizeof header);
    cr_assert(header[0] == 8 && header[1] == 3);
    cr_assert_eq(memcmp(wait.rewritten.bytes + 2 * sizeof header + 3, "0-0", 3), 0);
    buffer_deinit(&wait.rewritten);
}

Test(cmd_stream, xreadgroup_waits_for_any_change)
{
    static const struct str argv[] = {STR("XREADGROUP"), STR("GROUP"),   STR("g"), STR("c"), STR("BLOCK"),
                                      STR("0"),          STR("STREAMS"), STR("s"), STR(">")};

    expect("XGROUP CREATE s g $ MKSTREAM", "+OK ");
    struct call_wait wait = run_waiting("xreadgroup", argv, 9);
    cr_assert(wait.wanted && wait.any_change && wait.type == VALUE_STREAM);
    cr_assert_eq(wait.deadline_ms, INT64_MAX);
    expect("XGROUP DELCONSUMER s g c", ":0 ");
    expect("XINFO CONSUMERS s g", "*0 ");
    buffer_deinit(&wait.rewritten);
}

/* Each entry pending in g: of every tenth to b, the others to a. */
static void make_pending(int count)
{
    char line[64];

    for (int i = 1; i <= count; i++) {
        snprintf(line, sizeof line, "XADD s %d-0 f v", i);
        command_run(&run, line);
    }
    expect("XGROUP CREATE s g 0", "+OK ");
    for (int i = 1; i <= count; i++)
        command_run(&run, i % 10 == 0 ? "XREADGROUP GROUP g b COUNT 1 STREAMS s >"
                                      : "XREADGROUP GROUP g a COUNT 1 STREAMS s >");
}

static void expect_freed_in_slices(void)
{
    int slices = 0;

    while (keyspace_reclaim(run.keyspaces[0], 100) > 0)
        slices++;
    cr_assert_gt(slices, 5);
}

Test(cmd_stream, a_large_group_is_freed_in_slices)
{
    make_pending(1000);
    expect("XGROUP DESTROY s g", ":1 ");
    expect("XINFO GROUPS s", "*0 ");
    expect("XGROUP CREATE s g 0", "+OK ");
    expect("XPENDING s g", "*4 :0 $-1 $-1 *-1 ");
    expect_freed_in_slices();
    expect("XLEN s", ":1000 ");
}

Test(cmd_stream, a_consumer_of_most_is_freed_in_slices)
{
    make_pending(1000);
    expect("XREADGROUP GROUP g c CLAIM 0 COUNT 1 STREAMS s >", "*1 *2 $1 s *1 *4 $3 1-0 *2 $1 f $1 v :0 :1 ");
    expect("XREADGROUP GROUP g b COUNT 1 STREAMS s 9", "*1 *2 $1 s *1 *2 $4 10-0 *2 $1 f $1 v ");
    expect("XGROUP DELCONSUMER s g a", ":899 ");
    expect_freed_in_slices();
    expect("XPENDING s g", "*4 :101 $3 1-0 $6 1000-0 *2 *2 $1 b $3 100 *2 $1 c $1 1 ");
    expect("XPENDING s g 2 20 10", "*2 *4 $4 10-0 $1 b :0 :2 *4 $4 20-0 $1 b :0 :1 ");
    expect("XREADGROUP GROUP g b CLAIM 0 COUNT 1 STREAMS s >", "*1 *2 $1 s *1 *4 $3 1-0 *2 $1 f $1 v :0 :2 ");
    expect("XADD s 2000-0 f v", "$6 2000-0 ");
    expect("XREADGROUP GROUP g a COUNT 1 STREAMS s >", "*1 *2 $1 s *1 *2 $6 2000-0 *2 $1 f $1 v ");
}

/* 1000 entries in as many blocks, of which a group has read 20 and acknowledged none. */
static void make_large_stream(void)
{
    char line[64];

    expect("CONFIG SET stream-node-max-entries 1", "+OK ");
    for (int i = 1; i <= 1000; i++) {
        snprintf(line, sizeof line, "XADD s %d-0 f v", i);
        command_run(&run, line);
    }
    expect("XGROUP CREATE s g 0", "+OK ");
    command_run(&run, "XREADGROUP GROUP g c COUNT 20 STREAMS s >");
    expect("XDEL s 1000-0", ":1 ");
}

Test(cmd_stream, most_of_a_large_stream_is_freed_in_slices)
{
    make_large_stream();
    expect("XTRIM s MAXLEN 2", ":997 ");
    expect_freed_in_slices();
    expect("XRANGE s - +", "*2 *2 $5 998-0 *2 $1 f $1 v *2 $5 999-0 *2 $1 f $1 v ");
    expect("XINFO STREAM s", "*20 $6 length :2 $15 radix-tree-keys :2 $16 radix-tree-nodes :4 $17 last-generated-id "
                             "$6 1000-0 $20 max-deleted-entry-id $6 1000-0 $13 entries-added :1000 "
                             "$23 recorded-first-entry-id $5 998-0 $6 groups :1 $11 first-entry *2 $5 998-0 *2 $1 f "
                             "$1 v $10 last-entry *2 $5 999-0 *2 $1 f $1 v ");
    expect("XPENDING s g", "*4 :20 $3 1-0 $4 20-0 *1 *2 $1 c $2 20 ");
    expect("XREADGROUP GROUP g c COUNT 1 STREAMS s >", "*1 *2 $1 s *1 *2 $5 998-0 *2 $1 f $1 v ");
    expect("XADD s MAXLEN 2 1001-0 f v", "$6 1001-0 ");
    expect("XLEN s", ":2 ");
}

Test(cmd_stream, a_large_stream_may_be_trimmed_by_id_and_to_nothing)
{
    make_large_stream();
    expect("XTRIM s MINID 990", ":989 ");
    expect_freed_in_slices();
    expect("XRANGE s - + COUNT 1", "*1 *2 $5 990-0 *2 $1 f $1 v ");
    expect("DEL s", ":1 ");
    make_large_stream();
    expect("XADD s MAXLEN 0 1001-0 f v", "$6 1001-0 ");
    expect_freed_in_slices();
    expect("XLEN s", ":0 ");
    expect("XADD s 1002-0 f v", "$6 1002-0 ");
    expect("XREADGROUP GROUP g c STREAMS s >", "*1 *2 $1 s *1 *2 $6 1002-0 *2 $1 f $1 v ");
}

Test(cmd_stream, the_keys_are_told_as_if_the_first_streams_were_the_option)
{
    expect("COMMAND GETKEYS XREADGROUP COUNT 1 GROUP streams streams STREAMS a b > >",
           "*3 $7 streams $7 STREAMS $1 a ");
    expect("COMMAND GETKEYS XREADGROUP CLAIM 5 NOACK GROUP g c BLOCK 1 STREAMS a >", "*1 $1 a ");
    expect("COMMAND GETKEYS XREAD COUNT 1 STREAMS streams 0", "*1 $7 streams ");
    expect("COMMAND GETKEYS XREAD STREAMS a b 0", "*1 $1 a ");
    expect("COMMAND GETKEYS XREAD COUNT 1 a STREAMS", "-ERR Invalid arguments specified for command ");
}

Test(cmd_stream, block_may_stand_behind_a_group_called_streams)
{
    struct str grouped[] = {STR("XREADGROUP"), STR("GROUP"),   STR("streams"), STR("c"), STR("BLOCK"),
                            STR("0"),          STR("STREAMS"), STR("s"),       STR(">")};
    struct str named[] = {STR("XREADGROUP"), STR("GROUP"), STR("block"), STR("c"), STR("STREAMS"), STR("s"), STR(">")};

    const struct command *row = command_find_by_name(STR("xreadgroup"));

    cr_assert(row->blocks(grouped, 9));
    cr_assert_not(row->blocks(named, 7));
}

Test(cmd_stream_shards, names_of_options_are_no_options)
{
    for (int i = 0; i < 4; i++) {
        char line[96], reply[96];

        snprintf(line, sizeof line, "XGROUP CREATE k%d streams 0 MKSTREAM", i);
        expect(line, "+OK ");
        snprintf(line, sizeof line, "XADD k%d 1-1 a b", i);
        expect(line, "$3 1-1 ");
        snprintf(line, sizeof line, "XREADGROUP COUNT 1 GROUP streams streams STREAMS k%d >", i);
        snprintf(reply, sizeof reply, "*1 *2 $2 k%d *1 *2 $3 1-1 *2 $1 a $1 b ", i);
        expect(line, reply);
    }
}

Test(cmd_stream_shards, keys_may_lie_anywhere)
{
    expect("XADD k0 1-1 a b", "$3 1-1 ");
    expect("XADD k1 2-2 c d", "$3 2-2 ");
    expect("XREAD STREAMS k0 k1 0 0", "*2 *2 $2 k0 *1 *2 $3 1-1 *2 $1 a $1 b *2 $2 k1 *1 *2 $3 2-2 *2 $1 c $1 d ");
    expect("XGROUP CREATE k0 g 0", "+OK ");
    expect("XGROUP CREATE k1 g 0", "+OK ");
    expect("XREADGROUP GROUP g c STREAMS k0 k1 > >",
           "*2 *2 $2 k0 *1 *2 $3 1-1 *2 $1 a $1 b *2 $2 k1 *1 *2 $3 2-2 *2 $1 c $1 d ");
    expect("RENAME k0 k1", "+OK ");
    expect("XPENDING k1 g", "*4 :1 $3 1-1 $3 1-1 *1 *2 $1 c $1 1 ");
    expect("COPY k1 k2", ":1 ");
    expect("XACK k2 g 1-1", ":1 ");
    expect("XPENDING k1 g", "*4 :1 $3 1-1 $3 1-1 *1 *2 $1 c $1 1 ");
    expect("DEL k1 k2", ":2 ");
}
