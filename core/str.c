/* Comparing borrowed bytes, and glob patterns.
 *
 * A pattern is a run of elements that each match exactly one byte, with '*'
 * between them. When an element fails, only the last '*' has to take one byte
 * more: whatever an earlier one could give up, the last one can reach as well.
 * So no match tries more than pattern times string steps. */
#include "core/str.h"

#include <stdint.h>

static inline unsigned char lower(unsigned char byte)
{
    return (unsigned char)(byte - 'A') < 26 ? byte | 0x20 : byte;
}

void str_write_hex(char *to, const uint8_t *bytes, size_t digits)
{
    for (size_t i = 0; i < digits; i++)
        to[i] = "0123456789abcdef"[bytes[i / 2] >> (i % 2 ? 0 : 4) & 15];
}

/* Short texts as two pieces that may overlap. */
void str_copy_unusual(char *to, struct str from)
{
    if (from.length >= 8 && from.length < 16) {
        uint64_t first, last;

        memcpy(&first, from.bytes, 8);
        memcpy(&last, from.bytes + from.length - 8, 8);
        memcpy(to, &first, 8);
        memcpy(to + from.length - 8, &last, 8);
    } else if (from.length > 0) { /* else there may be no address */
        memmove(to, from.bytes, from.length);
    }
}

int str_compare(struct str a, struct str b)
{
    size_t shared = a.length < b.length ? a.length : b.length;
    int order = shared > 0 ? memcmp(a.bytes, b.bytes, shared) : 0;

    if (order != 0)
        return order;
    return (a.length > b.length) - (a.length < b.length);
}

bool str_equal_nocase(struct str a, const char *word)
{
    for (size_t i = 0; i < a.length; i++)
        if (word[i] == '\0' || lower((unsigned char)a.bytes[i]) != lower((unsigned char)word[i]))
            return false;
    return word[a.length] == '\0';
}

struct glob {
    const char *end; /* of the pattern */
    bool ignore_case;
};

static bool bytes_match(const struct glob *glob, char a, char b)
{
    return a == b || (glob->ignore_case && lower((unsigned char)a) == lower((unsigned char)b));
}

/* Bytes are compared as signed numbers and the ends are put in order before
 * their case is dropped: [Z-a] matches nothing without regard to case. */
static bool range_matches(const struct glob *glob, char from, char to, char byte)
{
    signed char lowest = (signed char)from, highest = (signed char)to, wanted = (signed char)byte;

    if (lowest > highest) {
        lowest = (signed char)to;
        highest = (signed char)from;
    }
    if (glob->ignore_case) {
        lowest = (signed char)lower((unsigned char)lowest);
        highest = (signed char)lower((unsigned char)highest);
        wanted = (signed char)lower((unsigned char)wanted);
    }
    return lowest <= wanted && wanted <= highest;
}

/* at: after the '['. Returns where the pattern goes on: after the ']', or at
 * its end, which closes a class as well. Escaped bytes always count case. */
static const char *class_match(const struct glob *glob, const char *at, char byte, bool *matches)
{
    bool negated = at < glob->end && *at == '^';
    bool found = false;

    at += negated;
    while (at < glob->end && *at != ']') {
        if (*at == '\\' && glob->end - at >= 2) {
            found |= at[1] == byte;
            at += 2;
        } else if (glob->end - at >= 3 && at[1] == '-') {
            found |= range_matches(glob, at[0], at[2], byte);
            at += 3;
        } else {
            found |= bytes_match(glob, *at, byte);
            at++;
        }
    }
    *matches = found != negated;
    return at < glob->end ? at + 1 : at;
}

/* Matches the element at `at`, which is no '*', with one byte: returns the next
 * element, or NULL. */
static const char *element_match(const struct glob *glob, const char *at, char byte)
{
    bool matches;

    if (*at == '?')
        return at + 1;
    if (*at == '[') {
        at = class_match(glob, at + 1, byte, &matches);
        return matches ? at : NULL;
    }
    if (*at == '\\' && glob->end - at >= 2)
        at++;
    return bytes_match(glob, *at, byte) ? at + 1 : NULL;
}

bool str_glob_match(struct str pattern, struct str string, bool ignore_case)
{
    if (string.length == 0 || pattern.length == 0) /* Redis: not even "*" matches the empty string */
        return string.length == pattern.length;

    const struct glob glob = {.end = pattern.bytes + pattern.length, .ignore_case = ignore_case};
    const char *at = pattern.bytes, *byte = string.bytes, *string_end = string.bytes + string.length;
    const char *after_star = NULL, *star_byte = NULL;

    while (byte < string_end) {
        if (at < glob.end && *at == '*') {
            after_star = ++at;
            star_byte = byte;
            if (at == glob.end)
                return true;
            continue;
        }
        const char *next = at < glob.end ? element_match(&glob, at, *byte) : NULL;
        if (next) {
            at = next;
            byte++;
        } else if (after_star) {
            at = after_star;
            byte = ++star_byte;
        } else {
            return false;
        }
    }
    while (at < glob.end && *at == '*')
        at++;
    return at == glob.end;
}
