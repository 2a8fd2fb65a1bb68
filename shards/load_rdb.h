/* One shard's part in loading an RDB file: it reads all of it, passes over the values of keys that are others', and
 * makes its own. Functions are made on every shard. */
#ifndef SHARDS_LOAD_RDB_H
#define SHARDS_LOAD_RDB_H

#include "shards/loading.h"

struct load_rdb;

struct load_rdb *load_rdb_begin(struct shard *shard, const struct load_stage *stage);
/* Goes on until then, monotonic, or a little longer. */
enum load_status load_rdb_slice(struct load_rdb *load, int64_t until_us);
void load_rdb_end(struct load_rdb *load);

#endif
