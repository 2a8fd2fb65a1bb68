#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/function_load.h"
#include "core/handlers.h"
#include "core/script_run.h"
#include "core/script_state.h"
#include "tests/support/command_run.h"

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

TestSuite(cmd_function, .init = init, .fini = deinit);
TestSuite(cmd_function_shards, .init = init_three, .fini = deinit);

/* FUNCTION LOAD of a library; the code's first line is "#!lua name=...". */
static void load(const char *name, const char *code, const char *reply)
{
    char text[1024];
    struct str argv[] = {STR("FUNCTION"), STR("LOAD"), STR("REPLACE"), {text, 0}};

    argv[3].length = (size_t)snprintf(text, sizeof text, "#!lua name=%s\n%s", name, code);
    command_expect_reply(&run, code, command_run_argv(&run, argv, 4), reply);
}

/* The same, where the code registers a function f. */
static void load_f(const char *body)
{
    char code[900];

    snprintf(code, sizeof code, "redis.register_function('f', function(keys, args) %s end)", body);
    load("lib", code, "$3 lib ");
}

Test(cmd_function, a_function_gets_its_keys_and_arguments)
{
    load_f("return {keys, args, #keys, #args}");
    command_expect(&run, "FCALL f 2 a b c", "*4 *2 $1 a $1 b *1 $1 c :2 :1 ");
    load_f("return redis.call('set', keys[1], args[1])");
    command_expect(&run, "FCALL f 1 k v", "+OK ");
    command_expect(&run, "GET k", "$1 v ");
}

Test(cmd_function, fcall_checks_its_arguments)
{
    load_f("return 1");
    command_expect(&run, "FCALL g 0", "-ERR Function not found ");
    command_expect(&run, "FCALL f x", "-ERR Bad number of keys provided ");
    command_expect(&run, "FCALL f -1", "-ERR Number of keys can't be negative ");
    command_expect(&run, "FCALL f 1", "-ERR Number of keys can't be greater than number of args ");
    command_expect(&run, "FCALL_RO f 0", "-ERR Can not execute a script with write flag using *_ro command. ");
}

Test(cmd_function, flags_bind_a_function)
{
    load(
        "lib",
        "redis.register_function{function_name='w', callback=function(keys) return redis.call('set', keys[1], '1') end,"
        "flags={'No-Writes'}} redis.register_function{function_name='r', flags={'no-writes'}, description='reads',"
        "callback=function(keys) return redis.call('get', keys[1]) end}",
        "$3 lib ");
    command_expect(&run, "FCALL w 1 k",
                   "-ERR Write commands are not allowed from read-only scripts. script: w, on @user_function:2. ");
    command_expect(&run, "FCALL_RO r 1 k", "$-1 ");
}

Test(cmd_function, the_first_line_names_the_library)
{
    const struct {
        const char *line, *error;
    } wrong[] = {
        {"return 1", "Missing library metadata"},
        {"#!lua name=x", "Invalid library metadata"},
        {"#!lua\nreturn 1", "Library name was not given"},
        {"#!foo\nreturn 1", "Library name was not given"},
        {"#!foo name=x\nreturn 1", "Engine 'foo' not found"},
        {"#! lua name=x\nreturn 1", "Invalid metadata value given: lua"},
        {"#!lua name=x y\nreturn 1", "Invalid metadata value given: y"},
        {"#!lua name=x name=y\nreturn 1", "Invalid metadata value, name argument was given multiple times"},
        {"#!lua name=\"x\nreturn 1", "Invalid library metadata"},
        {"#!lua name=x-1\nreturn 1", "Library names can only contain letters, numbers, or underscores(_) and must be "
                                     "at least one character long"},
        {"#!lua name=\nreturn 1", "Library names can only contain letters, numbers, or underscores(_) and must be at "
                                  "least one character long"},
        {"#!lua name=x\nreturn 1", "No functions registered"},
    };
    char expected[200];

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct str argv[] = {STR("FUNCTION"), STR("LOAD"), str_from(wrong[i].line)};

        snprintf(expected, sizeof expected, "-ERR %s ", wrong[i].error);
        command_expect_reply(&run, wrong[i].line, command_run_argv(&run, argv, 3), expected);
    }
}

