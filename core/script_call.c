/* redis.call and redis.pcall: a command within a script.
 *
 * The arguments' bytes are those of Lua's strings, which stay on its stack, and
 * the reply is made in a buffer of the state and read from there. A script whose
 * command finds a key out of reach is abandoned before the command has any effect. */
#include <lauxlib.h>
#include <stdio.h>

#include "core/call.h"
#include "core/call_count.h"
#include "core/command.h"
#include "core/command_admit.h"
#include "core/number.h"
#include "core/script_api.h"
#include "core/script_run.h"
#include "core/script_value.h"
#include "core/scripts.h"

/* As Redis writes numbers: integers without an exponent, as long as they may be counters. */
static size_t format_number(char text[static NUMBER_TEXT_MAX], lua_Number number)
{
    if (number > -0x1p62 && number < 0x1p62 && number == (lua_Number)(int64_t)number)
        return number_format_integer(text, (int64_t)number);
    return number_format_double(text, number);
}

static void reserve_arguments(struct script_state *state, int argc)
{
    if (argc <= state->argv_room)
        return;
    state->argv_room = argc + argc / 2 + 16;
    state->argv = memory_resize(state->reply.memory, state->argv, (size_t)state->argv_room * sizeof *state->argv);
    buffer_grow(&state->numbers, (size_t)state->argv_room * NUMBER_TEXT_MAX);
}

/* False: one of them is neither a string nor a number. */
static bool read_arguments(struct script_state *state, lua_State *lua, int argc)
{
    char *numbers = state->numbers.bytes;

    for (int i = 0; i < argc; i++) {
        struct str *argument = &state->argv[i];
        int type = lua_type(lua, i + 1);

        if (type == LUA_TSTRING) {
            argument->bytes = lua_tolstring(lua, i + 1, &argument->length);
        } else if (type == LUA_TNUMBER) {
            *argument = (struct str){numbers, format_number(numbers, lua_tonumber(lua, i + 1))};
            numbers += argument->length;
        } else {
            return false;
        }
    }
    return true;
}

/* NULL: they are in state->argv. */
static const char *take_arguments(struct script_state *state, lua_State *lua, int argc)
{
    if (argc == 0)
        return "Please specify at least one argument for this redis lib call";
    reserve_arguments(state, argc);
    return read_arguments(state, lua, argc) ? NULL : "Lua redis lib command arguments must be strings or integers";
}

/* Why the command is not run, with its code; NULL: it is. */
static const char *refusal_of(const struct script_run *run, const struct command *command, int argc,
                              char room[static CORE_REFUSAL_BYTES])
{
    if (!command)
        return "ERR Unknown Redis command called from script";
    if (!command_arity_fits(command, argc) || !command->run)
        return "ERR Wrong number of args calling Redis command from script";
    if (command->flags & CMD_NOSCRIPT)
        return "ERR This Redis command is not allowed from script";
    if (run->read_only && command->flags & (CMD_WRITE | CMD_MAY_REPLICATE))
        return "ERR Write commands are not allowed from read-only scripts.";
    if (command->flags & CMD_WRITE && core_refuses_writes(run->call->core))
        return core_write_refusal(run->call->core, room);
    if (run->over_memory && command->flags & CMD_DENYOOM && !run->wrote)
        return CORE_OUT_OF_MEMORY;
    return NULL;
}

static void count_refusal(struct script_run *run, const struct command *command, const char *refusal)
{
    char text[CORE_REFUSAL_BYTES + 1];

    snprintf(text, sizeof text, "-%s", refusal);
    call_count_error(run->call, command, str_from(text));
}

static void run_command(struct script_state *state, struct reply *reply, const struct command *command, int argc)
{
    struct script_run *run = state->run;

    run->wrote |= (command->flags & CMD_WRITE) != 0;
    reply->buffer = state->reply;
    reply->buffer.length = 0;
    reply->protocol = run->protocol;
    call_nested(run->call, command, state->argv, argc, reply);
    state->reply = reply->buffer; /* it may have grown */
}

/* Pushes what the command answers; false: an error. */
static bool answer(struct script_state *state, lua_State *lua, int argc)
{
    struct script_run *run = state->run;
    const struct command *container, *command = command_find(state->argv, argc, &container);
    char room[CORE_REFUSAL_BYTES];
    const char *refusal = refusal_of(run, command, argc, room);
    struct reply reply = {0};

    if (refusal) {
        count_refusal(run, command, refusal);
        script_push_error(state, lua, str_from(refusal), true);
        return false;
    }
    if (!call_in_reach(run->call, command, state->argv, argc))
        script_abandon(state, lua, SCRIPT_OUT_OF_REACH);
    run_command(state, &reply, command, argc);
    script_push_reply(state, lua, buffer_str(&reply.buffer));
    return !reply.error;
}

static int call(lua_State *lua, bool raise)
{
    struct script_state *state = script_state_of(lua);
    int argc = lua_gettop(lua);

    if (!state->run)
        script_api_refuse(lua, "redis.call/pcall can only be called inside a script invocation");
    if (state->run->abandoned)
        script_abandon(state, lua, state->run->abandoned);
    const char *wrong = take_arguments(state, lua, argc);
    if (!wrong && answer(state, lua, argc))
        return 1;
    if (wrong)
        script_api_push_refusal(lua, wrong);
    return raise ? lua_error(lua) : 1;
}

int script_api_call(lua_State *lua)
{
    return call(lua, true);
}

int script_api_pcall(lua_State *lua)
{
    return call(lua, false);
}

/* There are no rights to be lacked yet: every command that exists may be called. */
int script_api_acl_check_cmd(lua_State *lua)
{
    struct script_state *state = script_state_of(lua);
    int argc = lua_gettop(lua);
    const struct command *container;
    const char *wrong = take_arguments(state, lua, argc);

    if (!wrong && !command_find(state->argv, argc, &container))
        wrong = "Invalid command passed to redis.acl_check_cmd()";
    if (wrong)
        script_api_refuse(lua, wrong);
    lua_pushboolean(lua, 1);
    return 1;
}
