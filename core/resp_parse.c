/* One pass over the bytes, but for the headers of a few arguments: a short
 * request that lies there whole, as nearly all do, is read in one loop that
 * touches the parser at its end; what that loop gives up on is read again by the
 * general way, which can stop and go on anywhere. There a header that looks as
 * clients write it is read at once, and everything else (a line that has not
 * ended, one that is wrong) takes the slow way, which alone knows the errors.
 *
 * An argument points into the bytes of the call that found it. When the request
 * is not complete by the end of that call, its arguments become offsets, as the
 * bytes may move; they become pointers again once, when the request completes.
 * So each argument is touched at most three times however the bytes are cut.
 *
 * Which outcome a request has never depends on where its bytes were cut. The
 * line after CR, and the two bytes after a bulk string, are not looked at, as
 * Redis does not. Unlike Redis, a zero byte does not hide the end of its line. */
#include "core/resp_parse.h"

#include <stdio.h>

#include "core/assert.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/words.h"

enum { LINE_BYTES_MAX = 64 * 1024, ARGV_KEPT = 1024, SHORT_DIGITS = 9 };

enum state { STATE_START, STATE_COUNT, STATE_BULKS, STATE_INLINE, STATE_FAILED };

void resp_parser_init(struct resp_parser *parser, struct memory *memory)
{
    memset(parser, 0, sizeof *parser);
    parser->memory = memory;
    parser->argv = parser->argv_inline;
    parser->argv_capacity = RESP_ARGV_INLINE;
    parser->state = STATE_START;
}

static void release_argv(struct resp_parser *parser)
{
    if (parser->argv != parser->argv_inline)
        memory_free(parser->memory, parser->argv);
    parser->argv = parser->argv_inline;
    parser->argv_capacity = RESP_ARGV_INLINE;
}

static void release_inline_copy(struct resp_parser *parser)
{
    memory_free(parser->memory, parser->inline_copy);
    parser->inline_copy = NULL;
}

void resp_parser_deinit(struct resp_parser *parser)
{
    release_argv(parser);
    release_inline_copy(parser);
}

static __attribute__((noinline)) void grow_argv(struct resp_parser *parser)
{
    int capacity = parser->argv_capacity > INT32_MAX / 2 ? INT32_MAX : parser->argv_capacity * 2;
    size_t bytes = (size_t)capacity * sizeof *parser->argv;

    ASSERT(capacity > parser->argc);
    if (parser->argv == parser->argv_inline) {
        parser->argv = memory_alloc(parser->memory, bytes);
        memcpy(parser->argv, parser->argv_inline, sizeof parser->argv_inline);
    } else {
        parser->argv = memory_resize(parser->memory, parser->argv, bytes);
    }
    parser->argv_capacity = capacity;
}

static inline void add_argument(struct resp_parser *parser, struct str argument)
{
    if (__builtin_expect(parser->argc == parser->argv_capacity, 0))
        grow_argv(parser);
    parser->argv[parser->argc++] = argument;
}

static __attribute__((cold)) enum resp_status fail(struct resp_parser *parser, const char *error)
{
    parser->error = error;
    parser->state = STATE_FAILED;
    return RESP_ERROR;
}

static __attribute__((cold)) enum resp_status fail_expected_bulk(struct resp_parser *parser, char got)
{
    if (got == '\r' || got == '\n') /* neither may stand in an error reply */
        got = ' ';
    snprintf(parser->error_text, sizeof parser->error_text, "Protocol error: expected '$', got '%c'", got);
    return fail(parser, parser->error_text);
}

static inline enum resp_status complete(struct resp_parser *parser, size_t consumed)
{
    parser->consumed = consumed;
    parser->state = STATE_START;
    return RESP_COMPLETE;
}

/* Finds the line's end, `stop`, looking only at bytes not yet seen. COMPLETE:
 * *length is what lies before it. ERROR: the line is too long, and nothing is set. */
