/* Bytes on their way to become a Lua string.
 *
 * A few lie within; more lie in a userdata of the Lua state at the stack slot
 * `anchor`, so that they are charged to it, and an error that unwinds the stack
 * frees them. Used on the thread that runs the state. */
#ifndef CORE_LUA_SINK_H
#define CORE_LUA_SINK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct lua_State;

enum { LUA_SINK_WITHIN = 512, LUA_SINK_TICKS = 8192 };

struct lua_sink {
    struct lua_State *lua;
    int anchor;
    char *bytes;
    size_t used;
    size_t room;
    uint32_t ticks;
    char within[LUA_SINK_WITHIN];
};

/* Takes one slot of the stack. The sink stays where it is. */
void lua_sink_open(struct lua_sink *sink, struct lua_State *lua);
/* Makes room for so many more. */
void lua_sink_grow(struct lua_sink *sink, size_t more);
/* Pushes all bytes as a string. */
void lua_sink_push(const struct lua_sink *sink);

/* Called every so often by what may take long: the state's hook has a look, as it has between Lua's instructions, so
 * that a script can be ended here, too. */
void lua_sink_look(struct lua_sink *sink);

static inline void lua_sink_tick(struct lua_sink *sink)
{
    if (++sink->ticks % LUA_SINK_TICKS == 0)
        lua_sink_look(sink);
}

static inline void lua_sink_reserve(struct lua_sink *sink, size_t more)
{
    if (sink->room - sink->used < more)
        lua_sink_grow(sink, more);
}

static inline void lua_sink_add(struct lua_sink *sink, const void *bytes, size_t length)
{
    lua_sink_reserve(sink, length);
    memcpy(sink->bytes + sink->used, bytes, length);
    sink->used += length;
}

static inline void lua_sink_add_byte(struct lua_sink *sink, char byte)
{
    lua_sink_reserve(sink, 1);
    sink->bytes[sink->used++] = byte;
}

#endif
