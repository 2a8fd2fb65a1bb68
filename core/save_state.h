/* What the shards know together of saving the data set: who is at it, and how it went last.
 *
 * One thing is saved at a time, by all shards; whoever is to begin claims it, and gives it back when all
 * shards are done. The figures are for reports: each stands for itself. */
#ifndef CORE_SAVE_STATE_H
#define CORE_SAVE_STATE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"

enum save_kind {
    SAVE_NOTHING,
    SAVE_IN_BACKGROUND,
    SAVE_IN_FOREGROUND, /* SAVE: somebody waits for its end */
    SAVE_AFTER_FLUSH,   /* what comes meanwhile waits for its end, as FLUSHALL would have been answered after it */
    SAVE_BEFORE_SHUTDOWN,
    SAVE_AOF_BASE,
};

struct save_state {
    _Atomic(int) running;                /* enum save_kind; acquired by who claims it, released by who gives it back */
    _Atomic(uint64_t) serial, cancelled; /* of what is running; of what is not to go on */
    _Atomic(bool) scheduled;
    _Atomic(bool) flushed;             /* all keys are gone, and SAVE_AFTER_FLUSH is to begin */
    _Atomic(bool) failed;              /* the last one in the background did, */
    _Atomic(int64_t) tried_s;          /* which began then */
    _Atomic(int64_t) saved_s;          /* LASTSAVE */
    _Atomic(int64_t) began_s;          /* what is running; */
    _Atomic(int64_t) took_s;           /* and the last one in the background took: -1: there was none */
    _Atomic(uint64_t) saves;           /* begun */
    _Atomic(uint64_t) keys, keys_done; /* of what is running */
    /* The same of the append-only file's rewriting, SAVE_AOF_BASE. */
    _Atomic(bool) rewrite_scheduled, rewrite_failed;
    _Atomic(int64_t) rewrite_took_s;
    _Atomic(uint64_t) rewrites, rewrite_failures; /* the latter in a row */
    /* By each shard: changes that no file holds. */
    struct save_changes {
        alignas(64) _Atomic(uint64_t) count;
    } changes[CONFIG_SHARDS_MAX];
};

void save_state_init(struct save_state *state, int64_t now_ms);

static inline enum save_kind save_state_running(const struct save_state *state)
{
    return (enum save_kind)atomic_load_explicit(&state->running, memory_order_acquire);
}
/* False: something is running. */
MUST_USE bool save_state_claim(struct save_state *state, enum save_kind kind, int64_t now_ms);
/* What is running is not to go on. */
void save_state_cancel(struct save_state *state);
static inline bool save_state_is_cancelled(const struct save_state *state)
{
    return atomic_load_explicit(&state->cancelled, memory_order_relaxed) ==
           atomic_load_explicit(&state->serial, memory_order_relaxed);
}
void save_state_give_back(struct save_state *state);
/* What was running has ended so. */
void save_state_note_end(struct save_state *state, enum save_kind kind, bool failed, int64_t now_ms);

void save_state_note_rewrite(struct save_state *state, bool failed, int64_t now_ms);

/* All shards' changes. */
uint64_t save_state_changes(const struct save_state *state, int shards);

/* Whether it is time, by one of the pairs of seconds and changes in `points`, which comes out; else *next_ms is when it
 * will be without further changes, INT64_MAX: never. */
struct save_point {
    int64_t seconds, changes;
};
MUST_USE bool save_state_is_due(const struct save_state *state, const char *points, uint64_t changes, int64_t now_ms,
                                struct save_point *due, int64_t *next_ms);

#endif
