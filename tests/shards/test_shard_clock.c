/* The shard's clock, whatever the system's does. */
#include "shards/shard.h"

#include <criterion/criterion.h>

#include "tests/support/shards/fake_loop.h"

static struct fake_loop fake;
static struct shard shard;

/* Both of the fake's clocks are one: a step of the system's clock is one that the monotonic clock did not make. */
static void step_system_clock(int64_t us)
{
    fake.time_us += us;
    shard.monotonic_us += us;
}

static void open_clock(void)
{
    fake_loop_init(&fake);
    shard = (struct shard){.loop = &fake.loop, .turn = 1, .now_us = fake.time_us, .monotonic_us = fake.time_us};
    shard_read_clock(&shard);
}

Test(shard_clock, follows_the_system_and_is_read_once_a_turn)
{
    open_clock();
    int64_t began_ms = shard_now_ms(&shard);

    fake.time_us += 250000;
    cr_assert_eq(shard_now_ms(&shard), began_ms);
    shard.turn++;
    cr_assert_eq(shard_now_ms(&shard), began_ms + 250);
}

Test(shard_clock, jumps_forward_with_the_system)
{
    open_clock();
    int64_t began_us = shard.now_us;

    step_system_clock(3600000000);
    shard_read_clock(&shard);
    cr_assert_eq(shard.now_us, began_us + 3600000000);
}

Test(shard_clock, never_goes_back_and_keeps_half_its_pace_until_the_system_has_caught_up)
{
    open_clock();
    int64_t began_us = shard.now_us;

    step_system_clock(-10000000);
    shard_read_clock(&shard);
    cr_assert_eq(shard.now_us, began_us);
    fake.time_us += 4000000;
    shard_read_clock(&shard);
    cr_assert_eq(shard.now_us, began_us + 2000000);
    fake.time_us += 20000000; /* the system's is ahead again */
    shard_read_clock(&shard);
    cr_assert_eq(shard.now_us, began_us + 14000000);
}
