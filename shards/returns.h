/* What other shards send back: answers, errands, and news among them.
 *
 * Each ring is taken first-in first-out, but news of several rings by their causes:
 * whoever hears a message and publishes another on a third shard is heard second by everybody. The
 * news with the lowest stamp goes first, and before it goes every ring that shows none is looked at
 * once more, after it was seen: what caused it was published before it, so it is seen
 * then. tests/sim/causes.pml is this as a Spin model. */
#ifndef SHARDS_RETURNS_H
#define SHARDS_RETURNS_H

#include <stdint.h>

struct shard;

/* What is known of one ring. */
struct returns_look {
    uint64_t at;   /* when it was last looked at, as a count of looks */
    uint64_t said; /* up to this stamp its news may be heard, as was known then */
};

void returns_take(struct shard *shard);

#endif
