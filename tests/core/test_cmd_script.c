#include "tests/support/command_run.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/script_run.h"

static struct command_run run;

static void init(void)
{
    command_run_init(&run, 1);
}

static void init_three(void)
{
    command_run_init(&run, 3);
}

static void deinit(void)
{
    command_run_deinit(&run);
}

#define SHA_OF_RETURN_1 "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"

TestSuite(cmd_script, .init = init, .fini = deinit);
TestSuite(cmd_script_shards, .init = init_three, .fini = deinit);

Test(cmd_script, eval_runs_a_script_with_its_keys_and_arguments)
{
    command_expect(&run, "EVAL 'return {KEYS[1],KEYS[2],ARGV[1],#KEYS,#ARGV}' 2 a b c", "*5 $1 a $1 b $1 c :2 :1 ");
    command_expect(&run, "EVAL 'return redis.call(\"set\",KEYS[1],ARGV[1])' 1 k v", "+OK ");
    command_expect(&run, "EVAL 'return redis.call(\"get\",KEYS[1])' 1 k", "$1 v ");
    command_expect(&run, "EVAL 'return KEYS[1]' 0", "$-1 ");
}

Test(cmd_script, numkeys_is_a_number_of_arguments_that_are_there)
{
    command_expect(&run, "EVAL 'return 1' 1", "-ERR Number of keys can't be greater than number of args ");
    command_expect(&run, "EVAL 'return 1' -1", "-ERR Number of keys can't be negative ");
    command_expect(&run, "EVAL 'return 1' x", "-ERR value is not an integer or out of range ");
}

Test(cmd_script, evalsha_knows_what_eval_or_load_has_brought)
{
    command_expect(&run, "EVALSHA " SHA_OF_RETURN_1 " 0", "-NOSCRIPT No matching script. Please use EVAL. ");
    command_expect(&run, "EVAL 'return 1' 0", ":1 ");
    command_expect(&run, "EVALSHA " SHA_OF_RETURN_1 " 0", ":1 ");
    command_expect(&run, "EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0", ":1 ");
    command_expect(&run, "SCRIPT EXISTS " SHA_OF_RETURN_1 " x", "*2 :1 :0 ");
    command_expect(&run, "SCRIPT FLUSH", "+OK ");
    command_expect(&run, "SCRIPT EXISTS " SHA_OF_RETURN_1, "*1 :0 ");
    command_expect(&run, "SCRIPT LOAD 'return 1'", "$40 " SHA_OF_RETURN_1 " ");
    command_expect(&run, "EVALSHA " SHA_OF_RETURN_1 " 0", ":1 ");
    command_expect(&run, "EVALSHA abc 0", "-NOSCRIPT No matching script. Please use EVAL. ");
}

Test(cmd_script, errors_name_script_and_line)
{
    command_expect(&run, "EVAL \"local t\\nreturn t.x\" 0",
                   "-ERR user_script:2: attempt to index local 't' (a nil value) script: "
                   "bc1db8b5216457985c2d09b426eaab9a002c3bca, on @user_script:2. ");
    command_expect(&run, "EVAL 'return redis.call(\"get\")' 0",
                   "-ERR Wrong number of args calling Redis command from script script: "
                   "ad9cf9305028be601cfd2abed4ce895eb41a4a6f, on @user_script:1. ");
    command_expect(&run, "EVAL 'x=' 0",
                   "-ERR Error compiling script (new function): user_script:1: unexpected symbol near '<eof>' ");
}

Test(cmd_script, only_reading_scripts_write_nothing)
{
    command_expect(&run, "EVAL_RO 'return redis.call(\"set\",\"a\",\"b\")' 0",
                   "-ERR Write commands are not allowed from read-only scripts. script: "
                   "554a95710d45ea243cdf37846a5028cfac292109, on @user_script:1. ");
    command_expect(&run, "EVAL \"#!lua flags=no-writes\\nreturn redis.call('set','a','b')\" 0",
                   "-ERR Write commands are not allowed from read-only scripts. script: "
                   "6acb400a50fe96e33eca4e0af6e9dcfb21193726, on @user_script:2. ");
    command_expect(&run, "EVAL_RO \"#!lua\\nreturn 1\" 0",
                   "-ERR Can not execute a script with write flag using *_ro command. ");
    command_expect_integer(&run, "EXISTS a", 0);
}

Test(cmd_script, the_database_that_a_script_selects_is_its_own)
{
    command_expect(&run, "EVAL 'redis.call(\"select\",3) return redis.call(\"set\",\"a\",\"b\")' 0", "+OK ");
    command_expect_integer(&run, "EXISTS a", 0);
    command_expect(&run, "SELECT 3", "+OK ");
    command_expect_integer(&run, "EXISTS a", 1);
}

static bool stop(void *context, struct script_run *script)
{
    (*(int *)context)++;
    return false;
}

Test(cmd_script, an_endless_script_is_stopped_whatever_it_catches)
{
    int looks = 0;

    run.cores[0].script_watch = (struct script_watch){.goes_on = stop, .context = &looks};
    command_expect(&run,
                   "EVAL 'while true do pcall(function() while true do end end) coroutine.wrap(function() while true "
                   "do end end)() end' 0",
                   "-ERR Script killed by user with SCRIPT KILL... script: 963008a046211526946ed4637faf744b8087dba8, "
                   "on @user_script:1. ");
    cr_assert_eq(looks, 1);
    command_expect(&run, "EVAL 'return 1' 0", ":1 ");
}

static void expect_everywhere(const char *line, const char *reply)
{
    for (run.at = 0; run.at < run.count; run.at++)
        command_expect(&run, line, reply);
    run.at = 0;
}

Test(cmd_script_shards, a_script_is_known_on_every_shard_at_once)
{
    run.at = 1;
    command_expect(&run, "EVAL 'return 1' 0", ":1 ");
    expect_everywhere("EVALSHA " SHA_OF_RETURN_1 " 0", ":1 ");
}

Test(cmd_script_shards, a_script_reaches_keys_of_all_shards)
{
    command_expect(&run, "EVAL 'for i=0,9 do redis.call(\"incrby\",\"k\"..i,i) end return redis.call(\"dbsize\")' 0",
                   ":10 ");
    expect_everywhere("EVAL 'local s=0 for i=0,9 do s=s+redis.call(\"get\",\"k\"..i) end return s' 0", ":45 ");
}
