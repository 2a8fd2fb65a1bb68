/* EXEC and the watches: from the connection's shard to those of the keys.
 *
 * A command of ROUTE_SESSION first runs where it was parsed, and says in the
 * session's `rest` what is left. EXEC goes to the one shard that owns all its keys
 * and watched keys, or is a gather of exactly their shards; where a queued command
 * is for all shards, of all. WATCH and what ends watches have a part on each owner,
 * whose answers are empty. */
#ifndef SHARDS_TRANSACTION_H
#define SHARDS_TRANSACTION_H

#include <stdbool.h>

struct request;
struct session;
struct shard;

/* Runs the session's part. False: that was all. */
bool transaction_submit(struct shard *shard, struct request *request);
/* Makes a request of what the session has left to be done, for one that has no command of its own. */
void transaction_take_rest(struct request *request, struct session *session);

/* Stages the rest. False: a ring is full, nothing was staged. */
bool transaction_stage(struct shard *shard, struct request *request);

/* Home: it has been done. False: it is to be answered later. */
bool transaction_finish(struct shard *shard, struct request *request);

/* It is not to be executed. True: but it has watches, and has become what ends those. */
bool transaction_drop(struct request *request);
/* It only ends watches, which no CLIENT PAUSE holds back. */
bool transaction_only_ends(const struct request *request);

#endif
