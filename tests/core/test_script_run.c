#include "core/script_run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "tests/support/command_run.h"

static struct command_run run;

static void init(void)
{
    command_run_init(&run, 1);
}

static void init_two(void)
{
    command_run_init(&run, 2);
}

static void deinit(void)
{
    command_run_deinit(&run);
}

TestSuite(script_run, .init = init, .fini = deinit);
TestSuite(script_run_shards, .init = init_two, .fini = deinit);

static struct str eval(const char *script)
{
    struct str argv[] = {STR("EVAL"), str_from(script), STR("0")};

    return command_run_argv(&run, argv, 3);
}

static void expect(const char *script, const char *reply)
{
    command_expect_reply(&run, script, eval(script), reply);
}

static void expect_error(const char *script, const char *text)
{
    struct str reply = eval(script);

    cr_assert_eq(reply.bytes[0], '-', "%s answered %.*s", script, (int)reply.length, reply.bytes);
    cr_assert_not_null(memmem(reply.bytes, reply.length, text, strlen(text)), "%s answered %.*s", script,
                       (int)reply.length, reply.bytes);
}

static void expect_errors(const char *const *scripts, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        expect_error(scripts[i], text);
}

/* Stopping. */

struct watch {
    int looks, most;
};

static bool goes_on(void *context, struct script_run *script)
{
    struct watch *watch = context;

    return ++watch->looks < watch->most;
}

static const char *const endless[] = {
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "local f = function() while true do end end while true do xpcall(f, f) end",
    "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
    "local function f() return f() end f()",
    "local t = setmetatable({}, {__index = function(t, k) return t[k] end}) while true do pcall(function() return t.x "
    "end) end",
    "while true do redis.pcall('ping') end",
    "while true do table.sort({1, 2, 3}, function(a, b) while true do end end) end",
    "while true do string.gsub('abc', '.', function() while true do end end) end",
    "load(function() while true do end end)",
    "local c c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do c() end",
    "repeat until false",
    "for i = 1, 1/0 do end",
    "table.insert({}, -2^31, 'x')",
    "local s = string.rep('x', 1e4) for i = 1, 1e4 do s:upper() end",
};

Test(script_run, an_endless_script_ends_when_it_is_to_whatever_it_catches)
{
    for (size_t i = 0; i < sizeof endless / sizeof *endless; i++) {
        struct watch watch = {.most = 3};

        run.cores[0].script_watch = (struct script_watch){.goes_on = goes_on, .context = &watch};
        expect_error(endless[i], "Script killed by user with SCRIPT KILL...");
        cr_assert_eq(watch.looks, 3, "%s: it was asked again", endless[i]);
        expect("local s = 0 for i = 1, 10 do s = s + i end return s", ":55 ");
    }
}

Test(script_run, the_watch_sees_what_has_been_written)
{
    struct watch watch = {.most = 1};

    run.cores[0].script_watch = (struct script_watch){.goes_on = goes_on, .context = &watch};
    expect_error("redis.call('set', 'a', '1') while true do end", "killed");
    command_expect(&run, "GET a", "$1 1 ");
}

/* Out of reach. */

static bool has_not(const struct reach *reach, struct str key)
{
    return key.length == 0 || key.bytes[key.length - 1] % 2 == 0;
}

static void load_everywhere(const char *script)
{
    struct str argv[] = {STR("SCRIPT"), STR("LOAD"), str_from(script)};

    for (run.at = run.count - 1; run.at > 0; run.at--)
        command_run_argv(&run, argv, 3);
    command_run_argv(&run, argv, 3);
}

Test(script_run_shards, a_script_that_wants_a_key_out_of_reach_is_abandoned_without_a_reply)
{
    static const char *const scripts[] = {
        "redis.call('set', 'k1', 'x')",
        "redis.pcall('set', 'k1', 'x') return redis.call('set', 'k0', 'y')",
        "pcall(redis.call, 'set', 'k1', 'x') return redis.call('set', 'k0', 'y')",
        "while true do pcall(redis.call, 'set', 'k1', 'x') end",
        "coroutine.resume(coroutine.create(function() redis.call('set', 'k1', 'x') end)) redis.call('set', 'k0', 'y')",
        "xpcall(function() redis.call('get', 'k1') end, function() redis.call('set', 'k0', 'y') end)",
        "redis.call('mset', 'k0', 'x', 'k1', 'x')",
        "redis.call('dbsize')",
        "redis.call('keys', '*')",
    };

    expect("return redis.call('exists', 'k0')", ":0 ");
    run.reach.everywhere = false;
    run.reach.has = has_not;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        load_everywhere(scripts[i]);
        cr_assert_eq(eval(scripts[i]).length, 0, "%s", scripts[i]);
        expect("return redis.call('exists', 'k0')", ":0 ");
    }
    run.reach.everywhere = true;
    command_expect(&run, "EXISTS k0 k1", ":0 ");
}

