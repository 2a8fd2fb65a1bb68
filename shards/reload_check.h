/* Whether an RDB file can be loaded, found out before anything is lost: reads all of it, and makes and drops each
 * value. By the executor of a gather over all shards, on the spot. */
#ifndef SHARDS_RELOAD_CHECK_H
#define SHARDS_RELOAD_CHECK_H

#include <stdbool.h>

#include "core/str.h"

struct buffer;
struct load_file;
struct shard;

struct reload_check {
    struct shard *shard;
    struct load_file *file;   /* commands may go on behind the snapshot: it says from where */
    bool wants_absent;        /* none of its keys may be there */
    struct buffer *libraries; /* takes the file's functions, as FUNCTION RESTORE wants them */
};

/* False: what is wrong has been logged. */
MUST_USE bool reload_check(const struct reload_check *check);

#endif
