/* How many shards there are, and on which CPUs. */
#ifndef NET_PLACEMENT_H
#define NET_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"

struct placement {
    int shards;
    bool pinned;
    uint16_t cpus[CONFIG_SHARDS_MAX]; /* by shard, where pinned */
    char text[128];                   /* for the banner */
};

/* From the settings and the process's affinity mask: one shard per usable CPU
 * unless said otherwise; pinned where there is a CPU for each. False: error says
 * what is wrong (a CPU that is not there). */
MUST_USE bool placement_choose(struct placement *placement, const struct config *config, char *error, size_t error_bytes);

#endif
