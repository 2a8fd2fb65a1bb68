/* The 24 bits by which an entry remembers how it was used.
 *
 * LRU: the second of the last access, modulo 2^24 (194 days). LFU: 16 bits of
 * minutes at the last decay and an 8-bit logarithmic counter of accesses. Which
 * of the two follows maxmemory-policy. Pure functions, any thread. */
#ifndef CORE_ACCESS_H
#define CORE_ACCESS_H

#include <stdint.h>

enum access_policy { ACCESS_LRU, ACCESS_LFU };

enum { ACCESS_BITS = 24, ACCESS_LFU_START = 5 /* a new key's counter, so that it is not evicted at once */ };

/* What a new entry starts with. */
uint32_t access_fresh(enum access_policy policy, int64_t now_ms);

/* The field after an access. random: 64 uniform bits, by which the counter is
 * raised with the chance 1 / ((counter - start) * log_factor + 1). */
uint32_t access_touch_lru(int64_t now_ms);
uint32_t access_touch_lfu(uint32_t access, int64_t now_ms, int log_factor, int decay_minutes, uint64_t random);

/* The field of a key that was last used so long ago, or so often: RESTORE's IDLETIME, as far as the field goes, and
 * FREQ. */
uint32_t access_with_idle(int64_t now_ms, int64_t idle_seconds);
uint32_t access_with_frequency(int64_t now_ms, uint32_t frequency);

int64_t access_idle_seconds(uint32_t access, int64_t now_ms);
/* The counter, less one for every decay_minutes since the last decay (0: it never decays). */
uint32_t access_frequency(uint32_t access, int64_t now_ms, int decay_minutes);

#endif
