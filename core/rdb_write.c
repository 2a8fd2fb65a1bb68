#include "core/rdb_write.h"

#include <liblzf/lzf.h>

#include "core/assert.h"
#include "core/rdb_format.h"

enum {
    INTEGER_TEXT_MAX = 11, /* "-2147483648" */
    COMPRESSED_MIN = 21,   /* shorter strings are not worth it */
    COMPRESSED_MAX = INT32_MAX,
    SAVED_MIN = 4,
    COMPRESSED_HEADER_MAX = 1 + 5 + 5,
    PIECES_HEADER_BYTES = COMPRESSED_HEADER_MAX,
};

void rdb_write_byte(struct rdb_writer *writer, uint8_t byte)
{
    buffer_append(writer->buffer, &byte, 1);
}

static void write_big(struct rdb_writer *writer, uint64_t number, int bytes)
{
    while (bytes-- > 0)
        rdb_write_byte(writer, (uint8_t)(number >> 8 * bytes));
}

static void write_little(struct rdb_writer *writer, uint64_t number, size_t bytes)
{
    buffer_append(writer->buffer, &number, bytes);
}

void rdb_write_length(struct rdb_writer *writer, uint64_t length)
{
    if (length < 1 << 6) {
        rdb_write_byte(writer, (uint8_t)length);
    } else if (length < 1 << 14) {
        write_big(writer, RDB_LENGTH_14 << 8 | length, 2);
    } else if (length <= UINT32_MAX) {
        rdb_write_byte(writer, RDB_LENGTH_32);
        write_big(writer, length, 4);
    } else {
        rdb_write_byte(writer, RDB_LENGTH_64);
        write_big(writer, length, 8);
    }
}

void rdb_write_time_ms(struct rdb_writer *writer, int64_t time_ms)
{
    write_little(writer, (uint64_t)time_ms, sizeof time_ms);
}

void rdb_write_double(struct rdb_writer *writer, double number)
{
    buffer_append(writer->buffer, &number, sizeof number);
}

/* False: it is too large for a short form. */
static bool write_short_integer(struct rdb_writer *writer, int64_t integer)
{
    if (integer < INT32_MIN || integer > INT32_MAX)
        return false;
    int form = integer == (int8_t)integer ? RDB_INT_8 : integer == (int16_t)integer ? RDB_INT_16 : RDB_INT_32;
    rdb_write_byte(writer, (uint8_t)(RDB_ENCODED | form));
    write_little(writer, (uint64_t)integer, (size_t)1 << form);
    return true;
}

static void write_plain(struct rdb_writer *writer, struct str text)
{
    rdb_write_length(writer, text.length);
    buffer_append_str(writer->buffer, text);
}

/* False: it would not become shorter. The header's length is known only afterwards, so room is left for the longest. */
static bool write_compressed(struct rdb_writer *writer, struct str text)
{
    if (!writer->compresses || text.length < COMPRESSED_MIN || text.length > COMPRESSED_MAX)
        return false;
    char *body = buffer_reserve(writer->buffer, COMPRESSED_HEADER_MAX + text.length) + COMPRESSED_HEADER_MAX;
    unsigned most = (unsigned)text.length - SAVED_MIN;
    unsigned bytes = lzf_compress(text.bytes, (unsigned)text.length, body, most);

    if (bytes == 0)
        return false;
    rdb_write_byte(writer, RDB_ENCODED | RDB_LZF);
    rdb_write_length(writer, bytes);
    rdb_write_length(writer, text.length);
    memmove(writer->buffer->bytes + writer->buffer->length, body, bytes);
    writer->buffer->length += bytes;
    return true;
}

void rdb_write_string(struct rdb_writer *writer, struct str text)
{
    int64_t integer;

    if (text.length <= INTEGER_TEXT_MAX && number_parse_integer(text, &integer) && write_short_integer(writer, integer))
        return;
    if (!write_compressed(writer, text))
        write_plain(writer, text);
}

/* Bytes that do not repeat take one more for every 32 of them, so that there is always room. */
size_t rdb_compress_piece(struct str piece, char compressed[static RDB_PIECE_COMPRESSED_MAX])
{
    ASSERT(piece.length > 0 && piece.length <= RDB_PIECE_MAX);
    unsigned bytes = lzf_compress(piece.bytes, (unsigned)piece.length, compressed, RDB_PIECE_COMPRESSED_MAX);
    ASSERT(bytes > 0);
    return bytes;
}

/* Lengths are not known before the end: each has the four bytes that are enough for any. */
size_t rdb_write_pieces_begin(struct rdb_writer *writer)
{
    size_t begun = writer->buffer->length;

    buffer_reserve(writer->buffer, PIECES_HEADER_BYTES);
    writer->buffer->length += PIECES_HEADER_BYTES;
    return begun;
}

void rdb_write_pieces_end(struct rdb_writer *writer, size_t begun, size_t length)
{
    size_t end = writer->buffer->length, compressed = end - begun - PIECES_HEADER_BYTES;

    ASSERT(compressed <= UINT32_MAX && length <= UINT32_MAX);
    writer->buffer->length = begun;
    rdb_write_byte(writer, RDB_ENCODED | RDB_LZF);
    rdb_write_byte(writer, RDB_LENGTH_32);
    write_big(writer, compressed, 4);
    rdb_write_byte(writer, RDB_LENGTH_32);
    write_big(writer, length, 4);
    ASSERT(writer->buffer->length == begun + PIECES_HEADER_BYTES);
    writer->buffer->length = end;
}

void rdb_write_integer(struct rdb_writer *writer, int64_t integer)
{
    char digits[NUMBER_TEXT_MAX];

    if (!write_short_integer(writer, integer))
        write_plain(writer, (struct str){digits, number_format_integer(digits, integer)});
}

void rdb_write_packed(struct rdb_writer *writer, struct listpack_value value)
{
    if (value.bytes == NULL)
        rdb_write_integer(writer, value.integer);
    else
        rdb_write_string(writer, (struct str){value.bytes, value.length});
}
