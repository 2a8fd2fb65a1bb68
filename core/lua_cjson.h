/* The library `cjson` of scripts: Lua values as JSON and back, with the settings
 * and the error texts of Lua CJSON 2.1.0 as Redis has it.
 *
 * It is our own, because Debian's counts bytes in an int: a small script whose
 * result is longer than 2 GiB (a table that holds another one ten times, ten
 * levels deep) sends it into an endless loop. Here a result is memory of the Lua
 * state, and ends where that is limited. Used on the thread that runs the state. */
#ifndef CORE_LUA_CJSON_H
#define CORE_LUA_CJSON_H

struct lua_State;

/* Leaves the library's table on the stack; returns 1, as Lua's own openers do. */
int lua_cjson_open(struct lua_State *lua);

#endif