Test(cmd_function, register_function_checks_its_arguments)
{
    const struct {
        const char *arguments, *error;
    } wrong[] = {
        {"()", "wrong number of arguments to redis.register_function"},
        {"('a')", "calling redis.register_function with a single argument is only applicable to Lua table "
                  "(representing named arguments)."},
        {"({}, function() end)", "first argument to redis.register_function must be a string"},
        {"('a', 1)", "second argument to redis.register_function must be a function"},
        {"('a b', function() end)", "Library names can only contain letters, numbers, or underscores(_) and must be "
                                    "at least one character long"},
        {"{}", "redis.register_function must get a function name argument"},
        {"{function_name='a'}", "redis.register_function must get a callback argument"},
        {"{function_name={}}", "function_name argument given to redis.register_function must be a string"},
        {"{callback=1}", "callback argument given to redis.register_function must be a function"},
        {"{description={}}", "description argument given to redis.register_function must be a string"},
        {"{flags=1}", "flags argument to redis.register_function must be a table representing function flags"},
        {"{flags={'x'}}", "unknown flag given"},
        {"{flags={{}}}", "unknown flag given"},
        {"{x=1}", "unknown argument given to redis.register_function"},
        {"{[true]=1}", "named argument key given to redis.register_function is not a string"},
    };
    char code[200], expected[300];

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(code, sizeof code, "redis.register_function%s", wrong[i].arguments);
        snprintf(expected, sizeof expected, "-ERR Error registering functions: ERR %s ", wrong[i].error);
        load("lib", code, expected);
    }
    command_expect(&run, "FUNCTION LIST", "*0 ");
}

Test(cmd_function, a_library_sees_little_while_it_is_loaded)
{
    load("lib", "foo = 1",
         "-ERR Error registering functions: ERR user_function:2: Attempt to modify a readonly table ");
    load("lib", "return math",
         "-ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global "
         "variable 'math' ");
    load("lib", "redis.call('ping')",
         "-ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global "
         "variable 'call' ");
    load("lib", "bad bad", "-ERR Error compiling function: user_function:2: '=' expected near 'bad' ");
    load_f("return {math.floor(1.5), redis.call('ping'), cjson.encode({1})}");
    command_expect(&run, "FCALL f 0", "*3 :1 +PONG $3 [1] ");
}

Test(cmd_function, what_never_ends_is_not_loaded)
{
    load("lib", "while true do end", "-ERR Error registering functions: ERR FUNCTION LOAD timeout ");
    load_f("return 1");
    command_expect(&run, "FCALL f 0", ":1 ");
}

Test(cmd_function, functions_are_registered_only_while_their_library_is_loaded)
{
    load("lib",
         "local register = redis.register_function\n"
         "register('f', function() register('g', function() end) end)",
         "$3 lib ");
    command_expect(
        &run, "FCALL f 0",
        "-ERR redis.register_function can only be called on FUNCTION LOAD command script: f, on @user_function:3. ");
}

Test(cmd_function, errors_name_function_and_line)
{
    load_f("\nerror('boo')");
    command_expect(&run, "FCALL f 0", "-ERR user_function:3: boo script: f, on @user_function:3. ");
    load_f("return KEYS");
    command_expect(&run, "FCALL f 0",
                   "-ERR user_function:2: Script attempted to access nonexistent global variable 'KEYS' script: f, on "
                   "@user_function:2. ");
}

Test(cmd_function, names_are_taken_once)
{
    load("one", "redis.register_function('f', function() return 1 end)", "$3 one ");
    load("two", "redis.register_function('f', function() return 2 end)", "-ERR Function f already exists ");
    load("one", "redis.register_function('g', function() end) redis.register_function('g', function() end)",
         "-ERR Error registering functions: ERR Function already exists in the library ");
    command_expect(&run, "FCALL f 0", ":1 ");
    command_expect(&run, "FUNCTION LOAD \"#!lua name=one\\nbad\"", "-ERR Library 'one' already exists ");
    load("one", "redis.register_function('f', function() return 3 end)", "$3 one ");
    command_expect(&run, "FCALL F 0", ":3 ");
    load("two", "redis.register_function('F', function() return 2 end)", "-ERR Function F already exists ");
}

