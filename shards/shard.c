#include "shards/shard.h"

#include <assert.h>
#include <stdatomic.h>
#include <time.h>

#include "core/access.h"
#include "core/assert.h"
#include "core/call.h"
#include "core/call_count.h"
#include "core/command.h"
#include "core/effects.h"
#include "core/memory.h"
#include "core/waits.h"
#include "shards/ahead.h"
#include "shards/blocked.h"
#include "shards/client_limit.h"
#include "shards/gather.h"
#include "shards/idle.h"
#include "shards/loading.h"
#include "shards/monitoring.h"
#include "shards/publication.h"
#include "shards/transaction.h"
#include "shards/invalidation.h"
#include "shards/returns.h"
#include "shards/snapshot.h"
#include "shards/telling.h"

enum {
    EXPIRE_PER_TURN = 128, /* keys whose deadline has come */
    RECLAIM_ITEMS = 8,     /* of flushed databases and large values, between two looks at the clock */
    RECLAIM_NS = 250000,   /* a turn's time for them: an item costs 50 ns, or 20 us where its page goes back */
};

void shard_read_clock(struct shard *shard)
{
    int64_t monotonic_us = loop_monotonic_us(shard->loop);
    int64_t least_us = shard->now_us + (monotonic_us - shard->monotonic_us) / 2;
    int64_t now_us = loop_time_us(shard->loop);

    shard->monotonic_us = monotonic_us;
    shard->now_us = now_us > least_us ? now_us : least_us;
    shard->now_ms = shard->now_us / 1000;
}

static int64_t clock_ns(void *context)
{
    return loop_clock_ns(context);
}

bool shard_open(struct shard *shard, struct loop *loop)
{
    shard->loop = loop;
    shard->group->mesh.sleepers[shard->index].loop = loop;
    shard->config_generation = shard->core.config.generation;
    shard->core.net_backend = loop_backend_name(loop);
    shard->core.command_stats.clock = (struct command_clock){clock_ns, loop};
    shard->core.startup_bytes = core_used_bytes(&shard->core);
    shard->now_us = loop_time_us(loop);
    shard->monotonic_us = loop_monotonic_us(loop);
    shard_read_clock(shard);
    return true;
}

/* Execution. */

/* What has been changed is told before the answer is given and anything else is executed. */
static inline void publish_changes(struct shard *shard, uint64_t cause)
{
    struct changes *changes = keyspace_changes(shard->core.keyspace);

    if (__builtin_expect(changes_has_some(changes), 0) && !shard->busy.serving)
        telling_run(shard, cause);
}

/* What is recorded of it is one unit, and others are to know of that before they hear of anything else. */
static void end_unit(struct shard *shard)
{
    journal_end_unit(keyspace_journal(shard->core.keyspace));
    if (shard->aof.on)
        aof_note_records(shard);
}

/* What was done without a command, as a key was looked at or its time had come. Where that is nothing, the shard may be
 * parked on a gather, whose executor is at the journal. */
static void end_uncalled(struct shard *shard)
{
    if (changes_has_some(keyspace_changes(shard->core.keyspace))) {
        end_unit(shard);
        publish_changes(shard, 0);
    }
    if (__builtin_expect(publishing_has_work(&shard->core.publishing), 0))
        publication_send(shard, NULL);
}

/* DEBUG SLEEP: stalls the server on purpose. */
static __attribute__((noinline)) void stall(struct shard *shard)
{
    struct timespec pause = {shard->core.stall_us / 1000000, shard->core.stall_us % 1000000 * 1000};

    shard->core.stall_us = 0;
    loop_submit(shard->loop); /* the other shards are to stall at the same time */
    nanosleep(&pause, NULL);
}

/* Whether a command has left the shard anything to do: one branch for all. */
static inline bool has_asked(const struct core *core)
{
    int changes = changes_has_some(keyspace_changes(core->keyspace)), messages = publishing_has_work(&core->publishing);

    return changes | messages | (core->monitors.lines.length > 0) | (core->stall_us > 0) | core->save_scheduled |
           core->flushed_all;
}

static __attribute__((noinline)) void heed(struct shard *shard, const struct request *request)
{
    publish_changes(shard, request ? request->session_id : 0);
    if (shard->core.monitors.lines.length > 0)
        monitoring_send(shard);
    if (publishing_has_work(&shard->core.publishing) && !shard->busy.serving)
        publication_send(shard, request);
    if (shard->core.stall_us > 0)
        stall(shard);
    saving_heed(shard);
}

