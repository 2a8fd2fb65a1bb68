/* One run of a script or a function, from its arguments to its reply.
 *
 * While it runs, time stands still, and all that it does is one with the command
 * that it is run by. It ends by itself, by an error, or because it is
 * *abandoned*: then every further instruction raises the error that ends it, so
 * that no pcall can go on. */
#ifndef CORE_SCRIPT_RUN_H
#define CORE_SCRIPT_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/script_state.h"

struct call;
struct config;

enum script_abandon {
    SCRIPT_GOES_ON,
    SCRIPT_KILLED,       /* SCRIPT KILL, FUNCTION KILL */
    SCRIPT_OUT_OF_REACH, /* it wants a key that this call cannot reach: no reply is written, see call->out_of_reach */
};

struct script_run {
    struct call *call;
    const char *name; /* in errors: the SHA, or the function's name */
    uint32_t flags;   /* enum script_flag */
    bool read_only;   /* EVAL_RO, FCALL_RO, or it has said so itself */
    bool over_memory; /* there was no memory left when it began */
    bool is_function; /* FCALL's, who sets it */
    /* Set while it runs. */
    int protocol; /* redis.setresp: 2 or 3 */
    bool wrote;   /* a command that writes has been run: it cannot be killed any more */
    enum script_abandon abandoned;
    int64_t began_us; /* who watches it first saw it then; 0: not yet */
};

/* What follows for the command that runs it: CMD_WRITE, CMD_DENYOOM. flags: enum script_flag. */
uint32_t script_command_flags(uint32_t flags);
/* Whether the script may run at all, by its flags and those of the command that it is called by; else the error has
 * been written. name: borrowed until the run ends. */
MUST_USE bool script_begin(struct script_run *run, const char *name, uint32_t flags, bool read_only, struct call *call);
/* Calls the function that was pushed before its arguments, and writes the reply. */
void script_run(struct script_state *state, struct script_run *run, int arguments);

/* Ends the script that is busy, whichever shard's it is, or the function; and writes the reply. */
void script_kill(struct call *call, bool function);

static inline bool script_is_abandoned(const struct script_state *state)
{
    return state->run && state->run->abandoned != SCRIPT_GOES_ON;
}

/* What Lua may have while a script runs. */
size_t script_memory_limit(const struct config *config);

/* Of a new state, once its libraries are open. */
void script_run_prepare(struct script_state *state);

/* From Lua's allocator: the next instruction begins with a full collection. Lua's own collector goes on by small steps,
 * so that a few large strings, long dead, could fill all that a script may have. */
void script_collect_soon(struct script_state *state);

/* From C functions that may take long: does not return where the script is to end. */
void script_look(lua_State *lua);

/* From C functions of a running script: does not return. */
_Noreturn void script_abandon(struct script_state *state, lua_State *lua, enum script_abandon why);

/* An array of strings, as KEYS and ARGV are. */
void script_push_strings(lua_State *lua, const struct str *strings, int count);

#endif
