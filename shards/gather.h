/* A command that one thread executes over the keyspaces of several shards:
 * RENAME, COPY, MSETNX …, and transactions and scripts.
 *
 * Published in one batch, the gather lies in every participant's ring with one stamp.
 * Each participant, on reaching it, arrives and parks its execution: it goes on
 * receiving, staging and sending, but executes nothing and leaves its keyspace
 * alone. The last to arrive runs the command on its own thread through the same
 * code as any other, then publishes `done`; the others see it, leave and go on.
 * All shards meet gathers in one order, so none can wait for another in a circle.
 *
 * Gathers often come in rows, from pipelines of transactions. The executor goes on
 * with those that were staged right behind in the same batch and take no other
 * shard: all that are to execute them are parked, and have them next. So shards
 * meet once for a row, not for each; a meeting costs more than most commands.
 * tests/sim/rows.pml is this as a Spin model.
 *
 * What needs the client's session is executed by home, which is a participant
 * then: the last to arrive wakes it.
 * Some commands within a transaction or a script have a part for each shard that
 * only the shard's own thread may run (its sessions, its settings). The executor
 * asks for it; a parked shard looks once a turn, runs its part and reports, and the
 * executor, who waits for all, goes on. A parked shard waits for nobody else, so
 * this ends. */
#ifndef SHARDS_GATHER_H
#define SHARDS_GATHER_H

#include <stdbool.h>

#include "core/str.h"

struct gather;
struct key_owners;
struct request;
struct shard;

/* Participants: the owners in owners, or every shard (NULL). by_home: home executes it, with the request's session.
 * False: a ring is full, nothing was staged. */
bool gather_stage(struct shard *shard, struct request *request, const struct key_owners *owners, bool by_home);

/* A participant has reached it. */
void gather_arrive(struct shard *shard, struct gather *gather);

/* Whether the shard may execute; leaves the gather that it was parked on when that is done, and does before what it
 * is wanted for. */
bool gather_try_leave(struct shard *shard);

/* Whether gather_try_leave has something to do. The shard is parked. */
bool gather_calls(const struct shard *shard);

/* A script keeps the shard from executing: the gather is answered with -BUSY, and the shard has left it when this
 * returns. False: it may not be refused, and is to be met later. */
MUST_USE bool gather_refuse(struct shard *shard, struct gather *gather, bool function);
/* The script that the shard is running as an executor, if it is one, is busy: the participants are told. */
void gather_tell_busy(struct shard *shard, bool function);
/* What the shard is parked on is busy. */
bool gather_is_busy(const struct shard *shard, bool *function);

/* Back home when all have left. */
void gather_free(struct shard *shard, struct gather *gather);

#endif
