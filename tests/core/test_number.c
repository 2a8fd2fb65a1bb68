#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "core/number.h"
#include "tests/support/dice.h"

static bool parses(const char *text, int64_t *value)
{
    return number_parse_integer(str_from(text), value);
}

Test(number, integers_are_strict)
{
    const char *refused[] = {"",
                             "-",
                             "+1",
                             " 1",
                             "1 ",
                             "01",
                             "-01",
                             "-0",
                             "1x",
                             "--1",
                             "9223372036854775808",
                             "0x1",
                             "1.",
                             "-9223372036854775809",
                             "18446744073709551616",
                             "99999999999999999999999"};
    int64_t value;

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        cr_assert_not(parses(refused[i], &value), "%s", refused[i]);
    cr_assert_not(number_parse_integer(STR("1\0"), &value));
    cr_assert_not(number_parse_integer((struct str){NULL, 0}, &value));
    cr_assert(parses("0", &value) && value == 0);
    cr_assert(parses("9223372036854775807", &value) && value == INT64_MAX);
    cr_assert(parses("-9223372036854775808", &value) && value == INT64_MIN);
}

Test(number, unsigned_reach_their_limit)
{
    uint64_t value;

    cr_assert(number_parse_unsigned(STR("18446744073709551615"), &value) && value == UINT64_MAX);
    cr_assert_not(number_parse_unsigned(STR("18446744073709551616"), &value));
    cr_assert_not(number_parse_unsigned(STR("-1"), &value));
}

Test(number, a_minus_wraps_where_that_is_allowed)
{
    static const char *const refused[] = {
        "", " ", "-", "+", "+-1", "1 ", "0x1", "18446744073709551616", "-18446744073709551616"};
    uint64_t value;

    cr_assert(number_parse_wrapping(STR(" \t-1"), &value) && value == UINT64_MAX);
    cr_assert(number_parse_wrapping(STR("+007"), &value) && value == 7);
    cr_assert(number_parse_wrapping(STR("-18446744073709551615"), &value) && value == 1);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        cr_assert_not(number_parse_wrapping(str_from(refused[i]), &value), "'%s'", refused[i]);
}

Test(number, integer_text_reads_back)
{
    char text[NUMBER_TEXT_MAX], expected[NUMBER_TEXT_MAX];

    dice_seed();
    for (int i = 0; i < 100000; i++) {
        int64_t value = (int64_t)dice_bits() >> dice_below(64), again;
        size_t length = number_format_integer(text, value);
        snprintf(expected, sizeof expected, "%lld", (long long)value);
        cr_assert(str_equal((struct str){text, length}, str_from(expected)), "%s", expected);
        cr_assert(number_parse_integer((struct str){text, length}, &again) && again == value);
    }
    cr_assert_eq(number_format_integer(text, INT64_MIN), 20);
}

static void expect_double(double value, const char *expected)
{
    char text[NUMBER_TEXT_MAX];
    size_t length = number_format_double(text, value);

    cr_assert(str_equal((struct str){text, length}, str_from(expected)), "%s: %.*s", expected, (int)length, text);
}

Test(number, doubles_are_written_as_redis_writes_them)
{
    expect_double(0, "0");
    expect_double(-0.0, "-0");
    expect_double(3, "3");
    expect_double(-1.5, "-1.5");
    expect_double(0.1, "0.1");
    expect_double(0.1 + 0.2, "0.30000000000000004");
    expect_double(3.14, "3.14");
    expect_double(1700000000.123, "1700000000.123");
    expect_double(2251799813685249.5, "2251799813685249.5");
    expect_double(9007199254740993.0, "9007199254740992");
    expect_double(4611686018427387904.0, "4611686018427387904");
    expect_double(9223372036854775808.0, "9223372036854776000");
    expect_double(12345678901230000000.0, "12345678901230000000");
    expect_double(12345678901200000000.0, "1.23456789012e+19");
    expect_double(1e21, "1e+21");
    expect_double(-1.5e300, "-1.5e+300");
    expect_double(1e-6, "0.000001");
    expect_double(1e-7, "1e-7");
    expect_double(0.012345, "0.012345");
    expect_double(0.00012345, "1.2345e-4");
    expect_double(DBL_MAX, "1.7976931348623157e+308");
    expect_double(DBL_MIN, "2.2250738585072014e-308");
    expect_double(5e-324, "5e-324");
    expect_double(-1.234567890123456e-300, "-1.234567890123456e-300");
    expect_double(INFINITY, "inf");
    expect_double(-INFINITY, "-inf");
    expect_double(NAN, "nan");
}

static int significant_digits(struct str text)
{
    int count = 0, zeros = 0;

    for (size_t i = 0; i < text.length && text.bytes[i] != 'e'; i++) {
        if (text.bytes[i] == '0' && count > 0)
            zeros++;
        else if (text.bytes[i] >= '1' && text.bytes[i] <= '9') {
            count += zeros + 1;
            zeros = 0;
        }
    }
    return count;
}

