#include "core/function_register.h"

#include <ctype.h>
#include <lauxlib.h>

#include "core/script_api.h"
#include "core/script_run.h"
#include "core/script_sandbox.h"
#include "core/script_shebang.h"

/* Functions see the sealed globals that scripts see, but while a library's code runs, the sealed table looks
 * things up in another one, which has little but `redis` with register_function.
 * Both that table and the register that is being filled lie in Lua's registry under these addresses. */
static const char library_globals, current_register;

enum { ERROR_HANDLER = 1, INSTRUCTIONS_BETWEEN_LOOKS = 10000, INSTRUCTIONS_MOST = 50 * 1000 * 1000 };

bool function_name_is_valid(struct str name)
{
    for (size_t i = 0; i < name.length; i++) {
        unsigned char letter = (unsigned char)name.bytes[i];

        if (letter > 127 || !(isalnum(letter) || letter == '_'))
            return false;
    }
    return name.length > 0;
}

static void set_register(lua_State *lua, struct function_register *target)
{
    lua_pushlightuserdata(lua, (void *)&current_register);
    lua_pushlightuserdata(lua, target);
    lua_rawset(lua, LUA_REGISTRYINDEX);
}

/* NULL: no library's code is running. */
static struct function_register *get_register(lua_State *lua)
{
    lua_pushlightuserdata(lua, (void *)&current_register);
    lua_rawget(lua, LUA_REGISTRYINDEX);
    struct function_register *target = lua_touserdata(lua, -1);
    lua_pop(lua, 1);
    return target;
}

/* Arguments. */

/* What is to be registered. Its texts are those of Lua's strings, which stay on the stack; bytes NULL: not given. */
struct registration {
    struct str name, description;
    uint32_t flags;
    int callback; /* its place on the stack, 0: not given */
};

/* A string, or a number as its text. */
static struct str take_text(lua_State *lua, int index, const char *refusal)
{
    struct str text;

    if (!lua_isstring(lua, index))
        script_api_refuse(lua, refusal);
    text.bytes = lua_tolstring(lua, index, &text.length);
    return text;
}

/* On top, in capitals or not. */
static uint32_t take_flag(lua_State *lua)
{
    struct str text = take_text(lua, -1, "unknown flag given");
    char lower[32];
    uint32_t flag = 0;

    if (text.length <= sizeof lower) {
        for (size_t i = 0; i < text.length; i++)
            lower[i] = (char)tolower((unsigned char)text.bytes[i]);
        flag = script_flag_named((struct str){lower, text.length});
    }
    if (!flag)
        script_api_refuse(lua, "unknown flag given");
    return flag;
}

static uint32_t take_flags(lua_State *lua, int index)
{
    uint32_t flags = 0;

    if (!lua_istable(lua, index))
        script_api_refuse(lua, "flags argument to redis.register_function must be a table representing function flags");
    for (int i = 1;; i++) {
        lua_rawgeti(lua, index, i);
        if (lua_isnil(lua, -1))
            break;
        flags |= take_flag(lua);
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
    return flags;
}

/* One pair of the table, its value at index. What is kept of it stays in slots of its own, 2 to 4. */
static void take_named(lua_State *lua, struct str key, int index, struct registration *what)
{
    if (str_equal_nocase(key, "function_name")) {
        what->name = take_text(lua, index, "function_name argument given to redis.register_function must be a string");
        lua_pushvalue(lua, index);
        lua_replace(lua, 2);
    } else if (str_equal_nocase(key, "description")) {
        what->description =
            take_text(lua, index, "description argument given to redis.register_function must be a string");
        lua_pushvalue(lua, index);
        lua_replace(lua, 3);
    } else if (str_equal_nocase(key, "callback")) {
        if (!lua_isfunction(lua, index))
            script_api_refuse(lua, "callback argument given to redis.register_function must be a function");
        lua_pushvalue(lua, index);
        lua_replace(lua, what->callback = 4);
    } else if (str_equal_nocase(key, "flags")) {
        what->flags = take_flags(lua, index);
    } else {
        script_api_refuse(lua, "unknown argument given to redis.register_function");
    }
}

/* redis.register_function{function_name=, callback=, ...}: the table is at 1. */
static void take_table(lua_State *lua, struct registration *what)
{
    lua_settop(lua, 4);
    for (lua_pushnil(lua); lua_next(lua, 1); lua_settop(lua, 5)) {
        lua_pushvalue(lua, 5); /* lua_next wants the key as it is */
        struct str key = take_text(lua, 7, "named argument key given to redis.register_function is not a string");

        take_named(lua, key, 6, what);
    }
    if (!what->name.bytes)
        script_api_refuse(lua, "redis.register_function must get a function name argument");
    if (!what->callback)
        script_api_refuse(lua, "redis.register_function must get a callback argument");
}

static void take_arguments(lua_State *lua, struct registration *what)
{
    int count = lua_gettop(lua);

    if (count < 1 || count > 2)
        script_api_refuse(lua, "wrong number of arguments to redis.register_function");
    if (count == 1) {
        if (!lua_istable(lua, 1))
            script_api_refuse(lua, "calling redis.register_function with a single argument is only applicable to Lua "
                                   "table (representing named arguments).");
        take_table(lua, what);
        return;
    }
    what->name = take_text(lua, 1, "first argument to redis.register_function must be a string");
    if (!lua_isfunction(lua, 2))
        script_api_refuse(lua, "second argument to redis.register_function must be a function");
    what->callback = 2;
}

/* Registering. */

static struct function *add(lua_State *lua, struct function_register *target, const struct registration *what)
{
    if (!function_name_is_valid(what->name))
        script_api_refuse(lua, FUNCTION_NAME_INVALID);
    if (function_library_find(target->library, what->name))
        script_api_refuse(lua, "Function already exists in the library");
    return function_library_add(target->functions, target->library, what->name, what->description, what->flags);
}

/* The function that was registered when the library was run first. */
static struct function *find(lua_State *lua, struct function_register *target, struct str name)
{
    struct function *function = function_library_find(target->library, name);

    if (!function || function->reference != FUNCTION_NOT_COMPILED)
        script_api_refuse(lua, "Function already exists in the library");
    return function;
}

static int register_function(lua_State *lua)
{
    struct function_register *target = get_register(lua);
    struct registration what = {0};

    if (!target)
        script_api_refuse(lua, "redis.register_function can only be called on FUNCTION LOAD command");
    take_arguments(lua, &what);
    struct function *function = target->functions ? add(lua, target, &what) : find(lua, target, what.name);
    lua_pushvalue(lua, what.callback);
    function->reference = luaL_ref(lua, LUA_REGISTRYINDEX);
    return 0;
}

/* The two worlds. */

void function_register_prepare(lua_State *lua)
{
    static const char *const names[] = {"replicate_commands", "breakpoint", "debug"};

    lua_getglobal(lua, "redis"); /* which `server` names too */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        lua_pushnil(lua);
        lua_setfield(lua, -2, names[i]);
    }
    lua_pop(lua, 1);
}

