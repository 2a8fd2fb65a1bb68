/* Deadlines of one shard, beside a plain table of who is armed for when. */
#include "shards/timer.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "shards/loop.h"
#include "tests/support/dice.h"

enum { ALARMS = 40 };

/* A timer that notes when it rang. */
struct alarm {
    struct completion completion;
    struct timer timer;
    int rings, order;
    int64_t again_ms; /* armed for this when it rings, 0: not */
};

static struct memory memory;
static struct timers timers;
static struct alarm alarms[ALARMS];
static int rung;

static void ring(struct completion *completion)
{
    struct alarm *alarm = (struct alarm *)completion;

    cr_assert_not(alarm->timer.armed, "it is disarmed before it rings");
    alarm->rings++;
    alarm->order = rung++;
    if (alarm->again_ms)
        timer_arm(&timers, &alarm->timer, alarm->again_ms);
}

static void begin(void)
{
    timers_init(&timers, &memory);
    for (int i = 0; i < ALARMS; i++) {
        alarms[i] = (struct alarm){.completion.done = ring};
        alarms[i].timer.completion = &alarms[i].completion;
    }
}

static void end(void)
{
    timers_deinit(&timers);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(timer, .init = begin, .fini = end);

Test(timer, without_timers_nothing_is_due)
{
    cr_assert_eq(timers_next_ms(&timers), INT64_MAX);
    timers_run(&timers, INT64_MAX);
}

Test(timer, rings_at_its_deadline_and_not_before)
{
    timer_arm(&timers, &alarms[0].timer, 100);
    cr_assert_eq(timers_next_ms(&timers), 100);
    timers_run(&timers, 99);
    cr_assert_eq(alarms[0].rings, 0);
    timers_run(&timers, 100);
    cr_assert_eq(alarms[0].rings, 1);
    cr_assert_eq(timers_next_ms(&timers), INT64_MAX);
    timers_run(&timers, 100);
    cr_assert_eq(alarms[0].rings, 1);
}

Test(timer, earlier_deadlines_ring_first)
{
    timer_arm(&timers, &alarms[0].timer, 300);
    timer_arm(&timers, &alarms[1].timer, 100);
    timer_arm(&timers, &alarms[2].timer, 200);
    timers_run(&timers, 300);
    cr_assert_eq(alarms[1].order, 0);
    cr_assert_eq(alarms[2].order, 1);
    cr_assert_eq(alarms[0].order, 2);
}

Test(timer, arming_again_moves_the_deadline)
{
    timer_arm(&timers, &alarms[0].timer, 100);
    timer_arm(&timers, &alarms[0].timer, 200);
    cr_assert_eq(timers_next_ms(&timers), 200);
    timer_arm(&timers, &alarms[0].timer, 50);
    cr_assert_eq(timers_next_ms(&timers), 50);
    timers_run(&timers, 1000);
    cr_assert_eq(alarms[0].rings, 1);
}

Test(timer, several_may_have_one_deadline)
{
    for (int i = 0; i < 3; i++)
        timer_arm(&timers, &alarms[i].timer, 100);
    timer_disarm(&timers, &alarms[1].timer);
    timers_run(&timers, 100);
    cr_assert_eq(alarms[0].rings, 1);
    cr_assert_eq(alarms[1].rings, 0);
    cr_assert_eq(alarms[2].rings, 1);
}

Test(timer, disarming_what_is_not_armed_does_nothing)
{
    timer_disarm(&timers, &alarms[0].timer);
    timer_arm(&timers, &alarms[0].timer, 1);
    timer_disarm(&timers, &alarms[0].timer);
    timer_disarm(&timers, &alarms[0].timer);
    cr_assert_not(alarms[0].timer.armed);
    timers_run(&timers, 100);
    cr_assert_eq(alarms[0].rings, 0);
}

Test(timer, may_be_armed_again_while_it_rings)
{
    alarms[0].again_ms = 200;
    timer_arm(&timers, &alarms[0].timer, 100);
    timers_run(&timers, 150);
    cr_assert_eq(alarms[0].rings, 1);
    cr_assert_eq(timers_next_ms(&timers), 200);
    alarms[0].again_ms = 0;
    timers_run(&timers, 200);
    cr_assert_eq(alarms[0].rings, 2);
}

static int64_t model_next(const int64_t *deadlines)
{
    int64_t next = INT64_MAX;

    for (int i = 0; i < ALARMS; i++)
        if (deadlines[i] < next)
            next = deadlines[i];
    return next;
}

Test(timer, random_operations_agree_with_a_table)
{
    int64_t deadlines[ALARMS], now_ms = 0;
    int rings[ALARMS] = {0};

    dice_seed();
    for (int i = 0; i < ALARMS; i++)
        deadlines[i] = INT64_MAX;
    for (int step = 0; step < 5000; step++) {
        int which = (int)dice_below(ALARMS);

        switch (dice_below(4)) {
        case 0:
            now_ms += (int64_t)dice_below(20);
            timers_run(&timers, now_ms);
            for (int i = 0; i < ALARMS; i++)
                if (deadlines[i] <= now_ms) {
                    deadlines[i] = INT64_MAX;
                    rings[i]++;
                }
            break;
        case 1:
            timer_disarm(&timers, &alarms[which].timer);
            deadlines[which] = INT64_MAX;
            break;
        default:
            deadlines[which] = now_ms + (int64_t)dice_below(100);
            timer_arm(&timers, &alarms[which].timer, deadlines[which]);
            break;
        }
        cr_assert_eq(timers_next_ms(&timers), model_next(deadlines));
        for (int i = 0; i < ALARMS; i++)
            cr_assert_eq(alarms[i].rings, rings[i], "alarm %d at step %d", i, step);
    }
}
