/* The library `struct` of scripts: numbers and strings as the bytes of a C
 * struct and back, by a format string, with the error texts of Redis's library.
 *
 * A format is a row of options, each with a letter and perhaps a size:
 *   b B  h H  l L  T     integers of 1, 2, 8 and 8 (size_t) bytes, capitals unsigned
 *   in In                integers of n bytes, 4 if not said, 32 at most
 *   f d                  float, double
 *   s                    a string up to its zero byte
 *   cn                   n bytes, 1 if not said; c0 all of the string, or as many as the number before it says
 *   x                    a byte that is skipped
 *   < > (space)          little endian from here on, big endian, nothing
 *   !n                   integers and reals are aligned to their size, but no more than n, 8 if not said
 * Everything allocated is the Lua state's own. Used on the thread that runs the state. */
#ifndef CORE_LUA_STRUCT_H
#define CORE_LUA_STRUCT_H

struct lua_State;

/* Leaves the library's table on the stack; returns 1, as Lua's own openers do. */
int lua_struct_open(struct lua_State *lua);

#endif
