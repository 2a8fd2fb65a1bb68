/* How a shard that exchanges messages waits for more. */
#include <criterion/criterion.h>

#include "tests/support/shards/group_run.h"

enum { SPIN_US = 10 };

static struct group_run run;
static struct group_client *client;

static void open_group(void)
{
    group_run_init(&run, 2, NULL);
    client = group_connect(&run, 1);
}

/* How often shard 0 looks at a clock in the turn after one in which it has executed a message from another shard, when
 * each look takes so long. */
static int64_t looks_after_message(int64_t look_us)
{
    struct fake_loop *loop = &run.loops[0];
    int64_t began_us;

    group_ask_format(client, "GET %s", group_key(&run, 0, 0));
    run.group.shards[0]->core.config.spin_us = 0; /* the clock stands still */
    group_turn(&run, 1);
    group_turn(&run, 0);
    run.group.shards[0]->core.config.spin_us = SPIN_US;
    began_us = loop->time_us;
    loop->tick_us = look_us;
    group_turn(&run, 0);
    loop->tick_us = 0;
    run.group.shards[0]->core.config.spin_us = 0;
    return (loop->time_us - began_us) / look_us;
}

static void answer(void)
{
    group_settle(&run);
    group_forget(client);
}

Test(spin, looks_for_as_long_as_it_may_while_yields_come_back_at_once)
{
    open_group();
    for (int i = 0; i < 3; i++) {
        cr_assert_geq(looks_after_message(1), SPIN_US);
        answer();
    }
    group_run_deinit(&run);
}

Test(spin, rests_after_a_yield_that_took_a_whole_slice_of_another_process)
{
    int64_t looks;

    open_group();
    looks_after_message(2000);
    answer();
    looks = looks_after_message(1);
    cr_assert_lt(looks, SPIN_US, "looked %ld times", (long)looks);
    answer();
    run.loops[0].time_us += 1000000;
    cr_assert_geq(looks_after_message(1), SPIN_US, "it does not rest for ever");
    answer();
    group_run_deinit(&run);
}
