#include "shards/memory_limit.h"

#include <math.h>
#include <stdatomic.h>

#include "core/command.h"
#include "core/journal.h"
#include "core/keyspace.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/resp_write.h"
#include "shards/blocked.h"
#include "shards/shard.h"

enum {
    LOOK_US = 1000,         /* with plenty left a shard looks so often what the others use */
    TIGHT = 16,             /* a sixteenth of the limit or less is left, or it is exceeded by as much */
    GRAIN = 1024,           /* of the limit, over all shards: what is used without looking where there are several */
    RECLAIM_ITEMS = 64,     /* freed in the time that some keys are evicted */
    STEPS_UNTIMED = 8,      /* between two looks at the clock */
    STEPS_PER_COMMAND = 4,  /* when the turn's time is over: more than one command can add in small keys */
    TENACITY_US = 500,      /* of the default, 10 */
    CROWD_BYTES = 16 << 20, /* of data: less may stay */
    CROWD_ITEMS = 4096,     /* that wait to be freed */
    LEAST_BYTES = 1 << 20,  /* less is a limit that hardly anybody means */
    EXCESS_BYTES = 16 << 20 /* so much more may be used for a while whatever the limit is */
};

/* What all have said. */

struct view {
    size_t limit, total, data;
    size_t own_goal;                   /* what this shard is to free */
    bool any_can_shrink, can_shrink;   /* the latter: this shard */
    uint64_t to_wake[SHARD_SET_WORDS]; /* other shards that have something to free */
};

static struct memory_share *share_of(struct shard *shard)
{
    return &shard->group->shares[shard->index];
}

static bool can_shrink(const struct shard *shard)
{
    return keyspace_reclaim(shard->core.keyspace, 0) > 0 ||
           eviction_is_possible(shard->core.keyspace, &shard->core.config);
}

static size_t used_bytes(const struct shard *shard)
{
    size_t used = core_used_bytes(&shard->core), uncounted = core_uncounted_bytes(&shard->core);

    return used > uncounted ? used - uncounted : 0;
}

/* Its journal is the keyspace's, too. */
static size_t data_bytes(const struct shard *shard)
{
    return shard->core.data.used_bytes - keyspace_journal(shard->core.keyspace)->records.capacity;
}

static void publish(struct shard *shard)
{
    struct memory_share *share = share_of(shard);

    atomic_store_explicit(&share->used_bytes, used_bytes(shard), memory_order_relaxed);
    atomic_store_explicit(&share->data_bytes, data_bytes(shard), memory_order_relaxed);
    atomic_store_explicit(&share->can_shrink, can_shrink(shard), memory_order_relaxed);
}

/* Of those that can shrink each frees a part of what is too much, in proportion to what it has beyond `fair`. False:
 * none has anything beyond. */
static bool distribute(struct shard *shard, struct view *view, const size_t *data, size_t fair)
{
    double sum = 0, own = 0;

    for (int i = 0; i < shard->group->count; i++) {
        if (data[i] <= fair)
            continue;
        sum += (double)(data[i] - fair);
        if (i == shard->index)
            own = (double)(data[i] - fair);
        else
            view->to_wake[i / 64] |= UINT64_C(1) << (i % 64);
    }
    if (sum == 0)
        return false;
    view->own_goal = (size_t)ceil((double)(view->total - view->limit) * own / sum);
    return true;
}

/* data: 0 of those that cannot shrink. */
static void set_goals(struct shard *shard, struct view *view, const size_t *data)
{
    size_t over = view->total - view->limit;
    size_t fair = view->data > over ? (view->data - over) / (size_t)shard->group->count : 0;

    view->any_can_shrink = distribute(shard, view, data, fair) || distribute(shard, view, data, 0);
}

static struct view look_at_all(struct shard *shard)
{
    size_t can_free[CONFIG_SHARDS_MAX];
    struct view view = {.limit = shard->core.config.maxmemory};

    publish(shard);
    for (int i = 0; i < shard->group->count; i++) {
        struct memory_share *share = &shard->group->shares[i];
        size_t data = atomic_load_explicit(&share->data_bytes, memory_order_relaxed);

        view.total += atomic_load_explicit(&share->used_bytes, memory_order_relaxed);
        view.data += data;
        can_free[i] = atomic_load_explicit(&share->can_shrink, memory_order_relaxed) ? data : 0;
    }
    view.can_shrink = can_free[shard->index] > 0;
    shard->core.others_used_bytes = view.total - used_bytes(shard);
    if (view.total > view.limit)
        set_goals(shard, &view, can_free);
    return view;
}

/* Evicting. */

