/* Telling what commands have changed (core/changes.h): events to their channels, stale keys to
 * the clients that may have kept them. Done right after the command, so before anything else can be executed that
 * depends on it. */
#ifndef SHARDS_TELLING_H
#define SHARDS_TELLING_H

#include <stdint.h>

struct shard;

/* All that is queued. cause: the session whose command it was, 0: none. */
void telling_run(struct shard *shard, uint64_t cause);

#endif
