#include <criterion/criterion.h>

#include "core/buffer.h"
#include "core/memory.h"
#include "core/resp_parse.h"
#include "tests/support/dice.h"

static const struct resp_limits limits = {512 << 20, INT32_MAX, INT64_MAX};
static const struct resp_limits unauthenticated = {512 << 20, 10, 16384};

/* Everything the parser says of a stream, as text: "[set|k] [] !error" and, at
 * the end, "..." where it wants more. */
struct stream {
    struct memory memory;
    struct resp_parser parser;
    struct buffer outcome;
    size_t start; /* of the request being read */
    bool failed;
};

static void stream_init(struct stream *stream)
{
    *stream = (struct stream){0};
    resp_parser_init(&stream->parser, &stream->memory);
    buffer_init(&stream->outcome, &stream->memory, NULL, 0);
}

static void stream_deinit(struct stream *stream)
{
    resp_parser_deinit(&stream->parser);
    buffer_deinit(&stream->outcome);
    cr_assert_eq(stream->memory.used_bytes, 0);
}

static void note_request(struct stream *stream)
{
    buffer_append(&stream->outcome, "[", 1);
    for (int i = 0; i < stream->parser.argc; i++) {
        buffer_append(&stream->outcome, "|", i > 0);
        buffer_append_str(&stream->outcome, stream->parser.argv[i]);
    }
    buffer_append(&stream->outcome, "] ", 2);
}

/* All requests in bytes, of which each call sees the same beginning and more. */
static void stream_feed(struct stream *stream, struct str bytes, const struct resp_limits *with)
{
    while (!stream->failed) {
        struct str rest = {bytes.bytes + stream->start, bytes.length - stream->start};
        enum resp_status status = resp_parse(&stream->parser, rest, with);
        if (status == RESP_INCOMPLETE)
            return;
        stream->failed = status == RESP_ERROR;
        if (stream->failed) {
            buffer_append_format(&stream->outcome, "!%s", stream->parser.error);
        } else {
            cr_assert(stream->parser.consumed > 0 && stream->parser.consumed <= rest.length);
            note_request(stream);
            stream->start += stream->parser.consumed;
        }
    }
}

/* The bytes arrive in pieces, at another address each time, with nothing
 * readable behind them. */
static void stream_feed_moved(struct stream *stream, struct str bytes, size_t length)
{
    char *copy = malloc(length + 1);

    memcpy(copy + 1, bytes.bytes, length);
    stream_feed(stream, (struct str){copy + 1, length}, &limits);
    memset(copy, 0xee, length + 1);
    free(copy);
}

static void expect_stream(struct stream *stream, struct str expected, struct str bytes)
{
    cr_assert(str_equal(buffer_str(&stream->outcome), expected), "%.*s\ngives   %.*s\ninstead %.*s", (int)bytes.length,
              bytes.bytes, (int)stream->outcome.length, stream->outcome.bytes, (int)expected.length, expected.bytes);
}

static void expect_limited(const char *bytes, const struct resp_limits *with, const char *expected)
{
    struct stream stream;

    stream_init(&stream);
    stream_feed(&stream, str_from(bytes), with);
    expect_stream(&stream, str_from(expected), str_from(bytes));
    stream_deinit(&stream);
}

static void expect(const char *bytes, const char *expected)
{
    expect_limited(bytes, &limits, expected);
}

static void expect_error(const char *bytes, const char *error)
{
    char expected[128];

    snprintf(expected, sizeof expected, "!Protocol error: %s", error);
    expect(bytes, expected);
}

