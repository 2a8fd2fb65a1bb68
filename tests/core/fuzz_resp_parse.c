/* libFuzzer target: a stream of requests cut into pieces gives the same
 * requests, the same error and the same rest as in one piece.
 *
 * The input's first byte seeds the lengths of the pieces; the rest is the
 * stream. Each piece lies in a block of its own, at another address, so that a
 * sanitizer sees a read past what has arrived, or into bytes that have moved. */
#include <stdint.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/buffer.h"
#include "core/memory.h"
#include "core/resp_parse.h"

struct stream {
    struct resp_parser parser;
    struct buffer outcome;
    size_t start; /* of the request being read */
    bool failed;
};

static void append_number(struct buffer *buffer, uint64_t number)
{
    buffer_append(buffer, &number, sizeof number);
}

static void note_request(struct stream *stream)
{
    const struct resp_parser *parser = &stream->parser;

    append_number(&stream->outcome, parser->consumed);
    append_number(&stream->outcome, (uint64_t)parser->argc);
    for (int i = 0; i < parser->argc; i++) {
        append_number(&stream->outcome, parser->argv[i].length);
        buffer_append_str(&stream->outcome, parser->argv[i]);
    }
}

static void feed(struct stream *stream, const uint8_t *bytes, size_t length, const struct resp_limits *limits)
{
    char *copy = malloc(length + 1);

    if (length > 0)
        memcpy(copy + 1, bytes, length);
    while (!stream->failed) {
        struct str rest = {copy + 1 + stream->start, length - stream->start};
        enum resp_status status = resp_parse(&stream->parser, rest, limits);
        if (status == RESP_INCOMPLETE)
            break;
        if (status == RESP_ERROR) {
            stream->failed = true;
            buffer_append_str(&stream->outcome, str_from(stream->parser.error));
            break;
        }
        ASSERT(stream->parser.consumed > 0 && stream->parser.consumed <= rest.length);
        note_request(stream);
        stream->start += stream->parser.consumed;
    }
    free(copy);
}

static void stream_init(struct stream *stream, struct memory *memory)
{
    *stream = (struct stream){0};
    resp_parser_init(&stream->parser, memory);
    buffer_init(&stream->outcome, memory, NULL, 0);
}

static void stream_deinit(struct stream *stream)
{
    resp_parser_deinit(&stream->parser);
    buffer_deinit(&stream->outcome);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory memory = {0};
    struct stream whole, pieces;

    if (size == 0)
        return 0;
    uint32_t seed = data[0];
    bool unauthenticated = seed & 1;
    const struct resp_limits limits = {
        .bulk_bytes = 4096,
        .argument_count = unauthenticated ? 10 : INT32_MAX,
        .unauthenticated_bulk_bytes = unauthenticated ? 100 : INT64_MAX,
    };
    const uint8_t *bytes = data + 1;
    size_t length = size - 1;

    stream_init(&whole, &memory);
    stream_init(&pieces, &memory);
    feed(&whole, bytes, length, &limits);
    for (size_t arrived = 0; arrived < length; arrived += 1 + (seed >> 16) % 16) {
        feed(&pieces, bytes, arrived, &limits);
        seed = seed * 1103515245 + 12345;
    }
    feed(&pieces, bytes, length, &limits);
    ASSERT(whole.failed == pieces.failed && whole.start == pieces.start);
    ASSERT(str_equal(buffer_str(&whole.outcome), buffer_str(&pieces.outcome)));
    ASSERT(resp_bytes_needed(&whole.parser) == resp_bytes_needed(&pieces.parser));
    stream_deinit(&whole);
    stream_deinit(&pieces);
    ASSERT(memory.used_bytes == 0);
    return 0;
}