static int64_t tenacity_ns(int tenacity)
{
    if (tenacity >= 100)
        return INT64_MAX;
    if (tenacity <= 10)
        return TENACITY_US * 1000 / 10 * tenacity;
    return (int64_t)(TENACITY_US * 1000 * pow(1.15, tenacity - 10));
}

/* The turn's time begins when it first has something to evict. */
static bool has_time(struct shard *shard)
{
    struct memory_limit *limit = &shard->memory_limit;
    int64_t now_ns = loop_clock_ns(shard->loop);

    if (limit->turn != shard->turn) {
        limit->turn = shard->turn;
        if (__builtin_add_overflow(now_ns, tenacity_ns(shard->core.config.maxmemory_eviction_tenacity),
                                   &limit->until_ns))
            limit->until_ns = INT64_MAX;
    }
    return now_ns < limit->until_ns;
}

static bool evict_one(struct shard *shard)
{
    int64_t began_ns = core_latency_begin(&shard->core);
    bool evicted =
        eviction_step(&shard->memory_limit.eviction, shard->core.keyspace, &shard->core.config, shard->now_ms);

    core_latency_end(&shard->core, LATENCY_EVICTION_DEL, began_ns, shard->now_ms);
    return evicted;
}

/* False: there is nothing left. */
static bool free_some(struct shard *shard)
{
    struct keyspace *keyspace = shard->core.keyspace;

    if (keyspace_reclaim(keyspace, 0) > 0) {
        keyspace_reclaim(keyspace, RECLAIM_ITEMS);
        return true;
    }
    return evict_one(shard);
}

/* Until so much is freed, or the time is over. */
static void shrink(struct shard *shard, size_t goal_bytes)
{
    size_t before_bytes = data_bytes(shard);
    size_t target_bytes = before_bytes > goal_bytes ? before_bytes - goal_bytes : 0;
    int steps = has_time(shard) ? STEPS_UNTIMED : STEPS_PER_COMMAND;

    while (data_bytes(shard) > target_bytes) {
        if (steps-- == 0) {
            if (!has_time(shard)) {
                shard->memory_limit.unfinished = true;
                return;
            }
            steps = STEPS_UNTIMED;
        }
        if (!free_some(shard))
            return;
    }
}

/* CLIENT PAUSE keeps data as it is, and what may be executed then is; a data set that is being loaded is not complete.
 */
static bool is_paused(const struct shard *shard)
{
    return shard->core.loading || sessions_paused(&shard->core.sessions, shard->now_ms);
}

/* Who goes to sleep just then is woken by the next look: whoever is over the limit looks before each command. */
static void wake_others(struct shard *shard, const struct view *view)
{
    for (int i = 0; i < shard->group->count; i++)
        if (shard_set_has(view->to_wake, i))
            mesh_wake(&shard->port, shard->loop, i);
}

/* What may be used until the next look: an equal part of what is left. Where there are several shards a little more
 * than nothing, as each look reads what all of them write. */
static size_t allowance(const struct shard *shard, const struct view *view)
{
    size_t shards = (size_t)shard->group->count, part = (view->limit - view->total) / shards;
    size_t grain = shards > 1 ? view->limit / GRAIN / shards : 0;

    return part > grain ? part : grain;
}

static void note_exceeded(struct shard *shard, bool exceeded)
{
    struct stats *stats = &shard->core.stats;

    if (exceeded == (stats->memory_exceeded_since_ms != 0))
        return;
    if (!exceeded)
        stats->memory_exceeded_ms += shard->now_ms - stats->memory_exceeded_since_ms;
    stats->memory_exceeded_since_ms = exceeded ? shard->now_ms : 0;
}

/* While too much is used it is to become less, however long that takes: where it becomes more, somebody does not come
 * to evicting. */
static bool outgrows(struct memory_limit *limit, const struct view *view)
{
    size_t excess = view->limit / TIGHT, now = view->total > view->limit ? view->total : view->limit;

    if (limit->least_limit != view->limit || now < limit->least_bytes)
        limit->least_bytes = now;
    limit->least_limit = view->limit;
    return now - limit->least_bytes > (excess > EXCESS_BYTES ? excess : EXCESS_BYTES);
}

static void conclude(struct shard *shard, const struct view *view)
{
    struct core *core = &shard->core;
    bool exceeded = view->total > view->limit, others_lag = outgrows(&shard->memory_limit, view) && !view->can_shrink;

    core->out_of_memory = exceeded && (!view->any_can_shrink || others_lag) && !is_paused(shard);
    core->memory_mark = exceeded ? 0 : core->data.used_bytes + allowance(shard, view);
    shard->memory_limit.looked_us = shard->monotonic_us;
    shard->memory_limit.tight = exceeded || view->limit - view->total < view->limit / TIGHT;
    note_exceeded(shard, exceeded);
}

