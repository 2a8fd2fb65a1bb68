/* The shard's clock, whatever the system's does. */
#include "shards/shard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/keyspace.h"
#include "tests/support/shards/group_run.h"

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

Test(shard_clock, no_deadline_comes_before_what_is_due_has_been_executed)
{
    static struct group_run run;
    struct group_client *client;
    struct shard *first;

    group_run_init(&run, 2, NULL);
    client = group_connect(&run, 0);
    first = run.group.shards[0];
    group_ask_format(client, "SET %s x PX 100", group_key(&run, 0, 0));
    group_settle(&run);
    group_forget(client);
    first->port.urgent_count++; /* as if its news found no room */
    for (int i = 0; i < 2; i++)
        run.loops[i].time_us += 200000;
    group_turns(&run);
    group_turns(&run);
    cr_assert_eq(keyspace_count(first->core.keyspace, 0), 1, "a read of before may be among what is due");
    first->port.urgent_count--;
    group_turns(&run);
    cr_assert_eq(keyspace_count(first->core.keyspace, 0), 0);
    group_run_deinit(&run);
}

/* An item may cost as much as a few hundred others, where its page goes back to the system. All of a bucket go at once.
 */
Test(shard_clock, what_is_freed_looks_at_the_clock_each_few_items)
{
    enum { FIELDS = 5000, AT_ONCE = 50, ITEMS_MOST = 64 };
    static struct group_run run;
    struct group_client *client;
    struct keyspace *keyspace;
    size_t left;

    group_run_init(&run, 1, NULL);
    client = group_connect(&run, 0);
    keyspace = run.group.shards[0]->core.keyspace;
    for (int i = 0; i < FIELDS; i += AT_ONCE) {
        char line[AT_ONCE * 16] = "HSET h";

        for (int j = i; j < i + AT_ONCE; j++)
            sprintf(line + strlen(line), " field:%d v", j);
        group_ask_format(client, "%s", line);
        group_turns(&run);
        group_forget(client);
    }
    run.loops[0].tick_us = 300; /* what a turn has for it, and more */
    group_ask_format(client, "UNLINK h");
    group_turns(&run);
    left = keyspace_reclaim(keyspace, 0);
    cr_assert_geq(left, FIELDS - ITEMS_MOST);
    for (size_t before = left; left > 0; before = left) {
        group_turns(&run);
        left = keyspace_reclaim(keyspace, 0);
        cr_assert_lt(left, before);
        cr_assert_leq(before - left, ITEMS_MOST);
    }
    group_run_deinit(&run);
}
