/* SORT: expectations are redis-server's answers. */
#include "core/handlers.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/command.h"
#include "core/core.h"
#include "core/sort_options.h"
#include "tests/support/command_run.h"
#include "tests/support/dice.h"

static struct command_run run;

static void begin(void)
{
    command_run_init(&run, 1);
}

static void begin_three(void)
{
    command_run_init(&run, 3);
}

static void end(void)
{
    command_run_deinit(&run);
}

TestSuite(cmd_sort, .init = begin, .fini = end);
TestSuite(cmd_sort_shards, .init = begin_three, .fini = end);

static void expect(const char *line, const char *reply)
{
    command_expect(&run, line, reply);
}

Test(cmd_sort, numbers_are_sorted_as_such_and_texts_with_alpha)
{
    expect("RPUSH k 3 10 1 2.5 -7 1e1", ":6 ");
    expect("SORT k", "*6 $2 -7 $1 1 $3 2.5 $1 3 $2 10 $3 1e1 ");
    expect("SORT k DESC", "*6 $3 1e1 $2 10 $1 3 $3 2.5 $1 1 $2 -7 ");
    expect("SORT k ALPHA", "*6 $2 -7 $1 1 $2 10 $3 1e1 $3 2.5 $1 3 ");
    expect("SORT k ALPHA DESC LIMIT 1 2", "*2 $3 2.5 $3 1e1 ");
    expect("SORT k LIMIT 1 2", "*2 $1 1 $3 2.5 ");
    expect("SORT k LIMIT -5 2", "*2 $2 -7 $1 1 ");
    expect("SORT k LIMIT 4 -1", "*2 $2 10 $3 1e1 ");
    expect("SORT k LIMIT 6 1", "*0 ");
    expect("SORT k LIMIT 2 0", "*0 ");
    expect("SORT absent", "*0 ");
    expect("SORT k GET # GET # LIMIT 0 1", "*2 $2 -7 $2 -7 ");
}

Test(cmd_sort, by_takes_the_weights_from_keys)
{
    expect("RPUSH l c a d b", ":4 ");
    expect("SORT l", "-ERR One or more scores can't be converted into double ");
    expect("SORT l BY nosort", "*4 $1 c $1 a $1 d $1 b ");
    expect("SORT l BY nosort DESC", "*4 $1 b $1 d $1 a $1 c ");
    expect("SORT l BY nosort LIMIT 1 2", "*2 $1 a $1 d ");
    expect("SORT l BY nosort DESC LIMIT 1 2", "*2 $1 d $1 a ");
    expect("SORT l BY nosort DESC LIMIT 9 2", "*0 ");
    expect("MSET w_a 3 w_b 1 w_c 2 v_a A v_b B", "+OK ");
    expect("SORT l BY w_*", "*4 $1 d $1 b $1 c $1 a ");
    expect("SORT l BY w_* DESC", "*4 $1 a $1 c $1 b $1 d ");
    expect("SORT l BY w_* LIMIT 0 2", "*2 $1 d $1 b ");
    expect("SORT l BY w_* GET # GET v_* GET fixed", "*12 $1 d $-1 $-1 $1 b $1 B $-1 $1 c $-1 $-1 $1 a $1 A $-1 ");
    expect("SORT l ALPHA BY w_*", "*4 $1 d $1 b $1 c $1 a ");
    expect("SORT l ALPHA BY w_* GET v_* DESC", "*4 $1 A $-1 $1 B $-1 ");
    expect("SORT l BY nosort BY w_*", "*4 $1 c $1 a $1 d $1 b ");
    expect("SET w_d x", "+OK ");
    expect("SORT l BY w_*", "-ERR One or more scores can't be converted into double ");
    expect("SORT l BY w_* ALPHA", "*4 $1 b $1 c $1 a $1 d ");
}

