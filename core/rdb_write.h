/* The parts of values in Redis's RDB format: appends bytes to a buffer, the
 * caller's. core/rdb_format.h has the layout, core/rdb_value.h whole values. */
#ifndef CORE_RDB_WRITE_H
#define CORE_RDB_WRITE_H

#include <stdint.h>

#include "core/buffer.h"
#include "core/listpack.h"

void rdb_write_byte(struct buffer *buffer, uint8_t byte);
void rdb_write_length(struct buffer *buffer, uint64_t length);
/* A text that is a 32-bit integer as such; a longer one compressed where that gains something. */
void rdb_write_string(struct buffer *buffer, struct str text);
/* A long string piece by piece, each compressed on its own: one after the other they decompress to the whole. They are
 * appended between begin and end, which wants what begin gave and the length of the whole. */
enum { RDB_PIECE_MAX = 8192, RDB_PIECE_COMPRESSED_MAX = RDB_PIECE_MAX + RDB_PIECE_MAX / 16 };
size_t rdb_compress_piece(struct str piece, char compressed[static RDB_PIECE_COMPRESSED_MAX]);
size_t rdb_write_pieces_begin(struct buffer *buffer);
void rdb_write_pieces_end(struct buffer *buffer, size_t begun, size_t length);
void rdb_write_integer(struct buffer *buffer, int64_t integer); /* as a string */
void rdb_write_packed(struct buffer *buffer, struct listpack_value value);
/* Eight bytes each. */
void rdb_write_time_ms(struct buffer *buffer, int64_t time_ms);
void rdb_write_double(struct buffer *buffer, double number);

#endif
