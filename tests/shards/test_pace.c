/* What work that can wait takes of a shard's time. */
#include "shards/pace.h"

#include <criterion/criterion.h>

#include "tests/support/dice.h"

static struct pace pace;
static int64_t now_us;

static void begin(void)
{
    pace = (struct pace){.looked_us = 0};
    now_us = 1000000;
    cr_assert_eq(pace_begin(&pace, now_us), 0, "nothing has been earned yet");
}

TestSuite(pace, .init = begin);

/* A slice of all that it may take; then others go on for so long. Returns how long it took. */
static int64_t slice(int64_t others_us)
{
    int64_t may_us = pace_begin(&pace, now_us);

    now_us += may_us;
    pace_end(&pace, now_us);
    now_us += others_us;
    return may_us;
}

Test(pace, it_has_its_share_and_no_more_however_often_it_looks)
{
    enum { TURNS = 100000 };

    dice_seed();
    for (int others_us = 1; others_us <= 64; others_us *= 2) {
        int64_t spent_us = 0, began_us = now_us;

        for (int i = 0; i < TURNS; i++)
            spent_us += slice((int64_t)dice_below(2 * (uint64_t)others_us + 1));
        cr_assert_leq(spent_us, (now_us - began_us) / PACE_SHARE + PACE_MOST_US);
        cr_assert_geq(spent_us, (now_us - began_us) / PACE_SHARE * 95 / 100, "%lld of %lld", (long long)spent_us,
                      (long long)(now_us - began_us));
    }
}

Test(pace, a_slice_is_neither_longer_nor_shorter_than_is_good)
{
    dice_seed();
    for (int i = 0; i < 100000; i++) {
        int64_t may_us = slice((int64_t)dice_below(1000));

        cr_assert(may_us == 0 || (may_us >= PACE_LEAST_US && may_us <= PACE_MOST_US));
    }
}

Test(pace, what_was_not_used_for_long_is_not_made_up_for)
{
    now_us += 60 * 1000000;
    cr_assert_eq(slice(0), PACE_MOST_US);
    cr_assert_eq(slice(0), 0);
}

Test(pace, what_nobody_waited_for_is_spent_too_but_leaves_no_debt)
{
    now_us += PACE_MOST_US * PACE_SHARE;
    cr_assert_eq(pace_begin(&pace, now_us), PACE_MOST_US);
    now_us += 500;
    pace_end(&pace, now_us);
    cr_assert_eq(pace_begin(&pace, now_us), 0);
    now_us += 500;
    pace_end(&pace, now_us);
    cr_assert_eq(pace_begin(&pace, now_us), 0);
    now_us += PACE_LEAST_US * PACE_SHARE;
    cr_assert_eq(pace_begin(&pace, now_us), PACE_LEAST_US);
}
