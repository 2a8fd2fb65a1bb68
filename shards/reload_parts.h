/* What reloading the data set is made of, whichever files it comes from: by the executor of a gather over all shards,
 * and the parts that each shard runs on its own thread when asked. */
#ifndef SHARDS_RELOAD_PARTS_H
#define SHARDS_RELOAD_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/call.h"
#include "shards/shard.h"

struct load_stage;

static inline struct shard *reload_shard_of(const struct call *call)
{
    return (struct shard *)((char *)call->core - offsetof(struct shard, core));
}

/* The executor: runs the handler once on each shard, side by side, and returns when all have. */
void reload_run_parts(const struct call *call, command_handler run);
/* Functions as FUNCTION RESTORE wants them, all or none: its mode is FLUSH, REPLACE or APPEND. False: they are refused,
 * which has been logged. */
MUST_USE bool reload_restore_functions(const struct call *call, struct str mode, struct str libraries);

/* Each shard: no keys are left, and whoever had read some is told. */
void reload_empty(const struct call *call);
/* Its own keys of a snapshot. */
void reload_take_snapshot(const struct call *call, const struct load_stage *stage);

#endif
