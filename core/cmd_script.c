/* EVAL and its kin, and SCRIPT.
 *
 * A script is taken in by the EVAL that first brings it, which runs over all
 * shards for that, or by the parts of SCRIPT LOAD. What is compiled of it each
 * shard makes when it first runs it. */
#include <lauxlib.h>

#include "core/args.h"
#include "core/assert.h"
#include "core/call.h"
#include "core/handlers.h"
#include "core/script_run.h"
#include "core/script_shebang.h"

static const char CHUNK_NAME[] = "@user_script";

static struct script_state *get_state(struct core *core)
{
    if (!core->script_state)
        core->script_state = script_state_create(core, NULL);
    return core->script_state;
}

/* Compiling. */

static void release_outdated(struct core *core, lua_State *lua)
{
    int function;

    while ((function = scripts_take_outdated(&core->scripts)) != SCRIPT_NOT_COMPILED)
        luaL_unref(lua, LUA_REGISTRYINDEX, function);
}

/* Makes *function refer to the compiled script; false: it is wrong, and the error has been written. */
static bool compile(struct core *core, struct str body, int *function, struct reply *reply)
{
    lua_State *lua = get_state(core)->lua;

    release_outdated(core, lua);
    if (!script_compile(lua, body, CHUNK_NAME)) {
        reply_error_format(reply, "ERR Error compiling script (new function): %s", lua_tostring(lua, -1));
        lua_pop(lua, 1);
        return false;
    }
    *function = luaL_ref(lua, LUA_REGISTRYINDEX);
    return true;
}

/* Adds it to this shard's. NULL: it is wrong, and the error has been written. */
static struct script *add(struct call *call, const char *sha, struct str source)
{
    uint32_t flags;
    size_t body_at;
    int function;

    if (!script_shebang_parse(source, &flags, &body_at, call->reply))
        return NULL;
    struct str body = {source.bytes + body_at, source.length - body_at};
    if (!compile(call->core, body, &function, call->reply))
        return NULL;
    struct script *script = scripts_add(&call->core->scripts, sha, source, body_at, flags);
    script->function = function;
    return script;
}

/* EVAL has brought it: all shards in reach are to have it, and one that is too many goes. */
static void spread(const struct call *call, struct script *script)
{
    struct scripts *own = &call->core->scripts, *const *all = &own;
    struct str source = {script->source, script->length};
    int count = 1;

    if (call->reach && call->reach->everywhere) {
        all = call->reach->scripts;
        count = call->reach->keyspace_count;
    }
    for (int i = 0; i < count; i++) {
        if (!scripts_find(all[i], script->sha))
            scripts_add(all[i], script->sha, source, script->body_at, script->flags);
    }
    script->used = true;
    scripts_trim(own, all, count);
}

/* It has been taken in by another shard, where it could be compiled. */
static void ensure_compiled(struct call *call, struct script *script)
{
    struct str body = {script->source + script->body_at, script->length - script->body_at};

    if (script->function != SCRIPT_NOT_COMPILED)
        return;
    bool compiled = compile(call->core, body, &script->function, call->reply);
    ASSERT(compiled);
}

/* EVAL. */

static bool count_keys(struct call *call, int *keys)
{
    int64_t count;

    if (!args_integer(call->reply, call->argv[2], &count))
        return false;
    if (count > call->argc - 3)
        reply_error(call->reply, "ERR Number of keys can't be greater than number of args");
    else if (count < 0)
        reply_error(call->reply, "ERR Number of keys can't be negative");
    *keys = (int)count;
    return count >= 0 && count <= call->argc - 3;
}

/* The tables of names that Lua's globals have. */
static void set_global(struct script_state *state, enum script_word name, const struct str *strings, int count)
{
    lua_State *lua = state->lua;

    lua_rawgeti(lua, LUA_REGISTRYINDEX, state->globals);
    script_push_word(state, lua, name);
    script_push_strings(lua, strings, count);
    lua_rawset(lua, -3);
    lua_pop(lua, 1);
}

static void run(struct call *call, struct script *script, int keys, bool read_only)
{
    struct script_run this;
    struct script_state *state;

    if (!script_begin(&this, script->sha, script->flags, read_only, call))
        return;
    ensure_compiled(call, script);
    script->used = true;
    state = get_state(call->core);
    set_global(state, SCRIPT_WORD_KEYS, call->argv + 3, keys);
    set_global(state, SCRIPT_WORD_ARGV, call->argv + 3 + keys, call->argc - 3 - keys);
    lua_rawgeti(state->lua, LUA_REGISTRYINDEX, script->function);
    script_run(state, &this, 0);
}

static void eval(struct call *call, bool read_only)
{
    char sha[SHA1_HEX_LENGTH];
    struct script *script;
    int keys;

    if (!count_keys(call, &keys))
        return;
    sha1_hex(call->argv[1], sha);
    script = scripts_find(&call->core->scripts, sha);
    if (!script && call->reach && !call->reach->everywhere) {
        call->out_of_reach = true; /* it has to become known to all shards at once */
        return;
    }
    if (!script && (script = add(call, sha, call->argv[1])) != NULL)
        spread(call, script);
    if (script)
        run(call, script, keys, read_only);
}

