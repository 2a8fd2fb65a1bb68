/* The list commands, in one keyspace and over several, and what they say when they wait. */
#include "core/handlers.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/command.h"
#include "tests/support/command_run.h"

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

TestSuite(cmd_list, .init = begin, .fini = end);
TestSuite(cmd_list_shards, .init = begin_two, .fini = end);

static void expect(const char *line, const char *reply)
{
    command_expect(&run, line, reply);
}

static const char WRONG_TYPE[] = "-WRONGTYPE Operation against a key holding the wrong kind of value ";
static const char NO_INTEGER[] = "-ERR value is not an integer or out of range ";
static const char SYNTAX[] = "-ERR syntax error ";

Test(cmd_list, pushes_go_to_their_end_one_by_one)
{
    expect("LPUSHX k x", ":0 ");
    expect("RPUSHX k x", ":0 ");
    expect("EXISTS k", ":0 ");
    expect("LPUSH k a b", ":2 ");
    expect("RPUSH k c 7", ":4 ");
    expect("LPUSHX k d e", ":6 ");
    expect("RPUSHX k f", ":7 ");
    expect("LRANGE k 0 -1", "*7 $1 e $1 d $1 b $1 a $1 c $1 7 $1 f ");
    expect("LLEN k", ":7 ");
    expect("LLEN absent", ":0 ");
    expect("TYPE k", "+list ");
}

Test(cmd_list, every_command_refuses_another_type)
{
    static const char *const lines[] = {
        "LPUSH s a",
        "RPUSH s a",
        "LPUSHX s a",
        "RPUSHX s a",
        "LPOP s",
        "RPOP s 2",
        "LLEN s",
        "LINDEX s x",
        "LSET s x a",
        "LRANGE s 0 1",
        "LTRIM s 0 1",
        "LREM s 0 a",
        "LINSERT s after a b",
        "LPOS s a",
        "LMOVE s k LEFT LEFT",
        "RPOPLPUSH s k",
        "LMOVE l s LEFT LEFT",
        "RPOPLPUSH l s",
        "LMPOP 2 absent s LEFT",
        "BLPOP absent s 0",
        "BRPOP s 0",
        "BLMOVE s k LEFT LEFT 0",
        "BLMOVE l s LEFT LEFT 0",
        "BRPOPLPUSH s k 0",
        "BRPOPLPUSH l s 0",
        "BLMPOP 0 1 s LEFT",
    };

    expect("SET s x", "+OK ");
    expect("RPUSH l a", ":1 ");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        expect(lines[i], WRONG_TYPE);
    expect("LRANGE l 0 -1", "*1 $1 a ");
    expect("LMPOP 2 l s LEFT", "*2 $1 l *1 $1 a ");
}

Test(cmd_list, pop_takes_one_or_so_many)
{
    expect("RPUSH k a b c d e", ":5 ");
    expect("LPOP k", "$1 a ");
    expect("RPOP k", "$1 e ");
    expect("LPOP k 0", "*0 ");
    expect("RPOP k 2", "*2 $1 d $1 c ");
    expect("LPOP k 9223372036854775807", "*1 $1 b ");
    expect("EXISTS k", ":0 ");
    expect("LPOP k", "$-1 ");
    expect("LPOP k 1", "*-1 ");
    expect("LPOP k 0", "*-1 ");
    expect("LPOP k -1", "-ERR value is out of range, must be positive ");
    expect("LPOP k x", "-ERR value is out of range, must be positive ");
    expect("LPOP k 1 1", "-ERR wrong number of arguments for 'lpop' command ");
}

Test(cmd_list, the_last_element_takes_the_key_along)
{
    static const char *const lines[] = {
        "LPOP k",         "RPOP k 5",      "LTRIM k 1 0",         "LTRIM k 5 9", "LREM k 0 a",
        "LMPOP 1 k LEFT", "RPOPLPUSH k z", "LMOVE k z LEFT LEFT", "BLPOP k 0",   "BLMPOP 0 1 k RIGHT",
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        expect("RPUSH k a", ":1 ");
        command_run(&run, lines[i]);
        expect("EXISTS k", ":0 ");
    }
}

Test(cmd_list, index_and_set_count_from_either_end)
{
    expect("LINDEX k x", "$-1 ");
    expect("LSET k x a", "-ERR no such key ");
    expect("RPUSH k a b c", ":3 ");
    expect("LINDEX k 0", "$1 a ");
    expect("LINDEX k -1", "$1 c ");
    expect("LINDEX k -3", "$1 a ");
    expect("LINDEX k 3", "$-1 ");
    expect("LINDEX k -4", "$-1 ");
    expect("LINDEX k -9223372036854775808", "$-1 ");
    expect("LINDEX k x", NO_INTEGER);
    expect("LSET k -1 z", "+OK ");
    expect("LSET k 1 10", "+OK ");
    expect("LSET k 3 z", "-ERR index out of range ");
    expect("LSET k -4 z", "-ERR index out of range ");
    expect("LSET k x z", NO_INTEGER);
    expect("LRANGE k 0 -1", "*3 $1 a $2 10 $1 z ");
}

