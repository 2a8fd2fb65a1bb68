/* What is passed over is what would be read, in every layout; what is cut lacks
 * bytes, and what is wrong does not. */
#include "core/rdb_skip.h"

#include <criterion/criterion.h>

#include "core/rdb_format.h"
#include "tests/support/rdb_samples.h"

enum { SAMPLES = sizeof rdb_samples / sizeof rdb_samples[0] };

/* The bytes behind the type, of which so many are there. */
static struct rdb_reader reader_of(struct str sample, size_t length)
{
    return rdb_reader_of((struct str){sample.bytes + 1, length}, 512 << 20);
}

Test(rdb_skip, every_layout_is_passed_over_as_a_whole)
{
    for (int i = 0; i < SAMPLES; i++) {
        struct str sample = rdb_samples[i].bytes;
        struct rdb_reader reader = reader_of(sample, sample.length - 1);

        cr_assert(rdb_skip_knows((uint8_t)sample.bytes[0]), "%s", rdb_samples[i].name);
        cr_assert(rdb_skip_value(&reader, (uint8_t)sample.bytes[0]), "%s", rdb_samples[i].name);
        cr_assert_eq(rdb_left(&reader), 0, "%s", rdb_samples[i].name);
    }
}

Test(rdb_skip, what_is_cut_lacks_bytes)
{
    for (int i = 0; i < SAMPLES; i++) {
        struct str sample = rdb_samples[i].bytes;

        for (size_t length = 0; length < sample.length - 1; length++) {
            struct rdb_reader reader = reader_of(sample, length);

            cr_assert_not(rdb_skip_value(&reader, (uint8_t)sample.bytes[0]));
            cr_assert(reader.lacking > 0 && reader.lacking < sample.length, "%s, cut at %zu", rdb_samples[i].name,
                      length);
        }
    }
}

Test(rdb_skip, what_a_module_wrote_is_passed_over_part_by_part)
{
    static const struct str wrote = STR("\x81\1\2\3\4\5\6\7\x08" /* which module */
                                        "\1\x40\xff"             /* a signed number */
                                        "\2\x07"
                                        "\3abcd"
                                        "\4abcdefgh"
                                        "\5\3str"
                                        "\0"
                                        "rest");
    struct rdb_reader reader = rdb_reader_of(wrote, 512 << 20);

    cr_assert(rdb_skip_value(&reader, RDB_MODULE));
    cr_assert_eq(rdb_left(&reader), 4);
}

Test(rdb_skip, what_is_wrong_lacks_nothing)
{
    static const struct {
        uint8_t type;
        struct str bytes;
    } cases[] = {
        {RDB_STRING, STR("\xc4xxxxx")},                            /* no such encoding */
        {RDB_STRING, STR("\x81\x7f\xff\xff\xff\xff\xff\xff\xff")}, /* longer than a string may be */
        {RDB_STRING, STR("\xc3\x03\x80\xff\xff\xff\xff")},         /* three bytes that are four billion */
        {RDB_LIST, STR("\xc0\1\1\1")},                             /* no count */
        {RDB_MODULE, STR("\1\6xxx")},                              /* no such part */
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rdb_reader reader = rdb_reader_of(cases[i].bytes, 512 << 20);

        cr_assert_not(rdb_skip_value(&reader, cases[i].type), "case %zu", i);
        cr_assert_eq(reader.lacking, 0, "case %zu", i);
    }
}

Test(rdb_skip, a_count_tells_at_once_how_many_bytes_are_lacking)
{
    struct rdb_reader reader = rdb_reader_of(STR("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\1a"), 512 << 20);

    cr_assert_not(rdb_skip_value(&reader, RDB_SET));
    cr_assert_eq(reader.lacking, (uint64_t)INT64_MAX - 2);
}

Test(rdb_skip, types_of_no_known_layout_are_not_known)
{
    cr_assert_not(rdb_skip_knows(RDB_MODULE_EARLY));
    cr_assert_not(rdb_skip_knows(8));
    cr_assert_not(rdb_skip_knows(RDB_HASH_LISTPACK_EXPIRING + 1));
    cr_assert_not(rdb_skip_knows(255));
}

Test(rdb_skip, a_module_is_named_by_nine_letters)
{
    char name[RDB_MODULE_NAME_MAX + 1];
    uint64_t module = 0;

    for (const char *letter = "MBbloom--"; *letter; letter++) {
        int index = *letter == '-' ? 62 : *letter <= 'Z' ? *letter - 'A' : *letter - 'a' + 26;
        module = module << 6 | (uint64_t)index;
    }
    rdb_module_name(module << 10 | 4, name);
    cr_assert_str_eq(name, "MBbloom--");
}
