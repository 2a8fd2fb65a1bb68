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

/* Each payload below `count` is told once. */
struct seen {
    bool *payloads;
    size_t count;
};

static void note_item(void *context, struct bptree_item item)
{
    struct seen *seen = context;

    cr_assert_not(seen->payloads[item.payload]);
    seen->payloads[item.payload] = true;
    seen->count++;
}

static void drain_tree_of(size_t count, size_t most)
{
    struct memory memory = {0};
    struct bptree tree;
    size_t before, left;
    struct seen seen = {calloc(count + 1, sizeof(bool)), 0};

    fill_tree(&tree, &memory, count);
    do {
        before = tree.count;
        left = bptree_drain(&tree, most, note_item, &seen);
        cr_assert_eq(left, tree.count);
        cr_assert_eq(seen.count, count - left);
        cr_assert(left == 0 || before - left >= most);
        cr_assert_lt(before - left, most + 64);
    } while (left > 0);
    cr_assert_eq(memory.used_bytes, 0);
    cr_assert_eq(bptree_bytes(&tree), 0);
    free(seen.payloads);
}

Test(bptree_drain, drops_and_tells_about_as_many_as_said_until_none_is_left)
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
    bptree_drain(&tree, 3000, NULL, NULL);
    bptree_deinit(&tree);
    cr_assert_eq(memory.used_bytes, 0);
}
