/* The stamp clock: one shared counter, and one gate per shard.
 *
 * Without it, N independent rings would let a later request overtake an earlier
 * one that travels through another ring (G3 of the design). Once per turn a
 * shard closes its gate, stamps its batch, pushes it and opens the gate; a shard
 * that executes takes what has passed its source's gate, lowest stamp first,
 * below its own bound and below any stamp that may still come: so every shard
 * executes in the one order of the stamps.
 *
 * Why that is enough. Let request p precede request n causally: whoever issued n
 * had seen an effect of p, or of something after p in p's pipeline.
 *  1. Nobody executes p's batch before its source's gate has passed p's stamp
 *     (stamp_gate, in collect below): so p's gate was open when n was stamped.
 *  2. n's stamp is taken by a later fetch_add, so stamp(p) < stamp(n).
 *  3. A shard that executes n has a bound above stamp(n) (or equal to it, for its
 *     own batch): it touched the clock after n's source did. The clock's
 *     accesses are one modification order with acquire and release, so
 *     that shard's later reads of the gates and of the ring tails see p.
 *  4. It executes the lowest stamp first: p before n.
 *  5. No stamp below one that has been executed comes later (stamp_coming). This is
 *     not about causes but about circles: of two pipelines over two shards, each
 *     shard could otherwise execute one before the other's rest, and no order of
 *     all commands would explain both.
 * Within a batch all stamps are equal, and rings are first-in first-out. The own
 * batch comes last in its turn, because its stamp is the turn's bound.
 * Two multi-shard transactions are published one after the other under the
 * sequencer, so their stamps order them alike on every shard (G2).
 * tests/sim/ordering.pml is this argument as a Spin model; keep them in step. */
#ifndef SHARDS_STAMP_H
#define SHARDS_STAMP_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "shards/simulate.h"
#include "shards/spsc.h"

struct stamp_gate {
    alignas(CACHE_LINE) _Atomic(uint64_t) published; /* the last stamp whose batch is wholly in the rings */
    _Atomic(uint64_t) coming; /* a stamp not below this one is being taken and published; UINT64_MAX: none is */
};

struct stamp_clock {
    alignas(CACHE_LINE) _Atomic(uint64_t) next;
};

/* A stamp for a batch that is about to be pushed; closes the gate. Whose later access to the clock sees the stamp taken
 * sees the gate closed, or open again with all of the batch in the rings. */
static inline uint64_t stamp_take(struct stamp_clock *clock, struct stamp_gate *gate)
{
    simulate_step();
    atomic_store_explicit(&gate->coming, atomic_load_explicit(&clock->next, memory_order_relaxed),
                          memory_order_release);
    simulate_step();
    return atomic_fetch_add_explicit(&clock->next, 1, memory_order_acq_rel);
}

/* The bound of a turn that staged nothing: every stamp taken so far is below it. */
static inline uint64_t stamp_bound(struct stamp_clock *clock)
{
    simulate_step();
    return atomic_load_explicit(&clock->next, memory_order_acquire);
}

/* Shows the batch of this stamp to everyone at once. */
static inline void stamp_open_gate(struct stamp_gate *gate, uint64_t stamp)
{
    simulate_step();
    atomic_store_explicit(&gate->published, stamp, memory_order_release);
    simulate_step();
    atomic_store_explicit(&gate->coming, UINT64_MAX, memory_order_release);
}

/* Below it nothing more comes through this gate. To be read after the turn's bound was taken, and before what has
 * passed. */
static inline uint64_t stamp_coming(struct stamp_gate *gate)
{
    simulate_step();
    return atomic_load_explicit(&gate->coming, memory_order_acquire);
}

/* What has passed the gate. To be read before the ring's tail: then everything up to it is seen there. */
static inline uint64_t stamp_passed(struct stamp_gate *gate)
{
    simulate_step();
    if (simulate_fault(FAULT_NO_GATE))
        return UINT64_MAX;
    return atomic_load_explicit(&gate->published, memory_order_acquire);
}

#endif
