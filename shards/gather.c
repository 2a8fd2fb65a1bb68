#include "shards/gather.h"

#include <sched.h>
#include <stdatomic.h>

#include "core/assert.h"
#include "core/call.h"
#include "core/command.h"
#include "core/journal.h"
#include "core/memory.h"
#include "core/transaction.h"
#include "core/waits.h"
#include "shards/busy.h"
#include "shards/returns.h"
#include "shards/trial.h"
#include "shards/shard.h"

struct gather {
    struct message message;
    struct request *request;
    struct gather *follower; /* staged right behind it, in the same batch, for some of the same shards; or NULL: written
                              * before they are published */
    struct shard_group *group;
    bool everywhere; /* every shard takes part */
    bool by_home;    /* home executes */
    uint64_t participants[SHARD_SET_WORDS];
    uint64_t touched[SHARD_SET_WORDS]; /* by the executor */
    _Atomic(int) to_arrive; /* acquire-release: the last to arrive sees what each did to its keyspace before */
    _Atomic(bool) done;     /* released by the executor, acquired by who leaves: sees what was done to its keyspace */
    _Atomic(int) to_leave;  /* the last one takes the gather home */
    _Atomic(int) refused;   /* enum busy_kind, by a participant before it arrives: nobody executes it */
    _Atomic(int) busy;      /* the same, by the executor: it is a script that runs for long */
    /* Parts that each shard runs on its own thread. */
    const struct call *asked; /* the command */
    struct reply *replies;    /* by shard */
    _Atomic(uint32_t) asks;   /* how many so far: released by the executor, acquired by who runs a part */
    _Atomic(int) to_run;      /* parts of the last one: released by who has run it, acquired by the executor */
};

enum busy_kind { BUSY_NOT, BUSY_EVAL, BUSY_FCALL };

/* Home: staging. */

static bool takes_part(const struct gather *gather, int shard)
{
    return gather->everywhere || shard_set_has(gather->participants, shard);
}

static struct gather *gather_create(struct shard *shard, struct request *request, const struct key_owners *owners,
                                    bool by_home)
{
    struct gather *gather = memory_alloc_zeroed(&shard->core.memory, sizeof *gather);
    int count = owners ? owners->distinct : shard->group->count;

    gather->message = (struct message){.kind = MESSAGE_GATHER, .home = (uint16_t)shard->index};
    gather->request = request;
    gather->group = shard->group;
    gather->everywhere = owners == NULL;
    gather->by_home = by_home;
    if (owners)
        memcpy(gather->participants, owners->set, sizeof gather->participants);
    atomic_init(&gather->to_arrive, count);
    atomic_init(&gather->to_leave, count);
    atomic_init(&gather->done, false);
    atomic_init(&gather->asks, 0);
    atomic_init(&gather->to_run, 0);
    atomic_init(&gather->refused, BUSY_NOT);
    atomic_init(&gather->busy, BUSY_NOT);
    shard->gathers++;
    return gather;
}

static bool room_for_all(struct shard *shard, const struct gather *gather)
{
    for (int i = 0; i < shard->group->count; i++)
        if (takes_part(gather, i) && !mesh_room(&shard->port, i))
            return false;
    return true;
}

/* What every shard takes part in may ask each for its part, and looks for those that are parked on it alone. */
static bool has_participants_of(const struct gather *gather, const struct gather *other)
{
    if (gather->everywhere || other->everywhere)
        return gather->everywhere && !other->everywhere;
    for (int word = 0; word < SHARD_SET_WORDS; word++)
        if (other->participants[word] & ~gather->participants[word])
            return false;
    return true;
}

/* Only behind one that has all its participants: until that one is done, nobody else can execute it and let it end. */
static void follow_last_staged(struct shard *shard, struct gather *gather)
{
    struct message *last = shard->port.last_staged;

    if (last && last->kind == MESSAGE_GATHER && has_participants_of((struct gather *)last, gather))
        ((struct gather *)last)->follower = gather;
}

bool gather_stage(struct shard *shard, struct request *request, const struct key_owners *owners, bool by_home)
{
    struct gather *gather = gather_create(shard, request, owners, by_home);

    ASSERT(!by_home || takes_part(gather, shard->index));
    if (!room_for_all(shard, gather)) {
        gather_free(shard, gather);
        return false;
    }
    request_own_arguments(&shard->requests, request);
    follow_last_staged(shard, gather);
    for (int i = 0; i < shard->group->count; i++)
        if (takes_part(gather, i))
            mesh_stage(&shard->port, i, &gather->message);
    shard->core.stats.gathered++;
    return true;
}

