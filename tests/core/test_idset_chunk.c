#include "core/idset.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/memory.h"
#include "tests/support/dice.h"

static bool has(const uint64_t *words, uint32_t low)
{
    return words[low / 64] >> low % 64 & 1;
}

/* None, few, runs, many or all values of a chunk. */
static void fill(uint64_t *words)
{
    uint64_t kind = dice_below(5);

    memset(words, kind == 4 ? 0xff : 0, IDSET_CHUNK_VALUES / 8);
    for (int i = 0; kind == 1 && i < 100; i++)
        words[dice_below(IDSET_CHUNK_WORDS)] |= UINT64_C(1) << dice_below(64);
    for (size_t i = 0; kind == 2 && i < 300; i++)
        words[i + 10] = UINT64_MAX;
    for (size_t i = 0; kind == 3 && i < IDSET_CHUNK_WORDS; i++)
        words[i] = dice_bits();
}

static void check_chunk(const struct idset *set, uint16_t key, const uint64_t *expected)
{
    uint64_t words[IDSET_CHUNK_WORDS];
    uint32_t first = (uint32_t)key * IDSET_CHUNK_VALUES;
    uint64_t count = 0;

    for (uint32_t low = 0; low < IDSET_CHUNK_VALUES; low++) {
        count += has(expected, low);
        if (low % 61 == 0)
            cr_assert_eq(idset_contains(set, first + low), has(expected, low));
    }
    cr_assert_eq(idset_count_range(set, first, first + (IDSET_CHUNK_VALUES - 1)), count);
    cr_assert_eq(idset_read_chunk(set, key, words), count > 0);
    cr_assert(count == 0 || memcmp(words, expected, sizeof words) == 0);
}

Test(idset_chunk, chunks_are_read_as_they_were_written_over_each_other)
{
    static const uint16_t keys[] = {0, 1, 7, UINT16_MAX};
    static uint64_t expected[4][IDSET_CHUNK_WORDS];
    struct memory memory = {0};
    struct idset *set = idset_create(&memory);

    dice_seed();
    for (int round = 0; round < 200; round++) {
        size_t at = dice_below(4);

        fill(expected[at]);
        idset_write_chunk(set, keys[at], expected[at]);
        for (size_t i = 0; i < 4; i++)
            check_chunk(set, keys[i], expected[i]);
    }
    idset_destroy(set);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(idset_chunk, what_is_added_one_by_one_is_read_as_a_chunk)
{
    struct memory memory = {0};
    struct idset *set = idset_create(&memory);
    uint64_t words[IDSET_CHUNK_WORDS];

    cr_assert(!idset_read_chunk(set, 3, words));
    for (uint32_t i = 0; i < IDSET_CHUNK_VALUES; i += 3)
        idset_add(set, 3u * IDSET_CHUNK_VALUES + i);
    cr_assert(idset_read_chunk(set, 3, words));
    for (uint32_t i = 0; i < IDSET_CHUNK_VALUES; i++)
        cr_assert_eq(has(words, i), i % 3 == 0);
    idset_destroy(set);
}

Test(idset_chunk, a_written_chunk_takes_no_more_than_it_needs)
{
    struct memory memory = {0};
    struct idset *set = idset_create(&memory);
    uint64_t words[IDSET_CHUNK_WORDS];
    size_t empty = idset_bytes(set);

    memset(words, 0xff, sizeof words);
    idset_write_chunk(set, 9, words);
    cr_assert(idset_bytes(set) < empty + 100, "one run");
    memset(words, 0, sizeof words);
    words[5] = 1;
    idset_write_chunk(set, 9, words);
    cr_assert(idset_bytes(set) < empty + 100, "one value");
    idset_destroy(set);
}