Test(cmd_function, libraries_are_listed)
{
    load("one", "redis.register_function{function_name='f', callback=function() end, flags={'allow-oom','no-writes'}}",
         "$3 one ");
    load("two", "redis.register_function{function_name='g', callback=function() end, description='d'}", "$3 two ");
    command_expect(&run, "FUNCTION LIST LIBRARYNAME o*",
                   "*1 *6 $12 library_name $3 one $6 engine $3 LUA $9 functions *1 *6 $4 name $1 f $11 description $-1 "
                   "$5 flags *2 +no-writes +allow-oom ");
    run.session.protocol = 3;
    command_expect(&run, "FUNCTION LIST LIBRARYNAME TWO WITHCODE",
                   "*1 %4 $12 library_name $3 two $6 engine $3 LUA $9 functions *1 %3 $4 name $1 g $11 description $1 "
                   "d $5 flags ~0 $12 library_code $99 #!lua name=two redis.register_function{function_name='g', "
                   "callback=function() end, description='d'} ");
    command_expect(&run, "FUNCTION STATS",
                   "%2 $14 running_script _ $7 engines %1 $3 LUA %2 $15 libraries_count :2 $15 functions_count :2 ");
    command_expect(&run, "FUNCTION LIST x", "-ERR Unknown argument x ");
    command_expect(&run, "FUNCTION LIST LIBRARYNAME", "-ERR library name argument was not given ");
    command_expect(&run, "FUNCTION DELETE one", "+OK ");
    command_expect(&run, "FUNCTION DELETE one", "-ERR Library not found ");
    command_expect(&run, "FCALL f 0", "-ERR Function not found ");
    command_expect(&run, "FUNCTION FLUSH x", "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option ");
    command_expect(&run, "FUNCTION FLUSH", "+OK ");
    command_expect(&run, "FUNCTION LIST", "*0 ");
}

/* As while a shard answers within a script that is busy. */
static bool ask_for_stats(void *context, struct script_run *script)
{
    const char *expected = *(const char **)context;
    const struct str argv[] = {STR("FUNCTION"), STR("STATS")};
    struct memory memory = {0};
    struct reply reply;
    struct call call = {.argv = argv, .argc = 2, .now_ms = script->call->now_ms + 7, .reply = &reply};

    call.core = script->call->core;
    reply_init(&reply, &memory, NULL, 0, 2);
    cmd_function_stats(&call);
    command_expect_reply(&run, "FUNCTION STATS", buffer_str(&reply.buffer), expected);
    buffer_deinit(&reply.buffer);
    return false;
}

Test(cmd_function, stats_tell_what_is_running)
{
    struct script_watch *watch = &run.cores[0].script_watch;
    const char *expected =
        "*4 $14 running_script *6 $4 name $1 f $7 command *4 $5 FCALL $1 f $1 1 $1 k $11 duration_ms :7 "
        "$7 engines *2 $3 LUA *4 $15 libraries_count :1 $15 functions_count :1 ";

    load_f("while true do end");
    *watch = (struct script_watch){.goes_on = ask_for_stats, .context = &expected};
    command_run(&run, "FCALL f 1 k");
    expected = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE. ";
    command_run(&run, "EVAL 'while true do end' 0");
    *watch = (struct script_watch){0};
    command_expect(&run, "FCALL g 0", "-ERR Function not found ");
}

/* What redis-server 7.0.15 gives for these libraries, and for none. */
static const char TWO_LIBRARIES[] = "\xf5\x40\x43#!lua name=l2\nredis.register_function(\"f2\",function() return 2 end)"
                                    "\xf5\x40\x43#!lua name=l1\nredis.register_function(\"f1\",function() return 1 end)"
                                    "\n\0";
static const char NO_LIBRARY[] = "\n\0\x5d\x9b\\@\x0f\x7f\xa2\xda";

static struct str restore(struct str payload, const char *policy)
{
    struct str argv[] = {STR("FUNCTION"), STR("RESTORE"), payload, str_from(policy)};

    return command_run_argv(&run, argv, *policy ? 4 : 3);
}

static struct str dump(char *room, size_t size)
{
    struct str argv[] = {STR("FUNCTION"), STR("DUMP")};
    struct str reply = command_run_argv(&run, argv, 2);
    const char *start = (const char *)memchr(reply.bytes, '\n', reply.length) + 1;
    size_t length = reply.length - (size_t)(start - reply.bytes) - 2;

