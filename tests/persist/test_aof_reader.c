/* What is wrong with segments, made by hand. */
#include "persist/aof_reader.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "persist/aof_writer.h"

static struct memory memory;

static void end(void)
{
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(aof_reader, .fini = end);

/* All units of the segment are passed over but the last. */
static void expect_problem(struct str bytes, enum aof_status expected, const char *problem)
{
    struct aof_reader reader;
    struct aof_unit unit;
    enum aof_status status;
    size_t room;

    aof_reader_init(&reader, &memory, "a.aof", bytes.length);
    char *to = file_window_room(&reader.window, &room);
    cr_assert_leq(bytes.length, room);
    str_copy(to, bytes);
    file_window_filled(&reader.window, bytes.length);
    while ((status = aof_reader_next(&reader, &unit)) == AOF_NEXT)
        ;
    cr_assert_eq(status, expected);
    cr_assert_str_eq(aof_reader_problem(&reader), problem);
    cr_assert_eq(aof_reader_next(&reader, &unit), expected);
    aof_reader_deinit(&reader);
}

Test(aof_reader, what_is_wrong_is_told_with_its_place)
{
    static char line[1100];

    memset(line, 'x', sizeof line);
    line[0] = '#';
    expect_problem(STR("#TS:1\r\nDEL a\r\n"), AOF_WRONG,
                   "a.aof, byte 7: neither a command nor an annotation begins here");
    expect_problem(STR("*1\r\n$1\r\na\r\n\0\0\0"), AOF_WRONG,
                   "a.aof, byte 11: neither a command nor an annotation begins here");
    expect_problem(STR("*1\r\n$1\r\n"), AOF_CUT, "a.aof, byte 0: the file ends within what begins here");
    expect_problem(STR("*1\r\n:1\r\n"), AOF_WRONG, "a.aof, byte 0: Protocol error: expected '$', got ':'");
    expect_problem(STR("*0\r\n"), AOF_WRONG, "a.aof, byte 0: a command has no words");
    expect_problem(STR("#GRO"), AOF_CUT, "a.aof, byte 0: the file ends within what begins here");
    expect_problem(STR("#GROUP:0000000x 0000000000000000 0000000000000000\r\n"), AOF_CUT,
                   "a.aof, byte 0: a group's head is malformed");
    expect_problem(STR("#GROUP:00000000 0000000000000000 0000000000000000\r\n"), AOF_CUT,
                   "a.aof, byte 0: a group's checksum is not that of what it holds");
    expect_problem(STR("#GROUP:00000000 00000000ffffffff 0000000000000000\r\n"), AOF_CUT,
                   "a.aof, byte 0: the file ends within what begins here");
    expect_problem(STR("#GROUP:00000000 f000000000000000 0000000000000000\r\n"), AOF_CUT,
                   "a.aof, byte 0: a group's head is malformed");
    expect_problem((struct str){line, sizeof line}, AOF_WRONG, "a.aof, byte 0: an annotation is too long");
    expect_problem((struct str){line, 1022}, AOF_CUT, "a.aof, byte 0: the file ends within what begins here");
}

Test(aof_reader, a_length_behind_the_end_is_wrong_if_a_sound_group_follows)
{
    expect_problem(STR("*1\r\n$99\r\na\r\n#GROUP:11b0ffe4 0000000000000000 0000000000000000\r\n"), AOF_WRONG,
                   "a.aof, byte 0: its length leads behind the file's end, though a sound group follows at byte 12");
    expect_problem(STR("*1\r\n$99\r\na\r\n#GROUP:00000000 0000000000000000 0000000000000000\r\n"), AOF_CUT,
                   "a.aof, byte 0: the file ends within what begins here");
}

#define SOUND_GROUP "#GROUP:11b0ffe4 0000000000000000 0000000000000000\r\n"

/* The length came to the disk, some sectors did not. */
Test(aof_reader, a_damaged_group_is_cut_unless_a_sound_one_follows)
{
    expect_problem(STR(SOUND_GROUP "\0\0\0\0\0\0"), AOF_CUT,
                   "a.aof, byte 51: neither a command nor an annotation begins here");
    expect_problem(STR("\0\0\0\0\0\0"), AOF_CUT, "a.aof, byte 0: neither a command nor an annotation begins here");
    expect_problem(STR(SOUND_GROUP "#G\0\0:00000000 0000000000000000 0000000000000000\r\n"), AOF_CUT,
                   "a.aof, byte 51: this annotation is not known outside of a group");
    expect_problem(STR("#GROUP:00000000 0000000000000000 0000000000000000\r\n*1\r\n$1\r\na\r\n"), AOF_WRONG,
                   "a.aof, byte 0: a group's checksum is not that of what it holds");
    expect_problem(STR("#GROUP:0000000x 0000000000000000 0000000000000000\r\n" SOUND_GROUP), AOF_WRONG,
                   "a.aof, byte 0: a group's head is malformed");
    expect_problem(STR(SOUND_GROUP "\0\0\r\n" SOUND_GROUP), AOF_WRONG,
                   "a.aof, byte 51: neither a command nor an annotation begins here");
}

/* A command that is cut, what may be the heads of so many groups, and a sound group. */
static void expect_problem_behind(int places, enum aof_status expected, const char *problem)
{
    struct buffer bytes;

    buffer_init(&bytes, &memory, NULL, 0);
    buffer_append_str(&bytes, STR("*1\r\n$99999\r\na"));
    for (int i = 0; i < places; i++)
        buffer_append_str(&bytes, STR("\r\n#GROUP:"));
    buffer_append_str(&bytes, STR("\r\n" SOUND_GROUP));
    expect_problem(buffer_str(&bytes), expected, problem);
    buffer_deinit(&bytes);
}

Test(aof_reader, a_sound_group_is_looked_for_at_a_thousand_places)
{
    expect_problem_behind(
        999, AOF_WRONG,
        "a.aof, byte 0: its length leads behind the file's end, though a sound group follows at byte 9006");
    expect_problem_behind(1000, AOF_CUT, "a.aof, byte 0: the file ends within what begins here");
}

/* Groups as they are written, from here on at offsets that are told. */
static struct buffer segment;

static void add_group(const char *key)
{
    struct aof_writer writer;
    struct str argv[] = {STR("DEL"), {key, strlen(key)}};
    struct buffer block;

    aof_writer_init(&writer, &memory);
    aof_writer_begin_group(&writer);
    aof_writer_command(&writer, argv, 2);
    aof_writer_end_group(&writer, 1);
    block = aof_writer_take(&writer);
    buffer_append_str(&segment, buffer_str(&block));
    buffer_deinit(&block);
    aof_writer_deinit(&writer);
}

static void add_group_that_says(uint64_t synced, size_t filling)
{
    static char value[2 * 1024 * 1024];
    struct aof_writer writer;
    struct str argv[] = {STR("ECHO"), {value, filling}};
    struct buffer block;

    memset(value, 'x', sizeof value);
    aof_writer_init(&writer, &memory);
    aof_writer_begin_group(&writer);
    aof_writer_synced(&writer, synced);
    aof_writer_command(&writer, argv, 2);
    aof_writer_end_group(&writer, 1);
    block = aof_writer_take(&writer);
    buffer_append_str(&segment, buffer_str(&block));
    buffer_deinit(&block);
    aof_writer_deinit(&writer);
}

static void expect_damage(enum aof_status expected)
{
    for (size_t piece = 1; piece <= segment.length; piece = 3 * piece + 1) {
        struct str left = buffer_str(&segment);
        enum aof_status status;
        struct aof_reader reader;
        struct aof_unit unit;
        int units = 0;

        if (piece < segment.length / 10000)
            continue;
        aof_reader_init(&reader, &memory, "a.aof", segment.length);
        while ((status = aof_reader_next(&reader, &unit)) == AOF_NEXT || status == AOF_HUNGRY) {
            size_t room, bytes = left.length < piece ? left.length : piece;
            char *to = status == AOF_HUNGRY ? file_window_room(&reader.window, &room) : NULL;

            units += status == AOF_NEXT;
            if (!to)
                continue;
            bytes = bytes < room ? bytes : room;
            str_copy(to, (struct str){left.bytes, bytes});
            file_window_filled(&reader.window, bytes);
            left.bytes += bytes;
            left.length -= bytes;
        }
        cr_assert_eq(status, expected, "pieces of %zu", piece);
        cr_assert_eq(units, 1);
        aof_reader_deinit(&reader);
    }
}

static size_t begin_segment(void)
{
    buffer_init(&segment, &memory, NULL, 0);
    add_group("a");
    return segment.length;
}

Test(aof_reader, what_is_damaged_is_cut_if_those_behind_it_say_that_it_was_not_synced)
{
    static const size_t fillings[] = {1, 2 * 1024 * 1024}; /* the latter are not looked into */

    for (size_t i = 0; i < sizeof fillings / sizeof fillings[0]; i++) {
        size_t damaged = begin_segment();

        add_group("b");
        size_t next = segment.length;
        add_group_that_says(damaged, fillings[i]);
        segment.bytes[next - 3] = 'x';
        expect_damage(AOF_CUT);
        add_group_that_says(0, 1);
        expect_damage(AOF_CUT);
        segment.bytes[damaged] = '\0';
        expect_damage(AOF_CUT);
        segment.bytes[damaged] = '#';
        add_group_that_says(next, fillings[i]);
        expect_damage(AOF_WRONG);
        buffer_deinit(&segment);
    }
}

Test(aof_reader, what_says_nothing_of_syncing_was_written_when_all_before_was_synced)
{
    size_t damaged = begin_segment();

    add_group("b");
    segment.bytes[segment.length - 3] = 'x';
    add_group_that_says(damaged, 1);
    expect_damage(AOF_CUT);
    add_group("c");
    expect_damage(AOF_WRONG);
    buffer_deinit(&segment);
}

Test(aof_reader, several_torn_groups_are_cut)
{
    begin_segment();
    add_group("b");
    segment.bytes[segment.length - 3] = 'x';
    add_group("c");
    segment.bytes[segment.length - 3] = 'x';
    expect_damage(AOF_CUT);
    buffer_append_str(&segment, STR("\0\0\0\0\0\0"));
    expect_damage(AOF_CUT);
    buffer_deinit(&segment);
}

Test(aof_reader, what_redis_has_gone_on_behind_was_there)
{
    static const char *const tails[] = {"*1\r\n$1\r\na\r\n", "#TS:1700000000\r\n*1\r\n$1\r\na\r\n"};

    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        begin_segment();
        add_group("b");
        segment.bytes[segment.length - 3] = 'x';
        buffer_append(&segment, tails[i], strlen(tails[i]));
        expect_damage(AOF_WRONG);
        buffer_deinit(&segment);
    }
}

