#include "shards/aof_start.h"

#include <stdatomic.h>

#include "shards/aof_folder.h"
#include "shards/load_plan_aof.h"
#include "shards/loading.h"
#include "shards/recovery.h"
#include "shards/snapshot.h"
#include "shards/shard.h"

enum { AGAIN_MS = 1000 };

static void open_folder(struct shard_group *group, const struct config *config)
{
    struct loading *loading = group->loading;

    aof_folder_init(&group->aof_folder, &group->memory, config, group->count, &loading->manifest);
    aof_manifest_init(&loading->manifest, &group->memory); /* it is the folder's now */
}

static bool begin_folder(struct shard_group *group, const struct config *config, char *error, size_t error_bytes)
{
    struct loading *loading = group->loading;

    open_folder(group, config);
    if (!aof_folder_begin_generation(&group->aof_folder, config, group->count, error, error_bytes))
        return false;
    recovery_finish(loading);
    atomic_store_explicit(&group->aof_folder.before_bytes, loading->progress.total_bytes, memory_order_relaxed);
    atomic_store_explicit(&group->aof_folder.base_bytes, loading->progress.total_bytes, memory_order_relaxed);
    recovery_pass_stamps(group, loading->progress.start_ms);
    return true;
}

static void loaded(struct completion *completion)
{
    struct aof_start *start = (struct aof_start *)((char *)completion - offsetof(struct aof_start, loaded));
    struct shard *first = start->group->shards[0];
    char error[512];

    if (begin_folder(start->group, &first->core.config, error, sizeof error))
        atomic_store_explicit(&start->may_begin, true, memory_order_release);
    else
        loading_fail(first, error);
}

bool aof_start_prepare(struct shard_group *group, const struct config *config, char *error, size_t error_bytes)
{
    struct aof_start *start = &group->aof_start;

    start->group = group;
    start->loaded.done = loaded;
    atomic_init(&start->may_begin, false);
    if (!config->appendonly) {
        struct load_plan plan = {group->loading, config, error, error_bytes};

        if (!load_plan_read_manifest(&plan))
            return false;
        open_folder(group, config); /* CONFIG SET or BGREWRITEAOF may begin one beside what is there */
        return true;
    }
    if (group->loading->stage_count > 0) {
        group->loading->loaded = &start->loaded;
        return true;
    }
    if (!begin_folder(group, config, error, error_bytes))
        return false;
    for (int i = 0; i < group->count; i++)
        aof_folder_begin_shard(&group->aof_folder, group->shards[i]);
    return true;
}

void aof_start_turn(struct shard *shard)
{
    struct shard_group *group = shard->group;

    if (!atomic_load_explicit(&group->aof_start.may_begin, memory_order_acquire) || shard->aof.on)
        return;
    if (aof_folder_begin_shard(&group->aof_folder, shard))
        loading_end(group);
}

/* Whether a rewriting may be asked for, which begins it for all. */
static bool may_begin(const struct shard *shard)
{
    const struct save_state *saves = shard->core.saves;

    return shard->core.config.appendonly && !shard->aof.on && !shard->core.loading && !shard->parked &&
           save_state_running(saves) != SAVE_AOF_BASE;
}

static void begin_for_all(struct shard *shard)
{
    shard->aof.looked_ms = shard->now_ms;
    atomic_store_explicit(&shard->core.saves->rewrite_scheduled, true, memory_order_relaxed);
    saving_look_again(shard);
}

void aof_start_late(struct shard *shard)
{
    if (may_begin(shard))
        begin_for_all(shard);
}

/* After a failure it waits for a while. */
static bool is_to_begin(const struct shard *shard)
{
    return shard->index == 0 && may_begin(shard) &&
           (shard->now_ms - shard->aof.looked_ms >= AGAIN_MS ||
            atomic_load_explicit(&shard->core.saves->rewrite_failures, memory_order_relaxed) == 0);
}

/* All shards end it by themselves; the first begins it for all, or, where that one has not ended it because it was
 * wanted again at once, any. A rewriting is not left half done. What can't be done yet is done in a later turn. */
void aof_start_configured(struct shard *shard)
{
    bool wanted = shard->core.config.appendonly;

    if (wanted == shard->aof.on || shard->core.loading || shard->parked)
        return;
    if (!wanted && save_state_running(shard->core.saves) == SAVE_AOF_BASE) {
        snapshot_cancel(shard);
    } else if (!wanted && !shard->aof.stops) {
        atomic_store_explicit(&shard->group->aof_folder.is_complete, false, memory_order_relaxed);
        aof_stop(shard);
    } else if (is_to_begin(shard)) {
        begin_for_all(shard);
    } else if (wanted && !shard->aof.tick.armed) {
        timer_arm(&shard->timers, &shard->aof.tick, shard->now_ms + AGAIN_MS);
    }
}
