#include "tests/support/lua_run.h"

#include <criterion/criterion.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

static const char SHOW[] = "local function show(value)\n"
                           "    if type(value) == 'string' then\n"
                           "        return '\"' .. string.gsub(value, '[^%w%p ]', function(c)\n"
                           "            return string.format('\\\\%03d', string.byte(c)) end) .. '\"'\n"
                           "    elseif type(value) == 'table' then\n"
                           "        local pairs_shown = {}\n"
                           "        for key, item in pairs(value) do\n"
                           "            pairs_shown[#pairs_shown + 1] = show(key) .. '=' .. show(item)\n"
                           "        end\n"
                           "        table.sort(pairs_shown)\n"
                           "        return '{' .. table.concat(pairs_shown, ',') .. '}'\n"
                           "    end\n"
                           "    return tostring(value)\n"
                           "end\n"
                           "function show_results(ok, ...)\n"
                           "    local shown = {}\n"
                           "    if not ok then return '! ' .. tostring((...)) end\n"
                           "    for i = 1, select('#', ...) do shown[i] = show((select(i, ...))) end\n"
                           "    return table.concat(shown, ' ')\n"
                           "end\n"
                           "function run(chunk) return show_results(pcall(chunk)) end\n";

enum { BLOCK_MOST = 64 << 20 };

/* Blocks of malloc, which a sanitizer watches. */
static void *allocate(void *context, void *block, size_t old_bytes, size_t bytes)
{
    if (bytes > 0)
        return bytes <= BLOCK_MOST ? realloc(block, bytes) : NULL;
    free(block);
    return NULL;
}

struct lua_State *lua_run_create(int (*open)(struct lua_State *lua), const char *name)
{
    lua_State *lua = lua_newstate(allocate, NULL);

    luaL_openlibs(lua);
    open(lua);
    lua_setglobal(lua, name);
    cr_assert_eq(luaL_dostring(lua, SHOW), 0, "%s", lua_tostring(lua, -1));
    return lua;
}

void lua_run_destroy(struct lua_State *lua)
{
    lua_close(lua);
}

const char *lua_run(struct lua_State *lua, const char *chunk)
{
    lua_settop(lua, 0);
    lua_getglobal(lua, "run");
    cr_assert_eq(luaL_loadbuffer(lua, chunk, strlen(chunk), "@chunk"), 0, "%s", lua_tostring(lua, -1));
    cr_assert_eq(lua_pcall(lua, 1, 1, 0), 0, "%s", lua_tostring(lua, -1));
    return lua_tostring(lua, -1);
}

void lua_expect(struct lua_State *lua, const char *chunk, const char *expected)
{
    const char *shown = lua_run(lua, chunk);

    cr_assert_str_eq(shown, expected, "%s\n gave     %s\n expected %s", chunk, shown, expected);
}
