/* math.random: POSIX's 48-bit generator, as in Redis: it goes on from script to
 * script, from a beginning that is always the same. */
#include <lauxlib.h>
#include <math.h>

#include "core/script_sandbox.h"
#include "core/script_state.h"

static int32_t next_random(struct script_state *state)
{
    *state->random = (*state->random * UINT64_C(0x5deece66d) + 0xb) & ((UINT64_C(1) << 48) - 1);
    return (int32_t)(*state->random >> 17);
}

int script_math_randomseed(lua_State *lua)
{
    *script_state_of(lua)->random = (uint64_t)(uint32_t)luaL_checkint(lua, 1) << 16 | 0x330e;
    return 0;
}

int script_math_random(lua_State *lua)
{
    /* Below 1 also where the generator gives its largest number. */
    lua_Number random = (lua_Number)(next_random(script_state_of(lua)) % INT32_MAX) / INT32_MAX;
    int low = 1, high;

    switch (lua_gettop(lua)) {
    case 0:
        lua_pushnumber(lua, random);
        return 1;
    case 1:
        high = luaL_checkint(lua, 1);
        luaL_argcheck(lua, low <= high, 1, "interval is empty");
        break;
    case 2:
        low = luaL_checkint(lua, 1);
        high = luaL_checkint(lua, 2);
        luaL_argcheck(lua, low <= high, 2, "interval is empty");
        break;
    default:
        return luaL_error(lua, "wrong number of arguments");
    }
    lua_pushnumber(lua, floor(random * ((lua_Number)high - low + 1)) + low);
    return 1;
}
