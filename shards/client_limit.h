/* maxmemory-clients: what the buffers of all clients together may take.
 *
 * Each shard says what its clients take whenever that has changed. Above the limit it
 * says, too, how large the largest is that may be closed, and wakes the others to do
 * the same; the shard that has the largest of all closes it. A client that has been
 * killed counts no more, so one goes at a time and no more than have to. */
#ifndef SHARDS_CLIENT_LIMIT_H
#define SHARDS_CLIENT_LIMIT_H

struct shard;

/* Once a turn, when connections have noted what they take. */
void client_limit_turn(struct shard *shard);

#endif