/* Likewise. */
static __attribute__((noinline)) void end_effects(struct shard *shard, const struct call *call,
                                                  const struct request *request)
{
    if (!changes_has_some(keyspace_changes(shard->core.keyspace)) || shard->busy.serving) /* a script's go on */
        return;
    effects_end(call);
    if (request)
        end_unit(shard);
}

/* What the command asked of the shard, and has to tell others. request: whose call it was; NULL: a part of another. */
static inline void end_call(struct shard *shard, const struct call *call, const struct request *request)
{
    if (__builtin_expect(!has_asked(&shard->core), 1))
        return;
    end_effects(shard, call, request);
    heed(shard, request);
}

void shard_run_call(struct shard *shard, struct call *call)
{
    call_run(call);
    end_call(shard, call, NULL);
}

/* Each field by itself, where the call is to be: an initializer clears the whole with `rep stos` first, and what is
 * copied when it has just been written waits for the stores. That was a tenth of all user time. */
static inline __attribute__((always_inline)) void prepare_call(struct call *call, struct shard *shard,
                                                               struct request *request, const struct reach *reach,
                                                               int64_t now_ms, struct call_wait *wait)
{
    static_assert(sizeof *call == 192, "a field that is new is set here, too");
    call->command = request->command;
    call->argv = request->argv;
    call->argc = request->argc;
    call->db = request->db;
    call->no_touch = request->no_touch | (now_ms == CALL_REPLAY_MS); /* what is replayed is not used */
    call->now_ms = now_ms;
    call->now_us = shard->now_us;
    call->reply = &request->reply;
    call->core = &shard->core;
    call->reach = reach;
    call->session = request->message.home == shard->index ? request->session : NULL; /* home's, and so is its line */
    call->session_id = request->session_id;
    call->home = request->message.home;
    call->peer = NULL;
    call->reached_all = false;
    call->out_of_reach = false;
    call->transaction = request->transaction;
    call->watched = request->watched;
    call->tracked_by = request->tracked ? request->message.home + 1 : 0;
    call->wait = wait;
    call->inner_failed = false;
    call->part = request->part;
    call->spent_ns = &request->spent_ns;
    call->slow = &request->slow;
    call->routed_key.name = request->argv[request->key];
    call->routed_key.hash = request->key_hash;
    call->key_hashes = NULL;
    if (!request->key) {
        call->routed_key.name.bytes = NULL;
        if (request->hashed)
            call->key_hashes = request->key_hashes;
    }
    request->reply.buffer.memory = &shard->core.memory;
}

static __attribute__((noinline)) void watched_run(struct call *call, const struct request *request)
{
    monitoring_begin(call, request);
    call_run(call);
    monitoring_end(call, request);
}

static inline __attribute__((always_inline)) void
execute(struct shard *shard, struct request *request, const struct reach *reach, int64_t now_ms, struct call_wait *wait)
{
    struct call_counting counting;
    struct call call;

    prepare_call(&call, shard, request, reach, now_ms, wait);
    counting = call_count_begin(&call);
    if (monitors_watch(&shard->core.monitors))
        watched_run(&call, request);
    else
        call_run(&call);
    if (__builtin_expect(call.tracked_by != 0, 0))
        call_remember(&call);
    end_call(shard, &call, request);
    call_count_end(&call, &counting);
    shard->core.stats.executed++;
}

/* What is replayed is nobody's, and knows no time. */
static inline int64_t request_ms(const struct shard *shard, const struct request *request)
{
    if (__builtin_expect(shard->loading != NULL, 0) && request->session_id == 0)
        return CALL_REPLAY_MS;
    return shard_message_ms(shard);
}

void shard_prepare_call(struct call *call, struct shard *shard, struct request *request, const struct reach *reach)
{
    prepare_call(call, shard, request, reach, request_ms(shard, request), NULL);
}

void shard_end_call(struct shard *shard, const struct call *call, const struct request *request)
{
    end_call(shard, call, request);
    shard->core.stats.executed++;
}

