#include "shards/busy.h"

#include <stdatomic.h>

#include "core/assert.h"
#include "core/command.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/script_run.h"
#include "core/transaction.h"
#include "shards/gather.h"
#include "shards/returns.h"
#include "shards/shard.h"

/* Refusing. */

void busy_reply(struct reply *reply, bool function)
{
    if (function)
        reply_error(reply, "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.");
    else
        reply_error(reply, "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.");
}

bool busy_refuses(const struct shard *shard, const struct command *command, struct reply *reply)
{
    const struct busy *busy = &shard->busy;

    if (!busy->active || (command->route != ROUTE_LOCAL && command->route != ROUTE_SAVE) ||
        command->flags & CMD_ALLOW_BUSY)
        return false;
    busy_reply(reply, atomic_load_explicit(&busy->state, memory_order_relaxed) & BUSY_FUNCTION);
    return true;
}

struct busy_waiting {
    struct message *message;
    uint64_t stamp;
};

static void add_waiting(struct shard *shard, struct message *message)
{
    struct busy *busy = &shard->busy;

    if (busy->waiting_first + busy->waiting_count == busy->waiting_room) {
        busy->waiting_room = busy->waiting_room ? 2 * busy->waiting_room : 16;
        busy->waiting =
            memory_resize(&shard->core.memory, busy->waiting, (size_t)busy->waiting_room * sizeof *busy->waiting);
    }
    busy->waiting[busy->waiting_first + busy->waiting_count++] = (struct busy_waiting){message, shard->port.run_stamp};
}

struct message *busy_take_waiting(struct shard *shard)
{
    struct busy *busy = &shard->busy;

    if (busy->waiting_count == 0) {
        busy->waiting_first = 0;
        return NULL;
    }
    busy->waiting_count--;
    shard->port.run_stamp = busy->waiting[busy->waiting_first].stamp;
    return busy->waiting[busy->waiting_first++].message;
}

/* What would be done in part, or is more than a client's wish, waits. */
static bool may_be_refused(const struct request *request)
{
    uint32_t flags = request->command->flags;

    if (request->blocking || request->watched || flags & CMD_ALLOW_BUSY)
        return false;
    if (request->transaction)
        return flags & CMD_EXECUTES && !request->transaction->watched;
    return !request->part || flags & CMD_READONLY;
}

static void meet(struct shard *shard, struct request *request, bool function)
{
    if (!may_be_refused(request)) {
        request_own_arguments(&shard->requests, request);
        add_waiting(shard, &request->message);
        return;
    }
    request->reply.buffer.memory = &shard->core.memory;
    busy_reply(&request->reply, function);
    shard_answer(shard, request);
}

void busy_refuse_due(struct shard *shard, bool function)
{
    struct message *message;

    mesh_collect(&shard->port);
    while (!mesh_is_held_up(&shard->port) && (message = mesh_next(&shard->port)) != NULL) {
        if (message->kind == MESSAGE_REQUEST)
            meet(shard, (struct request *)message, function);
        else if (!gather_refuse(shard, (struct gather *)message, function))
            add_waiting(shard, message);
    }
    mesh_release(&shard->port);
}

static uint32_t state_of_any(const struct shard_group *group)
{
    uint32_t state = 0;

    for (int i = 0; i < group->count && !state; i++)
        state = atomic_load_explicit(&group->shards[i]->busy.state, memory_order_relaxed);
    return state;
}

bool busy_is_any(const struct shard_group *group)
{
    return state_of_any(group) != 0;
}

static bool refuses(void *context, struct reply *reply)
{
    uint32_t state = state_of_any(((struct shard *)context)->group);

    if (!state)
        return false;
    busy_reply(reply, state & BUSY_FUNCTION);
    return true;
}

/* The script's own thread. */

static uint32_t state_of(const struct script_run *run)
{
    return BUSY_RUNS | (run->wrote ? BUSY_WROTE : 0) | (run->is_function ? BUSY_FUNCTION : 0);
}