Test(cmd_list, ranges_are_cut_to_the_list)
{
    static const char *const lines[][2] = {
        {"LRANGE k 0 -1", "*3 $1 a $1 b $1 c "},
        {"LRANGE k 1 1", "*1 $1 b "},
        {"LRANGE k -100 100", "*3 $1 a $1 b $1 c "},
        {"LRANGE k -2 -2", "*1 $1 b "},
        {"LRANGE k 2 1", "*0 "},
        {"LRANGE k 3 5", "*0 "},
        {"LRANGE k 0 -4", "*0 "},
        {"LRANGE k -9223372036854775808 9223372036854775807", "*3 $1 a $1 b $1 c "},
        {"LRANGE absent 0 -1", "*0 "},
        {"LRANGE k x 0", "-ERR value is not an integer or out of range "},
    };

    expect("RPUSH k a b c", ":3 ");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        expect(lines[i][0], lines[i][1]);
    expect("LTRIM absent 0 0", "+OK ");
    expect("LTRIM k 1 -1", "+OK ");
    expect("LRANGE k 0 -1", "*2 $1 b $1 c ");
    expect("LTRIM k -2 0", "+OK ");
    expect("LRANGE k 0 -1", "*1 $1 b ");
}

Test(cmd_list, remove_counts_from_either_end)
{
    expect("LREM k 0 a", ":0 ");
    expect("RPUSH k 1 a 1 b 1 c 01", ":7 ");
    expect("LREM k 1 1", ":1 ");
    expect("LREM k -1 1", ":1 ");
    expect("LRANGE k 0 -1", "*5 $1 a $1 1 $1 b $1 c $2 01 ");
    expect("LREM k -9 1", ":1 ");
    expect("LREM k 0 1", ":0 ");
    expect("LREM k 0 01", ":1 ");
    expect("LREM k x a", NO_INTEGER);
    expect("LREM k -9223372036854775808 a",
           "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807 ");
}

Test(cmd_list, insert_goes_next_to_the_first_pivot)
{
    expect("LINSERT k before a b", ":0 ");
    expect("RPUSH k a b a", ":3 ");
    expect("LINSERT k BEFORE a x", ":4 ");
    expect("LINSERT k after a y", ":5 ");
    expect("LINSERT k after z y", ":-1 ");
    expect("LINSERT k around a y", SYNTAX);
    expect("LRANGE k 0 -1", "*5 $1 x $1 a $1 y $1 b $1 a ");
    expect("RPOP k", "$1 a ");
    expect("LINSERT k after b 5", ":5 ");
    expect("LINDEX k -1", "$1 5 ");
}

Test(cmd_list, position_has_rank_count_and_length)
{
    static const char *const lines[][2] = {
        {"LPOS k a", ":0 "},
        {"LPOS k c", ":2 "},
        {"LPOS k z", "$-1 "},
        {"LPOS k a RANK 2", ":3 "},
        {"LPOS k a RANK -1", ":5 "},
        {"LPOS k a RANK -2", ":3 "},
        {"LPOS k a RANK 4", "$-1 "},
        {"LPOS k a COUNT 2", "*2 :0 :3 "},
        {"LPOS k a COUNT 0", "*3 :0 :3 :5 "},
        {"LPOS k a COUNT 0 RANK -2", "*2 :3 :0 "},
        {"LPOS k a COUNT 0 RANK 2 MAXLEN 4", "*1 :3 "},
        {"LPOS k a COUNT 1 MAXLEN 0 RANK -1", "*1 :5 "},
        {"LPOS k b RANK -1 MAXLEN 1", "$-1 "},
        {"LPOS k z COUNT 3", "*0 "},
        {"LPOS absent z COUNT 3", "*0 "},
        {"LPOS absent z", "$-1 "},
        {"LPOS k a COUNT 1 COUNT 0", "*3 :0 :3 :5 "},
        {"LPOS k a COUNT", "-ERR syntax error "},
        {"LPOS k a LENGTH 1", "-ERR syntax error "},
        {"LPOS k a COUNT -1", "-ERR COUNT can't be negative "},
        {"LPOS k a MAXLEN x", "-ERR MAXLEN can't be negative "},
        {"LPOS k a RANK x", "-ERR value is not an integer or out of range "},
        {"LPOS k a RANK 0", "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or "
                            "use negative to start from the end of the list "},
    };

    expect("RPUSH k a b c a b a", ":6 ");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        expect(lines[i][0], lines[i][1]);
}

