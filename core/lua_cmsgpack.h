/* The library `cmsgpack` of scripts: Lua values as MessagePack and back, with
 * the choices and the error texts of Redis's library of that name.
 *
 * A number is packed as an integer where it is one of 64 bits, else as a float
 * if that holds it, else as a double. A table whose keys are 1 to n is an array
 * (an empty one too), any other a map; the 17th table within one another, and
 * what MessagePack has no form for, is packed as nil. On the way back a value of
 * a type that Lua lacks (binary, extensions) is refused. Everything allocated is
 * the Lua state's own. Used on the thread that runs the state. */
#ifndef CORE_LUA_CMSGPACK_H
#define CORE_LUA_CMSGPACK_H

struct lua_State;

/* Leaves the library's table on the stack; returns 1, as Lua's own openers do. */
int lua_cmsgpack_open(struct lua_State *lua);

#endif
