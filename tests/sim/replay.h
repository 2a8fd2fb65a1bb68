/* Whether the shards' journals say what was done: executed again, each makes its shard's data of nothing. */
#ifndef TESTS_SIM_REPLAY_H
#define TESTS_SIM_REPLAY_H

#include "core/assert.h"
#include "tests/sim/history.h"

struct shard;

/* Of a shard that has been journaled from the beginning, and whose journal nobody has taken. False: what is wrong is in
 * `failure`. */
MUST_USE bool replay_check(struct shard *shard, const struct history *history, char *failure, size_t size);

#endif
