/* The library `bit` of scripts: operations on the bits of 32-bit integers.
 *
 * A number is rounded to the nearest integer and taken modulo 2^32, results are
 * signed. Numbers of 2^51 and more give what the low bits of their double hold
 * after that rounding, as in the BitOp library that Redis has. Allocates nothing
 * but results. Used on the thread that runs the state. */
#ifndef CORE_LUA_BIT_H
#define CORE_LUA_BIT_H

struct lua_State;

/* Leaves the library's table on the stack; returns 1, as Lua's own openers do. */
int lua_bit_open(struct lua_State *lua);

#endif
