/* Bytes that come in random pieces and are passed over in others are those of the file. */
#include "persist/file_window.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/memory.h"
#include "tests/support/dice.h"

enum { FILE_BYTES = 3000000 };

static struct memory memory;
static struct file_window window;

static void begin(void)
{
    dice_seed();
}

static void end(void)
{
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(file_window, .init = begin, .fini = end);

/* What the file has at an offset. */
static char byte_at(uint64_t offset)
{
    return (char)(offset * 2654435761u >> 13);
}

static void fill(uint64_t *come, size_t piece_most)
{
    size_t room, piece = 1 + dice_below(piece_most);
    char *to = file_window_room(&window, &room);

    cr_assert_gt(room, 0);
    piece = piece < room ? piece : room;
    piece = piece < FILE_BYTES - *come ? piece : FILE_BYTES - *come;
    for (size_t i = 0; i < piece; i++)
        to[i] = byte_at(*come + i);
    file_window_filled(&window, piece);
    *come += piece;
    if (*come == FILE_BYTES)
        file_window_filled_all(&window);
}

static void expect_rest(uint64_t passed, uint64_t come)
{
    struct str rest = file_window_rest(&window);

    cr_assert_eq(file_window_offset(&window), passed);
    cr_assert_eq(rest.length, come - passed);
    for (size_t i = 0; i < rest.length; i += 1 + rest.length / 100)
        cr_assert_eq(rest.bytes[i], byte_at(passed + i));
}

Test(file_window, what_comes_is_there_until_it_is_passed_over)
{
    uint64_t come = 0, passed = 0;

    file_window_init(&window, &memory, FILE_BYTES_UNKNOWN);
    while (passed < FILE_BYTES) {
        if (come < FILE_BYTES)
            fill(&come, 100000);
        expect_rest(passed, come);
        size_t pass = dice_below(3) ? come - passed : dice_below(come - passed + 1);
        file_window_pass(&window, pass);
        passed += pass;
        expect_rest(passed, come);
    }
    cr_assert_eq(file_window_to_come(&window), 0);
    file_window_deinit(&window);
}

Test(file_window, it_grows_with_what_nobody_passes_over_and_shrinks_again)
{
    uint64_t come = 0;

    file_window_init(&window, &memory, FILE_BYTES);
    while (come < FILE_BYTES)
        fill(&come, 100000);
    cr_assert(window.bytes.capacity >= FILE_BYTES && window.bytes.capacity < 4 * FILE_BYTES);
    file_window_pass(&window, FILE_BYTES - 10);
    fill(&come, 1);
    cr_assert_lt(window.bytes.capacity, FILE_BYTES / 2);
    expect_rest(FILE_BYTES - 10, FILE_BYTES);
    file_window_deinit(&window);
}

Test(file_window, what_is_to_come_is_what_the_file_has_beyond_the_window)
{
    size_t room;

    file_window_init(&window, &memory, 10);
    cr_assert_eq(file_window_to_come(&window), 10);
    memcpy(file_window_room(&window, &room), "0123456789 and more", 19);
    file_window_filled(&window, 4);
    cr_assert_eq(file_window_to_come(&window), 6);
    file_window_pass(&window, 3);
    cr_assert_eq(file_window_to_come(&window), 6);
    file_window_filled(&window, 15); /* the file has grown meanwhile */
    cr_assert_eq(file_window_to_come(&window), 0);
    file_window_deinit(&window);
}
