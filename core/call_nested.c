/* Commands within a command: what a transaction or a script runs.
 *
 * Most find their keys through the outer call's reach and notice nothing. Those
 * without keys that a scatter brings to every shard run there, part by part, and
 * their merge combines the parts here. */
#include "core/assert.h"
#include "core/call.h"
#include "core/call_count.h"
#include "core/command.h"
#include "core/command_admit.h"
#include "core/effects.h"
#include "core/merge.h"

static bool has_keys(const struct command *command)
{
    return command->keys[0].begin != KEY_BEGIN_NONE;
}

static bool is_for_each_shard(const struct command *command)
{
    return command->route == ROUTE_SCATTER && !has_keys(command);
}

static void run_parts(const struct call *call, struct reply *parts)
{
    struct call own = *call;

    if (call->reach) {
        ASSERT(call->reach->everywhere);
        call->reach->each_shard(call->reach, call, parts);
        return;
    }
    own.reply = &parts[0];
    call_run(&own);
}

static void run_on_each_shard(struct call *call)
{
    struct reply parts[CONFIG_SHARDS_MAX];
    const struct reply *replies[CONFIG_SHARDS_MAX];
    struct merge merge = {.command = call->command,
                          .argv = call->argv,
                          .argc = call->argc,
                          .core = call->core,
                          .now_ms = call->now_ms,
                          .reply = call->reply};
    int count = call_keyspaces(call).count;

    for (int i = 0; i < count; i++) {
        reply_init(&parts[i], &call->core->memory, NULL, 0, call->reply->protocol);
        replies[i] = &parts[i];
    }
    run_parts(call, parts);
    merge_replies(&merge, replies, count);
    for (int i = 0; i < count; i++)
        buffer_deinit(&parts[i].buffer);
}

/* What a client sends alone is not admitted without its values; here, as in Redis, it shows when it is run. */
static void run(struct call *call)
{
    if (!command_values_complete(call->command, call->argc))
        command_refuse_arity(call->command, call->reply);
    else if (is_for_each_shard(call->command))
        run_on_each_shard(call);
    else if (call->core->undo.keyspace)
        undo_run(call);
    else
        call_run(call);
}

void call_nested(struct call *outer, const struct command *command, const struct str *argv, int argc,
                 struct reply *reply)
{
    struct call call = *outer;
    bool failed = reply->error; /* an earlier one did */

    call.command = command;
    call.argv = argv;
    call.argc = argc;
    call.reply = reply;
    call.wait = NULL;
    call.part = CALL_WHOLE;
    call.inner_failed = false;
    call.spent_ns = NULL;
    if (outer->command->flags & CMD_SKIP_MONITOR)
        call.peer = NULL;
    call.routed_key = (struct key){0};
    reply->error = false;

    struct call_counting counting = call_count_begin(&call);

    if (monitors_watch(&call.core->monitors))
        monitor_note_begin(&call);
    run(&call);
    effects_end(&call);
    if (monitors_watch(&call.core->monitors))
        monitor_note_end(&call);
    if (call.tracked_by != 0)
        call_remember(&call);
    call_count_end(&call, &counting);
    outer->inner_failed |= reply->error;
    reply->error |= failed;
    outer->reached_all |= !has_keys(command) && command->route != ROUTE_LOCAL && command->route != ROUTE_SINGLE;
    outer->db = call.db;
    outer->no_touch = call.no_touch;
    outer->tracked_by = call.tracked_by;
}

void call_replay(const struct call *outer, const struct command *command, const struct str *argv, int argc, int db,
                 struct reply *reply)
{
    struct call call = {
        .command = command,
        .argv = argv,
        .argc = argc,
        .db = (uint16_t)db,
        .no_touch = true, /* what is replayed is not used */
        .now_ms = CALL_REPLAY_MS,
        .now_us = outer->now_us,
        .reply = reply,
        .core = outer->core,
        .reach = outer->reach,
        .home = outer->home,
    };

    run(&call);
}

struct look {
    const struct reach *reach;
    const struct str *argv;
    bool all;
};

static void look_at(void *context, struct key_position key)
{
    struct look *look = context;

    look->all &= look->reach->has(look->reach, look->argv[key.index]);
}

bool call_in_reach(const struct call *call, const struct command *command, const struct str *argv, int argc)
{
    struct look look = {call->reach, argv, true};

    if (!call->reach || call->reach->everywhere)
        return true;
    if (!has_keys(command))
        return command->route == ROUTE_LOCAL || command->route == ROUTE_SINGLE;
    if (command->reaches_all && command->reaches_all(argv, argc))
        return false;

    /* Where the arguments do not fit the handler says so. */
    bool fits = command_each_key(command, argv, argc, look_at, &look);
    (void)fits;
    return look.all;
}
