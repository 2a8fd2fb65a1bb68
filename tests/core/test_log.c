#include <criterion/criterion.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/log.h"

static char path[] = "/tmp/shoal_log_XXXXXX";

static void begin(void)
{
    int fd = mkstemp(path);
    bool opened = log_open(path);

    close(fd);
    cr_assert(opened);
}

static void end(void)
{
    unlink(path);
}

TestSuite(log, .init = begin, .fini = end);

static const char *contents(const char *file)
{
    static char text[8192];
    FILE *stream = fopen(file, "r");
    size_t length = stream ? fread(text, 1, sizeof text - 1, stream) : 0;

    text[length] = '\0';
    if (stream)
        fclose(stream);
    return text;
}

Test(log, line_has_redis_form)
{
    regex_t form;
    char expression[200];

    snprintf(expression, sizeof expression,
             "^%d:M [0-3][0-9] [A-Z][a-z][a-z] 20[0-9][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3} \\* port 7\n$",
             (int)getpid());
    cr_assert_eq(regcomp(&form, expression, REG_EXTENDED), 0);
    log_write(LOG_NOTICE, "port %d", 7);
    cr_assert_eq(regexec(&form, contents(path), 0, NULL, 0), 0, "%s", contents(path));
    regfree(&form);
}

Test(log, levels_have_their_marks_and_lower_ones_are_left_out)
{
    const char *marks = ".-*#";

    for (enum log_level lowest = LOG_DEBUG; lowest <= LOG_NOTHING; lowest++) {
        cr_assert_eq(truncate(path, 0), 0);
        log_set_level(lowest);
        cr_assert_eq(log_get_level(), lowest);
        for (enum log_level level = LOG_DEBUG; level < LOG_NOTHING; level++)
            log_write(level, "level%d", level);
        for (int level = LOG_DEBUG; level < LOG_NOTHING; level++) {
            char text[32];
            snprintf(text, sizeof text, "%c level%d\n", marks[level], level);
            cr_assert_eq(strstr(contents(path), text) != NULL, level >= (int)lowest);
        }
    }
}

Test(log, long_line_is_cut_and_ends)
{
    log_write(LOG_WARNING, "%05000d", 1);
    const char *text = contents(path);
    cr_assert_leq(strlen(text), 1100);
    cr_assert_eq(text[strlen(text) - 1], '\n');
}

Test(log, errno_survives)
{
    errno = ENOENT;
    log_write(LOG_WARNING, "text");
    cr_assert_eq(errno, ENOENT);
}

Test(log, reopening_follows_a_rotation)
{
    char rotated[64];

    snprintf(rotated, sizeof rotated, "%s.1", path);
    log_write(LOG_NOTICE, "before");
    cr_assert_eq(rename(path, rotated), 0);
    log_write(LOG_NOTICE, "between");
    cr_assert(log_reopen());
    log_write(LOG_NOTICE, "after");
    cr_assert(strstr(contents(rotated), "before") && strstr(contents(rotated), "between"));
    cr_assert(strstr(contents(path), "after") && !strstr(contents(path), "between"));
    unlink(rotated);
}

Test(log, a_path_that_cannot_be_opened_leaves_the_old_file)
{
    cr_assert_not(log_open("/nonexistent/folder/log"));
    cr_assert_eq(errno, ENOENT);
    log_write(LOG_NOTICE, "still here");
    cr_assert(strstr(contents(path), "still here"));
    cr_assert(log_reopen());
    log_write(LOG_NOTICE, "and here");
    cr_assert(strstr(contents(path), "and here"));
}
