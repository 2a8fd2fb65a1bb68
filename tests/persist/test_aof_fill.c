/* Lines that say nothing, over which groups are written. */
#include "persist/aof_fill.h"

#include <criterion/criterion.h>
#include <string.h>

enum { ROOM = 1024 };

static char file[ROOM];

/* Lines that redis-server passes over. */
static size_t passed_over(size_t at)
{
    while (at < ROOM && file[at] == '#') {
        char *end = memchr(file + at, '\n', ROOM - at);

        cr_assert_not_null(end);
        at = (size_t)(end - file) + 1;
    }
    return at;
}

/* From there on; what is behind the first line was there before. */
static void write_first(size_t at)
{
    char line[AOF_FILL_FIRST_MAX];
    size_t length = aof_fill_first(line, at);

    cr_assert_leq(at + length, ROOM);
    memcpy(file + at, line, length);
}

Test(aof_fill, wherever_a_group_ends_the_rest_is_lines)
{
    for (size_t end = 0; end < ROOM - AOF_FILL_FIRST_MAX; end++) {
        aof_fill_lines(file, ROOM);
        memset(file, 'x', end);
        write_first(end);
        cr_assert_eq(passed_over(end), ROOM, "a group of %zu bytes", end);
        cr_assert_eq(aof_fill_length((struct str){file + end, ROOM - end}), ROOM - end);
    }
}

Test(aof_fill, a_part_of_a_line_may_go_on_and_nothing_else)
{
    aof_fill_lines(file, ROOM);
    for (size_t cut = 0; cut < AOF_FILL_LINE_BYTES; cut++) {
        size_t whole = aof_fill_length((struct str){file, ROOM - cut});

        cr_assert_eq(whole, cut > 0 ? ROOM - AOF_FILL_LINE_BYTES : ROOM);
        cr_assert(aof_fill_is_all((struct str){file + whole, ROOM - cut - whole}));
        cr_assert(aof_fill_is_all((struct str){file, ROOM - cut}));
        file[ROOM - cut - 1] = 'x';
        cr_assert_not(aof_fill_is_all((struct str){file, ROOM - cut}));
        aof_fill_lines(file, ROOM);
    }
    cr_assert_not(aof_fill_is_all(STR("-")));
    cr_assert_not(aof_fill_is_all(STR("#-x")));
    cr_assert_not(aof_fill_is_all(STR("#GROUP:")));
    cr_assert_eq(aof_fill_length(STR("#-x-\n")), 0);
    memset(file, '-', ROOM);
    file[0] = '#';
    file[AOF_FILL_FIRST_MAX] = '\n';
    cr_assert_eq(aof_fill_length((struct str){file, ROOM}), 0, "no line is that long");
    cr_assert_not(aof_fill_is_all((struct str){file, AOF_FILL_FIRST_MAX}));
}