Test(cmd_list, move_joins_any_two_ends)
{
    expect("RPUSH k a b c", ":3 ");
    expect("LMOVE k z left right", "$1 a ");
    expect("LMOVE k z RIGHT LEFT", "$1 c ");
    expect("RPOPLPUSH k z", "$1 b ");
    expect("LRANGE z 0 -1", "*3 $1 b $1 c $1 a ");
    expect("EXISTS k", ":0 ");
    expect("LMOVE k z LEFT LEFT", "$-1 ");
    expect("SET s x", "+OK ");
    expect("RPOPLPUSH k s", "$-1 ");
    expect("LMOVE z k LEFT middle", SYNTAX);
    expect("BLMOVE z k middle LEFT x", SYNTAX);
}

Test(cmd_list, a_list_moved_to_itself_turns)
{
    char line[1100] = "RPUSH k ";

    expect("RPUSH k 1", ":1 ");
    expect("RPOPLPUSH k k", "$1 1 ");
    expect("RPUSH k 2 3", ":3 ");
    expect("LMOVE k k LEFT RIGHT", "$1 1 ");
    expect("LMOVE k k LEFT LEFT", "$1 2 ");
    expect("LMOVE k k RIGHT LEFT", "$1 1 ");
    expect("LRANGE k 0 -1", "*3 $1 1 $1 2 $1 3 ");
    memset(line + 8, 'x', 1000);
    expect(line, ":4 ");
    command_run(&run, "RPOPLPUSH k k");
    expect("LLEN k", ":4 ");
    expect("LINDEX k 1", "$1 1 ");
}

Test(cmd_list, pop_from_the_first_of_several)
{
    expect("LMPOP 2 a b LEFT", "*-1 ");
    expect("RPUSH b 1 2 3 4", ":4 ");
    expect("LMPOP 2 a b left", "*2 $1 b *1 $1 1 ");
    expect("LMPOP 2 a b RIGHT COUNT 2", "*2 $1 b *2 $1 4 $1 3 ");
    expect("LMPOP 0 a LEFT", "-ERR numkeys should be greater than 0 ");
    expect("LMPOP x a LEFT", "-ERR numkeys should be greater than 0 ");
    expect("LMPOP 9223372036854775807 a LEFT", SYNTAX);
    expect("LMPOP 2 a LEFT", SYNTAX);
    expect("LMPOP 1 a LEFT COUNT", SYNTAX);
    expect("LMPOP 1 a LEFT COUNT 0", "-ERR count should be greater than 0 ");
    expect("LMPOP 1 a LEFT COUNT 1 COUNT 2", SYNTAX);
    expect("LMPOP 1 a MIDDLE", SYNTAX);
    expect("BLMPOP x 1 a MIDDLE", SYNTAX);
    expect("BLMPOP x 1 a LEFT", "-ERR timeout is not a float or out of range ");
}

/* What cannot wait answers at once, and each command with a null of its own. */
Test(cmd_list, without_a_wait_nothing_found_is_a_null)
{
    expect("BLPOP a b 0", "*-1 ");
    expect("BRPOP a 1.5", "*-1 ");
    expect("BLMPOP 0 2 a b LEFT", "*-1 ");
    expect("BLMOVE a b LEFT LEFT 0", "$-1 ");
    expect("BRPOPLPUSH a b 0", "$-1 ");
    expect("BLPOP a -1", "-ERR timeout is negative ");
    expect("BRPOP a x", "-ERR timeout is not a float or out of range ");
}

Test(cmd_list, what_is_there_needs_no_wait)
{
    expect("RPUSH b 1 2 3 4 5", ":5 ");
    expect("BLPOP a b 0", "*2 $1 b $1 1 ");
    expect("BRPOP a b 0", "*2 $1 b $1 5 ");
    expect("BLMPOP 0 2 a b LEFT COUNT 2", "*2 $1 b *2 $1 2 $1 3 ");
    expect("BLMOVE b c LEFT LEFT 0", "$1 4 ");
    expect("BRPOPLPUSH c b 0", "$1 4 ");
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

    run.reply.buffer.length = 0;
    call_run(&call);
    return wait;
}

