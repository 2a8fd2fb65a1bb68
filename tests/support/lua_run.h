/* A Lua state of a test's own, to say in Lua what a library is to do.
 *
 * A chunk's results are shown as text: numbers with 14 digits, strings in quotes
 * with other than printable bytes as \ddd, tables as {key=value,...} in the order
 * of these texts, several results with a space between; an error as "! " and its message. */
#ifndef TESTS_SUPPORT_LUA_RUN_H
#define TESTS_SUPPORT_LUA_RUN_H

struct lua_State;

/* With Lua's own libraries, and the one that `open` leaves on the stack under that name. No block of it is larger than
 * 64 MiB. */
struct lua_State *lua_run_create(int (*open)(struct lua_State *lua), const char *name);
void lua_run_destroy(struct lua_State *lua);

/* Valid until the next run. */
const char *lua_run(struct lua_State *lua, const char *chunk);
/* The test fails unless the results are shown as this. */
void lua_expect(struct lua_State *lua, const char *chunk, const char *expected);

#endif