static enum resp_status find_line_end(struct resp_parser *parser, struct str bytes, char stop, size_t *length)
{
    const char *line = bytes.bytes + parser->position;
    size_t available = bytes.length - parser->position;
    size_t most = available <= LINE_BYTES_MAX ? available : LINE_BYTES_MAX + 1;
    const char *found = memchr(line + parser->scanned, stop, most - parser->scanned);

    parser->scanned = found ? (size_t)(found - line) : most;
    if (!found)
        return most > LINE_BYTES_MAX ? RESP_ERROR : RESP_INCOMPLETE;
    *length = parser->scanned;
    return RESP_COMPLETE;
}

/* A header's line ends with CR and one byte more. */
static enum resp_status find_header_end(struct resp_parser *parser, struct str bytes, size_t *length)
{
    enum resp_status status = find_line_end(parser, bytes, '\r', length);

    if (status == RESP_COMPLETE && bytes.length - parser->position < *length + 2)
        return RESP_INCOMPLETE;
    return status;
}

/* A header that has been read: its number, and what follows its line. As a
 * result it stays in registers, which an argument to write to would not. */
struct header {
    const char *after; /* NULL: not short, not whole, or not right: look closer */
    int64_t number;
};

/* As read_header, which has checked the first byte; at most SHORT_DIGITS digits. */
static __attribute__((noinline)) struct header read_long_header(const char *at, const char *end)
{
    const char *first = at + 1, *stop = end - 2 < first + SHORT_DIGITS ? end - 2 : first + SHORT_DIGITS;
    uint32_t value = 0, digit;

    for (at = first; at < stop && (digit = (uint32_t)(*at - '0')) <= 9; at++)
        value = value * 10 + digit;
    if (*at != '\r' || at == first || (*first == '0' && at != first + 1))
        return (struct header){NULL, 0};
    return (struct header){at + 2, value};
}

/* The header at `at`, if that is `type`. One digit and two are the common cases. */
static inline struct header read_header(const char *at, const char *end, char type)
{
    if (end - at < 5 || *at != type)
        return (struct header){NULL, 0};
    uint32_t first = (uint32_t)(at[1] - '0'), second = (uint32_t)(at[2] - '0');
    if (first <= 9 && at[2] == '\r')
        return (struct header){at + 4, first};
    if (first - 1 <= 8 && second <= 9 && at[3] == '\r')
        return (struct header){at + 5, first * 10 + second};
    return read_long_header(at, end);
}

static inline struct str header_digits(const struct resp_parser *parser, struct str bytes, size_t length)
{
    return (struct str){bytes.bytes + parser->position + 1, length - 1};
}

static __attribute__((noinline)) enum resp_status read_count_slowly(struct resp_parser *parser, struct str bytes,
                                                                    int64_t *count)
{
    size_t length;
    enum resp_status status = find_header_end(parser, bytes, &length);

    if (status == RESP_ERROR)
        return fail(parser, "Protocol error: too big mbulk count string");
    if (status == RESP_INCOMPLETE)
        return status;
    if (!number_parse_integer(header_digits(parser, bytes, length), count) || *count > INT32_MAX)
        return fail(parser, "Protocol error: invalid multibulk length");
    parser->position += length + 2;
    return RESP_COMPLETE;
}

/* "*3\r\n" */
static inline enum resp_status read_count(struct resp_parser *parser, struct str bytes,
                                          const struct resp_limits *limits)
{
    struct header header = read_header(bytes.bytes, bytes.bytes + bytes.length, '*');

    if (header.after) {
        parser->position = (size_t)(header.after - bytes.bytes);
    } else {
        enum resp_status status = read_count_slowly(parser, bytes, &header.number);
        if (status != RESP_COMPLETE)
            return status;
    }
    if (header.number > limits->argument_count)
        return fail(parser, "Protocol error: unauthenticated multibulk length");
    parser->state = STATE_BULKS;
    parser->arguments_left = header.number;
    parser->bulk_length = -1;
    parser->scanned = 0;
    return RESP_COMPLETE;
}

