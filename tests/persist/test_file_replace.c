/* A file is replaced on a disk that is played: it writes less than it was asked to,
 * fails at any step, and loses at any step what was not synced. */
#include "persist/file_replace.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/memory.h"
#include "tests/support/dice.h"

static const char old_text[] = "the old file", new_text[] = "a new file, in several pieces";

enum { PIECE_BYTES = 7, FILE_DESCRIPTOR = 5, FOLDER_DESCRIPTOR = 6, STEPS_MAX = 100 };

/* What the temporary file and the name hold, as it is and as it would be after a crash. A rename that was not synced
 * may or may not have happened. */
struct disk {
    char temporary[100];
    size_t written, synced;
    bool has_temporary, is_renamed, is_folder_synced, are_others_synced;
    int open; /* descriptors */
};

static struct memory memory;
static struct disk disk;
static struct file_replace replace;
static bool names_others;

static void begin(void)
{
    dice_seed();
}

static void end(void)
{
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(file_replace, .init = begin, .fini = end);

static int64_t play(void)
{
    switch (replace.step) {
    case FILE_STEP_OPEN:
        cr_assert_str_eq(replace.path, "folder/temp-name");
        disk.has_temporary = true;
        disk.open++;
        return FILE_DESCRIPTOR;
    case FILE_STEP_WRITE: {
        size_t count = 1 + dice_below(replace.bytes.length);

        cr_assert_eq(replace.descriptor, FILE_DESCRIPTOR);
        cr_assert_eq(replace.offset, disk.written);
        memcpy(disk.temporary + disk.written, replace.bytes.bytes, count);
        disk.written += count;
        return (int64_t)count;
    }
    case FILE_STEP_SYNC:
        if (replace.descriptor != FOLDER_DESCRIPTOR)
            disk.synced = disk.written;
        else
            disk.is_folder_synced = disk.is_renamed;
        disk.are_others_synced |= replace.descriptor == FOLDER_DESCRIPTOR;
        return 0;
    case FILE_STEP_CLOSE:
        disk.open--;
        return 0;
    case FILE_STEP_RENAME:
        cr_assert_str_eq(replace.path, "folder/temp-name");
        cr_assert_str_eq(replace.new_path, "folder/name");
        cr_assert(disk.are_others_synced || !names_others);
        disk.has_temporary = false;
        disk.is_renamed = true;
        return 0;
    case FILE_STEP_OPEN_FOLDER:
        cr_assert_str_eq(replace.path, "folder/.");
        disk.open++;
        return FOLDER_DESCRIPTOR;
    default:
        cr_assert_eq(replace.step, FILE_STEP_REMOVE);
        cr_assert(disk.has_temporary);
        cr_assert_str_eq(replace.path, "folder/temp-name");
        disk.has_temporary = false;
        return 0;
    }
}

/* The name is the old file, or the new one with all its bytes synced. */
static void expect_old_or_new(void)
{
    if (disk.is_renamed)
        cr_assert(disk.synced == sizeof new_text && memcmp(disk.temporary, new_text, sizeof new_text) == 0);
}

static void add_bytes(size_t *added)
{
    size_t left = sizeof new_text - *added, piece = left < PIECE_BYTES ? left : PIECE_BYTES;

    if (left == 0)
        file_replace_end(&replace);
    else
        file_replace_add(&replace, (struct str){new_text + *added, piece});
    *added += piece;
}

static bool is_over(void)
{
    return replace.step == FILE_STEP_DONE || replace.step == FILE_STEP_FAILED;
}

/* At most so many steps, of which that one fails; returns how many there were. -1: none fails. */
static int run_some(int most, int fails_at, int error)
{
    size_t added = 0;
    int steps = 0;

    disk = (struct disk){.open = 0};
    file_replace_init(&replace, &memory, "folder", "temp-name", "name");
    if (names_others)
        file_replace_behind_others(&replace);
    while (!is_over() && steps < most) {
        if (replace.step == FILE_STEP_BYTES) {
            add_bytes(&added);
            continue;
        }
        bool fails = steps++ == fails_at;
        if (fails && replace.step == FILE_STEP_CLOSE)
            disk.open--; /* as Linux does */
        file_replace_did(&replace, fails ? -error : play());
        expect_old_or_new();
    }
    return steps;
}

static int run(int fails_at, int error)
{
    int steps = run_some(STEPS_MAX, fails_at, error);

    cr_assert(is_over() && disk.open == 0);
    return steps;
}

Test(file_replace, the_new_file_is_there_as_a_whole_and_stays)
{
    run(-1, 0);
    cr_assert_eq(replace.step, FILE_STEP_DONE);
    cr_assert(disk.is_renamed && disk.is_folder_synced && !disk.has_temporary);
    file_replace_deinit(&replace);
}

Test(file_replace, what_it_names_is_there_before_it)
{
    names_others = true;
    run(-1, 0);
    cr_assert_eq(replace.step, FILE_STEP_DONE);
    cr_assert(disk.is_renamed && disk.is_folder_synced && !disk.has_temporary);
    file_replace_deinit(&replace);
}

Test(file_replace, whatever_fails_leaves_the_old_file_and_nothing_beside_it)
{
    for (int round = 0; round < 2000; round++) {
        names_others = dice_below(2);
        int fails_at = (int)dice_below(40), steps = run(fails_at, ENOSPC);
        bool failed = replace.step == FILE_STEP_FAILED;

        cr_assert_eq(failed, fails_at < steps, "step %d", fails_at);
        if (failed) {
            cr_assert_eq(replace.error, ENOSPC);
            cr_assert_not(disk.has_temporary);
        }
        file_replace_deinit(&replace);
    }
}

Test(file_replace, what_the_end_of_the_process_interrupts_is_given_back_at_any_step)
{
    names_others = true;
    for (int steps = 0; steps == 0 || !is_over(); steps++) {
        run_some(steps, -1, 0);
        file_replace_abandon(&replace);
        cr_assert_eq(memory.used_bytes, 0);
    }
}

Test(file_replace, a_replacement_under_way_is_not_over, .signal = SIGABRT)
{
    run_some(2, -1, 0);
    file_replace_deinit(&replace);
}

Test(file_replace, who_has_no_more_bytes_to_give_may_give_up)
{
    disk = (struct disk){.open = 0};
    file_replace_init(&replace, &memory, "folder", "temp-name", "name");
    file_replace_did(&replace, play());
    file_replace_add(&replace, STR("some"));
    while (replace.step == FILE_STEP_WRITE)
        file_replace_did(&replace, play());
    file_replace_give_up(&replace, ECANCELED);
    while (replace.step != FILE_STEP_FAILED)
        file_replace_did(&replace, play());
    cr_assert_eq(replace.error, ECANCELED);
    cr_assert(!disk.has_temporary && !disk.is_renamed && disk.open == 0);
    file_replace_deinit(&replace);
}

Test(file_replace, what_others_write_is_passed_over)
{
    disk = (struct disk){.open = 0};
    file_replace_init(&replace, &memory, "folder", "temp-name", "name");
    file_replace_did(&replace, play());
    file_replace_add(&replace, STR("head"));
    while (replace.step == FILE_STEP_WRITE)
        file_replace_did(&replace, play());
    file_replace_go_to(&replace, disk.written = 50);
    file_replace_add(&replace, STR("end"));
    while (replace.step == FILE_STEP_WRITE)
        file_replace_did(&replace, play());
    cr_assert(memcmp(disk.temporary, "head", 4) == 0 && memcmp(disk.temporary + 50, "end", 3) == 0);
    file_replace_end(&replace);
    while (replace.step != FILE_STEP_DONE)
        file_replace_did(&replace, play());
    file_replace_deinit(&replace);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void replace_for_real(const char *folder)
{
    size_t added = 0;

    file_replace_init(&replace, &memory, folder, "temp-name", "name");
    while (file_replace_advance(&replace))
        add_bytes(&added);
    cr_assert(is_over());
}

Test(file_replace, it_can_be_done_on_the_spot)
{
    char folder[] = "/tmp/shoal-replace-XXXXXX", path[100], read_text[100] = "";

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/name", folder);
    write_file(path, old_text);
    replace_for_real(folder);
    cr_assert_eq(replace.step, FILE_STEP_DONE);
    file_replace_deinit(&replace);
    FILE *file = fopen(path, "r");
    cr_assert_eq(fread(read_text, 1, sizeof read_text, file), sizeof new_text);
    cr_assert_str_eq(read_text, new_text);
    fclose(file);
    unlink(path);
    cr_assert_eq(rmdir(folder), 0);
    replace_for_real(folder);
    cr_assert(replace.step == FILE_STEP_FAILED && replace.error == ENOENT);
    file_replace_deinit(&replace);
}
