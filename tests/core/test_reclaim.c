#include "core/reclaim.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "tests/support/bag.h"
#include "tests/support/dice.h"

static struct memory memory;
static struct reclaim reclaim;

static void start(void)
{
    reclaim_init(&reclaim, &memory);
}

TestSuite(reclaim, .init = start);

static void take_bag(size_t count)
{
    reclaim_take_value(&reclaim, &bag_kind, bag_create(&memory, 0, count));
}

Test(reclaim, a_small_value_goes_at_once)
{
    take_bag(64);
    cr_assert_eq(memory.used_bytes, 0);
    cr_assert_eq(reclaim_step(&reclaim, 1), 0);
}

Test(reclaim, a_large_value_goes_in_slices)
{
    size_t left = 100000, node_bytes;

    take_bag(left);
    node_bytes = memory.used_bytes / left;
    while (left > 0) {
        size_t before = memory.used_bytes, now = reclaim_step(&reclaim, 1000);

        cr_assert_eq(now, left > 1000 ? left - 1000 : 0);
        cr_assert_lt(before - memory.used_bytes, 1001 * (node_bytes + 1));
        left = now;
    }
    cr_assert_eq(memory.used_bytes, 0);
}

Test(reclaim, one_slice_may_end_several_values)
{
    take_bag(65);
    take_bag(70);
    take_bag(100);
    cr_assert_eq(reclaim_step(&reclaim, 0), 235);
    cr_assert_eq(reclaim_step(&reclaim, 200), 35);
    cr_assert_eq(reclaim_step(&reclaim, 200), 0);
    cr_assert_eq(memory.used_bytes, 0);
}

/* A bag that takes itself for smaller than it is. */
static size_t few_items(const void *value)
{
    return 70;
}

Test(reclaim, an_estimate_that_was_too_low_does_not_lengthen_the_slice)
{
    struct value_kind modest_kind = bag_kind;

    modest_kind.items = few_items;
    reclaim_take_value(&reclaim, &modest_kind, bag_create(&memory, 0, 1000));
    for (size_t left = 900; left > 0; left -= 100)
        cr_assert_eq(reclaim_step(&reclaim, 100), left);
    cr_assert_eq(reclaim_step(&reclaim, 100), 0);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(reclaim, what_is_left_is_the_sum_of_what_was_taken)
{
    size_t left = 0;

    dice_seed();
    for (int round = 0; round < 2000; round++) {
        size_t count = dice_below(300), most = dice_below(300);

        take_bag(count);
        left += count > 64 ? count : 0;
        left -= most < left ? most : left;
        cr_assert_eq(reclaim_step(&reclaim, most), left);
    }
    while (reclaim_step(&reclaim, 100) > 0)
        continue;
    cr_assert_eq(memory.used_bytes, 0);
}

Test(reclaim, a_large_value_is_one_object_until_its_last_item_has_gone)
{
    take_bag(64);
    cr_assert_eq(reclaim.objects, 0);
    take_bag(100);
    take_bag(100);
    cr_assert_eq(reclaim.objects, 2);
    reclaim_step(&reclaim, 99);
    cr_assert_eq(reclaim.objects, 2);
    reclaim_step(&reclaim, 1);
    cr_assert_eq(reclaim.objects, 1);
    reclaim_step(&reclaim, 100);
    cr_assert_eq(reclaim.objects, 0);
}