int64_t shard_message_ms(const struct shard *shard)
{
    if (simulate_fault(FAULT_OWN_CLOCK))
        return loop_time_us(shard->loop) / 1000;
    return mesh_message_ms(&shard->port);
}

void shard_execute(struct shard *shard, struct request *request, const struct reach *reach, int64_t now_ms,
                   struct call_wait *wait)
{
    execute(shard, request, reach, now_ms, wait);
}

void shard_count(struct shard *shard, struct request *request, int64_t ns)
{
    struct call call = {
        .command = request->command,
        .argv = request->argv,
        .argc = request->argc,
        .now_ms = shard->now_ms,
        .reply = &request->reply,
        .core = &shard->core,
        .slow = &request->slow,
    };

    request->spent_ns = ns == CALL_LIKE_OTHERS ? 0 : ns;
    call_count_whole(&call, 0, ns);
}

/* What few requests are. */
static inline bool needs_care(const struct request *request)
{
    return request->blocking | request->publishing | request->may_flush | (request->trial != TRIAL_NONE) |
           (request->transaction != NULL);
}

/* False: it is on its way once more, or is to be answered later. */
static __attribute__((noinline)) bool finish_with_care(struct shard *shard, struct request *request)
{
    if (request->blocking)
        blocked_forget(shard, request);
    if (request->publishing)
        router_publisher_done(request);
    if (request->trial != TRIAL_NONE && !trial_finish(shard, request))
        return false;
    if (request->transaction && !transaction_finish(shard, request))
        return false;
    return !request->may_flush || !saving_keeps_answer(shard, request);
}

static inline void finish(struct shard *shard, struct request *request)
{
    if (__builtin_expect(!needs_care(request), 1) || finish_with_care(shard, request))
        request->done(request);
}

void shard_finish(struct shard *shard, struct request *request)
{
    finish(shard, request);
}

/* What it has said has found no room yet: nobody is to know of the command before. */
static void keep_answer(struct shard *shard, struct request *request)
{
    if (request->message.home == shard->index)
        request_own_arguments(&shard->requests, request); /* its connection may want to move what they lie in */
    request->next_held = NULL;
    if (shard->unanswered)
        shard->last_unanswered->next_held = request;
    else
        shard->unanswered = request;
    shard->last_unanswered = request;
}

static void give_kept_answers(struct shard *shard)
{
    struct request *request = shard->unanswered, *next;

    if (__builtin_expect(!request, 1) || mesh_is_held_up(&shard->port))
        return;
    shard->unanswered = NULL;
    for (; request; request = next) {
        next = request->next_held;
        shard_answer(shard, request);
    }
}

static inline void answer(struct shard *shard, struct request *request)
{
    if (__builtin_expect(mesh_is_held_up(&shard->port), 0)) {
        keep_answer(shard, request);
        return;
    }
    if (request->message.home == shard->index) {
        finish(shard, request);
        return;
    }
    if (request->reply.buffer.heap)
        memory_recharge(&shard->core.memory, NULL, request->reply.buffer.bytes);
    mesh_return(&shard->port, request->message.home, &request->message);
}

void shard_answer(struct shard *shard, struct request *request)
{
    answer(shard, request);
}

/* A copy for each caller: nothing is called for what nearly all requests are. */
static inline __attribute__((always_inline)) void run(struct shard *shard, struct request *request,
                                                      const struct reach *reach)
{
    int64_t now_ms = request_ms(shard, request);

    if (core_is_past_mark(&shard->core) && !memory_limit_admits(shard, request)) {
        answer(shard, request);
        return;
    }
    if (__builtin_expect(request->command->flags & CMD_BLOCKING, 0) && request->blocking) {
        blocked_run(shard, request, reach, now_ms);
        end_uncalled(shard);
        return;
    }
    execute(shard, request, reach, now_ms, NULL);
    answer(shard, request);
}

void shard_run(struct shard *shard, struct request *request, const struct reach *reach)
{
    run(shard, request, reach);
}

/* Whoever waits for a key is served before anything else is executed. */
static inline void serve_waiters(struct shard *shard, int64_t now_ms)
{
    if (shard->parked || __builtin_expect(shard->waits->signalled == NULL, 1)) /* parked: another thread's */
        return;
    blocked_serve(shard, now_ms);
    end_uncalled(shard);
}