/* No %e text with fewer digits may read back. */
static void expect_shortest(double value)
{
    char text[NUMBER_TEXT_MAX], shorter[NUMBER_TEXT_MAX];
    struct str written = {text, number_format_double(text, value)};
    double again;

    cr_assert(number_parse_double(written, &again) && again == value, "%.17g: %.*s", value, (int)written.length, text);
    if (fabs(value) <= 0x1p62 && value == floor(value))
        return; /* integers have all their digits */
    int digits = significant_digits(written);
    snprintf(shorter, sizeof shorter, "%.*e", digits >= 2 ? digits - 2 : 0, value);
    cr_assert(digits == 1 || strtod(shorter, NULL) != value, "%s is shorter than %.*s", shorter, (int)written.length,
              text);
}

Test(number, double_text_is_the_shortest_that_reads_back)
{
    dice_seed();
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = dice_bits();
        double any;
        memcpy(&any, &bits, sizeof any);
        if (isfinite(any) && any != 0)
            expect_shortest(any);
        expect_shortest((double)(1 + dice_below(1000000)) / (double)(1 + dice_below(10000)));
        expect_shortest((double)(1 + dice_below(100000000)) * 1e-6);
    }
}

Test(number, short_decimals_are_what_strtod_says)
{
    dice_seed();
    for (int i = 0; i < 200000; i++) {
        static const char letters[] = "0123456789012345678901234567890123456789.-";
        char text[20], *end;
        size_t length = 1 + dice_below(dice_below(2) ? 5 : sizeof text - 1);
        double value;

        for (size_t at = 0; at < length; at++)
            text[at] = letters[dice_below(sizeof letters - 1)];
        text[length < sizeof text ? length : length - 1] = '\0';
        double expected = strtod(text, &end);
        bool parsed = number_parse_double(str_from(text), &value);
        cr_assert_eq(parsed, *end == '\0' && end > text && isfinite(expected), "%s", text);
        cr_assert(!parsed || memcmp(&value, &expected, sizeof value) == 0, "%s", text);
    }
}

Test(number, doubles_are_parsed_whole_or_not_at_all)
{
    const char *refused[] = {"",       " 1", "1 ", "\t1",       "nan",   "-nan",
                             "nan(1)", "1e", "1_", "infinity1", "1e400", "1e-400"};
    const char *accepted[] = {"+1", ".5", "5.", "0x10", "0x1p3", "1e-320", "inf", "-Infinity", "007"};
    double value;

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        cr_assert_not(number_parse_double(str_from(refused[i]), &value), "%s", refused[i]);
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++)
        cr_assert(number_parse_double(str_from(accepted[i]), &value), "%s", accepted[i]);
    cr_assert_not(number_parse_double(STR("1\0"), &value));
    cr_assert_not(number_parse_double((struct str){NULL, 0}, &value));
    cr_assert(number_parse_double((struct str){"12345", 2}, &value) && value == 12);
}

static void expect_long_double(const char *from, const char *expected)
{
    char text[NUMBER_LONG_DOUBLE_TEXT_MAX];
    long double value;

    cr_assert(number_parse_long_double(str_from(from), &value), "%s", from);
    size_t length = number_format_long_double(text, value);
    cr_assert(str_equal((struct str){text, length}, str_from(expected)), "%s: %.*s", expected, (int)length, text);
}

Test(number, long_doubles_have_no_exponent_and_no_trailing_zeros)
{
    char text[NUMBER_LONG_DOUBLE_TEXT_MAX];

    expect_long_double("10.50", "10.5");
    expect_long_double("3.0e3", "3000");
    expect_long_double("6.0e-18", "0.00000000000000001");
    expect_long_double("-1e-30", "0");
    expect_long_double("0.1", "0.1");
    expect_long_double("-100", "-100");
    expect_long_double("inf", "inf");
    cr_assert_eq(number_format_long_double(text, LDBL_MAX), 4933);
    cr_assert_eq(number_format_long_double(text, -LDBL_MAX), 4934);
}

Test(number, long_double_refuses_what_does_not_fit)
{
    static char long_text[6000];
    long double value;

    memset(long_text, '1', sizeof long_text);
    cr_assert_not(number_parse_long_double((struct str){long_text, sizeof long_text}, &value));
    cr_assert_not(number_parse_long_double(STR("1e5000"), &value));
    cr_assert_not(number_parse_long_double(STR("nan"), &value));
    cr_assert(number_parse_long_double(STR("1e4000"), &value));
}

Test(number, memory_has_units)
{
    const struct {
        const char *text;
        uint64_t bytes;
    } accepted[] = {{"0", 0},          {"100", 100},    {"007", 7},       {"1b", 1},          {"1k", 1000},
                    {"5KB", 5 * 1024}, {"2m", 2000000}, {"3mb", 3 << 20}, {"1G", 1000000000}, {"4gb", 4ull << 30}};
    const char *refused[] = {"", "kb", "-1", "1t", "1 kb", "1.5gb", "99999999999999999999", "18446744073709551615kb"};
    uint64_t bytes;

    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++)
        cr_assert(number_parse_memory(str_from(accepted[i].text), &bytes) && bytes == accepted[i].bytes, "%s",
                  accepted[i].text);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        cr_assert_not(number_parse_memory(str_from(refused[i]), &bytes), "%s", refused[i]);
}
