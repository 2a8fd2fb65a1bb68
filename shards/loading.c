#include "shards/loading.h"

#include <stdatomic.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/config.h"
#include "core/log.h"
#include "core/memory.h"
#include "shards/load_aof.h"
#include "shards/load_plan.h"
#include "shards/load_rdb.h"
#include "shards/load_scan.h"
#include "shards/recovery.h"
#include "shards/shard.h"

enum {
    SLICE_US = 2000,
    WAIT_US = 500,
    REPORT_US_LEAST = 500000,
    REPORT_US_MOST = 2000000,
};

static const double REPORT_PERCENT = 5;

bool loading_prepare(struct shard_group *group, const struct config *config, char *error, size_t error_bytes)
{
    struct loading *loading = memory_alloc_zeroed(&group->memory, sizeof *loading);

    loading->memory = &group->memory;
    group->loading = loading;
    if (!load_plan_make(loading, config, error, error_bytes))
        return false;
    if (loading->stage_count == 0)
        return true;
    for (int i = 0; i < group->count; i++) {
        struct shard *shard = group->shards[i];

        shard->loading = memory_alloc_zeroed(&shard->core.memory, sizeof *shard->loading);
        shard->core.loading = true;
        shard->core.load_progress = &loading->progress;
    }
    return true;
}

void loading_begin(struct shard_group *group)
{
    if (group->loading->stage_count == 0)
        log_write(LOG_NOTICE, "Ready to accept connections");
    atomic_store_explicit(&group->loading->has_begun, true, memory_order_release);
}

void loading_deinit(struct shard_group *group)
{
    if (!group->loading)
        return;
    for (int i = 0; i < group->count; i++)
        memory_free(&group->shards[i]->core.memory, group->shards[i]->loading);
    load_plan_drop(group->loading);
    memory_free(&group->memory, group->loading);
    group->loading = NULL;
}

bool loading_has_failed(const struct shard_group *group)
{
    return group->loading && atomic_load_explicit(&group->loading->has_failed, memory_order_acquire);
}

bool loading_is_under_way(const struct shard_group *group)
{
    const struct loading *loading = group->loading;

    return loading && loading->stage_count > 0 && !atomic_load_explicit(&loading->is_over, memory_order_acquire);
}

void loading_fail(struct shard *shard, const char *problem)
{
    struct loading *loading = shard->group->loading;

    if (atomic_load_explicit(&loading->is_checked, memory_order_relaxed)) {
        log_write(LOG_WARNING, "%s", problem);
        atomic_store_explicit(&loading->is_refused, true, memory_order_relaxed);
        return;
    }
    if (atomic_exchange_explicit(&loading->has_failed, true, memory_order_acq_rel))
        return;
    log_write(LOG_WARNING, "%s", problem);
    log_write(LOG_WARNING, "Fatal error loading the DB, check server logs. Exiting.");
    loading->failed->done(loading->failed);
}

/* Stages */

static bool is_last(const struct loading *loading, const struct load_part *part)
{
    return part->stage == loading->stage_count;
}

static void begin_work(struct shard *shard, const struct load_stage *stage)
{
    switch (stage->kind) {
    case LOAD_RDB:
        shard->loading->work = load_rdb_begin(shard, stage);
        break;
    case LOAD_AOF:
        shard->loading->work = load_aof_begin(shard, stage);
        break;
    default:
        shard->loading->work = load_scan_begin(shard, stage);
    }
}

static enum load_status slice(struct shard *shard, const struct load_stage *stage)
{
    int64_t until_us = loop_monotonic_us(shard->loop) + SLICE_US;

    switch (stage->kind) {
    case LOAD_RDB:
        return load_rdb_slice(shard->loading->work, until_us);
    case LOAD_AOF:
        return load_aof_slice(shard->loading->work, until_us);
    default:
        return load_scan_slice(shard->loading->work, until_us);
    }
}

/* False: something of it is still under way. */
static bool end_work(struct shard *shard)
{
    const struct load_part *part = shard->loading;

    if (!part->work)
        return true;
    switch (shard->group->loading->stages[part->stage].kind) {
    case LOAD_RDB:
        load_rdb_end(part->work);
        break;
    case LOAD_AOF:
        if (load_aof_end(part->work))
            return false;
        break;
    default:
        load_scan_end(part->work);
    }
    shard->loading->work = NULL;
    return true;
}

static enum load_status work(struct shard *shard)
{
    struct load_part *part = shard->loading;
    const struct load_stage *stage = &shard->group->loading->stages[part->stage];
    enum load_status status;

    if (!part->work)
        begin_work(shard, stage);
    status = slice(shard, stage);
    return status != LOAD_DONE || end_work(shard) ? status : LOAD_WAITS;
}

/* The end */

