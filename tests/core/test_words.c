#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/words.h"

enum { WORDS_MAX = 8 };

/* The words, joined by '|'; "unbalanced" if they are. The line and the room
 * for its words are blocks of their own size, so that a sanitizer sees any step beyond. */
static const char *split(struct str line)
{
    static char joined[256];
    char *copy = malloc(line.length + 1), *out = malloc(line.length + 1);
    struct words words = {copy + 1, copy + 1 + line.length, out + 1};
    enum words_status status;
    struct str word;

    joined[0] = '\0';
    memcpy(copy + 1, line.bytes, line.length);
    while ((status = words_next(&words, &word)) == WORDS_NEXT) {
        strncat(joined, word.bytes, word.length);
        strcat(joined, "|");
    }
    cr_assert_leq((size_t)(words.out - out - 1), line.length);
    free(copy);
    free(out);
    return status == WORDS_END ? joined : "unbalanced";
}

Test(words, blanks_part_words)
{
    cr_assert_str_eq(split(STR("")), "");
    cr_assert_str_eq(split(STR(" \t\r ")), "");
    cr_assert_str_eq(split(STR(" set  k\tv ")), "set|k|v|");
    cr_assert_str_eq(split(STR("a\rb")), "a|b|");
}

Test(words, vertical_tab_and_form_feed_part_only_before_a_word)
{
    cr_assert_str_eq(split(STR("\v\fa\vb")), "a\vb|");
    cr_assert_str_eq(split(STR("\"a\"\vb")), "a|b|");
}

Test(words, double_quotes_unescape)
{
    cr_assert_str_eq(split(STR("\"a b\" \"\"")), "a b||");
    cr_assert_str_eq(split(STR("\"\\n\\r\\t\\b\\a\\\\\\\"\\q\"")), "\n\r\t\b\a\\\"q|");
    cr_assert_str_eq(split(STR("\"\\x41\\x4g\\x4\"")), "Ax4gx4|");
    cr_assert_str_eq(split(STR("\"\\xaF\"")), "\xaf|");
    cr_assert_str_eq(split(STR("a\\x41")), "a\\x41|");
}

Test(words, single_quotes_unescape_themselves_alone)
{
    cr_assert_str_eq(split(STR("'it\\'s \\n'")), "it's \\n|");
    cr_assert_str_eq(split(STR("'\"'")), "\"|");
}

Test(words, a_quote_may_open_inside_a_word_and_ends_it)
{
    cr_assert_str_eq(split(STR("se\"t k\" v")), "set k|v|");
    cr_assert_str_eq(split(STR("\"a\"b")), "unbalanced");
    cr_assert_str_eq(split(STR("'a''b'")), "unbalanced");
}

Test(words, an_open_quote_is_unbalanced)
{
    cr_assert_str_eq(split(STR("\"a")), "unbalanced");
    cr_assert_str_eq(split(STR("'a")), "unbalanced");
    cr_assert_str_eq(split(STR("\"")), "unbalanced");
    cr_assert_str_eq(split(STR("\"a\\")), "unbalanced");
    cr_assert_str_eq(split(STR("\"a\\\"")), "unbalanced");
    cr_assert_str_eq(split(STR("'a\\'")), "unbalanced");
}
