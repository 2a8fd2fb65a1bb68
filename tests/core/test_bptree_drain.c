#include "core/bptree.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "tests/support/dice.h"

static void fill_tree(struct bptree *tree, struct memory *memory, size_t count)
{
    bptree_init(tree, memory, NULL);
    for (uint64_t at = 0; at < count; at++) {
        struct bptree_item item = {dice_below(1000), at};

        cr_assert(bptree_insert(tree, item, &item.payload));
    }
}

static void drain_tree_of(size_t count, size_t most)
{
    struct memory memory = {0};
    struct bptree tree;
    size_t before, left;

    fill_tree(&tree, &memory, count);
    do {
        before = tree.count;
        left = bptree_drain(&tree, most);
        cr_assert_eq(left, tree.count);
        cr_assert(left == 0 || before - left >= most);
        cr_assert_lt(before - left, most + 64);
    } while (left > 0);
    cr_assert_eq(memory.used_bytes, 0);
    cr_assert_eq(bptree_bytes(&tree), 0);
}

Test(bptree_drain, drops_about_as_many_as_said_until_none_is_left)
{
    dice_seed();
    for (size_t count = 0; count < 30000; count = count * 3 + 1)
        for (size_t most = 1; most <= 10000; most *= 10)
            drain_tree_of(count, most);
}

Test(bptree_drain, a_tree_that_is_partly_drained_can_be_freed)
{
    struct memory memory = {0};
    struct bptree tree;

    dice_seed();
    fill_tree(&tree, &memory, 5000);
    bptree_drain(&tree, 3000);
    bptree_deinit(&tree);
    cr_assert_eq(memory.used_bytes, 0);
}