static __attribute__((noinline)) enum resp_status read_bulk_length_slowly(struct resp_parser *parser, struct str bytes)
{
    size_t length;
    enum resp_status status = find_header_end(parser, bytes, &length);

    if (status == RESP_ERROR)
        return fail(parser, "Protocol error: too big bulk count string");
    if (status == RESP_INCOMPLETE)
        return status;
    if (bytes.bytes[parser->position] != '$')
        return fail_expected_bulk(parser, bytes.bytes[parser->position]);
    int64_t bulk_length;
    if (!number_parse_integer(header_digits(parser, bytes, length), &bulk_length) || bulk_length < 0)
        return fail(parser, "Protocol error: invalid bulk length");
    parser->bulk_length = bulk_length;
    parser->position += length + 2;
    parser->scanned = 0;
    return RESP_COMPLETE;
}

/* "$5\r\n" */
static inline enum resp_status read_bulk_length(struct resp_parser *parser, struct str bytes,
                                                const struct resp_limits *limits)
{
    struct header header = read_header(bytes.bytes + parser->position, bytes.bytes + bytes.length, '$');

    if (header.after) {
        parser->position = (size_t)(header.after - bytes.bytes);
        parser->bulk_length = header.number;
        parser->scanned = 0;
    } else {
        enum resp_status status = read_bulk_length_slowly(parser, bytes);
        if (status != RESP_COMPLETE)
            return status;
    }
    if (parser->bulk_length > limits->bulk_bytes)
        return fail(parser, "Protocol error: invalid bulk length");
    if (parser->bulk_length > limits->unauthenticated_bulk_bytes)
        return fail(parser, "Protocol error: unauthenticated bulk length");
    return RESP_COMPLETE;
}

/* Reads arguments until the array is complete or the bytes run out. */
static inline enum resp_status read_bulks(struct resp_parser *parser, struct str bytes,
                                          const struct resp_limits *limits)
{
    while (parser->arguments_left > 0) {
        if (parser->bulk_length < 0) {
            enum resp_status status = read_bulk_length(parser, bytes, limits);
            if (status != RESP_COMPLETE)
                return status;
        }
        size_t length = (size_t)parser->bulk_length;
        if (bytes.length - parser->position < length + 2)
            return RESP_INCOMPLETE;
        add_argument(parser, (struct str){bytes.bytes + parser->position, length});
        parser->position += length + 2;
        parser->bulk_length = -1;
        parser->arguments_left--;
    }
    return complete(parser, parser->position);
}

static void pointers_to_offsets(struct str *argv, int from, int to, const char *base)
{
    for (int i = from; i < to; i++)
        argv[i].bytes = (const char *)(uintptr_t)(argv[i].bytes - base);
}

static void offsets_to_pointers(struct str *argv, int count, const char *base)
{
    for (int i = 0; i < count; i++)
        argv[i].bytes = base + (uintptr_t)argv[i].bytes;
}

static enum resp_status parse_array(struct resp_parser *parser, struct str bytes, const struct resp_limits *limits)
{
    int found_before = parser->argc;

    if (parser->state == STATE_COUNT) {
        enum resp_status status = read_count(parser, bytes, limits);
        if (status != RESP_COMPLETE)
            return status;
    }
    enum resp_status status = read_bulks(parser, bytes, limits);
    if (status == RESP_INCOMPLETE)
        pointers_to_offsets(parser->argv, found_before, parser->argc, bytes.bytes);
    else if (status == RESP_COMPLETE)
        offsets_to_pointers(parser->argv, found_before, bytes.bytes);
    return status;
}

static enum resp_status split_inline(struct resp_parser *parser, struct str line)
{
    enum words_status status;
    struct str word;

