/* When the append-only file is rewritten without having been asked to be: when it has grown
 * (auto-aof-rewrite-percentage, auto-aof-rewrite-min-size); when there is no base yet, as the first one has failed; and
 * when whole databases have been emptied or exchanged, which redis-server, as it reads one segment after the other, has
 * to find before all of them. */
#ifndef SHARDS_AOF_GROWTH_H
#define SHARDS_AOF_GROWTH_H

#include <stdint.h>

struct shard;
struct shard_group;

/* Each turn of a shard whose append-only file is on. Looks once a second. */
void aof_growth_turn(struct shard *shard);

/* Of the newest segments of all shards. Any thread. */
uint64_t aof_segment_bytes(const struct shard_group *group);

#endif
