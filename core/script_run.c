#include "core/script_run.h"

#include <lauxlib.h>

#include "core/call.h"
#include "core/call_count.h"
#include "core/command.h"
#include "core/script_value.h"
#include "core/scripts.h"

enum {
    INSTRUCTIONS_BETWEEN_LOOKS = 10000, /* each may be a call that takes a millisecond */
    ERROR_HANDLER = 1,                  /* its place on the stack */
    SCRATCH_KEPT_BYTES = 1 << 20,
};

/* However much maxmemory allows, and however little. */
static const size_t LIMIT_MOST = (size_t)1 << 30, LIMIT_LEAST = (size_t)16 << 20;

/* Watching. */

static void look(lua_State *lua, lua_Debug *debug);

static void look_after(lua_State *lua, int instructions)
{
    lua_sethook(lua, look, LUA_MASKCOUNT, instructions);
}

static const char *why_abandoned(const struct script_run *run)
{
    if (run->abandoned == SCRIPT_OUT_OF_REACH)
        return "ERR a key is out of reach";
    return "ERR Script killed by user with SCRIPT KILL...";
}

/* From now on the very next instruction of this coroutine, and of the main thread, ends up here again. */
void script_abandon(struct script_state *state, lua_State *lua, enum script_abandon why)
{
    state->run->abandoned = why;
    look_after(lua, 1);
    look_after(state->lua, 1);
    script_push_error(state, lua, str_from(why_abandoned(state->run)), false);
    lua_error(lua);
    __builtin_unreachable();
}

/* The next time halfway to the limit; near it no more, as then what is there is alive. */
static void collect(struct script_state *state)
{
    size_t limit = state->limit_bytes, room;

    lua_gc(state->lua, LUA_GCCOLLECT, 0);
    state->kept_bytes = state->memory.used_bytes;
    if (limit == SIZE_MAX)
        return;
    room = limit > state->kept_bytes ? limit - state->kept_bytes : 0;
    state->collect_above = room < limit / 16 ? limit : state->kept_bytes + room / 2;
}

void script_collect_soon(struct script_state *state)
{
    state->wants_collection = true;
    look_after(state->lua, 1);
}

static void collect_if_wanted(struct script_state *state, lua_State *lua)
{
    if (!state->wants_collection)
        return;
    state->wants_collection = false;
    look_after(lua, INSTRUCTIONS_BETWEEN_LOOKS);
    look_after(state->lua, INSTRUCTIONS_BETWEEN_LOOKS);
    collect(state);
}

void script_look(lua_State *lua)
{
    struct script_state *state = script_state_of(lua);
    struct script_run *run = state->run;

    collect_if_wanted(state, lua);
    if (!run)
        return;
    const struct script_watch *watch = &run->call->core->script_watch;
    if (!run->abandoned && (!watch->goes_on || watch->goes_on(watch->context, run)))
        return;
    script_abandon(state, lua, run->abandoned ? run->abandoned : SCRIPT_KILLED);
}

static void look(lua_State *lua, lua_Debug *debug)
{
    script_look(lua);
}

/* Errors. */

/* Whose line is shown: the function that raised the error, or, where that is C, the one that called it. */
static bool find_culprit(lua_State *lua, lua_Debug *culprit)
{
    if (!lua_getstack(lua, 1, culprit))
        return false;
    lua_getinfo(lua, "Sl", culprit);
    if (*culprit->what != 'C')
        return true;
    if (!lua_getstack(lua, 2, culprit))
        return false;
    lua_getinfo(lua, "Sl", culprit);
    return true;
}

static void set_field(struct script_state *state, lua_State *lua, enum script_word word)
{
    script_push_word(state, lua, word);
    lua_insert(lua, -2);
    lua_rawset(lua, -3);
}

