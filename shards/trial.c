#include "shards/trial.h"

#include "core/assert.h"
#include "core/call.h"
#include "core/call_count.h"
#include "core/command.h"
#include "core/keyspace.h"
#include "core/memory.h"
#include "core/undo.h"
#include "shards/gather.h"
#include "shards/monitoring.h"
#include "shards/shard.h"

enum {
    NO_SHARD = UINT16_MAX,
    BOUNCES_MOST = 4096, /* of clients killed while their script was on its way; the oldest has long passed */
};

/* Home: where to. */

static struct script_case case_of(const struct shard *shard, const struct request *request)
{
    const struct key_owners *owners = &shard->owners;
    struct script_case which = {.script = keyspace_hash(request->argv[1])};

    if (owners->count > 0)
        which.group = keyspace_hash(slot_tag(&shard->group->router.affinity, request->argv[owners->places[0].index]));
    return which;
}

static bool stage_everywhere(struct shard *shard, struct request *request)
{
    if (request->origin->tried > 0 || !gather_stage(shard, request, NULL, false))
        return false;
    request->trial = request->trial == TRIAL_WIDE ? TRIAL_AGAIN : TRIAL_GATHERED;
    return true;
}

static void try_on(struct request *request, int shard)
{
    struct origin *origin = request->origin;

    request->trial = TRIAL_TRIED;
    request->epoch = origin->epoch;
    origin->tried_on = (uint16_t)shard;
    origin->tried++;
}

/* What is behind a script that has come home may be on its way yet. */
static bool has_trial(const struct origin *origin)
{
    return origin->tried > 0 || origin->behind > 0;
}

static bool stage_on_one(struct shard *shard, struct request *request, int owner)
{
    if ((has_trial(request->origin) && request->origin->tried_on != owner) ||
        !router_stage_single(shard, owner, request))
        return false;
    try_on(request, owner);
    return true;
}

static bool stage_on_several(struct shard *shard, struct request *request)
{
    if (has_trial(request->origin) || !gather_stage(shard, request, &shard->owners, false))
        return false;
    try_on(request, NO_SHARD);
    return true;
}

bool trial_stage(struct shard *shard, struct request *request)
{
    request_own_arguments(&shard->requests, request); /* should it run for so long that it outlives this turn */
    if (shard->group->count == 1)
        return router_stage_single(shard, shard->index, request);
    if (request->origin->awaited > 0)
        return false;
    router_find_owners(shard, request);
    if (request->trial == TRIAL_WIDE || script_memory_is_wide(&shard->script_memory, case_of(shard, request)))
        return stage_everywhere(shard, request);
    if (shard->owners.distinct > 1)
        return stage_on_several(shard, request);
    return stage_on_one(shard, request, router_only_owner(shard));
}

/* Its keys are all on one shard, and it is executed there and nowhere else. */
static bool is_plain(struct shard *shard, const struct request *request)
{
    const struct command *command = request->command;

    if (command->keys[0].begin == KEY_BEGIN_NONE || request->blocking || request->scatter || request->session ||
        (command->route != ROUTE_SINGLE && command->route != ROUTE_SCATTER) || command->reaches_all)
        return false;
    router_find_owners(shard, request);
    return shard->owners.distinct == 1;
}

bool trial_stage_behind(struct shard *shard, struct request *request)
{
    struct origin *origin = request->origin;

    if (request->command->route == ROUTE_SCRIPT)
        return trial_stage(shard, request);
    if (origin->awaited > 0 || !is_plain(shard, request) || router_only_owner(shard) != origin->tried_on ||
        !router_stage_single(shard, origin->tried_on, request))
        return false;
    request->trial = TRIAL_BEHIND;
    request->epoch = origin->epoch;
    origin->behind++;
    return true;
}

/* Home: what came of it. */

static void learn(struct shard *shard, const struct request *request, bool stayed)
{
    router_find_owners(shard, request);
    script_memory_learn(&shard->script_memory, case_of(shard, request), stayed);
}

/* In the order in which they were sent. */
static void keep_bounced(struct shard *shard, struct request *request)
{
    struct origin *origin = request->origin;

    request->reply.buffer.length = 0;
    request->reply.error = false;
    request_own_arguments(&shard->requests, request);
    request->next_held = NULL;
    if (origin->bounced_first)
        origin->bounced_last->next_held = request;
    else
        origin->bounced_first = request;
    origin->bounced_last = request;
    origin->held++;
}

