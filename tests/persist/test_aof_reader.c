/* What is wrong with segments, made by hand. */
#include "persist/aof_reader.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "persist/aof_fill.h"
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

/* Of its first line a sector ends with the first letters, and what follows is not that of the group. */
Test(aof_reader, a_group_whose_head_is_torn_is_cut)
{
    static const struct str behind[] = {{"\0\0\0\0\n*1\r\n", 9}, {"\0\n#", 3}, {"#----\n#----\n", 12}, {"#-\n*", 4}};

    for (size_t letters = 1; letters < strlen("#GROUP:"); letters++) {
        for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++) {
            begin_segment();
            buffer_append(&segment, "#GROUP:", letters);
            buffer_append_str(&segment, behind[i]);
            expect_damage(AOF_CUT);
            buffer_deinit(&segment);
        }
    }
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

/* Room for groups, up to a place in the file. */
static void add_filling(size_t to)
{
    char line[AOF_FILL_FIRST_MAX];
    size_t first = aof_fill_first(line, segment.length), rest;

    buffer_append(&segment, line, first);
    rest = to - segment.length;
    aof_fill_lines(buffer_reserve(&segment, rest), rest);
    segment.length += rest;
}

/* It is given in pieces of every size. */
static enum aof_status read_all(size_t piece, size_t *sound, int *commands)
{
    struct aof_reader reader;
    struct aof_unit unit;
    enum aof_status status;
    size_t given = 0, room;

    *commands = 0;
    aof_reader_init(&reader, &memory, "a.aof", segment.length);
    while ((status = aof_reader_next(&reader, &unit)) == AOF_NEXT || status == AOF_HUNGRY) {
        if (status == AOF_NEXT) {
            *commands += unit.kind == AOF_UNIT_COMMAND;
            continue;
        }
        char *to = file_window_room(&reader.window, &room);
        size_t left = segment.length - given, got = piece < left ? piece : left;

        got = got < room ? got : room;
        memcpy(to, segment.bytes + given, got);
        file_window_filled(&reader.window, got);
        given += got;
    }
    *sound = aof_reader_sound(&reader);
    aof_reader_deinit(&reader);
    return status;
}

static void expect_end(enum aof_status expected, size_t expected_sound, int expected_commands)
{
    static const size_t pieces[] = {1, 7, 64, 100000};

    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        size_t sound;
        int commands;

        cr_assert_eq(read_all(pieces[i], &sound, &commands), expected, "pieces of %zu", pieces[i]);
        cr_assert_eq(sound, expected_sound, "%zu", sound);
        cr_assert_eq(commands, expected_commands);
    }
}

Test(aof_reader, room_behind_the_groups_is_no_more_than_an_end)
{
    for (size_t cut = 0; cut < 200; cut++) {
        size_t sound = begin_segment();

        add_filling(1024);
        segment.length -= cut;
        expect_end(AOF_END, sound, 0);
        buffer_deinit(&segment);
    }
    buffer_init(&segment, &memory, NULL, 0);
    add_filling(1024);
    expect_end(AOF_END, 0, 0);
    buffer_deinit(&segment);
}

/* Its first sectors did not come to the disk. */
Test(aof_reader, what_is_left_of_a_torn_group_in_the_room_is_cut_and_never_executed)
{
    static const char *const left[] = {"*2\r\n$3\r\nDEL\r\n$1\r\na\r\n",
                                       "*2\r\n$6\r\nselect\r\n$1\r\n0\r\n",
                                       "*1\r\n$5\r\nmulti\r\n",
                                       "DEL\r\n",
                                       "\0\0\0\0",
                                       "#STAMP:1\r\n",
                                       "-",
                                       "\n",
                                       "#-x"};

    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        size_t sound = begin_segment();

        add_filling(AOF_FILL_STEP);
        buffer_append(&segment, left[i], i == 4 ? 4 : strlen(left[i]));
        expect_end(AOF_CUT, sound, 0);
        add_filling(AOF_FILL_STEP + 1024);
        expect_end(AOF_CUT, sound, 0);
        buffer_deinit(&segment);
    }
}

Test(aof_reader, a_group_behind_room_shows_what_was_lost_there)
{
    size_t sound = begin_segment();

    add_filling(1024);
    buffer_append_str(&segment, STR("b\r\n"));
    size_t next = segment.length;
    add_group_that_says(sound, 1);
    expect_end(AOF_CUT, sound, 0);
    segment.length = next;
    add_group("c");
    expect_end(AOF_WRONG, sound, 0);
    buffer_deinit(&segment);
}

Test(aof_reader, redis_may_have_gone_on_behind_the_room)
{
    static const char *const tails[] = {"#TS:1700000000\r\n*2\r\n$3\r\nDEL\r\n$1\r\na\r\n",
                                        "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n", "*1\r\n$5\r\nMULTI\r\n"};

    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        begin_segment();
        add_filling(AOF_FILL_STEP);
        buffer_append(&segment, tails[i], strlen(tails[i]));
        expect_end(AOF_END, segment.length, 1);
        buffer_deinit(&segment);
        size_t sound = begin_segment();
        add_filling(AOF_FILL_STEP - 64);
        buffer_append(&segment, tails[i], strlen(tails[i]));
        expect_end(AOF_CUT, sound, 0);
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
