/* What a crash has left of segments that were written side by side, before anything of them is executed: how far
 * each is sound, then what its groups claim. A shard reads every so manieth of them. */
#ifndef SHARDS_LOAD_SCAN_H
#define SHARDS_LOAD_SCAN_H

#include "shards/loading.h"

struct load_scan;

struct load_scan *load_scan_begin(struct shard *shard, const struct load_stage *stage);
/* Goes on until then, monotonic, or a little longer. */
enum load_status load_scan_slice(struct load_scan *scan, int64_t until_us);
void load_scan_end(struct load_scan *scan);

/* For whoever finds that the file ends within a unit: whether that may be. Says so in the log, or fails. */
bool load_torn_is_fine(struct shard *shard, const struct load_run *run, const struct load_file *file, uint64_t sound,
                       const char *problem);
/* What is in a file is wrong, and it is not the end that is missing. */
void load_fail_wrong(struct shard *shard, const char *problem);

#endif
