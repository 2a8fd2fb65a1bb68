#include "shards/aof_start.h"

#include <stdatomic.h>

#include "shards/aof_folder.h"
#include "shards/loading.h"
#include "shards/recovery.h"
#include "shards/shard.h"

static bool begin_folder(struct shard_group *group, const struct config *config, char *error, size_t error_bytes)
{
    struct loading *loading = group->loading;

    aof_folder_init(&group->aof_folder, &group->memory, config, group->count, &loading->manifest);
    aof_manifest_init(&loading->manifest, &group->memory); /* it is the folder's now */
    if (!aof_folder_begin_generation(&group->aof_folder, config, group->count, error, error_bytes))
        return false;
    recovery_finish(loading);
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
    if (!config->appendonly)
        return true;
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
