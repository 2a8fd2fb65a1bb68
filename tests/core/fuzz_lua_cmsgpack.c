/* libFuzzer target: cmsgpack.unpack on any bytes, in all its forms. What is
 * understood is packed, and comes back as bytes that are understood again,
 * unless it lies too deep: pack writes nil there, which is no key. */
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/lua_cmsgpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Blocks of malloc, which a sanitizer watches. */
static void *allocate(void *context, void *block, size_t old_bytes, size_t bytes)
{
    if (bytes > 0)
        return realloc(block, bytes);
    free(block);
    return NULL;
}

static lua_State *open_state(void)
{
    lua_State *lua = lua_newstate(allocate, NULL);

    lua_cmsgpack_open(lua);
    lua_setglobal(lua, "cmsgpack");
    return lua;
}

/* Calls with what is above `arguments` slots from the top; whether it went well. */
static bool call(lua_State *lua, const char *function, int arguments)
{
    lua_getglobal(lua, "cmsgpack");
    lua_getfield(lua, -1, function);
    lua_remove(lua, -2);
    lua_insert(lua, -1 - arguments);
    return lua_pcall(lua, arguments, LUA_MULTRET, 0) == 0;
}

static void push_bytes(lua_State *lua, const uint8_t *data, size_t size)
{
    lua_settop(lua, 0);
    lua_pushlstring(lua, (const char *)data, size);
}

enum { PACKED_LEVELS = 16 }; /* tables within tables that pack writes out */

/* Whether the value at index has at most so many levels of tables, its own included, among keys and values. */
static bool lies_within(lua_State *lua, int index, unsigned levels)
{
    bool within = true;
    int top = lua_gettop(lua);

    if (!lua_istable(lua, index))
        return true;
    if (levels == 0)
        return false;
    luaL_checkstack(lua, 4, NULL);
    lua_pushnil(lua);
    while (within && lua_next(lua, index)) {
        within = lies_within(lua, top + 1, levels - 1) && lies_within(lua, top + 2, levels - 1);
        lua_settop(lua, top + 1);
    }
    lua_settop(lua, top);
    return within;
}

static bool all_lie_within(lua_State *lua, unsigned levels)
{
    for (int index = lua_gettop(lua); index > 0; index--)
        if (!lies_within(lua, index, levels))
            return false;
    return true;
}

static void try_all(lua_State *lua, const uint8_t *data, size_t size)
{
    bool whole;

    push_bytes(lua, data, size);
    if (!call(lua, "unpack", 1) || lua_gettop(lua) == 0)
        return;
    whole = all_lie_within(lua, PACKED_LEVELS);
    if (!call(lua, "pack", lua_gettop(lua)))
        return; /* too many values */
    ASSERT(call(lua, "unpack", 1) || !whole);
}

/* The values that come one by one are as many as come at once. */
static void try_one_by_one(lua_State *lua, const uint8_t *data, size_t size)
{
    lua_Integer offset = 0, next;

    while (offset != -1) {
        push_bytes(lua, data, size);
        lua_pushinteger(lua, offset);
        if (!call(lua, "unpack_one", 2))
            return;
        next = lua_tointeger(lua, 1);
        ASSERT(next == -1 || (next > offset && (size_t)next < size));
        offset = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lua_State *lua;

    if (!lua)
        lua = open_state();
    try_all(lua, data, size);
    try_one_by_one(lua, data, size);
    return 0;
}