Test(cmd_list, what_finds_nothing_waits_for_a_list)
{
    static const struct {
        const char *name;
        struct str argv[7];
        int argc;
    } calls[] = {
        {"blpop", {STR("BLPOP"), STR("a"), STR("b"), STR("0.5")}, 4},
        {"brpop", {STR("BRPOP"), STR("a"), STR("b"), STR("0.5")}, 4},
        {"brpoplpush", {STR("BRPOPLPUSH"), STR("a"), STR("b"), STR("0.5")}, 4},
        {"blmove", {STR("BLMOVE"), STR("a"), STR("b"), STR("LEFT"), STR("LEFT"), STR("0.5")}, 6},
        {"blmpop", {STR("BLMPOP"), STR("0.5"), STR("2"), STR("a"), STR("b"), STR("LEFT")}, 6},
    };

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct call_wait wait = run_waiting(calls[i].name, calls[i].argv, calls[i].argc);

        cr_assert(wait.wanted, "%s", calls[i].name);
        cr_assert_eq(wait.type, VALUE_LIST);
        cr_assert_eq(wait.deadline_ms, run.now_ms + 500);
        cr_assert_eq(run.reply.buffer.length, 0);
    }
    expect("RPUSH a 1 2 3 4 5 6 7", ":7 ");
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        cr_assert(!run_waiting(calls[i].name, calls[i].argv, calls[i].argc).wanted);
        cr_assert_gt(run.reply.buffer.length, 0);
    }
    expect("LLEN a", ":2 ");
}

/* rdb_changes_since_last_save, as Redis counts it. */
Test(cmd_list, every_element_is_a_change)
{
    static const struct {
        const char *line;
        uint64_t changes;
    } steps[] = {
        {"RPUSH k a b c d e f g h", 8},
        {"LPUSHX k x", 1},
        {"RPUSHX absent x", 0},
        {"LPOP k", 1},
        {"RPOP k 2", 2},
        {"LPOP k 0", 0},
        {"LSET k 0 1", 1},
        {"LSET k 99 1", 0},
        {"LINSERT k before c q", 1},
        {"LINSERT k before zz q", 0},
        {"LREM k 0 q", 1},
        {"LREM k 0 q", 0},
        {"RPOPLPUSH k k", 1},
        {"LMOVE k z LEFT LEFT", 1},
        {"LTRIM k 1 -2", 2},
        {"LTRIM k 0 -1", 0},
        {"LMPOP 1 k LEFT COUNT 9", 3},
        {"BLPOP z 0", 1},
    };

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        uint64_t before = keyspace_stats(run.keyspaces[0])->dirty;

        command_run(&run, steps[i].line);
        cr_assert_eq(keyspace_stats(run.keyspaces[0])->dirty - before, steps[i].changes, "%s", steps[i].line);
    }
}

Test(cmd_list, encoding_follows_the_settings)
{
    expect("RPUSH k a b c", ":3 ");
    expect("OBJECT ENCODING k", "$8 listpack ");
    expect("CONFIG SET list-max-listpack-size 3", "+OK ");
    expect("RPUSH k d", ":4 ");
    expect("OBJECT ENCODING k", "$9 quicklist ");
    expect("LPOP k 3", "*3 $1 a $1 b $1 c ");
    expect("OBJECT ENCODING k", "$8 listpack ");
    expect("RPUSH k 2 3", ":3 ");
    /* It grows before anybody looks for the pivot. */
    expect("LINSERT k before zz z", ":-1 ");
    expect("OBJECT ENCODING k", "$9 quicklist ");
}

Test(cmd_list_shards, elements_move_between_shards)
{
    expect("RPUSH k0 a b c", ":3 ");
    for (run.at = 0; run.at < 2; run.at++)
        expect("RPOPLPUSH k0 k1", run.at ? "$1 b " : "$1 c ");
    run.at = 0;
    expect("LMOVE k0 k1 LEFT RIGHT", "$1 a ");
    expect("EXISTS k0", ":0 ");
    expect("LRANGE k1 0 -1", "*3 $1 b $1 c $1 a ");
    expect("BLMPOP 0 2 k0 k1 LEFT COUNT 5", "*2 $2 k1 *3 $1 b $1 c $1 a ");
    expect("BRPOP k0 k1 0", "*-1 ");
}

Test(cmd_list_shards, a_list_changes_its_shard)
{
    char line[64];

    expect("CONFIG SET list-max-listpack-size 4", "+OK ");
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "RPUSH k0 element:%d", i);
        command_run(&run, line);
    }
    size_t bytes = run.cores[0].data.used_bytes;
    expect("RENAME k0 k1", "+OK ");
    cr_assert_lt(run.cores[0].data.used_bytes, bytes);
    expect("COPY k1 k0", ":1 ");
    expect("DEL k1", ":1 ");
    expect("LLEN k0", ":100 ");
    expect("LINDEX k0 50", "$10 element:50 ");
}
