/* Shortest decimal text of a double: the first power of ten that turns it into
 * an integer of at most 15 digits which divides back to the same value. Both
 * steps are exact there (10^22 and 2^53 are doubles), and 15 digits name at
 * most one double each, so the text found is the shortest. Only what has more
 * digits goes through printf: 16 where they read back, else 17. */
#include "core/number.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"

enum { PARSE_TEXT_MAX = 5 * 1024, INTEGER_DIGITS_MAX = 20, EXACT_DIGITS = 15, EXACT_POWER = 22 };

static inline bool is_digit(char byte)
{
    return (unsigned char)(byte - '0') < 10;
}

/* All but the sign. */
static bool parse_magnitude(const char *digits, size_t count, uint64_t *magnitude)
{
    uint64_t value = 0;

    if (count == 0 || count > INTEGER_DIGITS_MAX || (digits[0] == '0' && count > 1))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(digits[i]))
            return false;
        uint64_t digit = (uint64_t)(digits[i] - '0');
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *magnitude = value;
    return true;
}

bool number_parse_integer(struct str text, int64_t *value)
{
    uint64_t magnitude;

    if (text.length == 0)
        return false;
    bool negative = text.bytes[0] == '-';
    if (!parse_magnitude(text.bytes + negative, text.length - negative, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + negative || (negative && magnitude == 0))
        return false;
    *value = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

bool number_parse_unsigned(struct str text, uint64_t *value)
{
    return parse_magnitude(text.bytes, text.length, value);
}

bool number_parse_wrapping(struct str text, uint64_t *value)
{
    const char *at = text.bytes, *end = at + text.length;
    bool negative = false;

    while (at < end && number_is_space(*at))
        at++;
    if (at < end && (*at == '+' || *at == '-'))
        negative = *at++ == '-';
    if (at == end)
        return false;
    for (*value = 0; at < end; at++)
        if (!is_digit(*at) || __builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(*at - '0'), value))
            return false;
    if (negative)
        *value = -*value;
    return true;
}

/* strtod wants a terminator. False: no text that it would accept whole. */
static bool terminated_copy(struct str text, char copy[static PARSE_TEXT_MAX])
{
    if (text.length == 0 || text.length >= PARSE_TEXT_MAX || number_is_space(text.bytes[0]))
        return false;
    memcpy(copy, text.bytes, text.length);
    copy[text.length] = '\0';
    return true;
}

/* strtod reports a subnormal result too, which is as good as any. */
static bool out_of_range(double value)
{
    return errno == ERANGE && (isinf(value) || value == 0);
}

/* Digits, and perhaps a point and digits, that make a number which a double holds exactly, over a power of ten that
 * it holds, too: so their quotient is rounded once, and is what strtod gives in twenty times the time. */
static bool parse_short_decimal(struct str text, double *value)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
    bool negative = text.length > 0 && text.bytes[0] == '-';
    size_t digits = 0, after_point = 0;
    uint64_t number = 0;
    bool has_point = false;

    for (size_t at = negative; at < text.length; at++) {
        char byte = text.bytes[at];

        if (byte == '.' && digits > 0 && !has_point) {
            has_point = true;
            continue;
        }
        if (!is_digit(byte) || ++digits > 15)
            return false;
        number = number * 10 + (uint64_t)(byte - '0');
        after_point += has_point;
    }
    if (digits == 0 || (has_point && after_point == 0))
        return false;
    *value = (double)number / powers[after_point];
    if (negative)
        *value = -*value;
    return true;
}

bool number_parse_double(struct str text, double *value)
{
    char copy[PARSE_TEXT_MAX], *end;
    int caller_errno = errno;

    if (parse_short_decimal(text, value))
        return true;
    if (!terminated_copy(text, copy))
        return false;
    errno = 0;
    double parsed = strtod(copy, &end);
    bool valid = end == copy + text.length && !isnan(parsed) && !out_of_range(parsed);
    errno = caller_errno;
    if (valid)
        *value = parsed;
    return valid;
}

