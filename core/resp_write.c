/* Every reply is a short header, written into reserved room at once, and
 * perhaps bytes behind it. Where RESP3 has a type of its own, the letter of the
 * header says so; RESP2 gets '*' or '$' in its place. */
#include "core/resp_write.h"

#include "core/assert.h"
#include "core/number.h"

enum { HEADER_MAX = NUMBER_TEXT_MAX + 3 }; /* letter, number, CRLF */

/* Both return the end of what was written. Most numbers are lengths of one digit or two. */
static inline char *write_header(char *at, char letter, int64_t number)
{
    *at++ = letter;
    if (number >= 10 && number < 100) {
        *at++ = (char)('0' + (uint32_t)number / 10);
        *at++ = (char)('0' + (uint32_t)number % 10);
    } else {
        at += number_format_integer(at, number);
    }
    memcpy(at, "\r\n", 2);
    return at + 2;
}

static inline char *write_bytes(char *at, const void *bytes, size_t length)
{
    str_copy(at, (struct str){bytes, length});
    return at + length;
}

static inline void wrote_until(struct reply *reply, const char *end)
{
    reply->buffer.length = (size_t)(end - reply->buffer.bytes);
}

static inline void append_header(struct reply *reply, char letter, int64_t number)
{
    wrote_until(reply, write_header(buffer_reserve(&reply->buffer, HEADER_MAX), letter, number));
}

static void append_line(struct reply *reply, char letter, const char *text, size_t length)
{
    char *at = buffer_reserve(&reply->buffer, length + 3);

    *at++ = letter;
    at = write_bytes(at, text, length);
    wrote_until(reply, write_bytes(at, "\r\n", 2));
}

void reply_ok(struct reply *reply)
{
    buffer_append(&reply->buffer, "+OK\r\n", 5);
}

void reply_simple(struct reply *reply, const char *text)
{
    append_line(reply, '+', text, strlen(text));
}

void reply_error(struct reply *reply, const char *text)
{
    reply->error = true;
    append_line(reply, '-', text, strlen(text));
}

static bool is_line_break(char byte)
{
    return byte == '\r' || byte == '\n';
}

/* Line breaks at the end of the text from `start` go, others become spaces. */
static void flatten_lines(struct buffer *buffer, size_t start)
{
    while (buffer->length > start && is_line_break(buffer->bytes[buffer->length - 1]))
        buffer->length--;
    for (size_t i = start; i < buffer->length; i++)
        if (is_line_break(buffer->bytes[i]))
            buffer->bytes[i] = ' ';
}

void reply_error_format(struct reply *reply, const char *format, ...)
{
    struct buffer *buffer = &reply->buffer;
    va_list arguments;

    reply->error = true;
    buffer_append(buffer, "-", 1);
    size_t start = buffer->length;
    va_start(arguments, format);
    buffer_append_arguments(buffer, format, arguments);
    va_end(arguments);
    flatten_lines(buffer, start);
    buffer_append(buffer, "\r\n", 2);
}

void reply_integer(struct reply *reply, int64_t value)
{
    append_header(reply, ':', value);
}

void reply_bulk(struct reply *reply, struct str value)
{
    char *at = buffer_reserve(&reply->buffer, value.length + HEADER_MAX + 2);

    at = write_header(at, '$', (int64_t)value.length);
    at = write_bytes(at, value.bytes, value.length);
    wrote_until(reply, write_bytes(at, "\r\n", 2));
}

char *reply_bulk_space(struct reply *reply, size_t length)
{
    char *space = write_header(buffer_reserve(&reply->buffer, length + HEADER_MAX + 2), '$', (int64_t)length);

    wrote_until(reply, write_bytes(space + length, "\r\n", 2));
    return space;
}

void reply_bulk_integer(struct reply *reply, int64_t value)
{
    char text[NUMBER_TEXT_MAX];

    reply_bulk(reply, (struct str){text, number_format_integer(text, value)});
}

