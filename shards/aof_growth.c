#include "shards/aof_growth.h"

#include "core/log.h"
#include "shards/shard.h"

enum { LOOK_MS = 1000, LOOK_AFTER_FAILURE_MS = 60000 };

uint64_t aof_segment_bytes(const struct shard_group *group)
{
    uint64_t bytes = 0;

    for (int i = 0; i < group->count; i++)
        bytes += atomic_load_explicit(&group->durable.marks[i].bytes, memory_order_relaxed);
    return bytes;
}

/* False: it is scheduled already. */
static bool schedule(struct shard *shard)
{
    if (atomic_exchange_explicit(&shard->core.saves->rewrite_scheduled, true, memory_order_relaxed))
        return false;
    saving_look_again(shard);
    return true;
}

/* Whether so much time has passed since this was last asked and it had. */
static bool is_time(struct shard *shard, int64_t after_ms)
{
    if (shard->now_ms - shard->aof.looked_ms < after_ms)
        return false;
    shard->aof.looked_ms = shard->now_ms;
    return true;
}

/* It has begun, and the base has failed, or was not wanted for a moment: until there is one nothing is safe. So it is
 * tried again after a second, or as long as it has taken. */
static void retry_base(struct shard *shard)
{
    const struct save_state *saves = shard->core.saves;
    int64_t took_ms = atomic_load_explicit(&saves->rewrite_took_s, memory_order_relaxed) * 1000;

    if (save_state_running(saves) != SAVE_NOTHING || shard->aof.stops || !shard->core.config.appendonly)
        shard->aof.looked_ms = shard->now_ms;
    if (is_time(shard, took_ms > LOOK_MS ? took_ms : LOOK_MS))
        schedule(shard);
}

static bool has_grown(const struct shard *shard)
{
    const struct config *config = &shard->core.config;
    const struct aof_folder *folder = &shard->group->aof_folder;
    uint64_t base = atomic_load_explicit(&folder->base_bytes, memory_order_relaxed);
    uint64_t now = atomic_load_explicit(&folder->before_bytes, memory_order_relaxed) + aof_segment_bytes(shard->group);

    return config->auto_aof_rewrite_percentage > 0 && now > config->auto_aof_rewrite_min_bytes &&
           (double)now >= (double)base * (1 + config->auto_aof_rewrite_percentage / 100.0);
}

/* After failures less often. */
static void look_at_growth(struct shard *shard)
{
    const struct save_state *saves = shard->core.saves;
    uint64_t failures = atomic_load_explicit(&saves->rewrite_failures, memory_order_relaxed);

    if (is_time(shard, failures > 0 ? LOOK_AFTER_FAILURE_MS : LOOK_MS) && save_state_running(saves) == SAVE_NOTHING &&
        has_grown(shard) && schedule(shard))
        log_write(LOG_NOTICE, "Starting automatic rewriting of AOF");
}

void aof_growth_turn(struct shard *shard)
{
    if (__builtin_expect(!aof_folder_is_complete(&shard->group->aof_folder), 0)) {
        retry_base(shard);
        return;
    }
    if (shard->aof.wants_base)
        schedule(shard);
    shard->aof.wants_base = false;
    look_at_growth(shard);
}