Test(aof_reader, what_leads_behind_a_known_end_is_refused_before_it_comes)
{
    static const char *const heads[] = {"*2\r\n$100000\r\n", "#GROUP:00000000 0000000000100000 0000000000000000\r\n"};

    for (size_t i = 0; i < 2; i++) {
        struct aof_reader reader;
        struct aof_unit unit;
        struct str bytes = str_from(heads[i]);
        size_t room;

        aof_reader_init(&reader, &memory, "a.aof", 90000);
        str_copy(file_window_room(&reader.window, &room), bytes);
        file_window_filled(&reader.window, bytes.length);
        cr_assert_eq(aof_reader_next(&reader, &unit), AOF_HUNGRY);
        cr_assert(reader.searches && file_window_rest(&reader.window).length < bytes.length);
        aof_reader_deinit(&reader);
    }
}

static void expect_annotation(struct str line, struct str name, struct str text)
{
    struct aof_body body;
    struct aof_unit unit;

    aof_body_init(&body, &memory, line);
    cr_assert_eq(aof_body_next(&body, &unit), AOF_NEXT);
    cr_assert_eq(unit.kind, AOF_UNIT_ANNOTATION);
    cr_assert(str_equal(unit.name, name) && str_equal(unit.text, text));
    cr_assert_eq(aof_body_next(&body, &unit), AOF_END);
    aof_body_deinit(&body);
}

Test(aof_reader, an_annotation_is_a_name_and_a_text_of_which_either_may_be_empty)
{
    expect_annotation(STR("#TS:17:4\r\n"), STR("TS"), STR("17:4"));
    expect_annotation(STR("#\n"), STR(""), STR(""));
    expect_annotation(STR("#TS\n"), STR("TS"), STR(""));
    expect_annotation(STR("#:\r\n"), STR(""), STR(""));
}

Test(aof_reader, no_group_is_in_a_group)
{
    struct aof_body body;
    struct aof_unit unit;

    aof_body_init(&body, &memory, STR("#GROUP:11b0ffe4 0000000000000000 0000000000000000\r\n"));
    cr_assert_eq(aof_body_next(&body, &unit), AOF_WRONG);
    aof_body_deinit(&body);
}
