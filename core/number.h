/* Numbers to text and back, by Redis's rules. Any thread. */
#ifndef CORE_NUMBER_H
#define CORE_NUMBER_H

#include <stdint.h>

#include "core/str.h"

enum { NUMBER_TEXT_MAX = 32, NUMBER_LONG_DOUBLE_TEXT_MAX = 5 * 1024 };

/* Strict decimal: optional '-', no spaces, no leading zeros, no overflow. */
MUST_USE bool number_parse_integer(struct str text, int64_t *value);
MUST_USE bool number_parse_unsigned(struct str text, uint64_t *value);
/* Of the C locale. */
static inline bool number_is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* -1: it is none. */
static inline int number_hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* As strtoull takes it: after spaces and a sign, which wraps; digits up to the end. No overflow. */
MUST_USE bool number_parse_wrapping(struct str text, uint64_t *value);
/* As Redis's string2d: all of the text, no leading space, NaN refused, "inf" forms accepted. */
MUST_USE bool number_parse_double(struct str text, double *value);
MUST_USE bool number_parse_long_double(struct str text, long double *value);
/* "100", "5kb", "1gb" …, as in redis.conf; bytes. */
MUST_USE bool number_parse_memory(struct str text, uint64_t *bytes);

/* Each writes text without terminator and returns its length. */
size_t number_format_integer(char text[static NUMBER_TEXT_MAX], int64_t value);
size_t number_format_double(char text[static NUMBER_TEXT_MAX], double value); /* shortest that reads back, in the notation of Redis 7.2 ("0.1", "1e+21", "1e-7"), "inf", "-inf", "nan" */
/* %.17Lf with trailing zeros cut: the "human" form of INCRBYFLOAT. */
size_t number_format_long_double(char text[static NUMBER_LONG_DOUBLE_TEXT_MAX], long double value);

#endif
