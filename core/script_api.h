/* What scripts call: the table `redis`, which `server` names too. */
#ifndef CORE_SCRIPT_API_H
#define CORE_SCRIPT_API_H

#include <lua.h>

/* Sets both among Lua's globals, which are not yet sealed. */
void script_api_open(lua_State *lua);

/* redis.call and redis.pcall (script_call.c). */
int script_api_call(lua_State *lua), script_api_pcall(lua_State *lua), script_api_acl_check_cmd(lua_State *lua);

/* Pushes an error with the code ERR; or raises it: where the API is used wrongly. */
void script_api_push_refusal(lua_State *lua, const char *text);
_Noreturn void script_api_refuse(lua_State *lua, const char *text);

#endif