void gather_free(struct shard *shard, struct gather *gather)
{
    shard->gathers--;
    memory_free(&shard->core.memory, gather);
}

/* Parts for each shard's own thread. */

/* Participants look after they have declared themselves asleep: pairs with the fence in mesh_fall_asleep. */
static void wake_participants(struct shard *shard, const struct gather *gather)
{
    uint64_t wakes = shard->port.wakes;

    atomic_thread_fence(memory_order_seq_cst);
    for (int i = 0; i < shard->group->count; i++)
        if (i != shard->index && takes_part(gather, i))
            mesh_wake(&shard->port, shard->loop, i);
    if (shard->port.wakes != wakes)
        loop_submit(shard->loop); /* what we do next may take long */
}

/* reply: travels charged to nobody. */
static void run_part(struct shard *shard, const struct call *asked, struct reply *reply)
{
    struct call call = *asked;

    call.core = &shard->core;
    call.reach = NULL;
    call.reply = reply;
    reply->buffer.memory = &shard->core.memory;
    shard_run_call(shard, &call);
    if (reply->buffer.heap)
        memory_recharge(&shard->core.memory, NULL, reply->buffer.bytes);
}

static bool is_asked(const struct shard *shard)
{
    return atomic_load_explicit(&shard->parked->asks, memory_order_acquire) != shard->asks_done;
}

/* Its changes are told here: the other parts run at the same time, and the executor's queue is one. */
static void run_asked_part(struct shard *shard)
{
    struct gather *gather = shard->parked;
    struct changes *changes = keyspace_changes(shard->core.keyspace), *lent_to = changes->queue;
    struct call call = *gather->asked;

    call.session = NULL; /* it is home's, who executes */
    changes_return(changes);
    run_part(shard, &call, &gather->replies[shard->index]);
    changes_lend(changes, lent_to);
    shard->asks_done++;
    simulate_step();
    atomic_fetch_sub_explicit(&gather->to_run, 1, memory_order_release);
}

static void await_parts(const struct gather *gather)
{
    while (atomic_load_explicit(&gather->to_run, memory_order_acquire) > 0) {
        simulate_step();
        sched_yield();
    }
}

struct gather_reach {
    struct reach reach;
    struct gather *gather;
    struct shard *executor;
};

static void each_shard(const struct reach *reach, const struct call *call, struct reply *replies)
{
    struct gather *gather = ((const struct gather_reach *)reach)->gather;
    struct shard *executor = ((const struct gather_reach *)reach)->executor;
    int count = executor->group->count;

    ASSERT(gather->everywhere);
    gather->asked = call;
    gather->replies = replies;
    atomic_store_explicit(&gather->to_run, count - 1, memory_order_relaxed);
    simulate_step();
    atomic_fetch_add_explicit(&gather->asks, 1, memory_order_release);
    wake_participants(executor, gather);
    loop_submit(executor->loop); /* also a wake-up of before: nobody else would send it while we wait */
    run_part(executor, call, &replies[executor->index]);
    await_parts(gather);
    for (int i = 0; i < count; i++) {
        replies[i].buffer.memory = &executor->core.memory;
        if (replies[i].buffer.heap)
            memory_recharge(NULL, &executor->core.memory, replies[i].buffer.bytes);
    }
}

/* Participants: execution. */

static struct keyspace *keyspace_of(const struct reach *reach, struct str key)
{
    struct gather *gather = ((const struct gather_reach *)reach)->gather;
    int owner = router_owner(&gather->group->router, key);

    gather->touched[owner / 64] |= UINT64_C(1) << (owner % 64);
    simulate_step(); /* in the middle of a command: nobody else may touch what it is working on */
    ASSERT(takes_part(gather, owner));
    return gather->group->shards[owner]->core.keyspace;
}

static bool has(const struct reach *reach, struct str key)
{
    const struct gather *gather = ((const struct gather_reach *)reach)->gather;

    return takes_part(gather, router_owner(&gather->group->router, key));
}

/* What happens to any participant's keys is told by the executor, in the order of the command. */
static void lend_changes(struct shard *shard, const struct gather *gather)
{
    for (int i = 0; i < shard->group->count; i++)
        if (takes_part(gather, i))
            changes_lend(keyspace_changes(gather->group->shards[i]->core.keyspace),
                         keyspace_changes(shard->core.keyspace));
}

/* What it did to any of them is in that one's journal. */
static void return_changes(struct shard *shard, const struct gather *gather)
{
    for (int i = 0; i < shard->group->count; i++) {
        struct keyspace *keyspace = gather->group->shards[i]->core.keyspace;

        if (!takes_part(gather, i))
            continue;
        journal_end_unit(keyspace_journal(keyspace));
        if (gather->group->shards[i]->aof.on)
            aof_note_records(gather->group->shards[i]);
        changes_return(keyspace_changes(keyspace));
    }
}

