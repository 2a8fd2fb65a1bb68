/* Lengths, strings and numbers in the RDB format: what is written reads back, in
 * the form that Redis gives it, and what is cut or claims too much is refused. */
#include "core/rdb_read.h"
#include "core/rdb_write.h"

#include <criterion/criterion.h>
#include <math.h>

#include "core/memory.h"
#include "tests/support/dice.h"

static struct memory memory;
static struct buffer written, scratch;
static struct rdb_writer writer = {&written, true};

static void begin(void)
{
    buffer_init(&written, &memory, NULL, 0);
    buffer_init(&scratch, &memory, NULL, 0);
}

static void end(void)
{
    buffer_deinit(&written);
    buffer_deinit(&scratch);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(rdb, .init = begin, .fini = end);

static void expect_written(struct str bytes)
{
    cr_assert(str_equal(buffer_str(&written), bytes), "%zu bytes written, %zu expected", written.length, bytes.length);
    written.length = 0;
}

static struct rdb_reader reader_of(struct str bytes)
{
    return rdb_reader_of(bytes, 512 << 20);
}

/* Every cut of what was written is refused. */
static void expect_string_read(struct str text)
{
    struct str read;

    for (size_t cut = 0; cut < written.length; cut += 1 + written.length / 50) {
        struct rdb_reader reader = reader_of((struct str){written.bytes, cut});
        cr_assert_not(rdb_read_string(&reader, &scratch, &read));
    }
    struct rdb_reader reader = reader_of(buffer_str(&written));
    cr_assert(rdb_read_string(&reader, &scratch, &read));
    cr_assert(str_equal(read, text));
    cr_assert_eq(rdb_left(&reader), 0);
}

Test(rdb, lengths_are_as_short_as_can_be)
{
    static const struct {
        uint64_t length;
        struct str bytes;
    } cases[] = {
        {0, {"\0", 1}},
        {63, {"\x3f", 1}},
        {64, {"\x40\x40", 2}},
        {16383, {"\x7f\xff", 2}},
        {16384, {"\x80\0\0\x40\0", 5}},
        {UINT32_MAX, {"\x80\xff\xff\xff\xff", 5}},
        {UINT32_MAX + 1ull, {"\x81\0\0\0\1\0\0\0\0", 9}},
        {UINT64_MAX, {"\x81\xff\xff\xff\xff\xff\xff\xff\xff", 9}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rdb_reader reader = reader_of(cases[i].bytes), cut = reader;
        uint64_t length;

        rdb_write_length(&writer, cases[i].length);
        expect_written(cases[i].bytes);
        cr_assert(rdb_read_length(&reader, &length) && length == cases[i].length);
        cut.end--;
        cr_assert_not(rdb_read_length(&cut, &length));
    }
}

Test(rdb, small_integers_are_written_as_such)
{
    static const struct {
        struct str text, bytes;
    } cases[] = {
        {{"0", 1}, {"\xc0\0", 2}},
        {{"-128", 4}, {"\xc0\x80", 2}},
        {{"128", 3}, {"\xc1\x80\0", 3}},
        {{"-32768", 6}, {"\xc1\0\x80", 3}},
        {{"32768", 5}, {"\xc2\0\x80\0\0", 5}},
        {{"-2147483648", 11}, {"\xc2\0\0\0\x80", 5}},
        {{"2147483648", 10},
         {"\x0a"
          "2147483648",
          11}},
        {{"007", 3},
         {"\x03"
          "007",
          4}},
        {{"", 0}, {"\0", 1}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rdb_write_string(&writer, cases[i].text);
        expect_string_read(cases[i].text);
        expect_written(cases[i].bytes);
    }
    rdb_write_integer(&writer, INT64_MIN);
    expect_string_read(STR("-9223372036854775808"));
}

Test(rdb, what_repeats_is_compressed)
{
    char bytes[100000];

    memset(bytes, 'x', sizeof bytes);
    rdb_write_string(&writer, (struct str){bytes, sizeof bytes});
    cr_assert_lt(written.length, 2000);
    expect_string_read((struct str){bytes, sizeof bytes});
}

Test(rdb, what_repeats_is_plain_where_that_is_asked_for)
{
    struct rdb_writer plain = {&written, false};
    char bytes[100];

    memset(bytes, 'x', sizeof bytes);
    rdb_write_string(&plain, (struct str){bytes, sizeof bytes});
    cr_assert_eq(written.length, 2 + sizeof bytes);
    expect_string_read((struct str){bytes, sizeof bytes});
}

Test(rdb, pieces_that_are_compressed_each_on_its_own_read_back_as_one)
{
    static char text[5 * RDB_PIECE_MAX];
    char compressed[RDB_PIECE_COMPRESSED_MAX];

    dice_seed();
    for (int round = 0; round < 200; round++) {
        unsigned letters = 1 + (unsigned)dice_below(255);
        size_t begun = rdb_write_pieces_begin(&writer), length = 0;

        for (size_t pieces = 1 + dice_below(5); pieces > 0; pieces--) {
            size_t piece = 1 + dice_below(dice_below(2) ? 5 : RDB_PIECE_MAX);

            for (size_t i = 0; i < piece; i++)
                text[length + i] = (char)dice_below(letters);
            buffer_append(&written, compressed, rdb_compress_piece((struct str){text + length, piece}, compressed));
            length += piece;
        }
        rdb_write_pieces_end(&writer, begun, length);
        expect_string_read((struct str){text, length});
        written.length = 0;
    }
}

Test(rdb, random_strings_read_back)
{
    char bytes[5000];

    dice_seed();
    for (int round = 0; round < 500; round++) {
        size_t length = dice_below(dice_below(2) ? 40 : sizeof bytes);
        unsigned letters = 1 + (unsigned)dice_below(255);

        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)dice_below(letters);
        written.length = 0;
        rdb_write_string(&writer, (struct str){bytes, length});
        expect_string_read((struct str){bytes, length});
    }
}

Test(rdb, claims_that_the_bytes_cannot_fill_are_refused_without_allocating)
{
    static const struct str cases[] = {
        {"\x81\x7f\xff\xff\xff\xff\xff\xff\xff", 9}, /* a string of almost 2^63 bytes */
        {"\xc3\x03\x80\xff\xff\xff\xff\0aa", 10},    /* three compressed bytes that are four billion */
        {"\xc3\x03\x41\x09\xe0\xff\0", 7},           /* 265 bytes: one more than three can be */
        {"\xc3\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
        {"\xc4\0\0", 3}, /* no such encoding */
        {"\x82\0\0\0\0\0", 6},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rdb_reader reader = reader_of(cases[i]);
        struct str text;

        cr_assert_not(rdb_read_string(&reader, &scratch, &text), "case %zu", i);
        cr_assert_eq(scratch.capacity, 0, "case %zu", i);
    }
}

Test(rdb, strings_above_the_limit_are_refused)
{
    struct str text;
    struct rdb_reader plain = rdb_reader_of(STR("\x05hello"), 4), large_enough = rdb_reader_of(STR("\x05hello"), 5);
    char bytes[1000] = {0};

    cr_assert_not(rdb_read_string(&plain, &scratch, &text));
    cr_assert(rdb_read_string(&large_enough, &scratch, &text));
    rdb_write_string(&writer, (struct str){bytes, sizeof bytes});
    struct rdb_reader compressed = rdb_reader_of(buffer_str(&written), sizeof bytes - 1);
    cr_assert_not(rdb_read_string(&compressed, &scratch, &text));
}

Test(rdb, scores_are_doubles_or_text_and_never_nan)
{
    static const double scores[] = {0, -1.5, 1e300, INFINITY, -INFINITY, NAN};
    struct rdb_reader reader, text = reader_of(STR("\3"
                                                   "1.5"
                                                   "\xfe\xff\2-3"
                                                   "\xfd"));
    double score;

    for (size_t i = 0; i < sizeof scores / sizeof scores[0]; i++)
        rdb_write_double(&writer, scores[i]);
    reader = reader_of(buffer_str(&written));
    for (int i = 0; i < 5; i++)
        cr_assert(rdb_read_score(&reader, &score) && score == scores[i]);
    cr_assert_not(rdb_read_score(&reader, &score));
    cr_assert(rdb_read_score_text(&text, &score) && score == 1.5);
    cr_assert(rdb_read_score_text(&text, &score) && score == INFINITY);
    cr_assert(rdb_read_score_text(&text, &score) && score == -INFINITY);
    cr_assert(rdb_read_score_text(&text, &score) && score == -3);
    cr_assert_not(rdb_read_score_text(&text, &score));
}

Test(rdb, a_count_is_at_most_what_is_left)
{
    struct rdb_reader none = reader_of(STR("\0abc")), fits = reader_of(STR("\3abc")), more = reader_of(STR("\4abc"));
    uint64_t count;

    cr_assert(rdb_read_count(&none, &count) && count == 0);
    cr_assert(rdb_read_count(&fits, &count) && count == 3);
    cr_assert_not(rdb_read_count(&more, &count));
}