/* What has been staged again goes before all that the connection has sent since. */
static void stage_again(struct shard *shard, struct origin *origin)
{
    router_hold_before(shard, origin->bounced_first, origin->bounced_last);
    origin->bounced_first = origin->bounced_last = NULL;
    if (origin->dropped)
        router_drop_held(shard, origin);
}

/* All that was staged behind it will come back unexecuted. */
static void out_of_reach(struct shard *shard, struct request *request)
{
    struct origin *origin = request->origin;

    ASSERT(origin->awaited == 0 && !origin->bounced_first);
    learn(shard, request, false);
    shard->core.stats.scripts_escalated++;
    origin->tried--;
    origin->awaited = simulate_fault(FAULT_NO_BOUNCE) ? 0 : origin->tried + origin->behind;
    origin->epoch++;
    request->trial = TRIAL_WIDE;
    keep_bounced(shard, request);
    if (origin->awaited == 0)
        stage_again(shard, origin);
}

static void bounced(struct shard *shard, struct request *request)
{
    struct origin *origin = request->origin;

    ASSERT(origin->awaited > 0);
    if (request->trial == TRIAL_BOUNCED)
        origin->tried--;
    else
        origin->behind--;
    request->trial = TRIAL_NONE;
    keep_bounced(shard, request);
    if (--origin->awaited == 0)
        stage_again(shard, origin);
}

bool trial_finish(struct shard *shard, struct request *request)
{
    struct stats *stats = &shard->core.stats;

    switch ((enum request_trial)request->trial) {
    case TRIAL_NONE:
    case TRIAL_WIDE: /* not to be executed any more */
        return true;
    case TRIAL_TRIED:
        request->origin->tried--;
        stats->scripts_local++;
        return true;
    case TRIAL_BEHIND:
        request->origin->behind--;
        return true;
    case TRIAL_GATHERED:
    case TRIAL_AGAIN:
    case TRIAL_STAYED:
        learn(shard, request, request->trial == TRIAL_STAYED);
        stats->scripts_gathered++;
        return true;
    case TRIAL_OUT_OF_REACH:
        out_of_reach(shard, request);
        return false;
    case TRIAL_BOUNCED:
    case TRIAL_BEHIND_BOUNCED:
        bounced(shard, request);
        return false;
    }
    return true;
}

/* The owner: what is sent back. */

static struct trial_bounce {
    uint64_t session_id;
    uint8_t epoch;
} * find_bounce(const struct trial_bounces *bounces, uint64_t session_id)
{
    for (int i = 0; i < bounces->count; i++)
        if (bounces->bounces[i].session_id == session_id)
            return &bounces->bounces[i];
    return NULL;
}

static void forget(struct trial_bounces *bounces, struct trial_bounce *bounce)
{
    struct trial_bounce *end = bounces->bounces + bounces->count--;

    memmove(bounce, bounce + 1, (size_t)(end - bounce - 1) * sizeof *bounce);
}

static void add_bounce(struct shard *shard, const struct request *request)
{
    struct trial_bounces *bounces = &shard->trial_bounces;

    if (simulate_fault(FAULT_NO_BOUNCE))
        return;
    if (bounces->count == BOUNCES_MOST)
        forget(bounces, bounces->bounces);
    if (bounces->count == bounces->capacity) {
        bounces->capacity = bounces->capacity ? 2 * bounces->capacity : 16;
        bounces->bounces =
            memory_resize(&shard->core.memory, bounces->bounces, (size_t)bounces->capacity * sizeof *bounces->bounces);
    }
    bounces->bounces[bounces->count++] = (struct trial_bounce){request->session_id, request->epoch};
}

void trial_met_again(struct shard *shard, const struct request *request)
{
    struct trial_bounce *bounce = find_bounce(&shard->trial_bounces, request->session_id);

    if (bounce)
        forget(&shard->trial_bounces, bounce);
}

static bool bounces(struct shard *shard, struct request *request)
{
    const struct trial_bounce *bounce = find_bounce(&shard->trial_bounces, request->session_id);

    if (!bounce || bounce->epoch != request->epoch)
        return false;
    request->trial = request->trial == TRIAL_TRIED ? TRIAL_BOUNCED : TRIAL_BEHIND_BOUNCED;
    return true;
}

/* The owner, or a gather's executor: running. */

/* The keys of this shard alone. */
struct own_reach {
    struct reach reach;
    struct shard *shard;
    struct slot_alike *alike;
};

