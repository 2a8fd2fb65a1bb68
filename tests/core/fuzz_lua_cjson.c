/* libFuzzer target: cjson.decode on any bytes, with and without numbers that
 * JSON does not know. What is understood is written, and what is written is
 * understood again, and written the same if no order of keys is in it. */
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/lua_cjson.h"

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

    lua_cjson_open(lua);
    lua_setglobal(lua, "cjson");
    return lua;
}

/* Replaces the value on top by the result; whether it went well. */
static bool call(lua_State *lua, const char *function)
{
    lua_getglobal(lua, "cjson");
    lua_getfield(lua, -1, function);
    lua_remove(lua, -2);
    lua_insert(lua, -2);
    return lua_pcall(lua, 1, 1, 0) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lua_State *lua;

    if (size == 0)
        return 0;
    if (!lua)
        lua = open_state();
    lua_settop(lua, 0);
    lua_pushboolean(lua, data[0] & 1);
    ASSERT(call(lua, "decode_invalid_numbers"));
    lua_pushlstring(lua, (const char *)data + 1, size - 1);
    if (!call(lua, "decode") || !call(lua, "encode"))
        return 0; /* numbers that cannot be written again, for one */
    lua_pushvalue(lua, -1);
    ASSERT(call(lua, "decode") && call(lua, "encode"));
    ASSERT(lua_objlen(lua, -1) == lua_objlen(lua, -2));
    ASSERT(strchr(lua_tostring(lua, -1), '{') != NULL || lua_rawequal(lua, -1, -2));
    return 0;
}