/* What the command has needed too much, others give. */
static __attribute__((noinline)) void keep_to_limit(struct shard *shard)
{
    if (memory_limit_look(shard))
        memory_limit_shrink(shard);
    end_uncalled(shard);
}

static inline __attribute__((always_inline)) void meet(struct shard *shard, struct message *message)
{
    if (__builtin_expect(shard->aof.on, 0))
        keyspace_journal(shard->core.keyspace)->stamp = shard->port.run_stamp;
    if (message->kind == MESSAGE_GATHER) {
        gather_arrive(shard, (struct gather *)message);
    } else {
        struct request *request = (struct request *)message;

        ASSERT(message->kind == MESSAGE_REQUEST);
        if (__builtin_expect(request->trial != TRIAL_NONE, 0))
            trial_run(shard, request);
        else
            run(shard, request, NULL);
    }
    if (!shard->parked && core_is_past_mark(&shard->core)) /* parked: its account is the executor's */
        keep_to_limit(shard);
    serve_waiters(shard, shard_message_ms(shard));
    if (__builtin_expect(shard->busy.active, 0))
        busy_end(shard);
}

/* What came while a script was busy, and could not be refused. */
static __attribute__((noinline)) void meet_waiting(struct shard *shard)
{
    struct message *message;

    while (!shard->parked && (message = busy_take_waiting(shard)) != NULL)
        meet(shard, message);
}

static void own_arguments(void *context, struct message *message)
{
    struct shard *shard = context;

    if (message->kind == MESSAGE_REQUEST)
        request_own_arguments(&shard->requests, (struct request *)message);
}

void shard_own_arguments(struct shard *shard)
{
    mesh_each_own(&shard->port, own_arguments, shard);
}

/* Step (c) of the turn: what is due, lowest stamp first, until nothing is or a gather parks us. */
static void execute_due(struct shard *shard)
{
    struct message *message;
    bool function;

    give_kept_answers(shard);
    if (!gather_try_leave(shard)) {
        if (gather_is_busy(shard, &function))
            busy_refuse_due(shard, function);
        shard_own_arguments(shard);
        return;
    }
    shard->core.command_stats.known_ns = shard->monotonic_us * 1000; /* it was read when this was published */
    serve_waiters(shard, shard_message_ms(shard));                   /* of what the gather that was left brought */
    if (__builtin_expect(shard->busy.active, 0))                     /* a gather that home has executed */
        busy_end(shard);
    meet_waiting(shard);
    mesh_collect(&shard->port);
    returns_take(shard); /* news of what was published before any of this */
    if (__builtin_expect(shard->core.aof.error != 0, 0))
        aof_hear_troubles(shard);
    keyspace_set_access(shard->core.keyspace,
                        config_maxmemory_policy_is_lfu(&shard->core.config) ? ACCESS_LFU : ACCESS_LRU, shard->now_ms);
    while (!shard->parked && !mesh_is_held_up(&shard->port) && (message = mesh_next(&shard->port)) != NULL) {
        ahead_prefetch(shard, message);
        meet(shard, message);
        if (__builtin_expect(shard->busy.waiting_count > 0, 0))
            meet_waiting(shard);
    }
    mesh_release(&shard->port);
    shard_own_arguments(shard); /* parked, or held up by a stamp that is coming */
}

void shard_close(struct shard *shard)
{
    returns_take(shard); /* notices whose sender went on for longer than we did */
    loop_close(shard->loop);
    shard->loop = NULL;
}

/* The turn. */

bool shard_expires(const struct shard *shard)
{
    return !shard->parked && !shard->loading && !sessions_paused(&shard->core.sessions, shard->now_ms);
}

static void expire_due(struct shard *shard, int64_t settled_ms)
{
    int64_t began_ns = core_latency_begin(&shard->core);

    keyspace_expire(shard->core.keyspace, settled_ms, EXPIRE_PER_TURN);
    core_latency_end(&shard->core, LATENCY_EXPIRE_CYCLE, began_ns, settled_ms);
}

/* Up to where everything has been executed, as far as this turn can tell; else 0. */
static uint64_t settled(const struct shard *shard)
{
    return shard->parked || shard->busy.waiting_count > 0 ? 0 : mesh_settled(&shard->port);
}

/* What is done unasked has the stamp up to which everything was executed; not where others have been told that no
 * record with it will come: within a millisecond there are higher ones. */
