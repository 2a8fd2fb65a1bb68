/* A cursor over bytes of unknown origin that say to be in Redis's RDB format.
 *
 * Each function returns false, and the cursor is of no more use, where the
 * bytes do not hold what was asked for; they may be right so far, where they
 * are too few. Nothing is allocated that the bytes cannot fill: a compressed
 * string takes at most 88 times its bytes.
 * core/rdb_format.h has the layout, core/rdb_value.h whole values. */
#ifndef CORE_RDB_READ_H
#define CORE_RDB_READ_H

#include <stdint.h>

#include "core/buffer.h"

struct rdb_reader {
    const char *at, *end;
    size_t string_most; /* a longer string is refused */
    uint64_t lacking;   /* at least so many more bytes would have been needed; 0: the bytes are wrong, or all is well */
};

static inline struct rdb_reader rdb_reader_of(struct str bytes, size_t string_most)
{
    return (struct rdb_reader){bytes.bytes, bytes.bytes + bytes.length, string_most, .lacking = 0};
}

static inline size_t rdb_left(const struct rdb_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* Borrowed from what is read. */
MUST_USE bool rdb_read_bytes(struct rdb_reader *reader, size_t count, struct str *bytes);
MUST_USE bool rdb_read_byte(struct rdb_reader *reader, uint8_t *byte);
MUST_USE bool rdb_read_length(struct rdb_reader *reader, uint64_t *length);
/* A length that counts items, each of which takes a byte or more: at most as many as are left. */
MUST_USE bool rdb_read_count(struct rdb_reader *reader, uint64_t *count);
/* Borrowed from what is read or, where it was encoded, from scratch, until that is used again. */
MUST_USE bool rdb_read_string(struct rdb_reader *reader, struct buffer *scratch, struct str *text);
/* Passes over one. */
MUST_USE bool rdb_skip_string(struct rdb_reader *reader);
/* Eight bytes. */
MUST_USE bool rdb_read_time_ms(struct rdb_reader *reader, int64_t *time_ms);
/* Four. */
MUST_USE bool rdb_read_time_seconds(struct rdb_reader *reader, int64_t *time_seconds);
/* A score is no NaN. */
MUST_USE bool rdb_read_score(struct rdb_reader *reader, double *score);
MUST_USE bool rdb_read_score_text(struct rdb_reader *reader, double *score);

#endif
