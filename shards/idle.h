/* How a shard waits for something to do: it looks whether there is work, spins for a moment while shards exchange
 * messages, then sleeps until something comes or is due. Its own thread. */
#ifndef SHARDS_IDLE_H
#define SHARDS_IDLE_H

struct shard;

/* Returns when the loop has delivered what there was, which is nothing where there is work already or something is due.
 */
void idle_wait(struct shard *shard);

#endif
