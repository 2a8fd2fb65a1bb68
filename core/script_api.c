#include "core/script_api.h"

#include <lauxlib.h>
#include <stdio.h>

#include "core/log.h"
#include "core/redis_version.h"
#include "core/script_run.h"
#include "core/script_value.h"
#include "core/sha1.h"

enum { REPL_NONE = 0, REPL_AOF = 1, REPL_REPLICA = 2, REPL_ALL = REPL_AOF | REPL_REPLICA };

void script_api_push_refusal(lua_State *lua, const char *text)
{
    char line[256];
    int length = snprintf(line, sizeof line, "ERR %s", text);

    script_push_error(script_state_of(lua), lua, (struct str){line, (size_t)length}, false);
}

void script_api_refuse(lua_State *lua, const char *text)
{
    script_api_push_refusal(lua, text);
    lua_error(lua);
    __builtin_unreachable();
}

static struct str string_at(lua_State *lua, int index)
{
    struct str text = {"", 0};
    const char *bytes = lua_tolstring(lua, index, &text.length);

    if (bytes)
        text.bytes = bytes;
    return text;
}

/* A number becomes its text; what is neither is empty. */
static int sha1hex(lua_State *lua)
{
    char text[SHA1_HEX_LENGTH];

    if (lua_gettop(lua) != 1)
        script_api_refuse(lua, "wrong number of arguments");
    sha1_hex(string_at(lua, 1), text);
    lua_pushlstring(lua, text, sizeof text);
    return 1;
}

/* What is wrong is returned, not raised. */
static bool is_one_string(lua_State *lua)
{
    if (lua_gettop(lua) == 1 && lua_type(lua, 1) == LUA_TSTRING)
        return true;
    script_api_push_refusal(lua, "wrong number or type of arguments");
    return false;
}

static int status_reply(lua_State *lua)
{
    if (!is_one_string(lua))
        return 1;
    lua_createtable(lua, 0, 1);
    script_push_word(script_state_of(lua), lua, SCRIPT_WORD_OK);
    lua_pushvalue(lua, 1);
    lua_rawset(lua, -3);
    return 1;
}

/* "-CODE text"; one word alone is the text of an ERR. */
static int error_reply(lua_State *lua)
{
    if (!is_one_string(lua))
        return 1;
    const char *text = lua_tostring(lua, 1);
    text += *text == '-';
    if (!strchr(text, ' '))
        text = lua_pushfstring(lua, "ERR %s", text);
    script_push_error(script_state_of(lua), lua, str_from(text), false);
    return 1;
}

static int write_log(lua_State *lua)
{
    luaL_Buffer line;
    int arguments = lua_gettop(lua);

    if (arguments < 2)
        script_api_refuse(lua, "redis.log() requires two arguments or more.");
    if (!lua_isnumber(lua, 1))
        script_api_refuse(lua, "First argument must be a number (log level).");
    int level = (int)lua_tonumber(lua, 1);
    if (level < LOG_DEBUG || level > LOG_WARNING)
        script_api_refuse(lua, "Invalid debug level.");
    luaL_buffinit(lua, &line);
    for (int i = 2; i <= arguments; i++) {
        struct str text = string_at(lua, i);

        if (i > 2)
            luaL_addchar(&line, ' ');
        luaL_addlstring(&line, text.bytes, text.length);
    }
    luaL_pushresult(&line);
    log_write((enum log_level)level, "%s", lua_tostring(lua, -1));
    return 0;
}

static int setresp(lua_State *lua)
{
    struct script_run *run = script_state_of(lua)->run;

    if (lua_gettop(lua) != 1)
        script_api_refuse(lua, "redis.setresp() requires one argument.");
    int protocol = (int)lua_tonumber(lua, 1);
    if (protocol != 2 && protocol != 3)
        script_api_refuse(lua, "RESP version must be 2 or 3.");
    if (run)
        run->protocol = protocol;
    return 0;
}

/* Effects are replicated as a whole; what scripts ask for is checked, and has no effect. */
static int set_repl(lua_State *lua)
{
    if (lua_gettop(lua) != 1)
        script_api_refuse(lua, "redis.set_repl() requires two arguments.");
    int flags = (int)lua_tonumber(lua, 1);
    if (flags & ~REPL_ALL)
        script_api_refuse(lua, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
    return 0;
}

static int replicate_commands(lua_State *lua)
{
    lua_pushboolean(lua, 1);
    return 1;
}

/* There is no debugger to stop in. */
static int breakpoint(lua_State *lua)
{
    lua_pushboolean(lua, 0);
    return 1;
}

static int debug(lua_State *lua)
{
    return 0;
}

static void set_numbers(lua_State *lua)
{
    static const struct {
        const char *name;
        int value;
    } numbers[] = {
        {"LOG_DEBUG", LOG_DEBUG},     {"LOG_VERBOSE", LOG_VERBOSE},   {"LOG_NOTICE", LOG_NOTICE},
        {"LOG_WARNING", LOG_WARNING}, {"REPL_NONE", REPL_NONE},       {"REPL_AOF", REPL_AOF},
        {"REPL_SLAVE", REPL_REPLICA}, {"REPL_REPLICA", REPL_REPLICA}, {"REPL_ALL", REPL_ALL},
    };
    int major = 0, minor = 0, patch = 0;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        lua_pushinteger(lua, numbers[i].value);
        lua_setfield(lua, -2, numbers[i].name);
    }
    sscanf(REDIS_VERSION, "%d.%d.%d", &major, &minor, &patch);
    lua_pushinteger(lua, major << 16 | minor << 8 | patch);
    lua_setfield(lua, -2, "REDIS_VERSION_NUM");
    lua_pushliteral(lua, REDIS_VERSION);
    lua_setfield(lua, -2, "REDIS_VERSION");
}

void script_api_open(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"call", script_api_call},
        {"pcall", script_api_pcall},
        {"acl_check_cmd", script_api_acl_check_cmd},
        {"error_reply", error_reply},
        {"status_reply", status_reply},
        {"sha1hex", sha1hex},
        {"log", write_log},
        {"setresp", setresp},
        {"set_repl", set_repl},
        {"replicate_commands", replicate_commands},
        {"breakpoint", breakpoint},
        {"debug", debug},
        {NULL, NULL},
    };

    lua_newtable(lua);
    for (const luaL_Reg *function = functions; function->name; function++) {
        lua_pushcfunction(lua, function->func);
        lua_setfield(lua, -2, function->name);
    }
    set_numbers(lua);
    lua_pushvalue(lua, -1);
    lua_setglobal(lua, "server");
    lua_setglobal(lua, "redis");
}
