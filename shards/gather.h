/* A command that one thread executes over the keyspaces of several shards:
 * RENAME, COPY, MSETNX … across shards.
 *
 * Published in one batch, the gather lies in every participant's ring with one stamp.
 * Each participant, on reaching it, arrives and parks its execution: it goes on
 * receiving, staging and sending, but executes nothing and leaves its keyspace
 * alone. The last to arrive runs the command on its own thread through the same
 * code as any other, then publishes `done`; the others see it, leave and go on.
 * All shards meet gathers in one order, so none can wait for another in a circle. */
#ifndef SHARDS_GATHER_H
#define SHARDS_GATHER_H

#include <stdbool.h>

struct gather;
struct key_owners;
struct request;
struct shard;

/* Participants: the owners in owners, or every shard (NULL). False: a ring is full, nothing was staged. */
bool gather_stage(struct shard *shard, struct request *request, const struct key_owners *owners);

/* A participant has reached it. */
void gather_arrive(struct shard *shard, struct gather *gather);

/* Whether the shard may execute; leaves the gather that it was parked on when that is done. */
bool gather_try_leave(struct shard *shard);

bool gather_is_done(const struct gather *gather);

/* Back home when all have left. */
void gather_free(struct shard *shard, struct gather *gather);

#endif