static void run_script(struct shard *shard, struct gather *gather, const struct reach *reach)
{
    struct core *cores[CONFIG_SHARDS_MAX];
    int count = 0;

    for (int i = 0; i < shard->group->count; i++)
        if (takes_part(gather, i))
            cores[count++] = &shard->group->shards[i]->core;
    trial_run_gathered(shard, gather->request, reach, cores, count, gather->touched);
}

static void run(struct shard *shard, struct gather *gather)
{
    struct keyspace *keyspaces[CONFIG_SHARDS_MAX];
    struct scripts *scripts[CONFIG_SHARDS_MAX];
    struct functions *functions[CONFIG_SHARDS_MAX];
    struct gather_reach reach = {.reach = {.keyspace_of = keyspace_of, .has = has, .everywhere = gather->everywhere},
                                 .gather = gather,
                                 .executor = shard};

    if (gather->everywhere) {
        for (int i = 0; i < shard->group->count; i++) {
            keyspaces[i] = shard->group->shards[i]->core.keyspace;
            scripts[i] = &shard->group->shards[i]->core.scripts;
            functions[i] = &shard->group->shards[i]->core.functions;
        }
        reach.reach.keyspaces = keyspaces;
        reach.reach.scripts = scripts;
        reach.reach.functions = functions;
        reach.reach.keyspace_count = shard->group->count;
        reach.reach.each_shard = each_shard;
    }
    lend_changes(shard, gather);
    if (gather->request->trial != TRIAL_NONE)
        run_script(shard, gather, &reach.reach);
    else
        shard_run(shard, gather->request, &reach.reach);
    return_changes(shard, gather);
}

static void count_out(struct shard *shard, struct gather *gather)
{
    simulate_step();
    if (atomic_fetch_sub_explicit(&gather->to_leave, 1, memory_order_acq_rel) > 1)
        return;
    if (gather->message.home == shard->index)
        gather_free(shard, gather);
    else
        mesh_return(&shard->port, gather->message.home, &gather->message);
}

static void leave(struct shard *shard, struct gather *gather)
{
    shard->parked = NULL;
    count_out(shard, gather);
}

static void set_done(struct gather *gather)
{
    simulate_step();
    atomic_store_explicit(&gather->done, true, memory_order_release);
}

/* News of what was executed go before its effects can be seen. False: they have found no room yet. */
static bool end_executed(struct shard *shard)
{
    struct gather *gather = shard->parked;

    if (mesh_is_held_up(&shard->port))
        return false;
    for (struct gather *behind = gather; behind != shard->executed_gather; set_done(behind))
        behind = behind->follower;
    shard->executed_gather = NULL;
    set_done(gather); /* the last: who sees it leaves, and has to find the others done */
    wake_participants(shard, gather);
    leave(shard, gather);
    return true;
}

static void refuse(struct shard *shard, struct gather *gather, int kind)
{
    struct request *request = gather->request;

    request->reply.buffer.memory = &shard->core.memory;
    busy_reply(&request->reply, kind == BUSY_FCALL);
    shard_answer(shard, request);
}

/* Whoever is the last to come refuses what is to be refused. */
static bool executes(const struct shard *shard, const struct gather *gather)
{
    return atomic_load_explicit(&gather->refused, memory_order_relaxed) || !gather->by_home ||
           gather->message.home == shard->index;
}

/* What has watches to end has to be executed where these are. */
static bool may_be_refused(const struct gather *gather)
{
    const struct request *request = gather->request;

    return !request->blocking && !(request->transaction && request->transaction->watched);
}

/* Rows of gathers. */

static bool has_waiters_to_serve(const struct shard *shard, const struct gather *gather)
{
    for (int i = 0; i < shard->group->count; i++)
        if (takes_part(gather, i) && shard->group->shards[i]->waits->signalled)
            return true;
    return false;
}

/* While a script is busy, those that are parked with it refuse what is behind: it may have gone before it is met. What
 * may not be refused itself may be met after what is behind it has gone. */
static bool is_followed(const struct gather *gather)
{
    const struct request *request = gather->request;
    uint32_t flags = request->command->flags | (request->transaction ? request->transaction->flags : 0);

    return request->trial == TRIAL_NONE && !(flags & CMD_NO_MANDATORY_KEYS) && may_be_refused(gather);
}

/* All shards of the gather are parked on it, and it was executed with those behind it up to shard->executed_gather.
 * Whoever waits for a key is served by its own shard before the next command. */