/* What was loaded is neither a change nor anybody's command. */
static void settle(struct shard *shard)
{
    *keyspace_stats(shard->core.keyspace) = (struct keyspace_stats){.dirty = 0};
    if (shard->group->loading->is_aof)
        command_stats_reset(&shard->core.command_stats);
}

static void tell_end(struct shard *shard)
{
    struct loading *loading = shard->group->loading;
    const struct load_progress *progress = &loading->progress;
    int64_t spent_us = loop_time_us(shard->loop) - progress->start_ms * 1000;
    char error[512];

    if (!loading->is_aof)
        log_write(LOG_NOTICE, "Done loading RDB, keys loaded: %llu, keys expired: %llu.",
                  (unsigned long long)load_progress_count(&progress->keys),
                  (unsigned long long)load_progress_count(&progress->expired));
    log_write(LOG_NOTICE, "DB loaded from %s: %.3f seconds", loading->from, (double)spent_us / 1e6);
    if (!recovery_prepare(loading, &shard->core.config, shard->now_ms, error, sizeof error)) {
        loading_fail(shard, error);
        return;
    }
    if (loading->loaded)
        loading->loaded->done(loading->loaded);
    else
        loading_end(shard->group);
}

/* This shard is done with the stage; at the last one's end all that all shards have done is told. */
static void arrive(struct shard *shard)
{
    struct loading *loading = shard->group->loading;
    int arrivals = 1 + atomic_fetch_add_explicit(&loading->arrivals, 1, memory_order_acq_rel);

    shard->loading->has_arrived = true;
    if (arrivals == shard->group->count * (loading->stage_count + 1))
        tell_end(shard);
}

static bool all_have_arrived(const struct shard *shard)
{
    int arrivals = atomic_load_explicit(&shard->group->loading->arrivals, memory_order_acquire);

    return arrivals >= shard->group->count * (shard->loading->stage + 1);
}

void loading_end(struct shard_group *group)
{
    log_write(LOG_NOTICE, "Ready to accept connections");
    atomic_store_explicit(&group->loading->is_over, true, memory_order_release);
}

static void leave(struct shard *shard)
{
    memory_free(&shard->core.memory, shard->loading);
    shard->loading = NULL;
    shard->core.loading = false;
}

/* Reports */

static void report(const struct shard *shard)
{
    const struct load_progress *progress = &shard->group->loading->progress;
    int64_t left_s = load_progress_left_s(progress, shard->now_ms);

    log_write(LOG_NOTICE, "Loading %s: %.0f %%, %llu keys, about %lld second%s left", shard->group->loading->from,
              load_progress_percent(progress), (unsigned long long)load_progress_count(&progress->keys),
              (long long)left_s, left_s == 1 ? "" : "s");
}

static void consider_report(struct shard *shard)
{
    struct load_part *part = shard->loading;
    double percent = load_progress_percent(&shard->group->loading->progress);
    int64_t silent_us = shard->monotonic_us - part->reported_us;

    if (part->reported_us == 0)
        part->reported_us = shard->monotonic_us;
    else if (silent_us >= REPORT_US_MOST ||
             (silent_us >= REPORT_US_LEAST && percent >= part->reported_percent + REPORT_PERCENT)) {
        part->reported_us = shard->monotonic_us;
        part->reported_percent = percent;
        report(shard);
    }
}

/* Turns */

static void go_on(struct shard *shard)
{
    struct loading *loading = shard->group->loading;
    struct load_part *part = shard->loading;

    if (is_last(loading, part)) {
        settle(shard);
        part->status = LOAD_DONE;
    } else {
        part->status = work(shard);
    }
    if (part->status == LOAD_DONE)
        arrive(shard);
}

void loading_turn(struct shard *shard)
{
    struct loading *loading = shard->group->loading;
    struct load_part *part = shard->loading;

    if (atomic_load_explicit(&loading->is_over, memory_order_acquire)) {
        leave(shard);
        return;
    }
    if (part->gives_up) {
        loading_give_up(shard);
        return;
    }
    if (!atomic_load_explicit(&loading->has_begun, memory_order_acquire))
        return;
    if (shard->parked || part->status == LOAD_FAILED ||
        atomic_load_explicit(&loading->has_failed, memory_order_relaxed))
        return;
    if (shard->index == 0)
        consider_report(shard);
    if (part->has_arrived && !is_last(loading, part) && all_have_arrived(shard)) {
        part->stage++;
        part->has_arrived = false;
    }
    if (!part->has_arrived)
        go_on(shard);
}

int64_t loading_idle_us(const struct shard *shard)
{
    const struct load_part *part = shard->loading;

    if (!atomic_load_explicit(&shard->group->loading->has_begun, memory_order_relaxed))
        return WAIT_US;
    return part->has_arrived || part->status != LOAD_GOES_ON || shard->parked ? WAIT_US : 0;
}

void loading_give_up(struct shard *shard)
{
    shard->loading->gives_up = true;
    if (end_work(shard))
        leave(shard);
}
