/* How far loading the data set has come, for INFO: the shards count what they have read, and whoever reports reads. */
#ifndef CORE_LOAD_PROGRESS_H
#define CORE_LOAD_PROGRESS_H

#include <stdatomic.h>
#include <stdint.h>

struct load_progress {
    /* Frozen before start. */
    int64_t start_ms; /* Unix time */
    uint64_t total_bytes;
    /* Shared; each stands for itself. */
    _Atomic(uint64_t) loaded_bytes, keys, expired;
};

static inline uint64_t load_progress_count(const _Atomic(uint64_t) *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}
static inline void load_progress_add(_Atomic(uint64_t) *count, uint64_t more)
{
    atomic_fetch_add_explicit(count, more, memory_order_relaxed);
}
/* How long the rest will take, at the pace so far; -1: nobody knows. */
static inline int64_t load_progress_left_s(const struct load_progress *progress, int64_t now_ms)
{
    uint64_t loaded = load_progress_count(&progress->loaded_bytes);
    int64_t spent_s = (now_ms - progress->start_ms) / 1000;

    if (spent_s <= 0)
        return 1;
    if (loaded == 0)
        return -1;
    return loaded < progress->total_bytes
               ? (int64_t)((double)spent_s * (double)(progress->total_bytes - loaded) / (double)loaded)
               : 0;
}
static inline double load_progress_percent(const struct load_progress *progress)
{
    uint64_t loaded = load_progress_count(&progress->loaded_bytes);

    return progress->total_bytes > 0 ? 100.0 * (double)loaded / (double)progress->total_bytes : 100.0;
}

#endif
