/* Conversions, by what scripts see and answer. */
#include "core/script_value.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/call.h"
#include "core/script_run.h"
#include "tests/support/command_run.h"

static struct command_run run;

static void init(void)
{
    command_run_init(&run, 1);
    command_run(&run, "HSET hash f v");
    command_run(&run, "SADD set a");
    command_run(&run, "ZADD zset 2.5 a");
    command_run(&run, "SET str text");
    command_run(&run, "RPUSH list a b");
}

static void deinit(void)
{
    command_run_deinit(&run);
}

TestSuite(script_value, .init = init, .fini = deinit);

static void expect(const char *script, const char *reply)
{
    struct str argv[] = {STR("EVAL"), str_from(script), STR("0")};

    command_expect_reply(&run, script, command_run_argv(&run, argv, 3), reply);
}

/* To a client of RESP2, then to one of RESP3. */
static void expect_both(const char *script, const char *resp2, const char *resp3)
{
    run.session.protocol = 2;
    expect(script, resp2);
    run.session.protocol = 3;
    expect(script, resp3);
    run.session.protocol = 2;
}

Test(script_value, numbers_are_cut_to_integers)
{
    expect("return 3.99", ":3 ");
    expect("return -3.99", ":-3 ");
    expect("return 2^53", ":9007199254740992 ");
    expect("return 2^63", ":-9223372036854775808 ");
    expect("return -2^63", ":-9223372036854775808 ");
    expect("return 1/0", ":-9223372036854775808 ");
    expect("return 0/0", ":-9223372036854775808 ");
}

Test(script_value, booleans_are_1_and_null_unless_the_script_asks_for_resp3)
{
    expect_both("return {true, false}", "*2 :1 $-1 ", "*2 :1 _ ");
    expect_both("redis.setresp(3) return {true, false}", "*2 :1 :0 ", "*2 #t #f ");
    expect_both("return nil", "$-1 ", "_ ");
}

Test(script_value, arrays_end_at_the_first_nil)
{
    expect("return {1, 'x', {2}, nil, 4}", "*3 :1 $1 x *1 :2 ");
    expect("return {a = 1}", "*0 ");
}

Test(script_value, tables_of_one_field_are_other_types)
{
    expect_both("return {ok = 'a\\r\\nb'}", "+a  b ", "+a  b ");
    expect_both("return {err = 'E a\\nb'}", "-E a b ", "-E a b ");
    expect_both("return {double = 2.5}", "$3 2.5 ", ",2.5 ");
    expect_both("return {map = {a = 1}}", "*2 $1 a :1 ", "%1 $1 a :1 ");
    expect_both("return {set = {a = true}}", "*1 $1 a ", "~1 $1 a ");
    expect_both("return {big_number = '12'}", "$2 12 ", "(12 ");
    expect_both("return {verbatim_string = {string = 'x', format = 'mkdown'}}", "$1 x ", "=5 mkd:x ");
    expect_both("return {verbatim_string = {string = 'x', format = 't'}}", "$1 x ", "=5 t  :x ");
    expect_both("return {verbatim_string = {string = 'x'}, 7}", "*1 :7 ", "*1 :7 ");
}

Test(script_value, what_is_no_value_of_resp_is_null)
{
    expect("return {function() end, 1}", "*2 $-1 :1 ");
    expect("return coroutine.create(function() end)", "$-1 ");
}

Test(script_value, a_table_within_itself_ends_where_luas_stack_does)
{
    struct str argv[] = {STR("EVAL"), STR("local t = {} t[1] = t return t"), STR("0")};
    struct str reply = command_run_argv(&run, argv, 3), end = STR("*1\r\n-ERR reached lua stack limit\r\n");

    cr_assert_eq(reply.length, 32010, "%zu", reply.length);
    cr_assert_eq(memcmp(reply.bytes + reply.length - end.length, end.bytes, end.length), 0);
}

Test(script_value, replies_in_resp2_become_strings_numbers_and_arrays)
{
    expect("return {redis.call('get', 'str'), redis.call('get', 'nosuch'), type(redis.call('get', 'nosuch'))}",
           "*3 $4 text $-1 $7 boolean ");
    expect("return {type(redis.call('llen', 'list')), redis.call('llen', 'list')}", "*2 $6 number :2 ");
    expect("return redis.call('ping').ok", "$4 PONG ");
    expect("return redis.call('lrange', 'list', 0, -1)[2]", "$1 b ");
    expect("return redis.call('hgetall', 'hash')[1]", "$1 f ");
    expect("return redis.pcall('incr', 'str').err", "$43 ERR value is not an integer or out of range ");
}

Test(script_value, replies_in_resp3_keep_their_types)
{
    expect("redis.setresp(3) return redis.call('hgetall', 'hash').map.f", "$1 v ");
    expect("redis.setresp(3) return redis.call('smembers', 'set').set.a", ":1 ");
    expect("redis.setresp(3) return redis.call('zscore', 'zset', 'a').double * 2", ":5 ");
    expect("redis.setresp(3) return redis.call('get', 'nosuch') == nil", ":1 ");
    expect("redis.setresp(3) redis.setresp(2) return type(redis.call('hgetall', 'hash').map)", "$3 nil ");
}

Test(script_value, numbers_among_arguments_are_written_as_redis_does)
{
    static const char *const cases[][2] = {
        {"1", "$1 1 "},
        {"-5", "$2 -5 "},
        {"2^53", "$16 9007199254740992 "},
        {"1e15", "$16 1000000000000000 "},
        {"0.1", "$3 0.1 "},
        {"1/3", "$18 0.3333333333333333 "},
        {"1/0", "$3 inf "},
        {"1e300", "$6 1e+300 "},
        {"2^62", "$19 4611686018427387904 "},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char script[128];

        snprintf(script, sizeof script, "redis.call('set', 'n', %s) return redis.call('get', 'n')", cases[i][0]);
        expect(script, cases[i][1]);
    }
}

Test(script_value, keys_of_resp3_that_no_table_can_have_are_left_out)
{
    struct script_state *state;
    struct call call = {.core = &run.cores[0]};
    struct script_run script = {.call = &call, .protocol = 3};
    struct reply reply;

    expect("return 1", ":1 ");
    state = run.cores[0].script_state;
    state->run = &script;
    script_push_reply(state, state->lua, STR("%3\r\n_\r\n:1\r\n+k\r\n:2\r\n$1\r\nx\r\n:3\r\n"));
    reply_init(&reply, &run.memory, NULL, 0, 2);
    script_reply_value(state, state->lua, &reply);
    state->run = NULL;
    cr_assert_geq(reply.buffer.length, 4);
    cr_assert_eq(memcmp(reply.buffer.bytes, "*4\r\n", 4), 0, "%.*s", (int)reply.buffer.length, reply.buffer.bytes);
    buffer_deinit(&reply.buffer);
}
