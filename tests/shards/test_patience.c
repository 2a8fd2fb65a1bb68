/* How long a group waits for those who are about to add to it. */
#include "shards/patience.h"

#include <criterion/criterion.h>

enum { NOW_US = 1000000, SYNC_US = 4000 };

/* Behind a sync of that time that has answered so many, and none came meanwhile, with one in the group that is open. */
static int64_t waits_us(struct patience *patience, uint64_t answered, int64_t sync_us)
{
    patience_begin(patience, answered, 0, NOW_US, sync_us);
    patience->executed = 1;
    cr_assert_not(patience_lasts(patience, patience->until_us));
    cr_assert_eq(patience_lasts(patience, patience->until_us - 1), answered > 1);
    return patience->until_us - NOW_US;
}

Test(patience, it_lasts_until_those_have_come_who_were_answered_and_those_who_came_meanwhile)
{
    struct patience patience = {.executed = 2};

    patience_begin(&patience, 3, patience.executed, NOW_US, SYNC_US);
    for (; patience.executed < 5; patience.executed++)
        cr_assert(patience_lasts(&patience, NOW_US));
    cr_assert_not(patience_lasts(&patience, NOW_US));
    cr_assert_eq(patience_end(&patience), 5);
    cr_assert_eq(patience.executed, 0);
    cr_assert_not(patience_lasts(&patience, NOW_US), "nothing is in the group");
}

Test(patience, it_takes_what_they_need_if_that_is_less_than_the_sync_took_else_a_part_of_that)
{
    struct patience patience = {0};

    cr_assert_eq(waits_us(&patience, 30, SYNC_US), 30 * PATIENCE_CALL_US);
    cr_assert_eq(waits_us(&patience, 2, SYNC_US), SYNC_US / PATIENCE_PART, "a small part of it in any case");
    cr_assert_eq(waits_us(&patience, 300, SYNC_US), SYNC_US / PATIENCE_PART);
    cr_assert_eq(waits_us(&patience, 200, SYNC_US), PATIENCE_MOST_US);
    cr_assert_eq(waits_us(&patience, 2, 1000 * SYNC_US), PATIENCE_MOST_US);
    cr_assert_eq(waits_us(&patience, UINT64_MAX, SYNC_US), SYNC_US / PATIENCE_PART);
}

Test(patience, after_it_was_in_vain_some_groups_pass_with_little_of_it)
{
    struct patience patience = {0};
    int passed = 0;

    waits_us(&patience, 30, SYNC_US);
    cr_assert_eq(patience_end(&patience), 1);
    for (; waits_us(&patience, 30, SYNC_US) < 30 * PATIENCE_CALL_US; passed++)
        cr_assert_eq(patience_end(&patience), 1);
    cr_assert_eq(passed, PATIENCE_PASSED_OVER);
    patience_end(&patience);
    waits_us(&patience, 1, SYNC_US);
    patience_end(&patience);
    cr_assert_eq(waits_us(&patience, 30, SYNC_US), 30 * PATIENCE_CALL_US, "all have come");
}

Test(patience, a_group_with_nothing_in_it_says_nothing_of_those_who_stay_away)
{
    struct patience patience = {0};

    patience_begin(&patience, 30, 0, NOW_US, SYNC_US);
    cr_assert_eq(patience_end(&patience), 0);
    cr_assert_eq(waits_us(&patience, 30, SYNC_US), 30 * PATIENCE_CALL_US);
}