bool number_parse_long_double(struct str text, long double *value)
{
    char copy[PARSE_TEXT_MAX], *end;
    int caller_errno = errno;

    if (!terminated_copy(text, copy))
        return false;
    errno = 0;
    long double parsed = strtold(copy, &end);
    bool refused = isnan(parsed) || (errno == ERANGE && (isinf(parsed) || parsed == 0));
    errno = caller_errno;
    if (refused || end != copy + text.length)
        return false;
    *value = parsed;
    return true;
}

static bool memory_unit(struct str unit, uint64_t *factor)
{
    static const struct {
        const char *name;
        uint64_t factor;
    } units[] = {
        {"", 1},        {"b", 1},        {"k", 1000},       {"kb", 1 << 10},
        {"m", 1000000}, {"mb", 1 << 20}, {"g", 1000000000}, {"gb", 1 << 30},
    };

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (str_equal_nocase(unit, units[i].name)) {
            *factor = units[i].factor;
            return true;
        }
    }
    return false;
}

bool number_parse_memory(struct str text, uint64_t *bytes)
{
    size_t digits = 0, zeros = 0;
    uint64_t count, factor;

    if (text.length == 0)
        return false;
    while (digits < text.length && is_digit(text.bytes[digits]))
        digits++;
    while (zeros + 1 < digits && text.bytes[zeros] == '0')
        zeros++;
    if (!parse_magnitude(text.bytes + zeros, digits - zeros, &count))
        return false;
    if (!memory_unit((struct str){text.bytes + digits, text.length - digits}, &factor))
        return false;
    return !__builtin_mul_overflow(count, factor, bytes);
}

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
                                  "25262728293031323334353637383940414243444546474849"
                                  "50515253545556575859606162636465666768697071727374"
                                  "75767778798081828384858687888990919293949596979899";

/* Digits of value, right-aligned before `end`; returns the first. */
static char *write_digits(char *end, uint64_t value)
{
    while (value >= 100) {
        end -= 2;
        memcpy(end, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, digit_pairs + value * 2, 2);
    } else {
        *--end = (char)('0' + value);
    }
    return end;
}