Test(script_run_shards, a_new_script_is_told_to_all_shards_or_to_none)
{
    run.reach.everywhere = false;
    run.reach.has = has_not;
    cr_assert_eq(eval("return 2").length, 0);
    cr_assert_eq(scripts_count(&run.cores[0].scripts), 0);
    run.reach.everywhere = true;
    expect("return 2", ":2 ");
    run.reach.everywhere = false;
    run.at = 1;
    expect("return 2", ":2 ");
    run.at = 0;
}

/* Memory. */

Test(script_run, a_script_that_wants_too_much_memory_fails_and_gives_it_back)
{
    static const char *const greedy[] = {
        "return string.rep('x', 1e9)",
        "local t = {} while true do t[#t + 1] = {} end",
        "local s = 'x' while true do s = s .. s end",
        "redis.call('set', 'a', string.rep('x', 4e6)) local t = {} for i = 1, 100 do t[i] = redis.call('get', 'a') .. "
        "i end",
    };

    run.cores[0].config.maxmemory = 1 << 20;
    for (size_t i = 0; i < sizeof greedy / sizeof *greedy; i++) {
        expect_error(greedy[i], "not enough memory");
        cr_assert_lt(run.cores[0].script_state->memory.used_bytes, 1 << 20, "%s", greedy[i]);
    }
    run.cores[0].config.maxmemory = 0;
    expect("return 1", ":1 ");
}

Test(script_run, what_is_dead_is_not_held_against_a_script)
{
    run.cores[0].config.maxmemory = 1 << 20; /* 16 MB for scripts */
    expect("local s = string.rep('x', 3e6) for i = 1, 50 do local t = s .. i end return #s", ":3000000 ");
    run.cores[0].config.maxmemory = 64 << 20;
    expect(
        "redis.call('set', 'a', string.rep('x', 9e6)) for i = 1, 50 do local t = redis.call('get', 'a') end return 1",
        ":1 ");
    for (int i = 0; i < 20; i++)
        expect("return #(string.rep('x', 15e6) .. 'y')", ":15000001 ");
    cr_assert_lt(run.cores[0].script_state->memory.used_bytes, 40 << 20);
}

Test(script_run, deep_recursion_is_an_error)
{
    expect_error("local function f() return 1 + f() end return f()", "stack overflow");
    expect_error("local function f() return (string.gsub('a', 'a', f)) end return f()", "C stack overflow");
    expect("local function f() return pcall(f) end return #{f()}", ":200 ");
    expect_error("return unpack({}, 1, 8000)", "too many results to unpack");
    expect_error("return unpack({}, -2^31, 2^31 - 1)", "too many results to unpack");
    expect_error("return unpack({}, -2^31)", "too many results to unpack");
    expect("return {unpack({1, 2, 3}, 2)}", "*2 :2 :3 ");
    expect("return select('#', unpack({}, 2^31 - 2, 2^31 - 1))", ":2 ");
    expect("return select('#', unpack({}, 5))", ":0 ");
}

Test(script_run, an_error_that_says_nothing_is_one_all_the_same)
{
    static const char *const errors[] = {
        "error({})",
        "error({err = true})",
        "error({err = function() end})",
        "error({ok = 'x', 1, 2})",
        "error(setmetatable({}, {__index = function(t, k) return t[k] end}))",
        "error({err = {}, source = {}, line = {}})",
    };

    expect_errors(errors, sizeof errors / sizeof *errors, "-ERR unknown error script: ");
    expect_errors(errors, sizeof errors / sizeof *errors, ", on @user_script:1.");
    expect("return 1", ":1 ");
}