Test(cmd_sort, an_arrow_leads_into_hashes)
{
    expect("RPUSH l c a d b", ":4 ");
    expect("HSET h_a n 3 t x", ":2 ");
    expect("HSET h_b n 1", ":1 ");
    expect("HSET h_c n 2 t z", ":2 ");
    expect("SORT l BY h_*->n", "*4 $1 d $1 b $1 c $1 a ");
    expect("SORT l BY h_*->n GET h_*->t", "*4 $-1 $-1 $1 z $1 x ");
    expect("SORT l BY nosort GET h_*", "*4 $-1 $-1 $-1 $-1 ");
    expect("SORT l BY nosort GET h_*->", "*4 $-1 $-1 $-1 $-1 ");
    expect("SORT l BY nosort GET h_*->none", "*4 $-1 $-1 $-1 $-1 ");
}

Test(cmd_sort, store_makes_a_list_of_the_results)
{
    expect("RPUSH l c a d b", ":4 ");
    expect("RPUSH k 3 10 1 2.5 -7 1e1", ":6 ");
    expect("MSET v_a A v_b B", "+OK ");
    expect("SORT k STORE s", ":6 ");
    expect("LRANGE s 0 -1", "*6 $2 -7 $1 1 $3 2.5 $1 3 $2 10 $3 1e1 ");
    expect("SORT l BY nosort GET v_* STORE s", ":4 ");
    expect("LRANGE s 0 -1", "*4 $0  $1 A $0  $1 B ");
    expect("SORT absent STORE s", ":0 ");
    expect("EXISTS s", ":0 ");
    expect("SORT absent STORE s", ":0 ");
    expect("SORT l ALPHA STORE l", ":4 ");
    expect("LRANGE l 0 -1", "*4 $1 a $1 b $1 c $1 d ");
    expect("SADD set b a c", ":3 ");
    expect("SORT set BY nosort STORE s", ":3 ");
    expect("LRANGE s 0 -1", "*3 $1 a $1 b $1 c ");
    expect("SORT set ALPHA DESC", "*3 $1 c $1 b $1 a ");
}

Test(cmd_sort, what_is_wrong_is_said)
{
    expect("RPUSH k 3 10 1 2.5 -7 1e1", ":6 ");
    expect("SET w_a 3", "+OK ");
    expect("SORT k LIMIT 1", "-ERR syntax error ");
    expect("SORT k LIMIT 1 x", "-ERR value is not an integer or out of range ");
    expect("SORT k BY", "-ERR syntax error ");
    expect("SORT k STORE", "-ERR syntax error ");
    expect("SORT k UPWARDS", "-ERR syntax error ");
    expect("SORT_RO k STORE s", "-ERR syntax error ");
    expect("SORT_RO k LIMIT 0 1", "*1 $2 -7 ");
    expect("SORT w_a", "-WRONGTYPE Operation against a key holding the wrong kind of value ");
    expect("SORT w_a UPWARDS", "-ERR syntax error ");
}

Test(cmd_sort, numbers_are_those_of_strtod)
{
    expect("RPUSH odd \"\" \" 5\" 0x10", ":3 ");
    expect("SORT odd", "*3 $0  $2  5 $4 0x10 ");
    expect("RPUSH odd inf", ":4 ");
    expect("SORT odd", "*4 $0  $2  5 $4 0x10 $3 inf ");
    expect("RPUSH odd nan", ":5 ");
    expect("SORT odd", "-ERR One or more scores can't be converted into double ");
    expect("RPUSH big 1 1e400", ":2 ");
    expect("SORT big", "-ERR One or more scores can't be converted into double ");
}

