#include "core/lua_sink.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>

void lua_sink_open(struct lua_sink *sink, struct lua_State *lua)
{
    luaL_checkstack(lua, 1, "no room for a result");
    lua_pushnil(lua);
    sink->lua = lua;
    sink->anchor = lua_gettop(lua);
    sink->bytes = sink->within;
    sink->used = 0;
    sink->ticks = 0;
    sink->room = LUA_SINK_WITHIN;
}

void lua_sink_grow(struct lua_sink *sink, size_t more)
{
    size_t room = sink->room;
    char *bytes;

    while (room - sink->used < more)
        if (__builtin_mul_overflow(room, 2, &room))
            luaL_error(sink->lua, "not enough memory");
    luaL_checkstack(sink->lua, 1, "no room for a result");
    bytes = lua_newuserdata(sink->lua, room);
    memcpy(bytes, sink->bytes, sink->used);
    lua_replace(sink->lua, sink->anchor);
    sink->bytes = bytes;
    sink->room = room;
}

void lua_sink_look(struct lua_sink *sink)
{
    lua_Hook hook = lua_gethook(sink->lua);
    lua_Debug debug = {.event = LUA_HOOKCOUNT};

    if (hook)
        hook(sink->lua, &debug);
}

void lua_sink_push(const struct lua_sink *sink)
{
    lua_pushlstring(sink->lua, sink->bytes, sink->used);
}
