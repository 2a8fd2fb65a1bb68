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
void rdb_write_integer(struct buffer *buffer, int64_t integer); /* as a string */
void rdb_write_packed(struct buffer *buffer, struct listpack_value value);
/* Eight bytes each. */
void rdb_write_time_ms(struct buffer *buffer, int64_t time_ms);
void rdb_write_double(struct buffer *buffer, double number);

#endif
