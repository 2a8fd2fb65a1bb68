/* A file is replaced over a loop: the steps of test_file_replace.c, on both backends and a real disk. */
#include "shards/file_replace_loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/shards/loop_probe.h"

enum { BYTES = 1 << 20, PIECE = 100000 };

/* Who has the new bytes, and asks for more of them or gives up. */
struct owner {
    struct completion told;
    struct file_replace_loop over;
    size_t given, gives_up_at;
    bool gives_nothing_first;
    int ends;
};

static char folder[] = "/tmp/shoal-replace-loop-XXXXXX";
static char path[100], temporary_path[100], bytes[BYTES];
static struct memory memory;

static void make_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/name", folder);
    snprintf(temporary_path, sizeof temporary_path, "%s/temp-name", folder);
    fill_pattern(bytes, BYTES, 2, 0);
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(file_replace_loop_uring, .init = make_folder, .fini = remove_folder, .timeout = 60);
TestSuite(file_replace_loop_epoll, .init = make_folder, .fini = remove_folder, .timeout = 60);

#define REPLACE_ON_BOTH(claim)                                                                                         \
    static void claim(enum loop_backend backend);                                                                      \
    Test(file_replace_loop_uring, claim)                                                                               \
    {                                                                                                                  \
        claim(LOOP_URING);                                                                                             \
    }                                                                                                                  \
    Test(file_replace_loop_epoll, claim)                                                                               \
    {                                                                                                                  \
        claim(LOOP_EPOLL);                                                                                             \
    }                                                                                                                  \
    static void claim(enum loop_backend backend)

static void give(struct owner *owner)
{
    size_t left = BYTES - owner->given, piece = left < PIECE ? left : PIECE;

    if (owner->gives_nothing_first) {
        owner->gives_nothing_first = false;
        file_replace_add(&owner->over.replace, STR(""));
    } else if (owner->gives_up_at > 0 && owner->given >= owner->gives_up_at) {
        file_replace_give_up(&owner->over.replace, ECANCELED);
    } else if (left == 0) {
        file_replace_end(&owner->over.replace);
    } else {
        file_replace_add(&owner->over.replace, (struct str){bytes + owner->given, piece});
        owner->given += piece;
    }
    file_replace_loop_go_on(&owner->over);
}

static void told(struct completion *completion)
{
    struct owner *owner = (struct owner *)completion;

    if (completion->more)
        give(owner);
    else
        owner->ends++;
}

/* Starts it, and returns with it going on. */
static void start(struct owner *owner, struct loop *loop, const char *in_folder)
{
    owner->told.done = told;
    file_replace_init(&owner->over.replace, &memory, in_folder, "temp-name", "name");
    file_replace_loop_start(&owner->over, loop, &owner->told);
    cr_assert_eq(owner->ends, 0);
}

static int replace(struct owner *owner, struct loop *loop, const char *in_folder)
{
    start(owner, loop, in_folder);
    while (owner->ends == 0)
        loop_wait(loop, 1000000);
    file_replace_deinit(&owner->over.replace);
    return owner->told.result;
}

static void write_old_file(void)
{
    FILE *file = fopen(path, "w");

    cr_assert(file && fputs("old", file) >= 0 && fclose(file) == 0);
}

static void expect_new_file(void)
{
    static char back[BYTES + 1];
    FILE *file = fopen(path, "r");

    cr_assert_eq(fread(back, 1, sizeof back, file), BYTES);
    assert_pattern(back, BYTES, 2, 0);
    fclose(file);
    cr_assert_lt(access(temporary_path, F_OK), 0);
}

static void expect_old_file(void)
{
    struct stat status;

    cr_assert(stat(path, &status) == 0 && status.st_size == 3);
    cr_assert_lt(access(temporary_path, F_OK), 0);
}

REPLACE_ON_BOTH(the_new_file_takes_the_place_of_the_old_one)
{
    struct loop *loop = open_or_skip(backend);
    struct owner owner = {.gives_nothing_first = true};

    write_old_file();
    cr_assert_eq(replace(&owner, loop, folder), 0);
    cr_assert_eq(owner.over.replace.step, FILE_STEP_DONE);
    expect_new_file();
    close_all(loop);
}

REPLACE_ON_BOTH(who_gives_up_keeps_the_old_file)
{
    struct loop *loop = open_or_skip(backend);
    struct owner owner = {.gives_up_at = 3 * PIECE};

    write_old_file();
    cr_assert_eq(replace(&owner, loop, folder), -ECANCELED);
    cr_assert_eq(owner.over.replace.step, FILE_STEP_FAILED);
    expect_old_file();
    close_all(loop);
}

REPLACE_ON_BOTH(a_step_that_fails_is_told_at_the_end)
{
    struct loop *loop = open_or_skip(backend);
    struct owner nowhere = {.given = 0}, onto_folder = {.given = 0};

    cr_assert_eq(replace(&nowhere, loop, "/nowhere/at/all"), -ENOENT);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(replace(&onto_folder, loop, folder), -EISDIR);
    cr_assert_lt(access(temporary_path, F_OK), 0);
    cr_assert_eq(rmdir(path), 0);
    close_all(loop);
}

REPLACE_ON_BOTH(closing_the_loop_ends_it_first)
{
    struct loop *loop = open_or_skip(backend);
    struct owner owner = {.given = 0};

    write_old_file();
    start(&owner, loop, folder);
    close_all(loop);
    cr_assert_eq(owner.ends, 1);
    file_replace_deinit(&owner.over.replace);
    expect_new_file();
}