/* Pushes `redis` as libraries have it. */
static void push_library_api(lua_State *lua)
{
    static const char *const names[] = {"log",         "LOG_DEBUG",     "LOG_VERBOSE",      "LOG_NOTICE",
                                        "LOG_WARNING", "REDIS_VERSION", "REDIS_VERSION_NUM"};

    lua_newtable(lua);
    lua_getglobal(lua, "redis");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        lua_getfield(lua, -1, names[i]);
        lua_setfield(lua, -3, names[i]);
    }
    lua_pop(lua, 1);
    lua_pushcfunction(lua, register_function);
    lua_setfield(lua, -2, "register_function");
    script_protect(lua);
    script_seal(lua);
}

void function_register_open(struct script_state *state)
{
    lua_State *lua = state->lua;

    lua_pushlightuserdata(lua, (void *)&library_globals);
    lua_newtable(lua);
    push_library_api(lua);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, -3, "redis");
    lua_setfield(lua, -2, "server");
    script_protect(lua);
    lua_rawset(lua, LUA_REGISTRYINDEX);
    set_register(lua, NULL);
}

static void push_world(struct script_state *state, bool of_libraries)
{
    if (of_libraries) {
        lua_pushlightuserdata(state->lua, (void *)&library_globals);
        lua_rawget(state->lua, LUA_REGISTRYINDEX);
    } else {
        lua_rawgeti(state->lua, LUA_REGISTRYINDEX, state->globals);
    }
}

/* What the sealed globals look things up in: the libraries' world, or else that of functions. Allocates nothing. */
static void enter(struct script_state *state, bool of_libraries)
{
    lua_State *lua = state->lua;

    lua_getmetatable(lua, LUA_GLOBALSINDEX);
    push_world(state, of_libraries);
    lua_setfield(lua, -2, "__index");
    lua_pop(lua, 1);
}

/* There is no pcall in that world: one error ends it. */
static void count_instructions(lua_State *lua, lua_Debug *debug)
{
    struct function_register *target = get_register(lua);

    target->instructions += INSTRUCTIONS_BETWEEN_LOOKS;
    if (target->instructions > INSTRUCTIONS_MOST)
        script_api_refuse(lua, "FUNCTION LOAD timeout");
}

/* The error is on top, a table by our handler, or a text where Lua could not call that. */
static void make_text(struct script_state *state)
{
    lua_State *lua = state->lua;

    if (!lua_istable(lua, -1)) {
        lua_pushfstring(lua, "ERR %s", lua_tostring(lua, -1));
    } else {
        script_push_word(state, lua, SCRIPT_WORD_ERR);
        lua_rawget(lua, -2);
    }
    lua_replace(lua, -2);
}

bool function_register_run(struct script_state *state, struct function_register *target)
{
    lua_State *lua = state->lua;
    lua_Hook hook = lua_gethook(lua);
    int hook_mask = lua_gethookmask(lua), hook_count = lua_gethookcount(lua);

    set_register(lua, target);
    enter(state, true);
    lua_sethook(lua, count_instructions, LUA_MASKCOUNT, INSTRUCTIONS_BETWEEN_LOOKS);
    int status = lua_pcall(lua, 0, 0, ERROR_HANDLER);
    lua_sethook(lua, hook, hook_mask, hook_count);
    state->limit_bytes = SIZE_MAX;
    enter(state, false);
    set_register(lua, NULL);
    if (status != 0)
        make_text(state);
    return status == 0;
}

void function_register_release(struct script_state *state, int reference)
{
    luaL_unref(state->lua, LUA_REGISTRYINDEX, reference);
}
