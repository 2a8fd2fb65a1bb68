#include "persist/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/assert.h"

enum { TOLD_MOST = 20, PROGRESS_MS = 100, BAR_WIDTH = 30 };

void check_init(struct check *check)
{
    *check = (struct check){.until_s = INT64_MAX, .progress.is_shown = isatty(STDERR_FILENO)};
    config_init(&check->config);
}

void check_deinit(struct check *check)
{
    config_deinit(&check->config);
    ASSERT(check->memory.used_bytes == 0);
}

/* Lines */

static void print_line(struct check *check, const char *format, va_list arguments)
{
    check_hide_progress(check);
    vprintf(format, arguments);
    putchar('\n');
    fflush(stdout);
}

void check_begin_file(struct check *check)
{
    check->problems_before = check->problems;
}

void check_problem(struct check *check, const char *format, ...)
{
    va_list arguments;

    if (++check->problems - check->problems_before > TOLD_MOST)
        return;
    va_start(arguments, format);
    print_line(check, format, arguments);
    va_end(arguments);
}

void check_end_file(struct check *check)
{
    int found = check->problems - check->problems_before;

    check_hide_progress(check);
    if (found > TOLD_MOST)
        printf("and %d more\n", found - TOLD_MOST);
}

void check_note(struct check *check, const char *format, ...)
{
    va_list arguments;

    if (check->is_quiet)
        return;
    va_start(arguments, format);
    print_line(check, format, arguments);
    va_end(arguments);
}

void check_failure(struct check *check, const char *what)
{
    const char *why = strerror(errno);

    check_hide_progress(check);
    check->has_failed = true;
    fprintf(stderr, "%s: %s\n", what, why);
}

/* Progress */

static int64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void check_show_progress(struct check *check, const char *name, uint64_t bytes, uint64_t of)
{
    static const char full[BAR_WIDTH + 1] = "##############################";
    static const char empty[BAR_WIDTH + 1] = "..............................";
    int64_t now_ms = check->progress.is_shown && !check->is_quiet ? monotonic_ms() : INT64_MIN;

    if (now_ms < check->progress.next_ms)
        return;
    check->progress.next_ms = now_ms + PROGRESS_MS;
    double part = of > 0 ? (double)bytes / (double)of : 1;
    int done = (int)(part * BAR_WIDTH);
    fprintf(stderr, "\r\033[K[%.*s%.*s] %3d %%, %.1f of %.1f MB of %s", done, full, BAR_WIDTH - done, empty,
            (int)(part * 100), (double)bytes / 1e6, (double)of / 1e6, name);
    fflush(stderr);
    check->progress.is_there = true;
}

void check_hide_progress(struct check *check)
{
    if (check->progress.is_there)
        fputs("\r\033[K", stderr);
    check->progress.is_there = false;
}

/* Questions */

bool check_confirm(struct check *check, const char *format, ...)
{
    char answer[16];
    va_list arguments;

    va_start(arguments, format);
    print_line(check, format, arguments);
    va_end(arguments);
    if (check->assents)
        return true;
    printf("Continue? [y/N] ");
    fflush(stdout);
    bool is_yes = fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
    if (!isatty(STDIN_FILENO)) /* which shows the answer, with its line's end */
        putchar('\n');
    if (!is_yes)
        puts("Left as it is.");
    return is_yes;
}
