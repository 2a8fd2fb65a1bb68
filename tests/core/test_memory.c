#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>

#include "core/memory.h"
#include "tests/support/dice.h"

enum { BLOCKS = 200 };

Test(memory, counter_is_the_sum_of_live_blocks)
{
    struct memory memory = {0};
    void *blocks[BLOCKS] = {0};

    dice_seed();
    for (int i = 0; i < 20000; i++) {
        int at = (int)dice_below(BLOCKS);
        size_t bytes = dice_below(5000), sum = 0;
        if (dice_below(2)) {
            memory_free(&memory, blocks[at]);
            blocks[at] = NULL;
        } else {
            blocks[at] = memory_resize(&memory, blocks[at], bytes);
            cr_assert_geq(memory_block_bytes(blocks[at]), bytes);
        }
        for (int k = 0; k < BLOCKS; k++)
            sum += blocks[k] ? memory_block_bytes(blocks[k]) : 0;
        cr_assert_eq(memory.used_bytes, sum);
        cr_assert_geq(memory.peak_bytes, sum);
    }
    for (int k = 0; k < BLOCKS; k++)
        memory_free(&memory, blocks[k]);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(memory, resizing_keeps_the_bytes_and_size_zero_is_a_block)
{
    struct memory memory = {0};
    char *block = memory_resize(&memory, NULL, 5);

    memcpy(block, "abcd", 5);
    block = memory_resize(&memory, block, 100000);
    cr_assert_str_eq(block, "abcd");
    block = memory_resize(&memory, block, 0);
    cr_assert_not_null(block);
    memory_free(&memory, block);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(memory, zeroed_and_aligned_blocks_are_what_they_say)
{
    struct memory memory = {0};
    unsigned char *dirty = memory_alloc(&memory, 4096);

    memset(dirty, 0xff, 4096);
    memory_free(&memory, dirty);
    unsigned char *zeroed = memory_alloc_zeroed(&memory, 4096);
    for (int i = 0; i < 4096; i++)
        cr_assert_eq(zeroed[i], 0);
    memory_free(&memory, zeroed);
    for (size_t aligned = 8; aligned <= 4096; aligned *= 2) {
        void *block = memory_alloc_aligned(&memory, 100, aligned);
        cr_assert_eq((uintptr_t)block % aligned, 0);
        memory_free(&memory, block);
    }
    memory_free(&memory, NULL);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(memory, recharging_moves_the_account)
{
    struct memory from = {0}, to = {0};
    void *block = memory_alloc(&from, 1000);
    size_t bytes = from.used_bytes;

    memory_recharge(&from, &to, block);
    cr_assert_eq(from.used_bytes, 0);
    cr_assert_eq(to.used_bytes, bytes);
    cr_assert_eq(to.peak_bytes, bytes);
    memory_recharge(&to, NULL, block);
    cr_assert_eq(to.used_bytes, 0);
    memory_recharge(NULL, &to, block);
    memory_free(&to, block);
    cr_assert_eq(to.used_bytes, 0);
}

Test(memory, a_charge_counts_for_every_account_above)
{
    struct memory root = {0}, middle, leaf;
    void *block;

    memory_init(&middle, &root);
    memory_init(&leaf, &middle);
    block = memory_alloc(&leaf, 1000);
    size_t bytes = leaf.used_bytes;
    cr_assert_geq(bytes, 1000);
    cr_assert_eq(middle.used_bytes, bytes);
    cr_assert_eq(root.used_bytes, bytes);
    cr_assert_eq(root.peak_bytes, bytes);
    block = memory_resize(&leaf, block, 5000);
    cr_assert_eq(root.used_bytes, leaf.used_bytes);
    memory_recharge(&leaf, &middle, block);
    cr_assert_eq(leaf.used_bytes, 0);
    cr_assert_eq(middle.used_bytes, root.used_bytes);
    memory_free(&middle, block);
    cr_assert_eq(middle.used_bytes, 0);
    cr_assert_eq(root.used_bytes, 0);
    cr_assert_geq(root.peak_bytes, 5000);
}

Test(memory, an_account_moves_with_all_that_it_was_charged)
{
    struct memory from = {0}, to = {0}, account;
    void *kept = memory_alloc(&from, 300), *block;

    memory_init(&account, &from);
    block = memory_alloc(&account, 1000);
    memory_move_account(&account, &to);
    cr_assert_eq(from.used_bytes, memory_block_bytes(kept));
    cr_assert_eq(to.used_bytes, account.used_bytes);
    cr_assert_eq(to.peak_bytes, account.used_bytes);
    memory_move_account(&account, NULL);
    cr_assert_eq(to.used_bytes, 0);
    memory_free(&account, block);
    cr_assert_eq(account.used_bytes, 0);
    memory_free(&from, kept);
}

Test(memory, an_account_in_its_own_block_ends_with_it)
{
    struct memory parent = {0};
    struct memory *account = memory_alloc_account(&parent, 200);

    cr_assert_eq(account->used_bytes, memory_block_bytes(account));
    cr_assert_eq(parent.used_bytes, account->used_bytes);
    memory_free(account, memory_alloc(account, 50));
    for (size_t at = sizeof(*account); at < 200; at++)
        cr_assert_eq(((char *)account)[at], 0);
    memory_free(account, account);
    cr_assert_eq(parent.used_bytes, 0);
}

Test(memory, absurd_size_aborts, .signal = SIGABRT)
{
    struct memory memory = {0};

    memory_alloc(&memory, SIZE_MAX - 8);
}
