#include "core/save_state.h"

#include <stdio.h>

#include "core/assert.h"

enum { RETRY_SECONDS = 5 }; /* after a failure */

void save_state_init(struct save_state *state, int64_t now_ms)
{
    atomic_init(&state->running, SAVE_NOTHING);
    atomic_init(&state->serial, 1);
    atomic_init(&state->cancelled, 0);
    atomic_init(&state->scheduled, false);
    atomic_init(&state->flushed, false);
    atomic_init(&state->failed, false);
    atomic_init(&state->tried_s, 0);
    atomic_init(&state->saved_s, now_ms / 1000);
    atomic_init(&state->began_s, -1);
    atomic_init(&state->took_s, -1);
    atomic_init(&state->saves, 0);
    atomic_init(&state->rewrite_scheduled, false);
    atomic_init(&state->rewrite_failed, false);
    atomic_init(&state->rewrite_took_s, -1);
    atomic_init(&state->rewrites, 0);
    atomic_init(&state->rewrite_failures, 0);
    atomic_init(&state->keys, 0);
    atomic_init(&state->keys_done, 0);
    for (int i = 0; i < CONFIG_SHARDS_MAX; i++)
        atomic_init(&state->changes[i].count, 0);
}

bool save_state_claim(struct save_state *state, enum save_kind kind, int64_t now_ms)
{
    int nothing = SAVE_NOTHING;

    if (!atomic_compare_exchange_strong_explicit(&state->running, &nothing, kind, memory_order_acquire,
                                                 memory_order_relaxed))
        return false;
    atomic_fetch_add_explicit(&state->serial, 1, memory_order_relaxed);
    atomic_store_explicit(&state->keys, 0, memory_order_relaxed);
    atomic_store_explicit(&state->keys_done, 0, memory_order_relaxed);
    atomic_store_explicit(&state->began_s, now_ms / 1000, memory_order_relaxed);
    if (kind == SAVE_IN_BACKGROUND)
        atomic_store_explicit(&state->tried_s, now_ms / 1000, memory_order_relaxed);
    if (kind == SAVE_AOF_BASE) {
        atomic_store_explicit(&state->rewrite_scheduled, false, memory_order_relaxed);
        atomic_fetch_add_explicit(&state->rewrites, 1, memory_order_relaxed);
    }
    if (kind == SAVE_IN_BACKGROUND || kind == SAVE_IN_FOREGROUND)
        atomic_fetch_add_explicit(&state->saves, 1, memory_order_relaxed);
    return true;
}

/* What has ended meanwhile has another number than what comes next. */
void save_state_cancel(struct save_state *state)
{
    uint64_t serial = atomic_load_explicit(&state->serial, memory_order_relaxed);

    atomic_store_explicit(&state->cancelled, serial, memory_order_relaxed);
}

void save_state_give_back(struct save_state *state)
{
    ASSERT(save_state_running(state) != SAVE_NOTHING);
    atomic_store_explicit(&state->began_s, -1, memory_order_relaxed);
    atomic_store_explicit(&state->running, SAVE_NOTHING, memory_order_release);
}

void save_state_note_end(struct save_state *state, enum save_kind kind, bool failed, int64_t now_ms)
{
    int64_t began_s = atomic_load_explicit(&state->began_s, memory_order_relaxed);

    if (kind == SAVE_IN_BACKGROUND)
        atomic_store_explicit(&state->took_s, now_ms / 1000 - began_s, memory_order_relaxed);
    if (failed) {
        if (kind == SAVE_IN_BACKGROUND)
            atomic_store_explicit(&state->failed, true, memory_order_relaxed);
        return;
    }
    atomic_store_explicit(&state->failed, false, memory_order_relaxed);
    atomic_store_explicit(&state->saved_s, now_ms / 1000, memory_order_relaxed);
}

void save_state_note_rewrite(struct save_state *state, bool failed, int64_t now_ms)
{
    int64_t began_s = atomic_load_explicit(&state->began_s, memory_order_relaxed);

    atomic_store_explicit(&state->rewrite_took_s, now_ms / 1000 - began_s, memory_order_relaxed);
    atomic_store_explicit(&state->rewrite_failed, failed, memory_order_relaxed);
    if (failed)
        atomic_fetch_add_explicit(&state->rewrite_failures, 1, memory_order_relaxed);
    else
        atomic_store_explicit(&state->rewrite_failures, 0, memory_order_relaxed);
}

uint64_t save_state_changes(const struct save_state *state, int shards)
{
    uint64_t changes = 0;

    for (int i = 0; i < shards; i++)
        changes += atomic_load_explicit(&state->changes[i].count, memory_order_relaxed);
    return changes;
}

/* As in Redis it is time when more than so many seconds have passed; not at once after a failure. */
static int64_t due_ms(const struct save_state *state, const struct save_point *point)
{
    int64_t saved_s = atomic_load_explicit(&state->saved_s, memory_order_relaxed);
    int64_t tried_s = atomic_load_explicit(&state->tried_s, memory_order_relaxed);
    int64_t due_s;

    if (__builtin_add_overflow(saved_s + 1, point->seconds, &due_s) || due_s > INT64_MAX / 1000)
        return INT64_MAX;
    if (atomic_load_explicit(&state->failed, memory_order_relaxed) && due_s <= tried_s + RETRY_SECONDS)
        due_s = tried_s + RETRY_SECONDS + 1;
    return due_s * 1000;
}

bool save_state_is_due(const struct save_state *state, const char *points, uint64_t changes, int64_t now_ms,
                       struct save_point *due, int64_t *next_ms)
{
    long long seconds, least;
    int length;

    *next_ms = INT64_MAX;
    for (const char *at = points; sscanf(at, "%lld %lld%n", &seconds, &least, &length) == 2; at += length) {
        struct save_point point = {seconds, least};
        int64_t at_ms = due_ms(state, &point);

        if (changes < (uint64_t)least)
            continue;
        if (at_ms <= now_ms) {
            *due = point;
            return true;
        }
        if (at_ms < *next_ms)
            *next_ms = at_ms;
    }
    return false;
}