    cr_assert_leq(length, size);
    memcpy(room, start, length);
    return (struct str){room, length};
}

Test(cmd_function, a_dump_is_restored_as_asked_for)
{
    char room[1024];
    struct str empty = dump(room, sizeof room);

    cr_assert(str_equal(empty, (struct str){NO_LIBRARY, sizeof NO_LIBRARY - 1}));
    command_expect_reply(&run, "empty", restore(empty, ""), "+OK ");
    load("one", "redis.register_function('f', function() return 1 end)", "$3 one ");
    load("two", "redis.register_function('g', function() return 2 end)", "$3 two ");
    struct str payload = dump(room, sizeof room);

    command_expect_reply(&run, "append", restore(payload, ""), "-ERR Library one already exists ");
    load("one", "redis.register_function('f', function() return 3 end)", "$3 one ");
    command_expect_reply(&run, "replace", restore(payload, "REPLACE"), "+OK ");
    command_expect(&run, "FCALL f 0", ":1 ");
    command_expect(&run, "FUNCTION DELETE one", "+OK ");
    load("three", "redis.register_function('f', function() return 4 end)", "$5 three ");
    command_expect_reply(&run, "taken", restore(payload, "replace"), "-ERR Function f already exists ");
    command_expect(&run, "FCALL f 0", ":4 ");
    command_expect_reply(&run, "flush", restore(payload, "flush"), "+OK ");
    command_expect(&run, "FCALL f 0", ":1 ");
    command_expect(&run, "FCALL g 0", ":2 ");
    command_expect_reply(&run, "policy", restore(payload, "x"),
                         "-ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE. ");
    room[3] ^= 1;
    command_expect_reply(&run, "sum", restore(payload, "flush"), "-ERR DUMP payload version or checksum are wrong ");
}

Test(cmd_function, a_dump_of_redis_is_read_and_given_back)
{
    static const uint8_t checksum[] = {0x1c, 0x4a, 0x15, 0xfd, 0x30, 0x50, 0x29, 0x83};
    char payload[sizeof TWO_LIBRARIES - 1 + sizeof checksum], room[sizeof payload];

    memcpy(payload, TWO_LIBRARIES, sizeof TWO_LIBRARIES - 1);
    memcpy(payload + sizeof TWO_LIBRARIES - 1, checksum, sizeof checksum);
    command_expect_reply(&run, "restore", restore((struct str){payload, sizeof payload}, ""), "+OK ");
    command_expect(&run, "FCALL f2 0", ":2 ");
    struct str again = dump(room, sizeof room);
    cr_assert(again.length == sizeof payload && memcmp(again.bytes, payload, sizeof payload) == 0);
}

Test(cmd_function_shards, every_shard_has_the_libraries_and_compiles_them_when_it_needs_them)
{
    load("lib",
         "local count = 0\n"
         "redis.register_function('f', function() count = count + 1 return count end)\n"
         "redis.register_function('g', function(keys) return redis.call('incr', keys[1]) end)",
         "$3 lib ");
    for (run.at = 0; run.at < 3; run.at++) {
        cr_assert_eq(functions_find(&run.cores[run.at].functions, STR("f"))->library->is_compiled, run.at == 0);
        command_expect(&run, "FCALL f 0", ":1 ");
        command_expect_integer(&run, "FCALL g 1 k1", run.at + 1);
    }
    run.at = 2;
    load("lib", "redis.register_function('f', function() return 'new' end)", "$3 lib ");
    for (run.at = 0; run.at < 3; run.at++) {
        command_expect(&run, "FCALL f 0", "$3 new ");
        command_expect(&run, "FCALL g 1 k1", "-ERR Function not found ");
    }
    run.at = 0;
}

/* Libraries that come and go leave nothing behind. */
Test(cmd_function, memory_is_given_back)
{
    size_t after_one = 0;

    for (int i = 0; i < 200; i++) {
        load("lib", "redis.register_function('f', function() return #(('x'):rep(1000)) end)", "$3 lib ");
        command_expect(&run, "FCALL f 0", ":1000 ");
        if (i == 0)
            after_one = run.cores[0].functions.memory.used_bytes;
    }
    cr_assert_leq(run.cores[0].functions.memory.used_bytes, after_one + 64);
    cr_assert_lt(script_state_bytes(run.cores[0].function_state), 400000);
}