size_t number_format_integer(char text[static NUMBER_TEXT_MAX], int64_t value)
{
    if (value >= 0 && value < 10) {
        text[0] = (char)('0' + value);
        return 1;
    }
    char digits[INTEGER_DIGITS_MAX], *end = digits + sizeof digits;
    const char *first = write_digits(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    size_t negative = value < 0, count = (size_t)(end - first);

    text[0] = '-';
    memcpy(text + negative, first, count);
    return negative + count;
}

/* A positive number: its significant digits times ten to the exponent. */
struct decimal {
    char digits[INTEGER_DIGITS_MAX];
    int count;
    int exponent;
};

static void decimal_from_integer(struct decimal *decimal, uint64_t digits, int exponent)
{
    char reversed[INTEGER_DIGITS_MAX], *end = reversed + sizeof reversed;

    while (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    const char *first = write_digits(end, digits);
    decimal->count = (int)(end - first);
    decimal->exponent = exponent;
    memcpy(decimal->digits, first, (size_t)decimal->count);
}

static bool decimal_exact(struct decimal *decimal, double value)
{
    const double most = 1e15; /* ten to EXACT_DIGITS */
    double scale = 1;

    for (int places = 0; places <= EXACT_POWER; places++, scale *= 10) {
        double scaled = value * scale;
        if (scaled >= most)
            return false;
        uint64_t digits = (uint64_t)(scaled + 0.5);
        if (digits > 0 && (double)digits / scale == value) {
            decimal_from_integer(decimal, digits, -places);
            return true;
        }
    }
    return false;
}

/* Through "d.ddde±x", or "de±x", with as few digits after the point as read back. */
static void decimal_printed(struct decimal *decimal, double value)
{
    char text[NUMBER_TEXT_MAX];
    /* A subnormal has fewer digits than fifteen to tell. */
    int places = value < DBL_MIN ? 0 : EXACT_DIGITS - 1;

    do {
        snprintf(text, sizeof text, "%.*e", places, value);
    } while (strtod(text, NULL) != value && ++places < 17);
    uint64_t digits = (uint64_t)(text[0] - '0');
    for (int i = 0; i < places; i++)
        digits = digits * 10 + (uint64_t)(text[2 + i] - '0');
    decimal_from_integer(decimal, digits, atoi(strchr(text, 'e') + 1) - places);
}

static size_t write_scientific(char *text, const struct decimal *decimal)
{
    int exponent = decimal->exponent + decimal->count - 1;
    char *at = text;

    *at++ = decimal->digits[0];
    if (decimal->count > 1) {
        *at++ = '.';
        memcpy(at, decimal->digits + 1, (size_t)decimal->count - 1);
        at += decimal->count - 1;
    }
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    char reversed[INTEGER_DIGITS_MAX], *end = reversed + sizeof reversed;
    const char *first = write_digits(end, (uint64_t)abs(exponent));
    memcpy(at, first, (size_t)(end - first));
    return (size_t)(at - text) + (size_t)(end - first);
}

static size_t write_fraction(char *text, const struct decimal *decimal)
{
    int whole = decimal->count + decimal->exponent; /* digits before the point */
    size_t zeros = whole < 0 ? (size_t)-whole : 0, before = whole > 0 ? (size_t)whole : 0;
    size_t after = (size_t)decimal->count - before;
    char *at = text;

    if (before == 0)
        *at++ = '0';
    memcpy(at, decimal->digits, before);
    at += before;
    *at++ = '.';
    memset(at, '0', zeros);
    memcpy(at + zeros, decimal->digits + before, after);
    return (size_t)(at - text) + zeros + after;
}

/* Where Redis 7.2 changes from plain to scientific notation. */
static size_t decimal_write(char *text, const struct decimal *decimal)
{
    int magnitude = abs(decimal->exponent + decimal->count - 1);

    if (decimal->exponent >= 0 && magnitude < decimal->count + 7) {
        memcpy(text, decimal->digits, (size_t)decimal->count);
        memset(text + decimal->count, '0', (size_t)decimal->exponent);
        return (size_t)(decimal->count + decimal->exponent);
    }
    if (decimal->exponent < 0 && (decimal->exponent > -7 || magnitude < 4))
        return write_fraction(text, decimal);
    return write_scientific(text, decimal);
}

static size_t write_word(char *text, const char *word)
{
    memcpy(text, word, strlen(word));
    return strlen(word);
}

size_t number_format_double(char text[static NUMBER_TEXT_MAX], double value)
{
    const double integer_bound = (double)(INT64_MAX / 2);
    struct decimal decimal;

    if (isnan(value))
        return write_word(text, "nan");
    if (isinf(value))
        return write_word(text, value < 0 ? "-inf" : "inf");
    if (value == 0)
        return write_word(text, signbit(value) ? "-0" : "0");
    if (fabs(value) <= integer_bound && (double)(int64_t)value == value)
        return number_format_integer(text, (int64_t)value);

    size_t sign = value < 0;
    text[0] = '-';
    value = fabs(value);
    if (!decimal_exact(&decimal, value))
        decimal_printed(&decimal, value);
    size_t length = sign + decimal_write(text + sign, &decimal);
    ASSERT(length <= NUMBER_TEXT_MAX);
    return length;
}

size_t number_format_long_double(char text[static NUMBER_LONG_DOUBLE_TEXT_MAX], long double value)
{
    if (isinf(value))
        return write_word(text, value < 0 ? "-inf" : "inf");
    int length = snprintf(text, NUMBER_LONG_DOUBLE_TEXT_MAX, "%.17Lf", value);
    ASSERT(length > 0 && length < NUMBER_LONG_DOUBLE_TEXT_MAX);
    if (memchr(text, '.', (size_t)length)) {
        while (text[length - 1] == '0')
            length--;
        if (text[length - 1] == '.')
            length--;
    }
    if (length == 2 && memcmp(text, "-0", 2) == 0)
        return write_word(text, "0");
    return (size_t)length;
}
