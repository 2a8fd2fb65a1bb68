/* What scripts may set of `cjson`, and the two functions that heed it: these have
 * the settings, a userdata, as their first upvalue. Private to core/lua_cjson*.c. */
#ifndef CORE_LUA_CJSON_SETTINGS_H
#define CORE_LUA_CJSON_SETTINGS_H

#include <lua.h>
#include <stdbool.h>

enum lua_cjson_choice {
    LUA_CJSON_OFF,
    LUA_CJSON_ON,
    LUA_CJSON_NULL, /* invalid numbers are written as null */
};

struct lua_cjson_settings {
    int sparse_convert; /* an array with too many holes becomes an object, instead of an error */
    int sparse_ratio;   /* at most so many places per item; 0: any */
    int sparse_safe;    /* up to this place holes do not matter */
    int encode_depth_most;
    int decode_depth_most;
    int precision; /* digits of numbers */
    int keeps_buffer;
    int encode_invalid; /* enum lua_cjson_choice: NaN and infinity */
    int decode_invalid; /* NaN, infinity, hexadecimal numbers, leading zeros and plus signs */
};

enum { LUA_CJSON_PRECISION_MOST = 14 };

static inline struct lua_cjson_settings *lua_cjson_settings(lua_State *lua)
{
    return lua_touserdata(lua, lua_upvalueindex(1));
}

int lua_cjson_encode(lua_State *lua);
int lua_cjson_decode(lua_State *lua);

#endif
