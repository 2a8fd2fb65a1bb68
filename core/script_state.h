/* One shard's Lua: the interpreter with the libraries that scripts may use, and
 * what a running script has at hand.
 *
 * Lua is PUC's 5.1, not LuaJIT, by what scripts can see: LuaJIT drops the frame
 * of a function that ends with `return redis.call(…)`, so that an error there has
 * no line; its maps are walked in another order (cjson.encode); it takes numbers,
 * escapes and formats that 5.1 refuses; it has no `arg` in vararg functions; and
 * its compiled traces call no hook, so that an endless script could not be stopped.
 * It is also fast enough: a script of five commands takes 1.3 µs of CPU time, where
 * redis-server, with the same Lua, takes 3.6, and a BullMQ-like one 6 µs for 15.
 *
 * Only the thread of the shard that made it runs it. In a gather the executor runs
 * the script in its own Lua over the participants' keyspaces. */
#ifndef CORE_SCRIPT_STATE_H
#define CORE_SCRIPT_STATE_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/memory.h"

struct core;
struct script_run;

/* Field names that replies are told apart by, kept so that no lookup hashes them again. */
enum script_word {
    SCRIPT_WORD_ERR,
    SCRIPT_WORD_OK,
    SCRIPT_WORD_DOUBLE,
    SCRIPT_WORD_MAP,
    SCRIPT_WORD_SET,
    SCRIPT_WORD_BIG_NUMBER,
    SCRIPT_WORD_VERBATIM_STRING,
    SCRIPT_WORD_STRING,
    SCRIPT_WORD_FORMAT,
    SCRIPT_WORD_SOURCE,
    SCRIPT_WORD_LINE,
    SCRIPT_WORD_COUNTED, /* ignore_error_stats_update */
    SCRIPT_WORD_KEYS,
    SCRIPT_WORD_ARGV,
    SCRIPT_WORDS,
};

struct script_state {
    struct memory memory;   /* all that Lua has, and the state itself */
    lua_State *lua;         /* its main thread; the handler of errors lies at the bottom of its stack */
    struct script_run *run; /* NULL: no script is running */
    size_t collect_above;   /* from here on garbage is collected before more is allocated */
    bool wants_collection;
    size_t kept_bytes;  /* what the last full collection left */
    size_t limit_bytes; /* Lua gets no more: SIZE_MAX while no script is running */
    int globals;        /* the real table of them, in the registry */
    uint64_t *random;   /* the core's: where math.random goes on */
    int words[SCRIPT_WORDS];
    /* Of redis.call, kept from one to the next. */
    struct buffer reply;
    struct buffer numbers; /* those among the arguments, as text */
    struct str *argv;
    int argv_room;
};

/* The scripts' Lua, or the functions': each has its own globals. open_more: what else goes among them; may be NULL. */
struct script_state *script_state_create(struct core *core, void (*open_more)(lua_State *lua));
void script_state_destroy(struct script_state *state);

static inline struct script_state *script_state_of(lua_State *lua)
{
    void *state;

    lua_getallocf(lua, &state);
    return state;
}

static inline void script_push_word(const struct script_state *state, lua_State *lua, enum script_word word)
{
    lua_rawgeti(lua, LUA_REGISTRYINDEX, state->words[word]);
}

/* Compiles text, no bytecode. name: "@user_script". A function, or an error's message, is pushed; false: the latter. */
MUST_USE bool script_compile(lua_State *lua, struct str text, const char *name);

size_t script_state_bytes(const struct script_state *state); /* NULL: 0 */

#endif
