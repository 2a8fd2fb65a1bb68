#include "core/lua_cjson.h"

#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <stdio.h>

#include "core/lua_cjson_settings.h"

static const struct lua_cjson_settings usual_settings = {
    .sparse_convert = LUA_CJSON_OFF,
    .sparse_ratio = 2,
    .sparse_safe = 10,
    .encode_depth_most = 1000,
    .decode_depth_most = 1000,
    .precision = LUA_CJSON_PRECISION_MOST,
    .keeps_buffer = LUA_CJSON_ON,
    .encode_invalid = LUA_CJSON_OFF,
    .decode_invalid = LUA_CJSON_ON,
};

static const char *const switch_names[] = {"off", "on", NULL};
static const char *const invalid_names[] = {"off", "on", "null", NULL};

/* Arguments that were not given become nil, which leaves a setting as it is. */
static struct lua_cjson_settings *begin(lua_State *lua, int arguments)
{
    luaL_argcheck(lua, lua_gettop(lua) <= arguments, arguments + 1, "found too many arguments");
    lua_settop(lua, arguments);
    return lua_cjson_settings(lua);
}

/* Sets if asked to, and pushes what is set. Messages speak of the first argument, whichever it is. */
static int set_number(lua_State *lua, int argument, int *setting, int least, int most)
{
    char range[64];

    if (!lua_isnil(lua, argument)) {
        int value = (int)luaL_checkinteger(lua, argument);

        snprintf(range, sizeof(range), "expected integer between %d and %d", least, most);
        luaL_argcheck(lua, value >= least && value <= most, 1, range);
        *setting = value;
    }
    lua_pushinteger(lua, *setting);
    return 1;
}

/* A boolean, or one of the names. */
static int set_choice(lua_State *lua, int argument, int *setting, const char *const names[])
{
    if (lua_isboolean(lua, argument))
        *setting = lua_toboolean(lua, argument) ? LUA_CJSON_ON : LUA_CJSON_OFF;
    else if (!lua_isnil(lua, argument))
        *setting = luaL_checkoption(lua, argument, NULL, names);
    if (*setting <= LUA_CJSON_ON)
        lua_pushboolean(lua, *setting == LUA_CJSON_ON);
    else
        lua_pushstring(lua, names[*setting]);
    return 1;
}

static int cjson_encode_sparse_array(lua_State *lua)
{
    struct lua_cjson_settings *settings = begin(lua, 3);

    return set_choice(lua, 1, &settings->sparse_convert, switch_names) +
           set_number(lua, 2, &settings->sparse_ratio, 0, INT_MAX) +
           set_number(lua, 3, &settings->sparse_safe, 0, INT_MAX);
}

static int cjson_encode_max_depth(lua_State *lua)
{
    return set_number(lua, 1, &begin(lua, 1)->encode_depth_most, 1, INT_MAX);
}

static int cjson_decode_max_depth(lua_State *lua)
{
    return set_number(lua, 1, &begin(lua, 1)->decode_depth_most, 1, INT_MAX);
}

static int cjson_encode_number_precision(lua_State *lua)
{
    return set_number(lua, 1, &begin(lua, 1)->precision, 1, LUA_CJSON_PRECISION_MOST);
}

/* There is no buffer to keep: kept for scripts that set it. */
static int cjson_encode_keep_buffer(lua_State *lua)
{
    return set_choice(lua, 1, &begin(lua, 1)->keeps_buffer, switch_names);
}

static int cjson_encode_invalid_numbers(lua_State *lua)
{
    return set_choice(lua, 1, &begin(lua, 1)->encode_invalid, invalid_names);
}

static int cjson_decode_invalid_numbers(lua_State *lua)
{
    return set_choice(lua, 1, &begin(lua, 1)->decode_invalid, switch_names);
}

/* cjson.new(): the library again, with settings of its own. */
static int cjson_new(lua_State *lua)
{
    return lua_cjson_open(lua);
}

static const luaL_Reg functions[] = {
    {"encode", lua_cjson_encode},
    {"decode", lua_cjson_decode},
    {"encode_sparse_array", cjson_encode_sparse_array},
    {"encode_max_depth", cjson_encode_max_depth},
    {"decode_max_depth", cjson_decode_max_depth},
    {"encode_number_precision", cjson_encode_number_precision},
    {"encode_keep_buffer", cjson_encode_keep_buffer},
    {"encode_invalid_numbers", cjson_encode_invalid_numbers},
    {"decode_invalid_numbers", cjson_decode_invalid_numbers},
    {"new", cjson_new},
    {NULL, NULL},
};

int lua_cjson_open(struct lua_State *lua)
{
    lua_newtable(lua);
    *(struct lua_cjson_settings *)lua_newuserdata(lua, sizeof(struct lua_cjson_settings)) = usual_settings;
    for (const luaL_Reg *function = functions; function->name; function++) {
        lua_pushvalue(lua, -1);
        lua_pushcclosure(lua, function->func, 1);
        lua_setfield(lua, -3, function->name);
    }
    lua_pop(lua, 1);
    lua_pushlightuserdata(lua, NULL);
    lua_setfield(lua, -2, "null");
    lua_pushliteral(lua, "cjson");
    lua_setfield(lua, -2, "_NAME");
    lua_pushliteral(lua, "2.1.0");
    lua_setfield(lua, -2, "_VERSION");
    return 1;
}