    parser->inline_copy = memory_alloc(parser->memory, line.length);
    struct words words = {.at = line.bytes, .end = line.bytes + line.length, .out = parser->inline_copy};
    while ((status = words_next(&words, &word)) == WORDS_NEXT)
        add_argument(parser, word);
    return status == WORDS_END ? RESP_COMPLETE : RESP_ERROR;
}

static enum resp_status parse_inline(struct resp_parser *parser, struct str bytes)
{
    size_t length;
    enum resp_status status = find_line_end(parser, bytes, '\n', &length);

    if (status == RESP_ERROR)
        return fail(parser, "Protocol error: too big inline request");
    if (status == RESP_INCOMPLETE)
        return status;
    struct str line = {bytes.bytes, length};
    if (line.length > 0 && line.bytes[line.length - 1] == '\r')
        line.length--;
    if (split_inline(parser, line) == RESP_ERROR)
        return fail(parser, "Protocol error: unbalanced quotes in request");
    return complete(parser, length + 1);
}

static inline int64_t longest_bulk(const struct resp_limits *limits)
{
    return limits->bulk_bytes < limits->unauthenticated_bulk_bytes ? limits->bulk_bytes
                                                                   : limits->unauthenticated_bulk_bytes;
}

/* A request such as nearly all are: a few arguments, all there. False: nothing has happened, look closer. Only the end
 * of it touches the parser, so that a GET takes 100 instructions instead of 205. */
static inline bool read_short_request(struct resp_parser *parser, struct str bytes, const struct resp_limits *limits)
{
    const char *end = bytes.bytes + bytes.length;
    struct header array = read_header(bytes.bytes, end, '*');
    const char *at = array.after;
    struct str *argument = parser->argv;
    int64_t longest = longest_bulk(limits);

    if (!at || array.number > RESP_ARGV_INLINE || array.number > limits->argument_count)
        return false;
    for (struct str *stop = argument + array.number; argument < stop; argument++) {
        struct header bulk = read_header(at, end, '$');
        if (!bulk.after || bulk.number > longest || end - bulk.after < bulk.number + 2)
            return false;
        *argument = (struct str){bulk.after, (size_t)bulk.number};
        at = bulk.after + bulk.number + 2;
    }
    parser->argc = (int)array.number;
    parser->consumed = (size_t)(at - bytes.bytes);
    return true;
}

/* Lets go of what the last request left. */
static inline void clear(struct resp_parser *parser)
{
    parser->argc = 0;
    parser->position = 0;
    parser->scanned = 0;
    if (__builtin_expect(parser->argv_capacity > ARGV_KEPT, 0))
        release_argv(parser);
    if (__builtin_expect(parser->inline_copy != NULL, 0))
        release_inline_copy(parser);
}

static __attribute__((noinline)) enum resp_status parse_generally(struct resp_parser *parser, struct str bytes,
                                                                  const struct resp_limits *limits)
{
    if (parser->state == STATE_START) {
        if (bytes.length == 0)
            return RESP_INCOMPLETE;
        parser->state = bytes.bytes[0] == '*' ? STATE_COUNT : STATE_INLINE;
    }
    ASSERT(bytes.length >= parser->position + parser->scanned);
    if (parser->state == STATE_INLINE)
        return parse_inline(parser, bytes);
    if (parser->state == STATE_FAILED)
        return RESP_ERROR;
    return parse_array(parser, bytes, limits);
}

/* inline: into the loops over requests, by link-time optimization. */
inline enum resp_status resp_parse(struct resp_parser *parser, struct str bytes, const struct resp_limits *limits)
{
    if (parser->state == STATE_START) {
        clear(parser);
        if (read_short_request(parser, bytes, limits))
            return RESP_COMPLETE;
    }
    return parse_generally(parser, bytes, limits);
}

size_t resp_bytes_needed(const struct resp_parser *parser)
{
    if (parser->state != STATE_BULKS || parser->bulk_length < 0)
        return 0;
    return parser->position + (size_t)parser->bulk_length + 2;
}
