/* The sequencer: one short spinlock around the publication of a batch that holds
 * a part of a multi-shard transaction (stamp, push, open the gate).
 *
 * So two such transactions never interleave their parts: every shard that has
 * both executes them in the same order, and a shard can show an effect of one
 * only when it is visible to all its participants. Batches without such parts
 * never come here. The holder does nothing but write slots: it never waits. */
#ifndef SHARDS_SEQUENCER_H
#define SHARDS_SEQUENCER_H

#include <stdalign.h>
#include <stdint.h>

#include "shards/spsc.h"

struct sequencer {
    alignas(CACHE_LINE) _Atomic(uint32_t) held;
};

void sequencer_lock(struct sequencer *sequencer);
void sequencer_unlock(struct sequencer *sequencer);

#endif
