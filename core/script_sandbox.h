/* The world that scripts see: Lua's libraries without those that reach outside,
 * and tables that they cannot change.
 *
 * Lua 5.1 knows no table that is read-only, so a *sealed* table is an empty
 * stand-in: what is read comes from the real table, behind its metatable, and
 * what is written raises Redis's error. Functions that pass a metatable by
 * (rawset, next, table.insert …) are replaced by ones that know of it, and
 * the real tables never come into a script's hands. */
#ifndef CORE_SCRIPT_SANDBOX_H
#define CORE_SCRIPT_SANDBOX_H

#include <lua.h>

/* Opens the libraries into Lua's globals, and replaces what scripts are not to have as it is. */
void script_sandbox_open(lua_State *lua);
/* The globals are complete: from now on code is loaded into a world of sealed ones. The real table of globals is left
 * on the stack: what is put there with lua_rawset can be seen, but not replaced, by scripts. */
void script_sandbox_close(lua_State *lua);

/* What is looked up in the table on top and is not there is an error, as for a global variable. */
void script_protect(lua_State *lua);
/* Replaces the table on top of the stack by its sealed stand-in. */
void script_seal(lua_State *lua);

/* math.random and math.randomseed (script_random.c). */
int script_math_random(lua_State *lua), script_math_randomseed(lua_State *lua);

#endif
