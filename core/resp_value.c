/* Walking a reply of our own, without recursion: what is still to come is one
 * count, which an aggregate's header raises by its elements. */
#include "core/resp_write.h"

#include <endian.h>

#include "core/assert.h"
#include "core/number.h"

/* The line after the type's letter; *at moves past its CRLF. */
static struct str take_line(const char **at, const char *end)
{
    const char *start = *at + 1;
    ASSERT(start < end);
    const char *stop = memchr(start, '\r', (size_t)(end - start));

    ASSERT(stop && end - stop >= 2);
    *at = stop + 2;
    return (struct str){start, (size_t)(stop - start)};
}

/* -1 stands for null. */
static int64_t take_count(const char **at, const char *end)
{
    int64_t count;
    bool valid = number_parse_integer(take_line(at, end), &count);

    ASSERT(valid && count >= -1);
    return count;
}

static void skip_bytes(const char **at, const char *end, int64_t length)
{
    if (length < 0)
        return;
    ASSERT(end - *at >= 2 && length <= end - *at - 2);
    *at += length + 2;
}

/* Passes one value's header, and its bytes if it is no aggregate. Returns how
 * many values belong to it. */
static int64_t skip_value(const char **at, const char *end)
{
    int64_t count;

    ASSERT(*at < end);
    switch (**at) {
    case '$':
    case '=':
    case '!':
        skip_bytes(at, end, take_count(at, end));
        return 0;
    case '*':
    case '~':
    case '>':
        count = take_count(at, end);
        return count < 0 ? 0 : count;
    case '%':
        return 2 * take_count(at, end);
    case '|': /* attributes, then the value that they describe */
        return 2 * take_count(at, end) + 1;
    default:
        take_line(at, end);
        return 0;
    }
}

/* Of a bulk string of two digits, as most of a long answer are; 0: it is something else. Where "$00\r\n" is taken out
 * of its beginning, a digit is left alone: that it is one shows by its high half, and by that of six more. */
static inline size_t two_digit_bulk_length(struct str bytes)
{
    uint64_t head;

    if (bytes.length < sizeof head)
        return 0;
    memcpy(&head, bytes.bytes, sizeof head);
    head = le64toh(head) ^ UINT64_C(0x0a0d303024);
    if (((head | (head + 0x060600)) & UINT64_C(0xfffff0f0ff)) != 0)
        return 0;
    return 7 + (head >> 8 & 15) * 10 + (head >> 16 & 15);
}

/* Of one of fewer than 100 bytes, likewise. */
static inline size_t short_bulk_length(struct str bytes)
{
    const char *at = bytes.bytes;

    if (bytes.length < 6 || at[0] != '$')
        return 0;
    uint32_t first = (uint32_t)(at[1] - '0'), second = (uint32_t)(at[2] - '0');
    if (first <= 9 && at[2] == '\r')
        return 6 + first;
    return first <= 9 && second <= 9 && at[3] == '\r' ? 7 + first * 10 + second : 0;
}

size_t resp_value_length(struct str bytes)
{
    const char *at = bytes.bytes, *end = at + bytes.length;
    size_t short_length = two_digit_bulk_length(bytes);

    if (__builtin_expect(short_length == 0, 0))
        short_length = short_bulk_length(bytes);

    ASSERT(short_length <= bytes.length);
    if (short_length > 0)
        return short_length;

    for (int64_t left = 1; left > 0; left--)
        left += skip_value(&at, end);
    return (size_t)(at - bytes.bytes);
}
