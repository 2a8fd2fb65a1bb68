/* What of the shards' journals would survive a crash, as all of them know it.
 *
 * Survivors are a prefix of the one order of everything: all records up to some stamp. So
 * each shard says up to which stamp it has executed everything (until), the stamp of
 * its journal's last record (last), and that of the last one that is on disk (synced). A commit group
 * that a shard writes carries a claim: known, the lowest until of all shards, and each shard's last, looked at
 * after that. When the group is on disk, and of each other shard the last that the
 * claim names, then everything up to known would survive: it is safe.
 *
 * Under `appendfsync always` an answer leaves when the last record that it may show is
 * safe. tests/sim/durability.pml is this as a Spin model, and says what recovery makes of it.
 *
 * A mark is written by its own shard, or by the executor of a gather on whom that
 * one is parked, and read by all. Who waits for others' marks says so, and is then woken
 * when they change. */
#ifndef SHARDS_DURABLE_H
#define SHARDS_DURABLE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shards/spsc.h"

struct memory;

struct durable_mark {
    alignas(CACHE_LINE) _Atomic(uint64_t) until; /* executed up to here; no record up to it will still come */
    _Atomic(uint64_t) last, synced;
    _Atomic(uint64_t)
        before[2];           /* by generation, the present one and that before: all up to it lie in earlier segments */
    _Atomic(uint64_t) begun, kept_until; /* its journal began anew in that generation: of those before it has up to there */
    _Atomic(bool) waits;     /* for others' marks */
    _Atomic(uint64_t) bytes; /* of its newest segment, for reports */
};

struct durable {
    struct durable_mark *marks; /* by shard */
    int count;
    alignas(CACHE_LINE) _Atomic(uint64_t) safe; /* everything up to it would survive */
    _Atomic(uint64_t) said;                     /* the highest known of a group that is written, synced or not */
    _Atomic(int) waiting;                       /* shards that wait */
    _Atomic(int) awaited;                       /* shards with clients who wait until something is safe (WAITAOF) */
    /* Troubles of any shard, which concern those who write on all of them. */
    _Atomic(int) failing; /* shards that get nothing through to the disk */
    _Atomic(int) error;   /* an errno, of the last one that began to */
    _Atomic(int) behind;  /* shards of which too much is on its way */
};

void durable_init(struct durable *durable, struct memory *memory, int shards);
void durable_deinit(struct durable *durable, struct memory *memory);

/* The shard's journal has a record with that stamp, which nobody has been told of yet. */
static inline void durable_note(struct durable *durable, int shard, uint64_t stamp)
{
    /* Released: who reads the answer to this, or an until above it, finds it. */
    atomic_store_explicit(&durable->marks[shard].last, stamp, memory_order_release);
}

/* The shard has executed everything up to there. It never falls. */
void durable_reach(struct durable *durable, int shard, uint64_t until);

/* The lowest until. */
uint64_t durable_known(const struct durable *durable);
/* The stamp of the last record that an answer which is given now may show. */
uint64_t durable_newest(const struct durable *durable);
static inline uint64_t durable_safe(const struct durable *durable)
{
    return atomic_load_explicit(&durable->safe, memory_order_acquire);
}

/* What a group of that generation says of all shards. */
struct durable_claim {
    uint64_t known;
    uint64_t *last; /* by shard */
};
void durable_claim(const struct durable *durable, struct durable_claim *claim, uint64_t generation);
/* The group with this claim is on disk: whether all that it names is, too. Then everything up to its known is safe. */
bool durable_claim_holds(const struct durable *durable, const struct durable_claim *claim);
void durable_raise(struct durable *durable, uint64_t safe);
/* It is written: everything up to its known survives the end of the process. */
void durable_say(struct durable *durable, uint64_t known);
static inline uint64_t durable_said(const struct durable *durable)
{
    return atomic_load_explicit(&durable->said, memory_order_relaxed);
}
/* The shard's journal is on disk up to and with the record of that stamp. */
void durable_synced(struct durable *durable, int shard, uint64_t stamp);

/* The shard's journal begins anew in that generation: what it executed since it last said how far it had come may be in
 * no segment. So nobody takes its word for more in a group of an earlier generation, in which another shard may still
 * be, which nothing had told to stop. To be called before it says more. */
void durable_begin_anew(struct durable *durable, int shard, uint64_t generation);
/* The shard's records go to a segment of that generation from now on; those up to that stamp lie in earlier ones. */
void durable_begin_segment(struct durable *durable, int shard, uint64_t generation, uint64_t before);
/* What a group of that generation says of the shard: the stamp of the last record that its claim names, 0: it lies in
 * an earlier segment, which was on disk before anything of this generation. */
uint64_t durable_last_in_segment(const struct durable *durable, const struct durable_claim *claim, int shard,
                                 uint64_t generation);

/* From now on the shard has clients who wait until something is safe, or no longer: then all shards look at marks,
 * under whichever policy. They are to be woken after that. */
static inline void durable_await(struct durable *durable, bool awaits)
{
    atomic_fetch_add_explicit(&durable->awaited, awaits ? 1 : -1, memory_order_relaxed);
}

static inline bool durable_is_awaited(const struct durable *durable)
{
    return atomic_load_explicit(&durable->awaited, memory_order_relaxed) > 0;
}

/* From now on the shard is to be woken when marks change, or no longer. It looks at them after that. */
void durable_wait(struct durable *durable, int shard, bool waits);
static inline bool durable_waits(const struct durable *durable, int shard)
{
    return atomic_load_explicit(&durable->marks[shard].waits, memory_order_relaxed);
}
static inline bool durable_has_waiting(const struct durable *durable)
{
    return atomic_load_explicit(&durable->waiting, memory_order_relaxed) > 0;
}
/* Calls visit for each shard that waits; marks that were changed before are seen by those that are not visited. */
void durable_each_waiting(struct durable *durable, void (*visit)(void *context, int shard), void *context);

#endif