/* Puts a header in front of what was written since `mark`. */
static void insert_header(struct reply *reply, size_t mark, char letter, int64_t number)
{
    struct buffer *buffer = &reply->buffer;
    char header[HEADER_MAX];
    size_t length = (size_t)(write_header(header, letter, number) - header);

    ASSERT(mark <= buffer->length);
    buffer_reserve(buffer, length);
    memmove(buffer->bytes + mark + length, buffer->bytes + mark, buffer->length - mark);
    memcpy(buffer->bytes + mark, header, length);
    buffer->length += length;
}

void reply_bulk_format(struct reply *reply, const char *format, ...)
{
    size_t mark = reply_mark(reply);
    va_list arguments;

    va_start(arguments, format);
    buffer_append_arguments(&reply->buffer, format, arguments);
    va_end(arguments);
    insert_header(reply, mark, '$', (int64_t)(reply->buffer.length - mark));
    buffer_append(&reply->buffer, "\r\n", 2);
}

void reply_double(struct reply *reply, double value)
{
    char text[NUMBER_TEXT_MAX];
    size_t length = number_format_double(text, value);

    if (reply->protocol == 3)
        append_line(reply, ',', text, length);
    else
        reply_bulk(reply, (struct str){text, length});
}

void reply_null(struct reply *reply)
{
    reply_raw(reply, reply->protocol == 3 ? STR("_\r\n") : STR("$-1\r\n"));
}

void reply_null_array(struct reply *reply)
{
    reply_raw(reply, reply->protocol == 3 ? STR("_\r\n") : STR("*-1\r\n"));
}

void reply_bool(struct reply *reply, bool value)
{
    if (reply->protocol == 3)
        reply_raw(reply, value ? STR("#t\r\n") : STR("#f\r\n"));
    else
        reply_integer(reply, value);
}

void reply_verbatim(struct reply *reply, struct str value, const char *format)
{
    if (reply->protocol == 2) {
        reply_bulk(reply, value);
        return;
    }
    ASSERT(strlen(format) == 3);
    append_header(reply, '=', (int64_t)value.length + 4);
    buffer_append(&reply->buffer, format, 3);
    buffer_append(&reply->buffer, ":", 1);
    buffer_append_str(&reply->buffer, value);
    buffer_append(&reply->buffer, "\r\n", 2);
}

/* A header of several values, as the client's protocol spells it. */
struct aggregate {
    char letter;
    int64_t count;
};

static inline struct aggregate aggregate_of(const struct reply *reply, char letter, int64_t count)
{
    return reply->protocol == 3 ? (struct aggregate){letter, count} : (struct aggregate){'*', count};
}

static inline struct aggregate aggregate_map(const struct reply *reply, int64_t pairs)
{
    return reply->protocol == 3 ? (struct aggregate){'%', pairs} : (struct aggregate){'*', 2 * pairs};
}

static inline void append_aggregate(struct reply *reply, struct aggregate aggregate)
{
    append_header(reply, aggregate.letter, aggregate.count);
}

void reply_array(struct reply *reply, int64_t count)
{
    append_header(reply, '*', count);
}

void reply_map(struct reply *reply, int64_t pairs)
{
    append_aggregate(reply, aggregate_map(reply, pairs));
}

void reply_set(struct reply *reply, int64_t count)
{
    append_aggregate(reply, aggregate_of(reply, '~', count));
}

void reply_push(struct reply *reply, int64_t count)
{
    append_aggregate(reply, aggregate_of(reply, '>', count));
}

void reply_raw(struct reply *reply, struct str bytes)
{
    buffer_append_str(&reply->buffer, bytes);
}

size_t reply_mark(const struct reply *reply)
{
    return reply->buffer.length;
}

void reply_array_at(struct reply *reply, size_t mark, int64_t count)
{
    insert_header(reply, mark, '*', count);
}

void reply_map_at(struct reply *reply, size_t mark, int64_t pairs)
{
    struct aggregate aggregate = aggregate_map(reply, pairs);

    insert_header(reply, mark, aggregate.letter, aggregate.count);
}

void reply_set_at(struct reply *reply, size_t mark, int64_t count)
{
    struct aggregate aggregate = aggregate_of(reply, '~', count);

    insert_header(reply, mark, aggregate.letter, aggregate.count);
}