void cmd_eval(struct call *call)
{
    eval(call, false);
}

void cmd_eval_ro(struct call *call)
{
    eval(call, true);
}

/* EVALSHA. */

static bool read_sha(struct str text, char sha[static SHA1_HEX_LENGTH])
{
    if (text.length != SHA1_HEX_LENGTH)
        return false;
    for (int i = 0; i < SHA1_HEX_LENGTH; i++) {
        char letter = text.bytes[i];

        sha[i] = letter >= 'A' && letter <= 'Z' ? (char)(letter + ('a' - 'A')) : letter;
    }
    return true;
}

static void refuse_unknown(struct call *call)
{
    reply_error(call->reply, "NOSCRIPT No matching script. Please use EVAL.");
}

static void evalsha(struct call *call, bool read_only)
{
    char sha[SHA1_HEX_LENGTH];
    struct script *script;
    int keys;

    if (!read_sha(call->argv[1], sha)) {
        refuse_unknown(call);
        return;
    }
    if (!count_keys(call, &keys))
        return;
    script = scripts_find(&call->core->scripts, sha);
    if (script)
        run(call, script, keys, read_only);
    else
        refuse_unknown(call);
}

void cmd_evalsha(struct call *call)
{
    evalsha(call, false);
}

void cmd_evalsha_ro(struct call *call)
{
    evalsha(call, true);
}

/* What a script may touch beyond its keys only its run tells. */
bool eval_reaches_all(const struct str *argv, int argc)
{
    return true;
}

uint32_t eval_declares(struct core *core, const struct str *argv)
{
    struct reply unused;
    uint32_t flags;
    size_t body_at;

    reply_init(&unused, &core->memory, NULL, 0, 2);
    bool right = script_shebang_parse(argv[1], &flags, &body_at, &unused);
    buffer_deinit(&unused.buffer);
    return right ? script_command_flags(flags) : 0;
}

uint32_t evalsha_declares(struct core *core, const struct str *argv)
{
    char sha[SHA1_HEX_LENGTH];
    const struct script *script = read_sha(argv[1], sha) ? scripts_find(&core->scripts, sha) : NULL;

    return script ? script_command_flags(script->flags) : 0;
}

/* SCRIPT. LOAD and FLUSH run on every shard, each over its own. */

void cmd_script_load(struct call *call)
{
    char sha[SHA1_HEX_LENGTH];
    struct script *script;

    sha1_hex(call->argv[2], sha);
    script = scripts_find(&call->core->scripts, sha);
    if (!script && !(script = add(call, sha, call->argv[2])))
        return;
    scripts_keep(&call->core->scripts, script);
    reply_bulk(call->reply, (struct str){sha, sizeof sha});
}

void cmd_script_exists(struct call *call)
{
    char sha[SHA1_HEX_LENGTH];

    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++)
        reply_integer(call->reply, read_sha(call->argv[i], sha) && scripts_find(&call->core->scripts, sha));
}

/* With the scripts all that they have left in Lua goes. */
void cmd_script_flush(struct call *call)
{
    struct core *core = call->core;
    bool known =
        call->argc == 2 || (call->argc == 3 && (arg_is(call->argv[2], "sync") || arg_is(call->argv[2], "async")));

    if (!known) {
        reply_error(call->reply, "ERR SCRIPT FLUSH only support SYNC|ASYNC option");
        return;
    }
    script_state_destroy(core->script_state);
    core->script_state = NULL;
    scripts_clear(&core->scripts);
    reply_ok(call->reply);
}

void cmd_script_kill(struct call *call)
{
    script_kill(call, false);
}

void cmd_script_debug(struct call *call)
{
    struct str mode = call->argv[2];

    if (arg_is(mode, "no"))
        reply_ok(call->reply);
    else if (arg_is(mode, "yes") || arg_is(mode, "sync"))
        reply_error(call->reply, "ERR The Lua debugger is not supported");
    else
        reply_error(call->reply, "ERR Use SCRIPT DEBUG YES/SYNC/NO");
}

void cmd_script_help(struct call *call)
{
    static const char *const lines[] = {
        "DEBUG (YES|SYNC|NO)",
        "    Set the debug mode for subsequent scripts executed.",
        "EXISTS <sha1> [<sha1> ...]",
        "    Return information about the existence of the scripts in the script cache.",
        "FLUSH [ASYNC|SYNC]",
        "    Flush the Lua scripts cache. Very dangerous on replicas.",
        "    When called without the optional mode argument, the behavior is determined by the",
        "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
        "    * ASYNC: Asynchronously flush the scripts cache.",
        "    * SYNC: Synchronously flush the scripts cache.",
        "KILL",
        "    Kill the currently executing Lua script.",
        "LOAD <script>",
        "    Load a script into the scripts cache without executing it.",
        NULL,
    };

    args_help(call, lines);
}