Test(cmd_sort, a_sorted_set_has_an_order_of_its_own)
{
    expect("ZADD z 3 1 1 2 2 3 4 0", ":4 ");
    expect("SORT z", "*4 $1 0 $1 1 $1 2 $1 3 ");
    expect("SORT z DESC", "*4 $1 3 $1 2 $1 1 $1 0 ");
    expect("SORT z BY nosort", "*4 $1 2 $1 3 $1 1 $1 0 ");
    expect("SORT z BY nosort DESC", "*4 $1 0 $1 1 $1 3 $1 2 ");
    expect("SORT z BY nosort LIMIT 1 2", "*2 $1 3 $1 1 ");
    expect("SORT z BY nosort DESC LIMIT 1 2", "*2 $1 1 $1 3 ");
    expect("SORT z BY nosort DESC LIMIT 9 2", "*0 ");
    expect("SORT z BY nosort STORE s", ":4 ");
    expect("LRANGE s 0 -1", "*4 $1 2 $1 3 $1 1 $1 0 ");
    expect("OBJECT ENCODING z", "$8 skiplist ");
    expect("SORT_RO z ALPHA", "*4 $1 0 $1 1 $1 2 $1 3 ");
    expect("CONFIG SET zset-max-listpack-entries 0", "+OK ");
    expect("ZADD y 3 1 1 2 2 3 4 0", ":4 ");
    expect("SORT y DESC LIMIT 1 2", "*2 $1 2 $1 1 ");
    expect("SORT y BY nosort DESC LIMIT 1 2", "*2 $1 1 $1 3 ");
}

/* How much memory a command takes while it runs. */
static size_t bytes_taken_by(const char *line)
{
    struct memory *memory = &run.cores[0].memory;

    memory->peak_bytes = memory->used_bytes;
    command_run(&run, line);
    return memory->peak_bytes - memory->used_bytes;
}

/* What the line answers, without the number of elements. */
static struct str elements_of(const char *line, char *copy)
{
    struct str reply = command_run(&run, line);
    size_t head = (size_t)((const char *)memchr(reply.bytes, '\n', reply.length) + 1 - reply.bytes);

    memcpy(copy, reply.bytes + head, reply.length - head);
    return (struct str){copy, reply.length - head};
}

Test(cmd_sort, what_limit_leaves_is_as_of_all)
{
    static char all[40000], some[40000];
    char line[64];

    dice_seed();
    for (int i = 0; i < 500; i++) {
        snprintf(line, sizeof line, "RPUSH k %d.%d", (int)dice_below(90), (int)dice_below(3));
        command_run(&run, line);
    }
    for (int round = 0; round < 200; round++) {
        const char *order = dice_below(2) ? "DESC" : "ASC", *kind = dice_below(2) ? "ALPHA" : "";
        int first = (int)dice_below(dice_below(2) ? 500 : 20), count = (int)dice_below(60);

        snprintf(line, sizeof line, "SORT k %s %s LIMIT 0 %d", order, kind, first);
        size_t skipped = elements_of(line, some).length;
        snprintf(line, sizeof line, "SORT k %s %s", order, kind);
        struct str sorted = elements_of(line, all);
        snprintf(line, sizeof line, "SORT k %s %s LIMIT %d %d", order, kind, first, count);
        struct str limited = elements_of(line, some);
        cr_assert(limited.length <= sorted.length - skipped);
        cr_assert_eq(memcmp(limited.bytes, sorted.bytes + skipped, limited.length), 0, "%s", line);
        cr_assert(first + count < 500 || limited.length == sorted.length - skipped);
    }
}

Test(cmd_sort, without_an_order_to_make_no_more_is_read_than_limit_leaves)
{
    char line[64];

    for (int i = 0; i < 3000; i++) {
        snprintf(line, sizeof line, "RPUSH l e%d", i);
        command_run(&run, line);
        snprintf(line, sizeof line, "SADD s e%d", i);
        command_run(&run, line);
        snprintf(line, sizeof line, "ZADD z %d e%d", i, i);
        command_run(&run, line);
    }
    expect("SORT l BY nosort LIMIT 1500 2", "*2 $5 e1500 $5 e1501 ");
    expect("SORT l BY nosort DESC LIMIT 1500 2", "*2 $5 e1499 $5 e1498 ");
    expect("SORT z BY nosort LIMIT 1500 2", "*2 $5 e1500 $5 e1501 ");
    expect("SORT z BY nosort DESC LIMIT 1500 2", "*2 $5 e1499 $5 e1498 ");
    cr_assert_gt(bytes_taken_by("SORT l ALPHA LIMIT 1500 2"), 100000);
    cr_assert_lt(bytes_taken_by("SORT l BY nosort LIMIT 1500 2"), 4000);
    cr_assert_lt(bytes_taken_by("SORT l BY nosort DESC LIMIT 1500 2"), 4000);
    cr_assert_lt(bytes_taken_by("SORT z BY nosort LIMIT 1500 2"), 4000);
    cr_assert_lt(bytes_taken_by("SORT z BY nosort DESC LIMIT 1500 2 STORE d"), 4000);
    cr_assert_lt(bytes_taken_by("SORT s BY nosort LIMIT 1500 2"), 4000);
}