Test(script_run, without_memory_scripts_that_may_need_some_are_refused)
{
    run.cores[0].out_of_memory = true;
    expect("return redis.call('get', 'a')", "$-1 ");
    expect_error("return redis.call('set', 'a', '1')", "OOM command not allowed when used memory > 'maxmemory'.");
    expect("#!lua flags=allow-oom\nreturn redis.call('set', 'a', '1')", "+OK ");
    expect("#!lua flags=no-writes\nreturn redis.call('get', 'a')", "$1 1 ");
    expect("#!lua\nreturn 1", "-OOM command not allowed when used memory > 'maxmemory'. ");
    expect("redis.call('del', 'b') return redis.call('set', 'a', '2')", "+OK ");
}

/* The sandbox. */

Test(script_run, nothing_that_scripts_share_can_be_changed)
{
    static const char *const attempts[] = {
        "string.format = nil",
        "redis.call = nil",
        "_G.redis = nil",
        "KEYS = nil",
        "rawset(string, 'format', nil)",
        "rawset(_G, 'redis', nil)",
        "table.insert(string, 1)",
        "setmetatable(string, {})",
        "setmetatable(_G, nil)",
        "getmetatable('').__index = nil",
        "getmetatable('').__index.format = nil",
        "getmetatable(_G).__index = nil",
        "local _, t = pairs(string) t.format = nil",
        "local n, t, k = pairs(_G) rawset(t, 'redis', nil)",
        "local t table.foreach(_G, function(k, v) if k == 'string' then v.format = nil end end)",
        "for k, v in next, _G do if k == 'string' then v.format = nil end end",
        "rawget(_G, 'string').format = nil",
        "cjson.encode = nil",
    };

    expect_errors(attempts, sizeof attempts / sizeof *attempts, "Attempt to modify a readonly table");
    expect("return string.format('%d', 5) .. type(redis.call)", "$9 5function ");
}

Test(script_run, what_goes_through_a_shared_table_takes_tables_only)
{
    static const char *const attempts[] = {
        "pairs(cjson)('x')",
        "pairs(redis)()",
        "pairs(string)(5, 'x')",
        "next('x')",
    };

    expect_errors(attempts, sizeof attempts / sizeof *attempts, "(table expected, got ");
    expect("return {xpcall(function() error('x') end, pairs(cjson))}", "*2 $-1 $23 error in error handling ");
    expect("local n = 0 for k in pairs(cjson) do n = n + 1 end return n > 5", ":1 ");
}

Test(script_run, what_reaches_outside_is_not_there)
{
    static const char *const names[] = {"io",      "require",  "package", "dofile", "loadfile", "debug",     "setfenv",
                                        "getfenv", "newproxy", "module",  "print",  "os.exit",  "os.execute"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char script[64];

        snprintf(script, sizeof script, "return %s()", names[i]);
        cr_assert_eq(eval(script).bytes[0], '-', "%s", names[i]);
    }
    expect("return type(os.clock())", "$6 number ");
    expect("local n = 0 for k in pairs(os) do n = n + 1 end return n", ":1 ");
}

Test(script_run, bytecode_is_refused)
{
    expect("return (loadstring(string.dump(function() end)))", "$-1 ");
    expect("local s = string.dump(function() end) return (load(function() local t = s s = nil return t end))", "$-1 ");
    expect_error("\033Lua", "unexpected symbol near 'char(27)'");
}

Test(script_run, the_collector_stays_as_it_is)
{
    expect("collectgarbage('stop') collectgarbage('setpause', 100000) return collectgarbage('setstepmul', 1)", ":0 ");
    expect("local t = {} for i = 1, 1e6 do t = {} end return collectgarbage('count') < 10000", ":1 ");
}

Test(script_run, random_numbers_are_those_of_redis)
{
    expect("return {tostring(math.random()), tostring(math.random())}",
           "*2 $16 0.39646477363839 $16 0.84048536971234 ");
    expect("return tostring(math.random())", "$16 0.35333609737146 ");
    expect("math.randomseed(0) return tostring(math.random())", "$16 0.17082803611217 ");
}

Test(script_run, while_the_disk_fails_a_script_does_not_begin_to_write)
{
    run.cores[0].aof.error = ENOSPC;
    expect("return redis.call('get', 'a')", "$-1 ");
    expect_error("return redis.call('set', 'a', '1')",
                 "MISCONF Errors writing to the AOF file: No space left on device");
    expect("#!lua\nreturn 1", "-MISCONF Errors writing to the AOF file: No space left on device ");
    expect("#!lua flags=no-writes\nreturn 1", ":1 ");
    run.cores[0].aof.error = 0;
    expect("return redis.call('exists', 'a')", ":0 ");
}
