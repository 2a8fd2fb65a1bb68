#include "core/bits.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/dice.h"

/* The model looks at one bit after the other. */
enum { BYTES = 300 };

static bool bit_of(const char *bytes, uint64_t at)
{
    return (uint8_t)bytes[at / 8] >> (7 - at % 8) & 1;
}

/* Mostly runs of equal bytes, as words that are skipped should be met. */
static void fill(char *bytes)
{
    for (size_t i = 0; i < BYTES; i++) {
        uint64_t roll = dice_below(20);

        bytes[i] = roll == 0 ? (char)dice_below(256) : roll < 4 ? (char)(roll % 2 ? 0xff : 0) : i ? bytes[i - 1] : 0;
    }
}

Test(bits, counting_and_finding_agree_with_a_look_at_every_bit)
{
    dice_seed();
    char bytes[BYTES];

    for (int round = 0; round < 3000; round++) {
        fill(bytes);
        uint64_t first = dice_below(BYTES * 8), last = first + dice_below(BYTES * 8 - first), count = 0;
        uint64_t expected[2] = {UINT64_MAX, UINT64_MAX}, found;

        for (uint64_t at = last + 1; at-- > first;) {
            count += bit_of(bytes, at);
            expected[bit_of(bytes, at)] = at;
        }
        cr_assert_eq(bits_count_range(bytes, first, last), count);
        for (int bit = 0; bit < 2; bit++) {
            cr_assert_eq(bits_find(bytes, bit, first, last, &found), expected[bit] != UINT64_MAX);
            cr_assert(expected[bit] == UINT64_MAX || found == expected[bit]);
        }
    }
}

Test(bits, all_bytes_are_counted_at_every_length_and_alignment)
{
    char bytes[BYTES];

    memset(bytes, 0xff, sizeof bytes);
    for (size_t at = 0; at < 9; at++)
        for (size_t length = 0; length + at <= BYTES; length++)
            cr_assert_eq(bits_count(bytes + at, length), length * 8);
}

Test(bits, a_number_is_read_as_it_was_written_and_nothing_else_changes)
{
    dice_seed();
    char bytes[BYTES], before[BYTES];

    for (int round = 0; round < 20000; round++) {
        unsigned width = 1 + (unsigned)dice_below(64);
        uint64_t offset = dice_below(BYTES * 8 - width + 1), value = dice_bits();
        uint64_t kept = width == 64 ? value : value & ((UINT64_C(1) << width) - 1);

        fill(bytes);
        memcpy(before, bytes, sizeof bytes);
        bits_write(bytes, offset, width, value);
        cr_assert_eq(bits_read(bytes, offset, width), kept);
        for (uint64_t at = 0; at < width; at++)
            cr_assert_eq(bit_of(bytes, offset + at), kept >> (width - 1 - at) & 1);
        bits_write(bytes, offset, width, bits_read(before, offset, width));
        cr_assert_arr_eq(bytes, before, sizeof bytes);
    }
}

Test(bits, a_mirrored_word_holds_bit_n_at_n)
{
    for (unsigned bit = 0; bit < 128; bit++) {
        char bytes[16] = {0};
        uint64_t words[2];

        bits_write(bytes, bit, 1, 1);
        memcpy(words, bytes, sizeof words);
        bits_mirror(words, 2);
        cr_assert_eq(words[bit / 64], UINT64_C(1) << bit % 64);
        cr_assert_eq(words[1 - bit / 64], 0);
    }
}

Test(bits, strings_are_combined_bit_by_bit)
{
    dice_seed();
    char a[BYTES], b[BYTES], c[BYTES], once[BYTES] = {0}, twice[BYTES] = {0};

    fill(a);
    fill(b);
    memcpy(c, a, BYTES), bits_and(c, b, BYTES);
    for (size_t i = 0; i < BYTES; i++)
        cr_assert_eq(c[i], (char)(a[i] & b[i]));
    memcpy(c, a, BYTES), bits_or(c, b, BYTES);
    for (size_t i = 0; i < BYTES; i++)
        cr_assert_eq(c[i], (char)(a[i] | b[i]));
    memcpy(c, a, BYTES), bits_xor(c, b, BYTES);
    for (size_t i = 0; i < BYTES; i++)
        cr_assert_eq(c[i], (char)(a[i] ^ b[i]));
    memcpy(c, a, BYTES), bits_andnot(c, b, BYTES);
    for (size_t i = 0; i < BYTES; i++)
        cr_assert_eq(c[i], (char)(a[i] & ~b[i]));
    memcpy(c, a, BYTES), bits_not(c, BYTES);
    bits_tally(once, twice, a, BYTES), bits_tally(once, twice, b, BYTES), bits_tally(once, twice, a, BYTES);
    for (size_t i = 0; i < BYTES; i++) {
        cr_assert_eq(c[i], (char)~a[i]);
        cr_assert_eq(once[i], (char)(a[i] | b[i]));
        cr_assert_eq(twice[i], a[i]);
    }
}