/* A window on the members of a set in whatever order: all windows together are the set. */
Test(cmd_sort, windows_on_a_set_show_each_member_once)
{
    char line[64];
    bool seen[7] = {0};

    expect("SADD s 0 1 2 3 4 5 6", ":7 ");
    for (int i = 0; i < 7; i++) {
        snprintf(line, sizeof line, "SORT s BY nosort LIMIT %d 1", i);
        struct str reply = command_run(&run, line);

        cr_assert_eq(reply.length, strlen("*1\r\n$1\r\n0\r\n"));
        int member = reply.bytes[8] - '0';
        cr_assert(member >= 0 && member < 7 && !seen[member]);
        seen[member] = true;
    }
    expect("SORT s BY nosort LIMIT 7 1", "*0 ");
}

Test(cmd_sort, texts_may_all_be_empty)
{
    expect("RPUSH k \"\" \"\"", ":2 ");
    expect("SORT k ALPHA", "*2 $0  $0  ");
    expect("SORT k ALPHA STORE d", ":2 ");
}

/* Where weights or texts are equal, what was first stays first, whichever way is up. */
Test(cmd_sort, equal_texts_keep_their_order)
{
    expect("RPUSH l c a d b", ":4 ");
    expect("MSET w_a x w_c x w_b y", "+OK ");
    expect("SORT l BY w_* ALPHA", "*4 $1 d $1 c $1 a $1 b ");
    expect("SORT l BY w_* ALPHA DESC", "*4 $1 b $1 c $1 a $1 d ");
    expect("RPUSH z \"a\\x00c\" \"a\\x00b\"", ":2 ");
    cr_assert(str_equal(command_run(&run, "SORT z ALPHA LIMIT 0 1"), STR("*1\r\n$3\r\na\0c\r\n")));
    expect("SORT z ALPHA STORE y", ":2 ");
    cr_assert(str_equal(command_run(&run, "LINDEX y 0"), STR("$3\r\na\0b\r\n")));
}

Test(cmd_sort, a_sparse_bitmap_is_a_string)
{
    expect("RPUSH k 1", ":1 ");
    expect("SETBIT w1 8000000 1", ":0 ");
    cr_assert_eq(command_run(&run, "SORT k GET w*").length, strlen("*1\r\n$1000001\r\n\r\n") + 1000001);
}

Test(cmd_sort, bitmaps_are_written_out_up_to_what_one_string_may_be)
{
    static const char too_large[] = "-ERR string exceeds maximum allowed size (proto-max-bulk-len) ";

    expect("RPUSH k 1 2 3", ":3 ");
    expect("SETBIT bits 80000000 1", ":0 ");
    run.cores[0].config.proto_max_bulk_len = 25000000;
    expect("SORT k BY nosort GET bits* LIMIT 0 1", "*1 $-1 ");
    expect("RENAME bits bits1", "+OK ");
    expect("SETBIT bits2 80000000 1", ":0 ");
    expect("SETBIT bits3 80000000 1", ":0 ");
    expect("SORT k BY nosort GET # GET bits*", too_large);
    expect("SORT k BY nosort GET bits* STORE k", too_large);
    expect("SORT k BY bits* ALPHA", too_large);
    expect("LLEN k", ":3 ");
    run.cores[0].config.maxmemory = core_used_bytes(&run.cores[0]) + 20000;
    expect("SORT k BY bits*", "-OOM command not allowed when used memory > 'maxmemory'. ");
}

