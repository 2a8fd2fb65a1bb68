/* The counter of LFU follows Redis's figures: the chance to count falls with
 * the count, so that 255 stands for about a million accesses at the default
 * factor of 10. Times wrap around; differences are taken modulo the field. */
#include "core/access.h"

enum { ACCESS_MASK = (1 << ACCESS_BITS) - 1, MINUTES_MASK = 0xffff, COUNTER_MAX = 255 };

static uint32_t minutes(int64_t now_ms)
{
    return (uint32_t)(now_ms / 60000) & MINUTES_MASK;
}

static uint32_t lfu(uint32_t counter, int64_t now_ms)
{
    return minutes(now_ms) << 8 | counter;
}

uint32_t access_fresh(enum access_policy policy, int64_t now_ms)
{
    return policy == ACCESS_LFU ? lfu(ACCESS_LFU_START, now_ms) : access_touch_lru(now_ms);
}

uint32_t access_touch_lru(int64_t now_ms)
{
    return (uint32_t)(now_ms / 1000) & ACCESS_MASK;
}

uint32_t access_with_idle(int64_t now_ms, int64_t idle_seconds)
{
    uint32_t idle = idle_seconds < ACCESS_MASK ? (uint32_t)idle_seconds : ACCESS_MASK;

    return (access_touch_lru(now_ms) - idle) & ACCESS_MASK;
}

uint32_t access_with_frequency(int64_t now_ms, uint32_t frequency)
{
    return lfu(frequency, now_ms);
}

int64_t access_idle_seconds(uint32_t access, int64_t now_ms)
{
    return (access_touch_lru(now_ms) - access) & ACCESS_MASK;
}

uint32_t access_frequency(uint32_t access, int64_t now_ms, int decay_minutes)
{
    uint32_t counter = access & COUNTER_MAX;
    uint32_t elapsed = (minutes(now_ms) - (access >> 8)) & MINUTES_MASK;
    uint32_t periods = decay_minutes > 0 ? elapsed / (uint32_t)decay_minutes : 0;

    return periods < counter ? counter - periods : 0;
}

static uint32_t count_one(uint32_t counter, int log_factor, uint64_t random)
{
    double above_start = counter > ACCESS_LFU_START ? counter - ACCESS_LFU_START : 0;
    double chance = 1.0 / (above_start * log_factor + 1);
    double drawn = (double)(random >> 11) * 0x1p-53;

    return counter < COUNTER_MAX && drawn < chance ? counter + 1 : counter;
}

uint32_t access_touch_lfu(uint32_t access, int64_t now_ms, int log_factor, int decay_minutes, uint64_t random)
{
    return lfu(count_one(access_frequency(access, now_ms, decay_minutes), log_factor, random), now_ms);
}