static bool may_record(struct shard *shard)
{
    uint64_t stamp;

    if (!shard->aof.on)
        return true;
    stamp = settled(shard);
    if (stamp <= shard->aof.claimed)
        return false;
    keyspace_journal(shard->core.keyspace)->stamp = stamp;
    return true;
}

/* Deadlines, no further than the time of what is yet to be executed, so that a key dies at one instant for all
 * shards: none while what is due can't be executed; and what is to be evicted. */
static void expire(struct shard *shard)
{
    int64_t settled_ms = mesh_settled_ms(&shard->port);

    if (shard_expires(shard) && keyspace_next_expiry_ms(shard->core.keyspace) <= settled_ms && settled(shard) > 0 &&
        may_record(shard))
        expire_due(shard, settled_ms);
    if (memory_limit_turn(shard) && may_record(shard))
        memory_limit_shrink(shard);
    end_uncalled(shard);
    serve_waiters(shard, settled_ms);
}

/* CLIENT PAUSE does not hold it up: what is left of a flushed database is nobody's data. */
static void reclaim(struct shard *shard)
{
    int64_t until_ns;

    if (shard->parked || keyspace_reclaim(shard->core.keyspace, 0) == 0)
        return;
    until_ns = loop_clock_ns(shard->loop) + RECLAIM_NS;
    while (keyspace_reclaim(shard->core.keyspace, RECLAIM_ITEMS) > 0 && loop_clock_ns(shard->loop) < until_ns)
        continue;
}

void shard_attend_sessions(struct shard *shard)
{
    struct completion *attention, *flush;

    while ((attention = sessions_take_attention(&shard->core.sessions)) != NULL)
        loop_defer(shard->loop, attention);
    while ((flush = sessions_take_pushed(&shard->core.sessions)) != NULL)
        loop_defer(shard->loop, flush);
}

static void notice_settings(struct shard *shard)
{
    uint64_t generation = shard->core.config.generation;

    if (__builtin_expect(shard->core.config.appendonly != shard->aof.on, 0))
        aof_start_configured(shard);
    if (shard->config_generation == generation)
        return;
    shard->config_generation = generation;
    if (shard->configured)
        shard->configured->done(shard->configured);
}

/* A wake-up leaves with the loop's next submit, and whoever else has work for that shard takes it to be awake.
 * So it leaves now where something is to be executed first, which may take long. */
static void publish(struct shard *shard)
{
    uint64_t wakes = shard->port.wakes;

    mesh_publish(&shard->port, shard->loop, shard_now_ms(shard));
    if (shard->port.wakes != wakes &&
        (mesh_has_own(&shard->port) || mesh_has_inbound(&shard->port, shard->parked != NULL)))
        loop_submit(shard->loop);
}

static void load(struct shard *shard)
{
    loading_turn(shard);
    aof_start_turn(shard);
}

void shard_turn(struct shard *shard)
{
    shard->turn++;
    idle_wait(shard); /* (a) connections parse and stage */
    snapshot_walk(shard);
    if (__builtin_expect(shard->loading != NULL, 0))
        load(shard);
    returns_take(shard);
    router_retry_held(shard);
    publish(shard);     /* (b) */
    execute_due(shard); /* (c) */
    expire(shard);
    reclaim(shard);
    snapshot_turn(shard);
    saving_turn(shard);
    if (shard->index == 0)
        shutdown_turn(shard);
    timers_run(&shard->timers, shard->now_ms);
    if (__builtin_expect(shard->core.sessions.left != NULL, 0))
        invalidation_leave(shard);
    aof_turn(shard, settled(shard));
    mesh_publish_returns(&shard->port, shard->loop); /* (d) */
    shard_attend_sessions(shard);
    notice_settings(shard);
    loop_run_deferred(shard->loop); /* connections send */
    client_limit_turn(shard);
    stats_sample_rates(&shard->core.stats, shard->now_ms);
    shard->core.stats.turns++;
    shard->core.stats.wakes_sent = shard->port.wakes;
}

struct request *shard_take_request(struct shard *shard, int argc, const struct session *session)
{
    struct request *request = request_take(&shard->requests, argc, session->protocol);

    request->db = (uint16_t)session->db;
    request->no_touch = session->no_touch;
    request->tracked = session->tracks;
    request->session_id = session->id;
    return request;
}
