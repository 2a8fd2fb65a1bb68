/* Segments that are written read back, however their bytes come; what is cut or
 * changed is noticed where it begins, and all before it is whole. */
#include "persist/aof_writer.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "persist/aof_format.h"
#include "persist/aof_reader.h"
#include "tests/support/dice.h"

enum { UNITS_MAX = 64 };

static struct memory memory;
static struct aof_writer writer;
static struct aof_reader reader;
static struct buffer file;
static size_t unit_ends[UNITS_MAX]; /* in the file */
static int unit_count;

static void begin(void)
{
    aof_writer_init(&writer, &memory);
    aof_reader_init(&reader, &memory, "a.aof", 0);
    buffer_init(&file, &memory, NULL, 0);
    dice_seed();
}

static void end(void)
{
    aof_writer_deinit(&writer);
    aof_reader_deinit(&reader);
    buffer_deinit(&file);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(aof_writer, .init = begin, .fini = end);

static void take(void)
{
    struct buffer block = aof_writer_take(&writer);

    buffer_append_str(&file, buffer_str(&block));
    buffer_deinit(&block);
}

static void write_set(int number)
{
    static char large[100000];
    char digits[20];
    int length = snprintf(digits, sizeof digits, "%d", number);
    struct str argv[] = {STR("SET"), {digits, (size_t)length}, {large, dice_below(20) ? dice_below(9) : sizeof large}};

    aof_writer_command(&writer, argv, 3);
}

/* Groups of up to four commands and annotations, and both outside of groups. */
static void write_segment(void)
{
    file.length = 0;
    unit_count = 0;
    while (unit_count < 20) {
        size_t kind = dice_below(5);

        if (kind == 0) {
            write_set(unit_count);
        } else if (kind == 1) {
            aof_writer_annotate(&writer, "TS", "%d", unit_count);
        } else {
            aof_writer_begin_group(&writer);
            for (size_t parts = 1 + dice_below(4); parts > 0; parts--)
                dice_below(3) ? write_set(unit_count) : aof_writer_annotate(&writer, "TX", "%d 1 2", unit_count);
            aof_writer_end_group(&writer, (uint64_t)unit_count);
        }
        take();
        unit_ends[unit_count++] = file.length;
    }
}

static void expect_number(const struct aof_unit *unit, int number)
{
    char digits[20];
    int length = snprintf(digits, sizeof digits, "%d", number);

    if (unit->kind == AOF_UNIT_COMMAND) {
        cr_assert_eq(unit->argc, 3);
        cr_assert(str_equal(unit->argv[0], STR("SET")));
        cr_assert(str_equal(unit->argv[1], (struct str){digits, (size_t)length}));
    } else {
        cr_assert_eq(unit->kind, AOF_UNIT_ANNOTATION);
        cr_assert(str_equal(unit->name, STR("TS")) || str_equal(unit->name, STR("TX")));
        cr_assert(unit->text.length >= (size_t)length && memcmp(unit->text.bytes, digits, (size_t)length) == 0);
    }
}

static void expect_unit(const struct aof_unit *unit, int number)
{
    struct aof_unit part;
    struct aof_body body;
    enum aof_status status;
    int parts = 0;

    if (unit->kind != AOF_UNIT_GROUP) {
        expect_number(unit, number);
        return;
    }
    cr_assert_eq(unit->stamp, (uint64_t)number);
    aof_body_init(&body, &memory, unit->body);
    for (; (status = aof_body_next(&body, &part)) == AOF_NEXT; parts++)
        expect_number(&part, number);
    cr_assert_eq(status, AOF_END);
    cr_assert_gt(parts, 0);
    aof_body_deinit(&body);
}

static void feed(struct str *left, size_t piece_most)
{
    size_t room, piece = left->length < piece_most ? left->length : piece_most;
    char *to = file_window_room(&reader.window, &room);

    piece = piece < room ? piece : room;
    str_copy(to, (struct str){left->bytes, piece});
    file_window_filled(&reader.window, piece);
    left->bytes += piece;
    left->length -= piece;
    if (piece == 0)
        file_window_filled_all(&reader.window);
}

/* Reads the first bytes of the file, and returns how many units they hold. */
static int read_units(size_t length, size_t piece_most, enum aof_status *status)
{
    struct str left = {file.bytes, length};
    struct aof_unit unit;
    int count = 0;

    aof_reader_deinit(&reader);
    aof_reader_init(&reader, &memory, "a.aof", dice_below(2) ? length : FILE_BYTES_UNKNOWN);
    while ((*status = aof_reader_next(&reader, &unit)) == AOF_NEXT || *status == AOF_HUNGRY) {
        if (*status == AOF_HUNGRY) {
            feed(&left, piece_most);
            continue;
        }
        cr_assert_lt(count, unit_count);
        expect_unit(&unit, count);
        cr_assert_eq(aof_reader_sound(&reader), unit_ends[count]);
        count++;
    }
    return count;
}

static int units_within(size_t length)
{
    int count = 0;

    while (count < unit_count && unit_ends[count] <= length)
        count++;
    return count;
}

Test(aof_writer, what_is_written_reads_back_in_pieces_of_any_size)
{
    for (int round = 0; round < 50; round++) {
        enum aof_status status;

        write_segment();
        cr_assert_eq(read_units(file.length, 1 + dice_below(dice_below(2) ? 10 : 300000), &status), unit_count);
        cr_assert_eq(status, AOF_END);
    }
}

Test(aof_writer, what_is_cut_is_whole_up_to_the_unit_that_is_cut)
{
    for (int round = 0; round < 2000; round++) {
        enum aof_status status;

        if (round % 100 == 0)
            write_segment();
        size_t length = dice_below(2) ? unit_ends[dice_below(20)] + dice_below(60) : dice_below(file.length);
        length = length < file.length ? length : file.length;
        int whole = units_within(length);

        cr_assert_eq(read_units(length, 100000, &status), whole);
        cr_assert_eq(status, length == (whole ? unit_ends[whole - 1] : 0) ? AOF_END : AOF_CUT);
        cr_assert_eq(aof_reader_sound(&reader), whole ? unit_ends[whole - 1] : 0);
    }
}

Test(aof_writer, no_bit_of_a_group_may_change)
{
    struct str argv[] = {STR("DEL"), STR("key")};

    aof_writer_begin_group(&writer);
    aof_writer_command(&writer, argv, 2);
    aof_writer_annotate(&writer, "TX", "17 3");
    aof_writer_end_group(&writer, 0x123456789abcdef0);
    take();
    unit_ends[0] = file.length;
    unit_count = 1;
    for (size_t bit = 0; bit < 8 * file.length; bit++) {
        enum aof_status status;
        struct aof_unit unit;
        struct str left = buffer_str(&file);

        file.bytes[bit / 8] ^= (char)(1 << bit % 8);
        aof_reader_deinit(&reader);
        aof_reader_init(&reader, &memory, "a.aof", file.length);
        feed(&left, file.length);
        status = aof_reader_next(&reader, &unit);
        cr_assert(status == AOF_WRONG || status == AOF_CUT, "bit %zu", bit);
        file.bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
}

static void write_group(void)
{
    aof_writer_begin_group(&writer);
    write_set(unit_count);
    aof_writer_end_group(&writer, (uint64_t)unit_count);
    take();
    unit_ends[unit_count++] = file.length;
}

Test(aof_writer, a_length_behind_the_end_is_damage_if_a_sound_group_follows_else_a_cut)
{
    for (int round = 0; round < 200; round++) {
        enum aof_status status;

        write_segment();
        write_group();
        size_t begin = file.length, digit = begin + AOF_BYTES_AT + 2 + dice_below(8);
        int sound = unit_count;
        write_group();
        size_t middle = file.length;
        write_group();
        file.bytes[digit] = 'f';
        cr_assert_eq(read_units(file.length, 1 + dice_below(300000), &status), sound);
        cr_assert_eq(status, AOF_WRONG);
        cr_assert_eq(aof_reader_sound(&reader), begin);
        cr_assert_eq(read_units(middle + dice_below(file.length - middle), 1 + dice_below(300000), &status), sound);
        cr_assert_eq(status, AOF_CUT);
        cr_assert_eq(aof_reader_sound(&reader), begin);
    }
}

Test(aof_writer, a_group_is_what_the_format_says)
{
    struct str argv[] = {STR("DEL"), STR("")};

    aof_writer_begin_group(&writer);
    aof_writer_end_group(&writer, 1);
    cr_assert_eq(writer.block.length, 0);
    aof_writer_begin_group(&writer);
    aof_writer_command(&writer, argv, 2);
    aof_writer_end_group(&writer, 255);
    take();
    struct str written = buffer_str(&file), body = STR("*2\r\n$3\r\nDEL\r\n$0\r\n\r\n");
    cr_assert_eq(written.length, AOF_GROUP_HEAD_BYTES + body.length);
    cr_assert_eq(memcmp(written.bytes, "#GROUP:", 7), 0);
    cr_assert_eq(memcmp(written.bytes + AOF_CHECKED_AT, " 0000000000000013 00000000000000ff\r\n", 36), 0);
    cr_assert_eq(memcmp(written.bytes + AOF_GROUP_HEAD_BYTES, body.bytes, body.length), 0);
}