Test(resp_parse, arrays_give_arguments)
{
    expect("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "[GET|k] ");
    expect("*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n", "[PING] [QUIT] ");
    expect("*3\r\n$0\r\n\r\n$2\r\n\r\n\r\n$1\r\n*\r\n", "[|\r\n|*] ");
    expect("*1\r\n$12\r\nabcdefghijkl\r\n", "[abcdefghijkl] ");
}

Test(resp_parse, empty_arrays_and_lines_are_requests_without_arguments)
{
    expect("*0\r\n*-1\r\n*-9223372036854775808\r\n\r\n\n  \r\n*1\r\n$4\r\nPING\r\n", "[] [] [] [] [] [] [PING] ");
}

Test(resp_parse, inline_commands_end_with_a_newline)
{
    expect("PING\r\n", "[PING] ");
    expect("PING\nPING\n", "[PING] [PING] ");
    expect("SET k \"a b\"\r\n", "[SET|k|a b] ");
    expect("PING\r", "");
    expect("a b c d e f g h i j\r\n", "[a|b|c|d|e|f|g|h|i|j] ");
    expect_error("SET k \"a\r\n", "unbalanced quotes in request");
}

Test(resp_parse, what_follows_a_bulk_string_or_cr_is_not_looked_at)
{
    expect("*1\rx$4\ryPINGzzPING\r\n", "[PING] [PING] ");
}

Test(resp_parse, bad_array_lengths_are_refused)
{
    const char *texts[] = {"*\r\n",
                           "*x\r\n",
                           "*01\r\n",
                           "*+1\r\n",
                           "* 1\r\n",
                           "*-0\r\n",
                           "*1 \r\n",
                           "*2147483648\r\n",
                           "*9223372036854775808\r\n",
                           "*99999999999999999999999\r\n"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        expect_error(texts[i], "invalid multibulk length");
    expect("*2147483647\r\n", "");
}

Test(resp_parse, bad_bulk_lengths_are_refused)
{
    const char *texts[] = {"$\r\n",
                           "$x\r\n",
                           "$-1\r\n",
                           "$01\r\n",
                           "$-0\r\n",
                           "$536870913\r\n",
                           "$1234567890\r\n",
                           "$9223372036854775807\r\n",
                           "$9223372036854775808\r\n"};
    char bytes[64];

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        snprintf(bytes, sizeof bytes, "*1\r\n%s", texts[i]);
        expect_error(bytes, "invalid bulk length");
    }
    expect("*1\r\n$536870912\r\n", "");
}

Test(resp_parse, anything_but_a_bulk_string_is_refused_with_its_first_byte)
{
    expect_error("*1\r\nx\r\n", "expected '$', got 'x'");
    expect_error("*1\r\n\r\n", "expected '$', got ' '");
    expect_error("*1\r\n\nfoo\r\n", "expected '$', got ' '");
    expect_error("*2\r\n$1\r\na\r\n:1\r\n", "expected '$', got ':'");
    expect("*1\r\nx", "");
}

Test(resp_parse, limits_hold_before_authentication)
{
    expect_limited("*11\r\n", &unauthenticated, "!Protocol error: unauthenticated multibulk length");
    expect_limited("*1\r\n$16385\r\n", &unauthenticated, "!Protocol error: unauthenticated bulk length");
    expect_limited("*2147483648\r\n", &unauthenticated, "!Protocol error: invalid multibulk length");
    expect_limited("*10\r\n$16384\r\n", &unauthenticated, "");
}

/* prefix, then `count` times the byte, then suffix. */
static void expect_long_line(const char *prefix, char byte, size_t count, const char *suffix, const char *expected)
{
    static char bytes[70000];
    size_t length = strlen(prefix);

    memcpy(bytes, prefix, length);
    memset(bytes + length, byte, count);
    strcpy(bytes + length + count, suffix);
    expect(bytes, expected);
}

Test(resp_parse, lines_are_limited_to_64_kib)
{
    const size_t most = 65536;

    expect_long_line("", 'a', most, "", "");
    expect_long_line("", 'a', most + 1, "", "!Protocol error: too big inline request");
    expect_long_line("", ' ', most, "\n", "[] ");
    expect_long_line("", ' ', most + 1, "\n", "!Protocol error: too big inline request");
    expect_long_line("*", '1', most - 1, "", "");
    expect_long_line("*", '1', most, "", "!Protocol error: too big mbulk count string");
    expect_long_line("*", '1', most - 1, "\r\n", "!Protocol error: invalid multibulk length");
    expect_long_line("*1\r\n$", '1', most - 1, "", "");
    expect_long_line("*1\r\n$", '1', most, "", "!Protocol error: too big bulk count string");
}

Test(resp_parse, an_error_stays)
{
    struct stream stream;

    stream_init(&stream);
    cr_assert_eq(resp_parse(&stream.parser, STR("*x\r\n"), &limits), RESP_ERROR);
    cr_assert_eq(resp_parse(&stream.parser, STR("*x\r\nPING\r\n"), &limits), RESP_ERROR);
    cr_assert_str_eq(stream.parser.error, "Protocol error: invalid multibulk length");
    stream_deinit(&stream);
}

Test(resp_parse, counts_on_the_wire_allocate_nothing)
{
    struct stream stream;

    stream_init(&stream);
    stream_feed(&stream, STR("*2147483647\r\n$536870912\r\nabc"), &limits);
    cr_assert_eq(stream.memory.peak_bytes, 0);
    stream_deinit(&stream);
}

Test(resp_parse, bytes_needed_are_those_of_the_bulk_string_under_way)
{
    struct stream stream;

    stream_init(&stream);
    cr_assert_eq(resp_bytes_needed(&stream.parser), 0);
    stream_feed(&stream, STR("*2\r\n$100"), &limits);
    cr_assert_eq(resp_bytes_needed(&stream.parser), 0);
    stream_feed(&stream, STR("*2\r\n$100\r\nabc"), &limits);
    cr_assert_eq(resp_bytes_needed(&stream.parser), 4 + 6 + 100 + 2);
    stream_deinit(&stream);
}

Test(resp_parse, a_large_argument_array_is_let_go_with_the_next_call)
{
    struct stream stream;
    struct buffer request;

    stream_init(&stream);
    buffer_init(&request, &stream.memory, NULL, 0);
    buffer_append_format(&request, "*10000\r\n");
    for (int i = 0; i < 10000; i++)
        buffer_append(&request, "$1\r\nx\r\n", 7);
    cr_assert_eq(resp_parse(&stream.parser, buffer_str(&request), &limits), RESP_COMPLETE);
    cr_assert_eq(stream.parser.argc, 10000);
    size_t before = stream.memory.used_bytes;
    cr_assert_eq(resp_parse(&stream.parser, STR(""), &limits), RESP_INCOMPLETE);
    cr_assert_leq(stream.memory.used_bytes, before - 10000 * sizeof(struct str));
    buffer_deinit(&request);
    stream_deinit(&stream);
}

static const char *const streams[] = {
    "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n",
    "*12\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n$1\r\n6\r\n$1\r\n7\r\n$1\r\n8\r\n$"
    "1\r\n9\r\n"
    "$2\r\n10\r\n$0\r\n\r\nPING\r\n",
    "*0\r\n\r\nSET k \"a\\x41 b\" 'it\\'s'\r\n*-1\r\n*1\r\n$4\r\nPING\r\nGET \"k\r\n",
    "*1\r\n$10\r\n0123456789\r\n*1\r\n$011\r\n",
    "*1\rx$4\ryPINGzz*1\r\n:3\r\n",
    "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n\r\n",
    "PING\r\n\n\n*1234567890\r\n$9\r\n",
};

static void expect_same_when_cut(struct str bytes, const size_t *cuts, int count)
{
    struct stream whole, pieces;

    stream_init(&whole);
    stream_init(&pieces);
    stream_feed_moved(&whole, bytes, bytes.length);
    for (int i = 0; i < count; i++)
        stream_feed_moved(&pieces, bytes, cuts[i]);
    stream_feed_moved(&pieces, bytes, bytes.length);
    expect_stream(&pieces, buffer_str(&whole.outcome), bytes);
    stream_deinit(&whole);
    stream_deinit(&pieces);
}

Test(resp_parse, every_pair_of_cuts_gives_the_same)
{
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        struct str bytes = str_from(streams[i]);
        for (size_t first = 0; first <= bytes.length; first++)
            for (size_t second = first; second <= bytes.length; second++)
                expect_same_when_cut(bytes, (size_t[]){first, second}, 2);
    }
}