static struct keyspace *own_keyspace(const struct reach *reach, struct str key)
{
    return ((const struct own_reach *)reach)->shard->core.keyspace;
}

static bool has_own(const struct reach *reach, struct str key)
{
    const struct own_reach *own = (const struct own_reach *)reach;
    const struct shard *shard = own->shard;

    return router_owner_alike(&shard->group->router, own->alike, key) == shard->index;
}

static void end_undo(struct core *const *cores, int count, bool back)
{
    for (int i = 0; i < count; i++) {
        if (back && !simulate_fault(FAULT_NO_UNDO))
            undo_rollback(&cores[i]->undo);
        else
            undo_commit(&cores[i]->undo);
    }
}

static bool has_changes(struct core *const *cores, int count)
{
    for (int i = 0; i < count; i++)
        if (undo_has_changes(&cores[i]->undo))
            return true;
    return false;
}

/* Its changes are those of the keyspaces of these cores, all that is in reach. */
static void try_script(struct shard *shard, struct request *request, const struct reach *reach,
                       struct core *const *cores, int count)
{
    struct call call;

    for (int i = 0; i < count; i++)
        undo_begin(&cores[i]->undo, cores[i]->keyspace, &shard->core.config);
    shard_prepare_call(&call, shard, request, reach);
    struct call_counting counting = call_count_begin(&call);
    monitoring_begin(&call, request);
    call_run(&call);
    monitoring_end(&call, request);
    if (call.out_of_reach) {
        shard->core.stats.scripts_restarted += has_changes(cores, count);
        request->trial = TRIAL_OUT_OF_REACH;
        publishing_clear(&shard->core.publishing);
    }
    end_undo(cores, count, call.out_of_reach);
    shard_end_call(shard, &call, request);
    if (!call.out_of_reach)
        call_count_end(&call, &counting);
}

void trial_run(struct shard *shard, struct request *request)
{
    struct slot_alike alike = {0};
    struct own_reach reach = {{.keyspace_of = own_keyspace, .has = has_own}, shard, &alike};
    struct core *core = &shard->core;

    if (__builtin_expect(shard->trial_bounces.count > 0, 0) && bounces(shard, request)) {
        shard_answer(shard, request);
        return;
    }
    if (request->trial != TRIAL_TRIED) {
        shard_run(shard, request, NULL);
        return;
    }
    memory_limit_refresh(shard);
    try_script(shard, request, &reach.reach, &core, 1);
    if (request->trial == TRIAL_OUT_OF_REACH)
        add_bounce(shard, request);
    shard_answer(shard, request);
}

struct stay {
    const struct router *router;
    const struct str *argv;
    uint64_t left[SHARD_SET_WORDS];
};

static void leave_out(void *context, struct key_position key)
{
    struct stay *stay = context;
    int owner = router_owner(stay->router, stay->argv[key.index]);

    stay->left[owner / 64] &= ~(UINT64_C(1) << (owner % 64));
}

/* Whether all shards that it has touched are those of its declared keys. */
static bool stayed(struct shard *shard, const struct request *request, const uint64_t *touched)
{
    struct stay stay = {.router = &shard->group->router, .argv = request->argv};
    bool any = false;

    memcpy(stay.left, touched, sizeof stay.left);
    bool fits = command_each_key(request->command, request->argv, request->argc, leave_out, &stay);
    (void)fits;
    for (int i = 0; i < SHARD_SET_WORDS; i++)
        any |= stay.left[i] != 0;
    return !any;
}

void trial_run_gathered(struct shard *shard, struct request *request, const struct reach *reach,
                        struct core *const *cores, int count, const uint64_t *touched)
{
    memory_limit_refresh(shard);
    if (request->trial == TRIAL_TRIED) {
        try_script(shard, request, reach, cores, count);
        shard_answer(shard, request);
        return;
    }
    struct call call;
    shard_prepare_call(&call, shard, request, reach);
    struct call_counting counting = call_count_begin(&call);
    monitoring_begin(&call, request);
    call_run(&call);
    monitoring_end(&call, request);
    if (!call.reached_all && stayed(shard, request, touched))
        request->trial = TRIAL_STAYED;
    shard_end_call(shard, &call, request);
    call_count_end(&call, &counting);
    shard_answer(shard, request);
}

void trial_deinit(struct shard *shard)
{
    script_memory_deinit(&shard->script_memory);
    memory_free(&shard->core.memory, shard->trial_bounces.bounces);
}