/* Pushes what the error says, with its code, and nothing else; the error is at 1. */
static void push_text(struct script_state *state, lua_State *lua)
{
    if (lua_istable(lua, 1)) {
        script_push_word(state, lua, SCRIPT_WORD_ERR);
        lua_rawget(lua, 1);
        if (lua_isstring(lua, -1))
            return;
        lua_pop(lua, 1);
        lua_pushliteral(lua, "ERR unknown error");
        return;
    }
    const char *text = lua_tostring(lua, 1);
    if (!text)
        text = lua_isboolean(lua, 1) ? lua_toboolean(lua, 1) ? "true" : "false" : luaL_typename(lua, 1);
    lua_pushfstring(lua, "ERR %s", text);
}

/* Makes of whatever was raised a table of its own: {err, source, line}, and whether it has been counted. */
static int handle_error(lua_State *lua)
{
    struct script_state *state = script_state_of(lua);
    lua_Debug culprit;
    bool found = find_culprit(lua, &culprit);

    lua_settop(lua, 1);
    bool counted = lua_istable(lua, 1) && script_error_is_counted(state, lua, 1);
    lua_createtable(lua, 0, 4);
    lua_pushboolean(lua, counted);
    set_field(state, lua, SCRIPT_WORD_COUNTED);
    push_text(state, lua);
    lua_replace(lua, 1);
    lua_pushvalue(lua, 1);
    set_field(state, lua, SCRIPT_WORD_ERR);
    if (!found)
        return 1;
    lua_pushstring(lua, culprit.source);
    set_field(state, lua, SCRIPT_WORD_SOURCE);
    lua_pushinteger(lua, culprit.currentline);
    set_field(state, lua, SCRIPT_WORD_LINE);
    return 1;
}

static void get_field(struct script_state *state, enum script_word word)
{
    script_push_word(state, state->lua, word);
    lua_rawget(state->lua, -2);
}

/* The error is on top; one that Lua could not hand to our handler is a text. */
static void write_failure(struct script_state *state, struct reply *reply)
{
    lua_State *lua = state->lua;

    if (!lua_istable(lua, -1)) {
        reply_error_format(reply, "ERR %s", lua_tostring(lua, -1));
        return;
    }
    int error = lua_gettop(lua);
    get_field(state, SCRIPT_WORD_ERR);
    lua_pushvalue(lua, error);
    get_field(state, SCRIPT_WORD_SOURCE);
    lua_pushvalue(lua, error);
    get_field(state, SCRIPT_WORD_LINE);
    if (lua_isnil(lua, -1))
        reply_error(reply, lua_tostring(lua, error + 1));
    else
        reply_error_format(reply, "%s script: %s, on %s:%d.", lua_tostring(lua, error + 1), state->run->name,
                           lua_tostring(lua, error + 3), (int)lua_tointeger(lua, -1));
}

static void reply_failure(struct script_state *state, struct call *call)
{
    size_t mark = reply_mark(call->reply);
    bool counted = lua_istable(state->lua, -1) && script_error_is_counted(state, state->lua, lua_gettop(state->lua));

    write_failure(state, call->reply);
    struct str text = {call->reply->buffer.bytes + mark, call->reply->buffer.length - mark};
    if (counted)
        call->inner_failed = true;
    else
        call_count_error(call, NULL, text);
}

/* Running. */

void script_run_prepare(struct script_state *state)
{
    lua_pushcfunction(state->lua, handle_error);
    look_after(state->lua, INSTRUCTIONS_BETWEEN_LOOKS);
}

size_t script_memory_limit(const struct config *config)
{
    size_t limit = LIMIT_MOST;

    if (config->maxmemory > 0 && config->maxmemory < limit)
        limit = config->maxmemory < LIMIT_LEAST ? LIMIT_LEAST : config->maxmemory;
    return limit;
}

uint32_t script_command_flags(uint32_t flags)
{
    if (flags & (SCRIPT_UNDECLARED | SCRIPT_NO_WRITES))
        return 0;
    return flags & SCRIPT_ALLOW_OOM ? CMD_WRITE : CMD_WRITE | CMD_DENYOOM;
}