Test(resp_parse, byte_by_byte_gives_the_same)
{
    size_t cuts[256];

    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++)
        cuts[i] = i;
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++)
        expect_same_when_cut(str_from(streams[i]), cuts, (int)strlen(streams[i]));
}

/* A request as a client may write it, and what the parser has to make of it. */
static void append_random_request(struct buffer *bytes, struct buffer *expected)
{
    int argc = (int)dice_below(dice_below(10) ? 6 : 60);

    buffer_append_format(bytes, "*%d\r\n", argc);
    buffer_append(expected, "[", 1);
    for (int i = 0; i < argc; i++) {
        char argument[300];
        size_t length = dice_below(dice_below(10) ? 12 : sizeof argument);
        for (size_t k = 0; k < length; k++)
            argument[k] = (char)dice_bits();
        buffer_append_format(bytes, "$%zu\r\n", length);
        buffer_append(bytes, argument, length);
        buffer_append(bytes, "\r\n", 2);
        buffer_append(expected, "|", i > 0);
        buffer_append(expected, argument, length);
    }
    buffer_append(expected, "] ", 2);
}

Test(resp_parse, random_requests_in_random_pieces_come_out_as_written)
{
    struct memory memory = {0};

    dice_seed();
    for (int round = 0; round < 300; round++) {
        struct buffer bytes, expected;
        struct stream stream;
        buffer_init(&bytes, &memory, NULL, 0);
        buffer_init(&expected, &memory, NULL, 0);
        stream_init(&stream);
        for (uint64_t left = 1 + dice_below(8); left > 0; left--)
            append_random_request(&bytes, &expected);
        for (size_t length = 0; length < bytes.length; length += 1 + dice_below(64))
            stream_feed_moved(&stream, buffer_str(&bytes), length);
        stream_feed_moved(&stream, buffer_str(&bytes), bytes.length);
        expect_stream(&stream, buffer_str(&expected), buffer_str(&bytes));
        stream_deinit(&stream);
        buffer_deinit(&bytes);
        buffer_deinit(&expected);
    }
}

/* A million calls for one request of 120,000 arguments: quadratic work, in
 * arguments or in bytes, would take minutes. */
Test(resp_parse, small_pieces_cost_no_more_than_their_bytes, .timeout = 20)
{
    struct stream stream;
    struct buffer request;
    enum resp_status status = RESP_INCOMPLETE;

    stream_init(&stream);
    buffer_init(&request, &stream.memory, NULL, 0);
    buffer_append_format(&request, "*120000\r\n");
    for (int i = 0; i < 120000; i++)
        buffer_append(&request, "$2\r\nxy\r\n", 8);
    for (size_t length = 1; length <= request.length; length++)
        status = resp_parse(&stream.parser, (struct str){request.bytes, length}, &limits);
    cr_assert_eq(status, RESP_COMPLETE);
    cr_assert(str_equal(stream.parser.argv[119999], STR("xy")));
    buffer_deinit(&request);
    stream_deinit(&stream);
}
