#include <criterion/criterion.h>

#include "core/memory.h"
#include "shards/durable.h"

static struct memory memory;
static struct durable durable;
static uint64_t lasts[3];
static struct durable_claim claim = {.last = lasts};

static void set_up(void)
{
    durable_init(&durable, &memory, 3);
}

static void tear_down(void)
{
    durable_deinit(&durable, &memory);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(durable, .init = set_up, .fini = tear_down);

Test(durable, what_is_known_is_what_all_have_executed)
{
    durable_reach(&durable, 0, 10);
    durable_reach(&durable, 1, 7);
    cr_assert_eq(durable_known(&durable), 0);
    durable_reach(&durable, 2, 9);
    cr_assert_eq(durable_known(&durable), 7);
}

Test(durable, what_a_shard_has_executed_never_falls)
{
    for (int i = 0; i < 3; i++)
        durable_reach(&durable, i, 5);
    durable_reach(&durable, 1, 4);
    durable_reach(&durable, 1, 0); /* it can't tell in this turn */
    cr_assert_eq(durable_known(&durable), 5);
}

Test(durable, an_answer_may_show_the_last_record_of_any_shard)
{
    cr_assert_eq(durable_newest(&durable), 0);
    durable_note(&durable, 1, 8);
    durable_note(&durable, 2, 6);
    cr_assert_eq(durable_newest(&durable), 8);
}

Test(durable, a_claim_holds_when_all_that_it_names_is_on_disk)
{
    for (int i = 0; i < 3; i++)
        durable_reach(&durable, i, 9);
    durable_note(&durable, 0, 8);
    durable_note(&durable, 2, 6);
    durable_claim(&durable, &claim, 0);
    cr_assert_eq(claim.known, 9);
    durable_synced(&durable, 0, 8);
    cr_assert_not(durable_claim_holds(&durable, &claim));
    durable_synced(&durable, 2, 5);
    cr_assert_not(durable_claim_holds(&durable, &claim));
    durable_synced(&durable, 2, 6);
    cr_assert(durable_claim_holds(&durable, &claim));
}

Test(durable, what_lies_in_an_earlier_segment_is_not_named_in_the_newest)
{
    durable_note(&durable, 1, 5);
    durable_begin_segment(&durable, 1, 1, 5);
    durable_note(&durable, 2, 6);
    durable_claim(&durable, &claim, 0);
    cr_assert_eq(durable_last_in_segment(&durable, &claim, 1, 1), 0);
    cr_assert_eq(durable_last_in_segment(&durable, &claim, 1, 0), 5, "to the generation before it is its own");
    cr_assert_eq(durable_last_in_segment(&durable, &claim, 2, 1), 6);
    cr_assert_not(durable_claim_holds(&durable, &claim), "it has to be synced all the same");
}

/* Between its end in one generation and its begin in the next it has recorded nothing. */
Test(durable, a_journal_that_has_begun_anew_says_no_more_of_generations_before)
{
    for (int i = 0; i < 3; i++)
        durable_reach(&durable, i, 4);
    durable_begin_anew(&durable, 1, 1);
    for (int i = 0; i < 3; i++)
        durable_reach(&durable, i, 9);
    durable_claim(&durable, &claim, 0);
    cr_assert_eq(claim.known, 4);
    durable_claim(&durable, &claim, 1);
    cr_assert_eq(claim.known, 9);
}

Test(durable, what_is_safe_never_falls)
{
    durable_raise(&durable, 9);
    durable_raise(&durable, 4);
    cr_assert_eq(durable_safe(&durable), 9);
}

static void count(void *context, int shard)
{
    ((int *)context)[shard]++;
}

Test(durable, who_waits_is_woken)
{
    int visits[3] = {0};

    durable_each_waiting(&durable, count, visits);
    durable_wait(&durable, 1, true);
    durable_wait(&durable, 1, true);
    durable_each_waiting(&durable, count, visits);
    durable_wait(&durable, 1, false);
    durable_each_waiting(&durable, count, visits);
    cr_assert_eq(visits[0] + visits[2], 0);
    cr_assert_eq(visits[1], 1);
}