bool memory_limit_look(struct shard *shard)
{
    struct view view = look_at_all(shard);

    conclude(shard, &view);
    shard->memory_limit.goal_bytes = view.own_goal;
    shard->memory_limit.unfinished = view.own_goal > 0 && !is_paused(shard);
    if (view.total > view.limit && !is_paused(shard))
        wake_others(shard, &view);
    return shard->memory_limit.unfinished && !shard->parked; /* parked, its keys may be in another's hands */
}

void memory_limit_shrink(struct shard *shard)
{
    int64_t began_ns = core_latency_begin(&shard->core);
    struct view view;

    shard->memory_limit.unfinished = false;
    shrink(shard, shard->memory_limit.goal_bytes);
    core_latency_end(&shard->core, LATENCY_EVICTION_CYCLE, began_ns, shard->now_ms);
    view = look_at_all(shard);
    conclude(shard, &view);
}

void memory_limit_refresh(struct shard *shard)
{
    if (core_is_past_mark(&shard->core)) {
        struct view view = look_at_all(shard);

        conclude(shard, &view);
    }
}

/* Home has admitted or refused the whole of which this is a part; EXEC ends watches even so; and a blocked command has
 * been admitted before. */
static bool may_be_refused(const struct request *request)
{
    return request->command->flags & CMD_DENYOOM && !request->part && !(request->blocking && request->waiter->waits);
}

bool memory_limit_admits(struct shard *shard, struct request *request)
{
    memory_limit_refresh(shard);
    if (!shard->core.out_of_memory || !may_be_refused(request))
        return true;
    request->reply.buffer.memory = &shard->core.memory;
    reply_error(&request->reply, CORE_OUT_OF_MEMORY);
    shard->core.stats.error_replies++;
    command_stats_rejected(&shard->core.command_stats, request->command, buffer_str(&request->reply.buffer));
    return false;
}

/* The turn. */

static void warn(struct shard *shard, size_t total_bytes)
{
    uint64_t limit = shard->core.config.maxmemory;

    if (limit < LEAST_BYTES && shard->memory_limit.limit_seen == 0)
        log_write(
            LOG_WARNING,
            "WARNING: You specified a maxmemory value that is less than 1MB (current value is %llu bytes). Are you "
            "sure this is what you really want?",
            (unsigned long long)limit);
    if (limit < total_bytes)
        log_write(LOG_WARNING,
                  "WARNING: the new maxmemory value set via CONFIG SET (%llu) is smaller than the current memory usage "
                  "(%zu). This will result in key eviction and/or the inability to accept new write commands depending "
                  "on the maxmemory-policy.",
                  (unsigned long long)limit, total_bytes);
}

static void notice_limit(struct shard *shard)
{
    struct memory_limit *limit = &shard->memory_limit;
    uint64_t now = shard->core.config.maxmemory;

    if (limit->limit_seen == now)
        return;
    if (now > 0 && shard->index == 0)
        warn(shard, look_at_all(shard).total);
    if (now == 0)
        note_exceeded(shard, false);
    limit->unfinished &= now > 0;
    limit->limit_seen = now;
}

static bool is_due(const struct shard *shard)
{
    const struct memory_limit *limit = &shard->memory_limit;

    return limit->tight || core_is_past_mark(&shard->core) || shard->monotonic_us - limit->looked_us >= LOOK_US;
}

/* The allocator keeps what is free for some milliseconds, and then looks only while something is freed nearby. So it
 * gives back at once while a lot is freed, and when that is over what is left is asked for. */
static void give_back(struct shard *shard)
{
    struct memory_limit *limit = &shard->memory_limit;
    size_t bytes = data_bytes(shard);
    bool reclaims = keyspace_reclaim(shard->core.keyspace, 0) > CROWD_ITEMS, shrinks;

    limit->most_bytes = bytes > limit->most_bytes ? bytes : limit->most_bytes;
    shrinks = limit->most_bytes > CROWD_BYTES && bytes < limit->most_bytes / 4 * 3;
    if (!limit->gives_back && (reclaims || shrinks)) {
        limit->gives_back = true;
        memory_free_at_once(true);
    } else if (limit->gives_back && !reclaims && bytes >= limit->last_bytes) {
        limit->gives_back = false;
        memory_free_at_once(false);
        if (shrinks)
            memory_purge();
        limit->most_bytes = bytes;
    }
    limit->last_bytes = bytes;
}

bool memory_limit_turn(struct shard *shard)
{
    if (shard->parked)
        return false;
    give_back(shard);
    publish(shard);
    notice_limit(shard);
    return shard->core.config.maxmemory > 0 && is_due(shard) && memory_limit_look(shard);
}
