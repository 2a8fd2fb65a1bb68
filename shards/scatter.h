/* A command whose parts run on several shards side by side: MGET, DEL, FLUSHALL …
 *
 * Each part is a request of its own, with the part's keys as arguments; all are
 * published in one batch, and so have one stamp. When the last part is back on the
 * connection's shard, the command's merge combines the replies. */
#ifndef SHARDS_SCATTER_H
#define SHARDS_SCATTER_H

#include <stdbool.h>

struct key_owners;
struct request;
struct shard;

/* One part for every owner in owners (owners->count > 0), or for every shard
 * (owners NULL). False: a ring is full, nothing was staged. */
bool scatter_stage(struct shard *shard, struct request *request, const struct key_owners *owners);

#endif
