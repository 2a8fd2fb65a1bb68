/* The parts of values in Redis's RDB format, appended to the caller's buffer.
 * core/rdb_format.h has the layout, core/rdb_value.h whole values. */
#ifndef CORE_RDB_WRITE_H
#define CORE_RDB_WRITE_H

#include <stdint.h>

#include "core/buffer.h"
#include "core/listpack.h"

struct rdb_writer {
    struct buffer *buffer;
    bool compresses; /* strings, as rdbcompression says */
};

void rdb_write_byte(struct rdb_writer *writer, uint8_t byte);
void rdb_write_length(struct rdb_writer *writer, uint64_t length);
/* A text that is a 32-bit integer as such; a longer one compressed where that is asked for and gains something. */
void rdb_write_string(struct rdb_writer *writer, struct str text);
/* A long string piece by piece, each compressed on its own: one after the other they decompress to the whole. They are
 * appended between begin and end, which wants what begin gave and the length of the whole. They are compressed
 * whatever the writer says: that they repeat is why they come in pieces. */
enum { RDB_PIECE_MAX = 8192, RDB_PIECE_COMPRESSED_MAX = RDB_PIECE_MAX + RDB_PIECE_MAX / 16 };
size_t rdb_compress_piece(struct str piece, char compressed[static RDB_PIECE_COMPRESSED_MAX]);
size_t rdb_write_pieces_begin(struct rdb_writer *writer);
void rdb_write_pieces_end(struct rdb_writer *writer, size_t begun, size_t length);
void rdb_write_integer(struct rdb_writer *writer, int64_t integer); /* as a string */
void rdb_write_packed(struct rdb_writer *writer, struct listpack_value value);
/* Eight bytes each. */
void rdb_write_time_ms(struct rdb_writer *writer, int64_t time_ms);
void rdb_write_double(struct rdb_writer *writer, double number);

#endif
