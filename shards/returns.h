/* What other shards send back: answers, errands, and news among them.
 *
 * Each ring is taken first-in first-out, but news of several rings by their causes:
 * whoever hears a message and publishes another on a third shard is heard second by everybody. The
 * news with the lowest stamp goes first, and before it goes every ring that shows none is looked at
 * once more, after it was seen: what caused it was published before it, so it is seen
 * then. */
#ifndef SHARDS_RETURNS_H
#define SHARDS_RETURNS_H

struct shard;

void returns_take(struct shard *shard);

#endif
