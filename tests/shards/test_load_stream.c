#include "shards/load_stream.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/memory.h"

static char path[] = "/tmp/shoal_load_XXXXXX";
static struct memory memory;
static struct file_window window;
static struct load_file file;

static void begin(void)
{
    file = (struct load_file){.path = path, .descriptor = mkstemp(path)};
    cr_assert_geq(file.descriptor, 0);
    cr_assert_eq(unlink(path), 0);
    file_window_init(&window, &memory, FILE_BYTES_UNKNOWN);
}

static void end(void)
{
    close(file.descriptor);
    file_window_deinit(&window);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(load_stream, .init = begin, .fini = end);

static void grow(const char *text)
{
    cr_assert_eq(write(file.descriptor, text, strlen(text)), (ssize_t)strlen(text));
}

/* Until there is no more. */
static struct str read_all(void)
{
    uint64_t read = 0;

    while (file_window_to_come(&window) > 0)
        cr_assert_eq(load_read(&file, &read, &window), 0);
    cr_assert_eq(read, file_window_rest(&window).length);
    return file_window_rest(&window);
}

Test(load_stream, what_a_file_gets_while_it_is_read_is_not_read)
{
    grow("all that there was");
    file.bytes = strlen("all that there was");
    grow(", and more");
    cr_assert(str_equal(read_all(), STR("all that there was")));
}

Test(load_stream, a_file_that_has_become_shorter_ends_where_it_does)
{
    grow("some");
    file.bytes = 1000;
    cr_assert(str_equal(read_all(), STR("some")));
}

Test(load_stream, who_reads_is_told_why_that_fails)
{
    struct load_file none = {.path = path, .descriptor = -1, .bytes = 1};
    uint64_t read = 0;

    cr_assert_eq(load_read(&none, &read, &window), EBADF);
    cr_assert_eq(read, 0);
}