Test(cmd_sort, a_stored_list_has_the_encoding_of_its_size)
{
    expect("CONFIG SET list-max-listpack-size 4", "+OK ");
    expect("RPUSH k 5 4 3 2 1", ":5 ");
    expect("SORT k STORE s", ":5 ");
    expect("OBJECT ENCODING s", "$9 quicklist ");
    expect("SORT k LIMIT 0 4 STORE s", ":4 ");
    expect("OBJECT ENCODING s", "$8 listpack ");
}

Test(cmd_sort, what_is_stored_takes_the_place_of_anything_and_loses_its_expiry)
{
    expect("RPUSH k 2 1", ":2 ");
    expect("SET s x EX 100", "+OK ");
    expect("SORT k GET s* STORE s", ":2 ");
    expect("TTL s", ":-1 ");
    expect("SET s1 x", "+OK ");
    expect("SORT k GET s* STORE s1", ":2 ");
    expect("LRANGE s1 0 -1", "*2 $1 x $0  ");
}

Test(cmd_sort, every_result_stored_is_a_change)
{
    static const struct {
        const char *line;
        uint64_t changes;
    } steps[] = {
        {"RPUSH k 2 1", 2}, {"SORT k STORE s", 2}, {"SORT k GET # GET # STORE s", 4},
        {"SORT k", 0},      {"SORT x STORE s", 1}, {"SORT x STORE s", 0},
    };

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        uint64_t before = keyspace_stats(run.keyspaces[0])->dirty;

        command_run(&run, steps[i].line);
        cr_assert_eq(keyspace_stats(run.keyspaces[0])->dirty - before, steps[i].changes, "%s", steps[i].line);
    }
}

Test(cmd_sort, its_keys_are_the_source_and_the_last_target)
{
    expect("COMMAND GETKEYS SORT k", "*1 $1 k ");
    expect("COMMAND GETKEYS SORT k GET store STORE a BY store STORE b", "*2 $1 k $1 b ");
    expect("COMMAND GETKEYS SORT k ALPHA STORE", "*1 $1 k ");
    expect("COMMAND GETKEYS SORT_RO k STORE a", "*1 $1 k ");
}

Test(cmd_sort, only_patterns_reach_beyond_the_keys)
{
    static const struct {
        struct str argv[8];
        int argc;
        bool all;
    } requests[] = {
        {{STR("SORT"), STR("k")}, 2, false},
        {{STR("SORT"), STR("k"), STR("BY"), STR("nosort"), STR("GET"), STR("#")}, 6, false},
        {{STR("SORT"), STR("k"), STR("STORE"), STR("w*")}, 4, false},
        {{STR("SORT"), STR("k"), STR("BY"), STR("w*")}, 4, true},
        {{STR("SORT"), STR("k"), STR("LIMIT"), STR("0"), STR("1"), STR("GET"), STR("w*->f")}, 7, true},
        {{STR("SORT"), STR("k"), STR("GET"), STR("#"), STR("GET"), STR("w*")}, 6, true},
        {{STR("SORT"), STR("k"), STR("wrong"), STR("GET"), STR("w*")}, 5, false},
    };

    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        cr_assert_eq(sort_reaches_all(requests[i].argv, requests[i].argc), requests[i].all, "request %zu", i);
}

/* A key's last byte says which shard it is on. */
Test(cmd_sort_shards, patterns_and_target_may_lead_to_any_shard)
{
    expect("RPUSH k0 1 2 3", ":3 ");
    expect("MSET w1 30 w2 20 w3 10 v1 one v2 two", "+OK ");
    expect("HSET h2 f two", ":1 ");
    for (run.at = 0; run.at < 3; run.at++) {
        expect("SORT k0 BY w* GET v* GET h*->f", "*6 $-1 $-1 $3 two $3 two $3 one $-1 ");
        expect("SORT k0 BY w* STORE k2", ":3 ");
        expect("LRANGE k2 0 -1", "*3 $1 3 $1 2 $1 1 ");
        expect("DEL k2", ":1 ");
    }
    run.at = 0;
}
