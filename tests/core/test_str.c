#include <criterion/criterion.h>

#include "core/str.h"
#include "tests/support/dice.h"

/* The same rules said by recursion: exponential, and short enough to believe. */
static bool model_match(const char *pattern, const char *string)
{
    if (*pattern == '\0')
        return *string == '\0';
    if (*pattern == '*')
        return model_match(pattern + 1, string) || (*string && model_match(pattern, string + 1));
    if (*string == '\0')
        return false;
    if (*pattern == '\\' && pattern[1])
        pattern++;
    else if (*pattern == '?')
        return model_match(pattern + 1, string + 1);
    return *pattern == *string && model_match(pattern + 1, string + 1);
}

static bool matches(const char *pattern, const char *string)
{
    return str_glob_match(str_from(pattern), str_from(string), false);
}

static bool matches_nocase(const char *pattern, const char *string)
{
    return str_glob_match(str_from(pattern), str_from(string), true);
}

static void random_text(char *text, int most, const char *alphabet)
{
    int length = (int)dice_below((size_t)most + 1);

    for (int i = 0; i < length; i++)
        text[i] = alphabet[dice_below(strlen(alphabet))];
    text[length] = '\0';
}

Test(str, copy_moves_any_number_of_bytes_even_over_each_other)
{
    char to[220], expected[220];

    dice_seed();
    for (int i = 0; i < 50000; i++) {
        size_t length = dice_below(100), at = dice_below(100), shift = dice_below(20);

        for (size_t k = 0; k < sizeof to; k++)
            expected[k] = to[k] = (char)dice_bits();
        memmove(expected + at + shift, expected + at, length);
        str_copy(to + at + shift, (struct str){to + at, length});
        cr_assert(memcmp(to, expected, sizeof to) == 0, "%zu bytes", length);
    }
    str_copy(to, (struct str){NULL, 0});
}

Test(str, hex_writes_as_many_digits_as_asked_for_the_high_ones_first)
{
    const uint8_t bytes[] = {0x01, 0xab, 0xf7};
    char text[] = "______";

    str_write_hex(text, bytes, 5);
    cr_assert_str_eq(text, "01abf_");
    str_write_hex(text, bytes, 6);
    cr_assert_str_eq(text, "01abf7");
}

Test(str, compare_orders_unsigned_bytes_and_prefixes_first)
{
    cr_assert_lt(str_compare(STR("a"), STR("b")), 0);
    cr_assert_gt(str_compare(STR("\xff"), STR("a")), 0);
    cr_assert_lt(str_compare(STR("ab"), STR("abc")), 0);
    cr_assert_gt(str_compare(STR("a"), (struct str){NULL, 0}), 0);
    cr_assert_eq(str_compare((struct str){NULL, 0}, STR("")), 0);
    cr_assert_eq(str_compare(STR("a\0b"), STR("a\0b")), 0);
}

Test(str, equality_without_case_is_for_ascii_letters_and_whole_words)
{
    cr_assert(str_equal_nocase(STR("gEt"), "GET"));
    cr_assert_not(str_equal_nocase(STR("get"), "gets"));
    cr_assert_not(str_equal_nocase(STR("gets"), "get"));
    cr_assert_not(str_equal_nocase(STR("get\0"), "get"));
    cr_assert_not(str_equal_nocase(STR("@["), "`{"));
    cr_assert(str_equal_nocase((struct str){NULL, 0}, ""));
}

Test(str, glob_agrees_with_a_recursive_model)
{
    char pattern[8], string[12];

    dice_seed();
    for (int i = 0; i < 100000; i++) {
        random_text(pattern, 7, "ab*?\\");
        random_text(string, 11, "ab*");
        if (string[0] == '\0')
            continue; /* a rule of its own, below */
        cr_assert_eq(matches(pattern, string), model_match(pattern, string), "%s with %s", pattern, string);
    }
}

Test(str, glob_matches_the_empty_string_by_the_empty_pattern_alone)
{
    cr_assert(matches("", ""));
    cr_assert_not(matches("*", ""));
    cr_assert_not(matches("**", ""));
    cr_assert(matches("a**", "a"));
}

Test(str, glob_class_takes_ranges_in_either_order)
{
    cr_assert(matches("[a-c]x", "bx"));
    cr_assert(matches("[c-a]x", "bx"));
    cr_assert_not(matches("[^a-c]", "b"));
    cr_assert(matches("[^a-c]", "d"));
    cr_assert(matches("[a-]]", "^")); /* the range from ] to a */
    cr_assert(matches("[\x80-\x01]", "\xff"));
    cr_assert_not(matches("[\x80-\x01]", "a"));
}

Test(str, glob_class_may_end_with_the_pattern)
{
    cr_assert(matches("[abc", "b"));
    cr_assert(matches("[^abc", "d"));
    cr_assert_not(matches("[", "["));
    cr_assert(matches("[^", "x"));
    cr_assert(matches("[a-", "-"));
    cr_assert(matches("[\\", "\\"));
    cr_assert_not(matches("[]x", "]x"));
}

Test(str, glob_escapes_special_bytes)
{
    cr_assert(matches("\\*", "*"));
    cr_assert_not(matches("\\*", "a"));
    cr_assert(matches("[\\]]", "]"));
    cr_assert(matches("a\\", "a\\"));
}

Test(str, glob_without_case_keeps_it_in_escapes_and_reversed_ranges)
{
    cr_assert(matches_nocase("GeT*", "gEtrange"));
    cr_assert(matches_nocase("[A-C]", "b"));
    cr_assert(matches_nocase("[B]", "b"));
    cr_assert(matches_nocase("\\B", "b"));
    cr_assert_not(matches_nocase("[\\B]", "b"));
    cr_assert_not(matches_nocase("[Z-a]", "z"));
}

Test(str, glob_is_not_exponential, .timeout = 5)
{
    char pattern[401], string[20001];

    for (int i = 0; i < 200; i++)
        memcpy(pattern + 2 * i, "*a", 2);
    pattern[399] = 'b';
    pattern[400] = '\0';
    memset(string, 'a', 20000);
    string[20000] = '\0';
    cr_assert_not(matches(pattern, string));
}
