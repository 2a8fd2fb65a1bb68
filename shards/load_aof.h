/* The segments of a run are executed: a shard reads every so manieth of them, and submits what is in
 * it as a connection does, so that any number of shards takes what any number wrote.
 *
 * All records of one key are in one segment, and keep their order by being submitted by one origin. Records
 * that concern all shards are in every segment: whoever comes to one waits until all have, and have nothing under way;
 * then one executes it. What redis-server has appended to one of several segments is executed when all others have
 * ended. Commands between MULTI and EXEC are submitted when EXEC has been read, one by one, as nobody looks meanwhile.
 */
#ifndef SHARDS_LOAD_AOF_H
#define SHARDS_LOAD_AOF_H

#include "shards/loading.h"

struct load_aof;
struct load_executor;

struct load_aof *load_aof_begin(struct shard *shard, const struct load_stage *stage);
/* All segments, executed on the spot while all shards wait for that. */
struct load_aof *load_aof_begin_alone(struct shard *shard, const struct load_stage *stage,
                                      const struct load_executor *executor);
/* Goes on until then, monotonic, or a little longer. Once a turn. */
enum load_status load_aof_slice(struct load_aof *load, int64_t until_us);
/* True: requests are still under way, and it is to be called again. */
bool load_aof_end(struct load_aof *load);

#endif
