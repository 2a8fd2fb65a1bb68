#include "core/pool.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/memory.h"
#include "tests/support/dice.h"

enum { BLOCKS = 20000, DIRECT = 1024, BYTES_MOST = 140 };

static struct memory memory;
static struct pool pool;
static struct {
    unsigned char *bytes;
    size_t length;
} blocks[BLOCKS];

static void start(void)
{
    dice_seed();
    pool_init(&pool, &memory);
}

TestSuite(pool, .init = start);

static void take(size_t at, size_t length)
{
    blocks[at].bytes = pool_alloc(&pool, length);
    blocks[at].length = length;
    cr_assert_eq((uintptr_t)blocks[at].bytes % 8, 0);
    memset(blocks[at].bytes, (int)(at % 251), length);
}

/* Nobody else has written to it. */
static void give_back(size_t at)
{
    for (size_t i = 0; i < blocks[at].length; i++)
        cr_assert_eq(blocks[at].bytes[i], at % 251);
    pool_free(&pool, blocks[at].bytes, blocks[at].length);
    blocks[at].bytes = NULL;
}

Test(pool, blocks_of_all_sizes_do_not_overlap_and_all_is_returned)
{
    for (int step = 0; step < 400000; step++) {
        size_t at = dice_below(BLOCKS);

        if (blocks[at].bytes == NULL)
            take(at, 1 + dice_below(BYTES_MOST));
        else
            give_back(at);
    }
    for (size_t at = 0; at < BLOCKS; at++)
        if (blocks[at].bytes != NULL)
            give_back(at);
    cr_assert_eq(pool.count, 0);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(pool, a_block_takes_little_more_than_was_asked_for)
{
    for (size_t length = 17; length <= 120; length++) {
        size_t before = memory.used_bytes, rounded = (length + 7) / 8 * 8;

        for (size_t at = 0; at < BLOCKS; at++)
            take(at, length);
        double each = (double)(memory.used_bytes - before) / BLOCKS;
        cr_assert_leq(each, (double)rounded * 1.05, "%zu takes %.1f", length, each);
        for (size_t at = 0; at < BLOCKS; at++)
            give_back(at);
        cr_assert_eq(memory.used_bytes, 0);
    }
}

Test(pool, the_first_blocks_cost_no_chunk)
{
    for (size_t at = 0; at < DIRECT; at++)
        take(at, 24);
    cr_assert_leq(memory.used_bytes, DIRECT * 32);
    take(DIRECT, 24);
    cr_assert_gt(memory.used_bytes, DIRECT * 24 + 16000);
    give_back(DIRECT);
    cr_assert_leq(memory.used_bytes, DIRECT * 32);
    for (size_t at = 0; at < DIRECT; at++)
        give_back(at);
}

Test(pool, chunks_are_returned_as_they_empty)
{
    for (size_t at = 0; at < BLOCKS; at++)
        take(at, 40);
    size_t full = memory.used_bytes;
    for (size_t at = 0; at < BLOCKS / 2; at++)
        give_back(at);
    cr_assert_lt(memory.used_bytes, full * 6 / 10);
    for (size_t at = 0; at < BLOCKS / 2; at++)
        take(at, 40);
    cr_assert_lt(memory.used_bytes, full + 50000);
    for (size_t at = 0; at < BLOCKS; at++)
        give_back(at);
    cr_assert_eq(memory.used_bytes, 0);
}