bool script_begin(struct script_run *run, const char *name, uint32_t flags, bool read_only, struct call *call)
{
    char text[CORE_REFUSAL_BYTES];
    const char *refusal;

    *run = (struct script_run){.call = call,
                               .name = name,
                               .flags = flags,
                               .read_only = read_only || flags & SCRIPT_NO_WRITES,
                               .over_memory = call->core->out_of_memory && !(flags & SCRIPT_ALLOW_OOM),
                               .protocol = 2};
    if (flags & SCRIPT_UNDECLARED)
        return true;
    refusal = flags & SCRIPT_NO_WRITES ? NULL : core_write_refusal(call->core, text);
    if (refusal) {
        reply_error(call->reply, refusal);
        return false;
    }
    if (run->over_memory && !(flags & SCRIPT_NO_WRITES)) {
        reply_error(call->reply, CORE_OUT_OF_MEMORY);
        return false;
    }
    if (read_only && !(flags & SCRIPT_NO_WRITES)) {
        reply_error(call->reply, "ERR Can not execute a script with write flag using *_ro command.");
        return false;
    }
    return true;
}

static void finish(struct script_state *state, struct script_run *run, int status)
{
    if (run->abandoned == SCRIPT_OUT_OF_REACH)
        run->call->out_of_reach = true;
    else if (status == 0 && !run->abandoned)
        script_reply_value(state, state->lua, run->call->reply);
    else
        reply_failure(state, run->call);
}

/* Each round halves buffers of Lua's own, too. */
static void give_back(struct script_state *state)
{
    size_t before;

    do {
        before = state->memory.used_bytes;
        lua_gc(state->lua, LUA_GCCOLLECT, 0);
    } while (state->memory.used_bytes < before);
}

/* What one script needed a lot of is not kept for the others. */
static void tidy(struct script_state *state, int status, size_t limit)
{
    size_t used = state->memory.used_bytes;

    if (status == LUA_ERRMEM)
        give_back(state);
    else if (used > limit / 4 && used > 2 * state->kept_bytes)
        collect(state);
    if (state->reply.capacity <= SCRATCH_KEPT_BYTES && state->numbers.capacity <= SCRATCH_KEPT_BYTES)
        return;
    buffer_deinit(&state->reply);
    buffer_init(&state->reply, &state->memory, NULL, 0);
    buffer_deinit(&state->numbers);
    buffer_init(&state->numbers, &state->memory, NULL, 0);
    state->argv_room = 0;
}

void script_run(struct script_state *state, struct script_run *run, int arguments)
{
    uint16_t db = run->call->db;
    lua_State *lua = state->lua;

    size_t limit = script_memory_limit(&run->call->core->config);
    state->run = run;
    state->limit_bytes = limit;
    state->collect_above = limit / 2;
    int status = lua_pcall(lua, arguments, 1, ERROR_HANDLER);
    state->limit_bytes = state->collect_above = SIZE_MAX;
    run->call->db = db;
    if (run->abandoned || state->wants_collection)
        look_after(lua, INSTRUCTIONS_BETWEEN_LOOKS);
    state->wants_collection = false;
    finish(state, run, status);
    state->run = NULL;
    lua_settop(lua, ERROR_HANDLER);
    tidy(state, status, limit);
}

void script_kill(struct call *call, bool function)
{
    const struct script_watch *watch = &call->core->script_watch;

    if (watch->kill)
        watch->kill(watch->context, function, call->reply);
    else
        reply_error(call->reply, "NOTBUSY No scripts in execution right now.");
}

void script_push_strings(lua_State *lua, const struct str *strings, int count)
{
    lua_createtable(lua, count, 0);
    for (int i = 0; i < count; i++) {
        lua_pushlstring(lua, strings[i].bytes, strings[i].length);
        lua_rawseti(lua, -2, i + 1);
    }
}
