/* Memory that is asked for before it is needed.
 *
 * A batch's requests come from other cores' caches and its keys lie all over
 * memory: the misses overlap when they are asked for some messages ahead. */
#ifndef SHARDS_AHEAD_H
#define SHARDS_AHEAD_H

#include <stdint.h>

struct message;
struct shard;

enum { AHEAD_TABLE = 8, AHEAD_ENTRY = 5 }; /* messages: a key's home bucket, and its entry */

struct ahead {
    uint32_t elsewhere; /* bit n: the message n places behind the next one has a key that is not in its home bucket */
};

/* Of what comes behind the message that mesh_next has just given; and, where that begins a run, of the message itself.
 */
void ahead_prefetch(struct shard *shard, const struct message *message);

#endif
