#include "core/access.h"

#include <criterion/criterion.h>

#include "tests/support/dice.h"

enum { MINUTE = 60 * 1000 };

Test(access, idle_time_is_the_seconds_since_the_touch)
{
    int64_t now_ms = 1700000000123;
    uint32_t access = access_touch_lru(now_ms);

    cr_assert_eq(access, access_fresh(ACCESS_LRU, now_ms));
    cr_assert_eq(access_idle_seconds(access, now_ms), 0);
    cr_assert_eq(access_idle_seconds(access, now_ms + 61 * 1000), 61);
}

Test(access, idle_time_survives_the_wrap_of_the_clock)
{
    int64_t wrap_ms = (int64_t)(1 << ACCESS_BITS) * 1000;
    uint32_t before = access_touch_lru(wrap_ms - 3000);

    cr_assert_eq(before, (1 << ACCESS_BITS) - 3);
    cr_assert_eq(access_touch_lru(wrap_ms), 0);
    cr_assert_eq(access_idle_seconds(before, wrap_ms + 4000), 7);
}

Test(access, a_new_key_counts_five)
{
    cr_assert_eq(access_frequency(access_fresh(ACCESS_LFU, 99 * MINUTE), 99 * MINUTE, 1), 5);
}

Test(access, the_count_falls_by_one_for_every_decay_period)
{
    uint32_t access = 1000 << 8 | 200;
    int64_t then_ms = (int64_t)1000 * MINUTE;

    cr_assert_eq(access_frequency(access, then_ms, 1), 200);
    cr_assert_eq(access_frequency(access, then_ms + 30 * MINUTE, 1), 170);
    cr_assert_eq(access_frequency(access, then_ms + 30 * MINUTE, 7), 196);
    cr_assert_eq(access_frequency(access, then_ms + 200 * MINUTE, 1), 0);
    cr_assert_eq(access_frequency(access, then_ms + 5000 * (int64_t)MINUTE, 1), 0);
    cr_assert_eq(access_frequency(access, then_ms + 5000 * (int64_t)MINUTE, 0), 200, "a period of 0 is no decay");
}

Test(access, decay_survives_the_wrap_of_the_minutes)
{
    uint32_t access = 0xfffeu << 8 | 50;

    cr_assert_eq(access_frequency(access, (int64_t)0x10003 * MINUTE, 1), 45);
}

Test(access, a_low_count_is_always_raised_and_the_highest_never)
{
    for (uint32_t counter = 0; counter <= ACCESS_LFU_START; counter++)
        cr_assert_eq(access_touch_lfu(counter, 0, 10, 1, UINT64_MAX) & 0xff, counter + 1);
    cr_assert_eq(access_touch_lfu(255, 0, 0, 1, 0) & 0xff, 255);
}

Test(access, a_touch_decays_first_and_notes_the_minute)
{
    uint32_t access = access_touch_lfu(10 << 8 | 100, 50 * MINUTE, 10, 1, UINT64_MAX);

    cr_assert_eq(access >> 8, 50);
    cr_assert_eq(access & 0xff, 60);
}

Test(access, the_chance_to_count_follows_the_factor)
{
    const uint32_t rounds = 100000;
    uint32_t raised = 0;

    dice_seed();
    for (uint32_t round = 0; round < rounds; round++)
        raised += (access_touch_lfu(14, 0, 10, 1, dice_bits()) & 0xff) == 15;
    cr_assert_float_eq((double)raised / rounds, 1.0 / (9 * 10 + 1), 0.002);
}
