/* The stamp clock: one shared counter, and one gate per shard.
 *
 * Without it, N independent rings would let a later request overtake an earlier
 * one that travels through another ring (G3 of the design), and shards could
 * disagree on the order of two transactions (G2). With it there is one order of
 * everything: that of the stamps, and every shard executes in it.
 *
 * The clock tells the time as well: it is raised to the Unix time in ms, shifted
 * left by STAMP_TIME_SHIFT, before a stamp is taken, and counts on from there. So
 * stamps rise with time, and a message is executed at the time in its stamp:
 * whatever order it takes, each deadline falls between the same two stamps on all
 * shards, and G2 holds for keys that expire. What removes keys unasked may go no
 * further than the stamps that can still come (mesh_settled_ms).
 *
 * Once per turn a shard closes its gate at the clock's value, takes a stamp for
 * its batch, pushes the batch into the rings and opens the gate again. A shard
 * that executes first touches the clock (its bound), then reads the gates, then
 * the rings' tails, and takes what has a stamp below its bound and below every
 * closed gate, lowest first; its own batch, whose stamp is the bound, comes last.
 *
 * Why no stamp below one that was executed can arrive later. Let a shard with
 * bound b execute stamp e < b, and let s < e be the stamp of a batch of source S.
 * Taking s preceded our access to the clock in the counter's modification order;
 * taking is a release and our access an acquire, and what lies between are
 * read-modify-writes, so all that S did before is seen here: its gate closed at
 * or below s, or a later state of it. Closed at or below s: then e is not below
 * the gate, and is not executed. Opened after s: opening is a release that our
 * reading of the gate acquires, so the batch is in the rings when the tails are
 * read, and is executed before e. Closed again: likewise.
 *
 * G3: let p precede n causally: whoever issued n had seen an effect of p, or of
 * something after p in p's pipeline. What was executed has a stamp, n's was taken
 * later, so stamp(p) < stamp(n), or they are in one batch, and rings and the own
 * queue are first-in first-out. G2: all parts of a transaction have one stamp, so
 * every shard puts it at the same place among everything else.
 *
 * A gate that holds back only its own batch would keep causes before effects,
 * but let two pipelines over two shards each miss the other's write: a circle
 * that no order explains (CIRCLE in the model). And with one order of everything,
 * batches that hold transactions need no lock around their publication.
 * Raising the clock is one more read-modify-write, and only skips values: a gate
 * closed before it, at the lower value, holds back more than it has to.
 * tests/sim/ordering.pml is this argument as a Spin model; keep them in step. */
#ifndef SHARDS_STAMP_H
#define SHARDS_STAMP_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "shards/simulate.h"
#include "shards/spsc.h"

#define STAMP_GATE_OPEN UINT64_MAX

/* 2^20 stamps a ms before the clock runs ahead of time; 44 bits of ms last until the year 2527. */
enum { STAMP_TIME_SHIFT = 20 };

struct stamp_gate {
    alignas(CACHE_LINE) _Atomic(uint64_t) lowest; /* no stamp below it will still come from this shard */
};

/* What a shard says to several others at once is heard by none before it is there for all. */
struct stamp_news_gate {
    alignas(CACHE_LINE) _Atomic(uint64_t) said; /* stamp of the last news that are */
};

struct stamp_clock {
    alignas(CACHE_LINE) _Atomic(uint64_t) next;
};

/* A stamp for news: above those of all news that were said before, wherever. */
static inline uint64_t stamp_of_news(struct stamp_clock *clock)
{
    simulate_step();
    return atomic_fetch_add_explicit(&clock->next, 1, memory_order_acq_rel);
}

/* The time at which what has this stamp is executed: Unix time. */
static inline int64_t stamp_time_ms(uint64_t stamp)
{
    return (int64_t)(stamp >> STAMP_TIME_SHIFT);
}

/* No stamp taken from now on is of an earlier time. About once a ms for all shards together there is something to do.
 */
static inline void stamp_raise(struct stamp_clock *clock, int64_t now_ms)
{
    uint64_t least = (uint64_t)now_ms << STAMP_TIME_SHIFT;
    uint64_t next = atomic_load_explicit(&clock->next, memory_order_relaxed);

    while (next < least) {
        simulate_step();
        /* Acquire-release keeps the chain of read-modify-writes that the argument above needs. */
        if (atomic_compare_exchange_weak_explicit(&clock->next, &next, least, memory_order_acq_rel,
                                                  memory_order_relaxed))
            return;
    }
}

/* No stamp taken from now on is that one or below it. */
static inline void stamp_pass(struct stamp_clock *clock, uint64_t stamp)
{
    uint64_t next = atomic_load_explicit(&clock->next, memory_order_relaxed);

    while (next <= stamp && !atomic_compare_exchange_weak_explicit(&clock->next, &next, stamp + 1, memory_order_acq_rel,
                                                                   memory_order_relaxed))
        ;
}

/* Closes the shard's gate and takes a stamp for the batch that is about to be pushed. */
static inline uint64_t stamp_take(struct stamp_clock *clock, struct stamp_gate *gate, int64_t now_ms)
{
    simulate_step();
    /* Pairs with the acquire in stamp_lowest: by way of the clock for this batch, see above; and directly, as a
     * release, for those before it, whose opening the reader may not see any more ("closed again"). */
    atomic_store_explicit(&gate->lowest, atomic_load_explicit(&clock->next, memory_order_relaxed),
                          memory_order_release);
    simulate_step();
    stamp_raise(clock, now_ms);
    simulate_step();
    return atomic_fetch_add_explicit(&clock->next, 1, memory_order_acq_rel);
}

/* The batch is in the rings: shows it to everyone at once. */
static inline void stamp_open_gate(struct stamp_gate *gate)
{
    simulate_step();
    atomic_store_explicit(&gate->lowest, STAMP_GATE_OPEN, memory_order_release);
}

/* The bound of a turn that staged nothing: every stamp taken so far is below it, none taken later is. */
static inline uint64_t stamp_bound(struct stamp_clock *clock, int64_t now_ms)
{
    simulate_step();
    stamp_raise(clock, now_ms);
    return atomic_load_explicit(&clock->next, memory_order_acquire);
}

/* Below it nothing more comes through this gate. To be read after the turn's bound was taken and before the ring's
 * tail. */
static inline uint64_t stamp_lowest(const struct stamp_gate *gate)
{
    simulate_step();
    if (simulate_fault(FAULT_NO_GATE))
        return STAMP_GATE_OPEN;
    return atomic_load_explicit(&gate->lowest, memory_order_acquire);
}

#endif
