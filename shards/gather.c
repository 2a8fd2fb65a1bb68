#include "shards/gather.h"

#include <stdatomic.h>

#include "core/assert.h"
#include "core/call.h"
#include "core/memory.h"
#include "shards/shard.h"

struct gather {
    struct message message;
    struct request *request;
    struct shard_group *group;
    bool everywhere; /* no keys: every shard takes part */
    uint64_t participants[SHARD_SET_WORDS];
    _Atomic(int) to_arrive; /* acquire-release: the last to arrive sees what each did to its keyspace before */
    _Atomic(bool) done;     /* released by the executor, acquired by who leaves: sees what was done to its keyspace */
    _Atomic(int) to_leave;  /* the last one takes the gather home */
};

/* Home: staging. */

static bool takes_part(const struct gather *gather, int shard)
{
    return gather->everywhere || shard_set_has(gather->participants, shard);
}

static struct gather *gather_create(struct shard *shard, struct request *request, const struct key_owners *owners)
{
    struct gather *gather = memory_alloc_zeroed(&shard->core.memory, sizeof *gather);
    int count = owners ? owners->distinct : shard->group->count;

    gather->message = (struct message){.kind = MESSAGE_GATHER, .home = (uint16_t)shard->index};
    gather->request = request;
    gather->group = shard->group;
    gather->everywhere = owners == NULL;
    if (owners)
        memcpy(gather->participants, owners->set, sizeof gather->participants);
    atomic_init(&gather->to_arrive, count);
    atomic_init(&gather->to_leave, count);
    atomic_init(&gather->done, false);
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

bool gather_stage(struct shard *shard, struct request *request, const struct key_owners *owners)
{
    struct gather *gather = gather_create(shard, request, owners);

    if (!room_for_all(shard, gather)) {
        gather_free(shard, gather);
        return false;
    }
    request_own_arguments(&shard->requests, request);
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

/* Participants: execution. */

struct gather_reach {
    struct reach reach;
    const struct gather *gather;
};

static struct keyspace *keyspace_of(const struct reach *reach, struct str key)
{
    const struct gather *gather = ((const struct gather_reach *)reach)->gather;
    int owner = router_owner(&gather->group->router, key);

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

static void return_changes(struct shard *shard, const struct gather *gather)
{
    for (int i = 0; i < shard->group->count; i++)
        if (takes_part(gather, i))
            changes_return(keyspace_changes(gather->group->shards[i]->core.keyspace));
}

static void execute(struct shard *shard, struct gather *gather)
{
    struct keyspace *keyspaces[CONFIG_SHARDS_MAX];
    struct gather_reach reach = {.reach = {.keyspace_of = keyspace_of, .has = has, .everywhere = gather->everywhere},
                                 .gather = gather};

    if (gather->everywhere) {
        for (int i = 0; i < shard->group->count; i++)
            keyspaces[i] = shard->group->shards[i]->core.keyspace;
        reach.reach.keyspaces = keyspaces;
        reach.reach.keyspace_count = shard->group->count;
    }
    lend_changes(shard, gather);
    shard_run(shard, gather->request, &reach.reach);
    return_changes(shard, gather);
}

static void release_participants(struct shard *shard, struct gather *gather)
{
    uint64_t wakes = shard->port.wakes;

    simulate_step();
    atomic_store_explicit(&gather->done, true, memory_order_release);
    /* They declare themselves asleep, then look at done: pairs with the fence in mesh_fall_asleep. */
    atomic_thread_fence(memory_order_seq_cst);
    for (int i = 0; i < shard->group->count; i++)
        if (i != shard->index && takes_part(gather, i))
            mesh_wake(&shard->port, shard->loop, i);
    if (shard->port.wakes != wakes)
        loop_submit(shard->loop); /* what we execute next may take long */
}

static void leave(struct shard *shard, struct gather *gather)
{
    shard->parked = NULL;
    simulate_step();
    if (atomic_fetch_sub_explicit(&gather->to_leave, 1, memory_order_acq_rel) > 1)
        return;
    if (gather->message.home == shard->index)
        gather_free(shard, gather);
    else
        mesh_return(&shard->port, gather->message.home, &gather->message);
}

void gather_arrive(struct shard *shard, struct gather *gather)
{
    simulate_step();
    shard->parked = gather;
    if (atomic_fetch_sub_explicit(&gather->to_arrive, 1, memory_order_acq_rel) > 1) {
        if (simulate_fault(FAULT_NO_PARK))
            leave(shard, gather);
        return;
    }
    execute(shard, gather);
    release_participants(shard, gather);
    leave(shard, gather);
}

bool gather_is_done(const struct gather *gather)
{
    return atomic_load_explicit(&gather->done, memory_order_acquire);
}

bool gather_try_leave(struct shard *shard)
{
    simulate_step();
    if (!shard->parked)
        return true;
    if (!gather_is_done(shard->parked))
        return false;
    leave(shard, shard->parked);
    return true;
}
