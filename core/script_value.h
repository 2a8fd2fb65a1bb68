/* Values between RESP and Lua. */
#ifndef CORE_SCRIPT_VALUE_H
#define CORE_SCRIPT_VALUE_H

#include <lua.h>

#include "core/str.h"

struct reply;
struct script_state;

/* Pushes what a complete reply of our own says: a table for what has no type of Lua's. Raises Lua's errors. */
void script_push_reply(struct script_state *state, lua_State *lua, struct str reply);
/* Writes the value on top of the stack, and pops it. Raises nothing. */
void script_reply_value(struct script_state *state, lua_State *lua, struct reply *reply);

/* Pushes {err = text}, as Redis makes it of an error: with the code ERR where it has none. counted: it is in the
 * statistics already. */
void script_push_error(struct script_state *state, lua_State *lua, struct str text, bool counted);
/* Whether the table at that index, an error, says so. */
bool script_error_is_counted(struct script_state *state, lua_State *lua, int table);

#endif