static void begin(struct shard *shard, const struct script_run *run, int64_t elapsed_us)
{
    shard->busy.active = true;
    atomic_store_explicit(&shard->busy.kill, false, memory_order_relaxed);
    log_write(LOG_WARNING,
              "Slow script detected: still in execution after %lld milliseconds. You can try killing the script "
              "using the %s command. Script name is: %s.",
              (long long)elapsed_us / 1000, run->is_function ? "FUNCTION KILL" : "SCRIPT KILL", run->name);
}

/* A turn without execution. */
static void serve(struct shard *shard, bool function)
{
    struct monitors *monitors = &shard->core.monitors;
    struct buffer lines = monitors->lines; /* the script's: they may yet be taken back, and others' leave meanwhile */

    buffer_init(&monitors->lines, monitors->memory, NULL, 0);
    shard->busy.serving = true;
    shard_own_arguments(shard);
    shard->turn++;
    loop_wait(shard->loop, 0);
    returns_take(shard);
    router_retry_held(shard);
    mesh_publish(&shard->port, shard->loop, shard_now_ms(shard));
    busy_refuse_due(shard, function);
    shard_own_arguments(shard);
    timers_run(&shard->timers, shard->now_ms);
    mesh_publish_returns(&shard->port, shard->loop);
    shard_attend_sessions(shard);
    loop_run_deferred(shard->loop);
    loop_submit(shard->loop);
    shard->busy.serving = false;
    buffer_deinit(&monitors->lines);
    monitors->lines = lines;
}

static bool goes_on(void *context, struct script_run *run)
{
    struct shard *shard = context;
    int64_t threshold_us = shard->core.config.busy_reply_threshold_ms * 1000, now_us;

    if (atomic_load_explicit(&shard->group->stopping, memory_order_relaxed))
        return false;
    now_us = loop_monotonic_us(shard->loop);
    if (run->began_us == 0)
        run->began_us = now_us;
    if (threshold_us == 0 || now_us - run->began_us < threshold_us)
        return true;
    if (!shard->busy.active)
        begin(shard, run, now_us - run->began_us);
    atomic_store_explicit(&shard->busy.state, state_of(run), memory_order_relaxed);
    gather_tell_busy(shard, run->is_function);
    serve(shard, run->is_function);
    return run->wrote || !atomic_load_explicit(&shard->busy.kill, memory_order_relaxed);
}

void busy_end(struct shard *shard)
{
    shard->busy.active = false;
    atomic_store_explicit(&shard->busy.state, 0, memory_order_relaxed);
}

/* Killing. */

static const char unkillable[] = "UNKILLABLE Sorry the script already executed write commands against the dataset. You "
                                 "can either wait the script termination or kill the server in a hard way using the "
                                 "SHUTDOWN NOSAVE command.";

static void kill(void *context, bool function, struct reply *reply)
{
    const struct shard_group *group = ((struct shard *)context)->group;
    uint32_t found = 0;
    bool killed = false;

    for (int i = 0; i < group->count; i++) {
        struct busy *busy = &group->shards[i]->busy;
        uint32_t state = atomic_load_explicit(&busy->state, memory_order_relaxed);

        found |= state;
        if (!state || state & BUSY_WROTE || (bool)(state & BUSY_FUNCTION) != function)
            continue;
        atomic_store_explicit(&busy->kill, true, memory_order_relaxed);
        killed = true;
    }
    if (killed)
        reply_ok(reply);
    else if (!found)
        reply_error(reply, "NOTBUSY No scripts in execution right now.");
    else if (found & BUSY_WROTE)
        reply_error(reply, unkillable);
    else
        busy_reply(reply, !function);
}

void busy_init(struct shard *shard)
{
    shard->core.script_watch =
        (struct script_watch){.goes_on = goes_on, .kill = kill, .refuses = refuses, .context = shard};
}

void busy_deinit(struct shard *shard)
{
    ASSERT(shard->busy.waiting_count == 0);
    memory_free(&shard->core.memory, shard->busy.waiting);
}
