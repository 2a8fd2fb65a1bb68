/* Borrowed bytes.
 *
 * A struct str never owns what it points to: the comment of whoever hands one
 * out says how long the bytes live. Bytes are binary and not terminated.
 * Any thread. */
#ifndef CORE_STR_H
#define CORE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

struct str {
    const char *bytes;
    size_t length;
};

/* A string literal as a str, its length known when compiling. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

static inline struct str str_from(const char *terminated)
{
    return (struct str){terminated, strlen(terminated)};
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

/* As str_copy, of few bytes or of many. */
void str_copy_unusual(char *to, struct str from);

/* Copies the bytes, which may be none, to `to`; the two may overlap. Most are
 * short: 16 to 32 bytes are two loads and two stores, up to 64 four, where a call takes 35 instructions. */
static inline __attribute__((always_inline)) void str_copy(char *to, struct str from)
{
    if (from.length >= 16 && from.length <= 32) {
        char first[16], last[16];

        memcpy(first, from.bytes, 16);
        memcpy(last, from.bytes + from.length - 16, 16);
        memcpy(to, first, 16);
        memcpy(to + from.length - 16, last, 16);
    } else if (from.length > 32 && from.length <= 64) {
        char first[32], last[32];

        memcpy(first, from.bytes, 32);
        memcpy(last, from.bytes + from.length - 32, 32);
        memcpy(to, first, 32);
        memcpy(to + from.length - 32, last, 32);
    } else {
        str_copy_unusual(to, from);
    }
}

/* The first so many hexadecimal digits of the bytes, in lower case, not terminated. */
void str_write_hex(char *to, const uint8_t *bytes, size_t digits);

/* A client's bytes as "%.*s" quotes them in an error: cut where they are long. */
enum { STR_QUOTED_MAX = 128 };
static inline int str_quoted_length(struct str str)
{
    return str.length < STR_QUOTED_MAX ? (int)str.length : STR_QUOTED_MAX;
}

/* The same where Redis shows all of a name: none that means something is so long, and a format makes no more than an
 * int's length of text. */
enum { STR_SHOWN_MAX = 1 << 20 };
static inline int str_shown_length(struct str str)
{
    return str.length < STR_SHOWN_MAX ? (int)str.length : STR_SHOWN_MAX;
}

/* Compares as unsigned bytes, the shorter first where one is a prefix of the
 * other: below, equal to or above 0. */
int str_compare(struct str a, struct str b);

/* Equal but for the case of ASCII letters; word is terminated. */
bool str_equal_nocase(struct str a, const char *word);

/* Whether string matches the glob pattern by the rules of KEYS: * ? [a-c]
 * [^a] and \ to escape; as there, the empty string matches the empty pattern
 * alone. No pattern makes it exponential in time. */
bool str_glob_match(struct str pattern, struct str string, bool ignore_case);

#endif
