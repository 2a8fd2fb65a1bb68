/* Affinity presets: patterns (slot.h) for the keys of job queues, so that what a
 * library's scripts and transactions use together lies on one shard.
 *
 * A set of presets is a number: bit 1 << i stands for affinity_preset_names[i]. Any thread. */
#ifndef CORE_AFFINITY_PRESET_H
#define CORE_AFFINITY_PRESET_H

#include <stdint.h>

#include "core/slot.h"

enum { AFFINITY_PRESET_PATTERNS_MAX = 32 };

extern const char
    *const affinity_preset_names[]; /* as affinity-preset spells them; ends with NULL; the first is "none" */

/* The patterns of these presets, and how many there are. */
int affinity_preset_patterns(uint32_t presets, struct affinity_pattern patterns[static AFFINITY_PRESET_PATTERNS_MAX]);

#endif
