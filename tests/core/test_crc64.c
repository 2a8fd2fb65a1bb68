/* The checksum beside one that goes bit by bit. */
#include "core/crc64.h"

#include <criterion/criterion.h>

#include "tests/support/dice.h"

static uint64_t bit_by_bit(struct str bytes)
{
    uint64_t checksum = 0;

    for (size_t i = 0; i < bytes.length; i++) {
        checksum ^= (uint8_t)bytes.bytes[i];
        for (int bit = 0; bit < 8; bit++)
            checksum = checksum >> 1 ^ (checksum & 1 ? 0x95ac9329ac4bc9b5 : 0);
    }
    return checksum;
}

Test(crc64, known_text_has_the_known_checksum)
{
    cr_assert_eq(crc64(0, STR("123456789")), 0xe9c6d914c4b8d9ca);
    cr_assert_eq(crc64(0, STR("")), 0);
}

Test(crc64, every_length_agrees_with_bit_by_bit)
{
    char bytes[100];

    dice_seed();
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)dice_below(256);
    for (size_t from = 0; from < 8; from++)
        for (size_t length = 0; from + length <= sizeof bytes; length++) {
            struct str text = {bytes + from, length};
            cr_assert_eq(crc64(0, text), bit_by_bit(text), "%zu bytes from %zu", length, from);
        }
}

Test(crc64, the_processor_and_the_tables_agree)
{
    char bytes[1000];

    dice_seed();
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)dice_below(256);
    for (size_t length = 0; length <= sizeof bytes; length++) {
        struct str text = {bytes + dice_below(sizeof bytes - length + 1), length};
        uint64_t before = dice_bits();

        cr_assert_eq(crc64(before, text), crc64_portable(before, text), "%zu bytes", length);
    }
}

Test(crc64, parts_give_the_checksum_of_the_whole)
{
    struct str whole = STR("what is cut in two has the same checksum as what is not");

    for (size_t cut = 0; cut <= whole.length; cut++) {
        uint64_t first = crc64(0, (struct str){whole.bytes, cut});
        cr_assert_eq(crc64(first, (struct str){whole.bytes + cut, whole.length - cut}), crc64(0, whole));
    }
}

Test(crc64, checksums_of_parts_join_to_that_of_the_whole)
{
    char bytes[5000];

    dice_seed();
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)dice_below(256);
    for (int round = 0; round < 200; round++) {
        size_t length = dice_below(sizeof bytes + 1), cut = dice_below(length + 1);
        uint64_t first = crc64(0, (struct str){bytes, cut}), second = crc64(0, (struct str){bytes + cut, length - cut});

        cr_assert_eq(crc64_join(first, second, length - cut), crc64(0, (struct str){bytes, length}), "%zu and %zu", cut,
                     length - cut);
    }
}

Test(crc64, parts_in_any_order_give_the_checksum_of_the_whole)
{
    char bytes[5000];
    size_t cuts[] = {0, 1, 700, 701, 2048, 2048, 4999, 5000};
    enum { PARTS = sizeof cuts / sizeof cuts[0] - 1 };
    uint64_t sum = 0;

    dice_seed();
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)dice_below(256);
    for (int first = (int)dice_below(PARTS), i = 0; i < PARTS; i++) {
        size_t begin = cuts[(first + 3 * i) % PARTS], end = cuts[(first + 3 * i) % PARTS + 1];

        sum ^= crc64_share(crc64(0, (struct str){bytes + begin, end - begin}), end);
    }
    cr_assert_eq(crc64_of_shares(sum, sizeof bytes), crc64(0, (struct str){bytes, sizeof bytes}));
}