static bool can_go_on(const struct shard *shard, const struct gather *gather)
{
    const struct gather *next = shard->executed_gather->follower;

    return next && executes(shard, next) && is_followed(next) && !mesh_is_held_up(&shard->port) &&
           !has_waiters_to_serve(shard, gather);
}

static void run_row(struct shard *shard, struct gather *gather)
{
    bool followed = is_followed(gather);

    run(shard, gather);
    shard->executed_gather = gather;
    while (followed && can_go_on(shard, gather)) {
        run(shard, shard->executed_gather->follower);
        shard->executed_gather = shard->executed_gather->follower;
    }
}

/* False: it is not to be left yet. */
static bool execute(struct shard *shard, struct gather *gather)
{
    int refused = atomic_load_explicit(&gather->refused, memory_order_relaxed); /* before its participant arrived */

    returns_take(shard); /* news of what the others executed before they arrived */
    if (refused) {
        refuse(shard, gather, refused);
        shard->executed_gather = gather;
    } else {
        run_row(shard, gather);
    }
    return end_executed(shard);
}

static void wake_home(struct shard *shard, const struct gather *gather)
{
    uint64_t wakes = shard->port.wakes;

    atomic_thread_fence(memory_order_seq_cst); /* likewise */
    mesh_wake(&shard->port, shard->loop, gather->message.home);
    if (shard->port.wakes != wakes)
        loop_submit(shard->loop);
}

static bool is_done(const struct gather *gather)
{
    return atomic_load_explicit(&gather->done, memory_order_acquire);
}

void gather_arrive(struct shard *shard, struct gather *gather)
{
    simulate_step();
    if (is_done(gather)) { /* with the one before it, on which we were parked */
        count_out(shard, gather);
        return;
    }
    shard->parked = gather;
    shard->asks_done = 0;
    if (gather->request->trial == TRIAL_AGAIN)
        trial_met_again(shard, gather->request);
    if (atomic_fetch_sub_explicit(&gather->to_arrive, 1, memory_order_acq_rel) > 1) {
        if (simulate_fault(FAULT_NO_PARK))
            leave(shard, gather);
    } else if (executes(shard, gather)) {
        execute(shard, gather);
    } else {
        wake_home(shard, gather);
    }
}

/* All have arrived while we were parked, and we are to execute it. */
static bool is_ours_to_execute(const struct shard *shard)
{
    const struct gather *gather = shard->parked;

    return gather->by_home && gather->message.home == shard->index &&
           atomic_load_explicit(&gather->to_arrive, memory_order_acquire) == 0 &&
           !atomic_load_explicit(&gather->refused, memory_order_relaxed);
}

bool gather_calls(const struct shard *shard)
{
    if (shard->executed_gather)
        return !mesh_is_held_up(&shard->port);
    return is_done(shard->parked) || is_asked(shard) || is_ours_to_execute(shard);
}

bool gather_try_leave(struct shard *shard)
{
    simulate_step();
    if (!shard->parked)
        return true;
    if (shard->executed_gather)
        return end_executed(shard);
    if (is_asked(shard))
        run_asked_part(shard);
    if (is_ours_to_execute(shard))
        return execute(shard, shard->parked);
    if (!is_done(shard->parked))
        return false;
    leave(shard, shard->parked);
    return true;
}

/* Busy scripts. */

/* The gather that the shard is parked on, or executes, has nothing to do with this one. */
bool gather_refuse(struct shard *shard, struct gather *gather, bool function)
{
    int kind = function ? BUSY_FCALL : BUSY_EVAL;

    if (!may_be_refused(gather))
        return false;
    if (gather->request->trial == TRIAL_AGAIN)
        trial_met_again(shard, gather->request);
    atomic_store_explicit(&gather->refused, kind, memory_order_relaxed);
    if (atomic_fetch_sub_explicit(&gather->to_arrive, 1, memory_order_acq_rel) == 1) {
        refuse(shard, gather, kind);
        set_done(gather);
        wake_participants(shard, gather);
    }
    count_out(shard, gather);
    return true;
}

void gather_tell_busy(struct shard *shard, bool function)
{
    struct gather *gather = shard->parked;

    if (!gather || atomic_load_explicit(&gather->busy, memory_order_relaxed))
        return;
    atomic_store_explicit(&gather->busy, function ? BUSY_FCALL : BUSY_EVAL, memory_order_relaxed);
    wake_participants(shard, gather);
}

bool gather_is_busy(const struct shard *shard, bool *function)
{
    int kind = shard->parked ? atomic_load_explicit(&shard->parked->busy, memory_order_relaxed) : BUSY_NOT;

    *function = kind == BUSY_FCALL;
    return kind != BUSY_NOT;
}
