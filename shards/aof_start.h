/* The append-only file at the start of the server.
 *
 * When what there was has been loaded, its folder gets a generation of segments, each shard begins its own, and
 * when all have, commands may come: so none is executed on a shard that is not journaled. */
#ifndef SHARDS_AOF_START_H
#define SHARDS_AOF_START_H

#include <stdbool.h>
#include <stddef.h>

#include "shards/loop.h"

struct config;
struct shard;
struct shard_group;

struct aof_start {
    struct completion loaded; /* the loading's */
    struct shard_group *group;
    _Atomic(bool) may_begin; /* released with the folder */
};

/* Main's thread, behind loading_prepare. False: error says in one line what is wrong. */
MUST_USE bool aof_start_prepare(struct shard_group *group, const struct config *config, char *error,
                                size_t error_bytes);
/* Each turn of a shard that loads. */
void aof_start_turn(struct shard *shard);
/* The settings say otherwise: it begins, or ends (CONFIG SET appendonly). */
void aof_start_configured(struct shard *shard);
/* The shard's tick, while its journal is off: a second later that is still so. */
void aof_start_late(struct shard *shard);

#endif
