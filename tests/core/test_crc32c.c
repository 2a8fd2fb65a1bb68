#include "core/crc32c.h"

#include <criterion/criterion.h>

#include "tests/support/dice.h"

Test(crc32c, known_texts_have_the_known_checksums)
{
    char zeros[32] = {0};

    cr_assert_eq(crc32c(0, STR("123456789")), 0xe3069283);
    cr_assert_eq(crc32c(0, (struct str){zeros, sizeof zeros}), 0x8a9136aa);
    cr_assert_eq(crc32c(0, STR("")), 0);
}

Test(crc32c, the_processor_and_the_table_agree_and_parts_give_the_checksum_of_the_whole)
{
    char bytes[100];

    dice_seed();
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)dice_below(256);
    for (size_t length = 0; length <= sizeof bytes; length++)
        for (size_t cut = 0; cut <= length; cut++) {
            uint32_t first = crc32c(0, (struct str){bytes, cut});
            uint32_t whole = crc32c(first, (struct str){bytes + cut, length - cut});

            cr_assert_eq(whole, crc32c_portable(0, (struct str){bytes, length}), "%zu, cut at %zu", length, cut);
        }
}
