#include "core/rdb_read.h"

#include <liblzf/lzf.h>
#include <math.h>

#include "core/number.h"
#include "core/rdb_format.h"

/* The best that LZF can do: three bytes for a repetition of 264. */
enum { EXPANSION_MOST = 88 };

/* Whether so many bytes are left. */
static bool has(struct rdb_reader *reader, uint64_t count)
{
    if (count > rdb_left(reader))
        reader->lacking = count - rdb_left(reader);
    return reader->lacking == 0;
}

bool rdb_read_bytes(struct rdb_reader *reader, size_t count, struct str *bytes)
{
    if (!has(reader, count))
        return false;
    *bytes = (struct str){reader->at, count};
    reader->at += count;
    return true;
}

bool rdb_read_byte(struct rdb_reader *reader, uint8_t *byte)
{
    struct str bytes;

    if (!rdb_read_bytes(reader, 1, &bytes))
        return false;
    *byte = (uint8_t)bytes.bytes[0];
    return true;
}

static bool read_big(struct rdb_reader *reader, size_t bytes, uint64_t *number)
{
    struct str read;

    if (!rdb_read_bytes(reader, bytes, &read))
        return false;
    *number = 0;
    for (size_t i = 0; i < bytes; i++)
        *number = *number << 8 | (uint8_t)read.bytes[i];
    return true;
}

static bool read_little(struct rdb_reader *reader, size_t bytes, uint64_t *number)
{
    struct str read;

    if (!rdb_read_bytes(reader, bytes, &read))
        return false;
    *number = 0;
    memcpy(number, read.bytes, bytes);
    return true;
}

/* The first byte has been read. */
static bool read_length_after(struct rdb_reader *reader, uint8_t first, uint64_t *length)
{
    *length = first & ~RDB_FORM_MASK;
    if ((first & RDB_FORM_MASK) == RDB_LENGTH_6)
        return true;
    if (first == RDB_LENGTH_32)
        return read_big(reader, 4, length);
    if (first == RDB_LENGTH_64)
        return read_big(reader, 8, length);
    if ((first & RDB_FORM_MASK) != RDB_LENGTH_14)
        return false;
    uint8_t second;
    if (!rdb_read_byte(reader, &second))
        return false;
    *length = *length << 8 | second;
    return true;
}

bool rdb_read_length(struct rdb_reader *reader, uint64_t *length)
{
    uint8_t first;

    return rdb_read_byte(reader, &first) && read_length_after(reader, first, length);
}

bool rdb_read_count(struct rdb_reader *reader, uint64_t *count)
{
    return rdb_read_length(reader, count) && has(reader, *count);
}

static bool read_integer(struct rdb_reader *reader, size_t bytes, struct buffer *scratch, struct str *text)
{
    uint64_t number;
    unsigned spare = 64 - 8 * (unsigned)bytes;

    if (!read_little(reader, bytes, &number))
        return false;
    text->bytes = buffer_reserve(scratch, NUMBER_TEXT_MAX);
    text->length = number_format_integer(scratch->bytes, (int64_t)(number << spare) >> spare);
    return true;
}

static bool read_compressed_lengths(struct rdb_reader *reader, uint64_t *compressed, uint64_t *length)
{
    return rdb_read_length(reader, compressed) && rdb_read_length(reader, length) && *compressed > 0 &&
           *compressed <= UINT32_MAX && *length > 0 && *length <= UINT32_MAX && *length <= reader->string_most &&
           *length <= *compressed * EXPANSION_MOST;
}

static bool read_compressed(struct rdb_reader *reader, struct buffer *scratch, struct str *text)
{
    uint64_t compressed, length;
    struct str body;

    if (!read_compressed_lengths(reader, &compressed, &length) || !rdb_read_bytes(reader, compressed, &body))
        return false;
    *text = (struct str){buffer_reserve(scratch, length), length};
    return lzf_decompress(body.bytes, (unsigned)compressed, scratch->bytes, (unsigned)length) == length;
}

bool rdb_read_string(struct rdb_reader *reader, struct buffer *scratch, struct str *text)
{
    uint8_t first;
    uint64_t length;

    scratch->length = 0;
    if (!rdb_read_byte(reader, &first))
        return false;
    if (first >= RDB_ENCODED && first <= (RDB_ENCODED | RDB_INT_32))
        return read_integer(reader, (size_t)1 << (first - RDB_ENCODED), scratch, text);
    if (first == (RDB_ENCODED | RDB_LZF))
        return read_compressed(reader, scratch, text);
    return read_length_after(reader, first, &length) && length <= reader->string_most &&
           rdb_read_bytes(reader, length, text);
}

bool rdb_skip_string(struct rdb_reader *reader)
{
    struct str body;
    uint64_t length, unpacked;
    uint8_t first;

    if (!rdb_read_byte(reader, &first))
        return false;
    if (first >= RDB_ENCODED && first <= (RDB_ENCODED | RDB_INT_32))
        return rdb_read_bytes(reader, (size_t)1 << (first - RDB_ENCODED), &body);
    if (first == (RDB_ENCODED | RDB_LZF))
        return read_compressed_lengths(reader, &length, &unpacked) && rdb_read_bytes(reader, length, &body);
    return read_length_after(reader, first, &length) && length <= reader->string_most &&
           rdb_read_bytes(reader, length, &body);
}

bool rdb_read_time_ms(struct rdb_reader *reader, int64_t *time_ms)
{
    uint64_t number;

    if (!read_little(reader, sizeof number, &number))
        return false;
    *time_ms = (int64_t)number;
    return true;
}

bool rdb_read_time_seconds(struct rdb_reader *reader, int64_t *time_seconds)
{
    uint64_t number;

    if (!read_little(reader, sizeof(int32_t), &number))
        return false;
    *time_seconds = (int32_t)number;
    return true;
}

bool rdb_read_score(struct rdb_reader *reader, double *score)
{
    struct str bytes;

    if (!rdb_read_bytes(reader, sizeof *score, &bytes))
        return false;
    memcpy(score, bytes.bytes, sizeof *score);
    return !isnan(*score);
}

bool rdb_read_score_text(struct rdb_reader *reader, double *score)
{
    uint8_t length;
    struct str text;

    if (!rdb_read_byte(reader, &length) || length == RDB_TEXT_NAN)
        return false;
    if (length == RDB_TEXT_INFINITE || length == RDB_TEXT_MINUS_INFINITE) {
        *score = length == RDB_TEXT_INFINITE ? (double)INFINITY : -(double)INFINITY;
        return true;
    }
    return rdb_read_bytes(reader, length, &text) && number_parse_double(text, score);
}
