/* Replies as bytes, in RESP2 or RESP3 as the client chose.
 *
 * The two protocols differ only here: a handler says "map of 3 pairs" or
 * "null", and the writer spells it. Handlers never look at the protocol unless
 * Redis's reply has another shape in RESP3.
 * A reply belongs to one thread at a time: that of the shard that executes. */
#ifndef CORE_RESP_WRITE_H
#define CORE_RESP_WRITE_H

#include <stdint.h>

#include "core/buffer.h"

struct reply {
    struct buffer buffer;
    int protocol; /* 2 or 3 */
    bool error;   /* an error was written */
};

static inline void reply_init(struct reply *reply, struct memory *memory, char *storage, size_t capacity, int protocol)
{
    buffer_init(&reply->buffer, memory, storage, capacity);
    reply->protocol = protocol;
    reply->error = false;
}

void reply_ok(struct reply *reply);
void reply_simple(struct reply *reply, const char *text);           /* +text */
/* text starts with its code: "ERR syntax error", "WRONGTYPE ..." */
void reply_error(struct reply *reply, const char *text);
/* CR and LF in what is formatted become spaces, as in Redis. */
void reply_error_format(struct reply *reply, const char *format, ...) PRINTF_LIKE(2, 3);
void reply_integer(struct reply *reply, int64_t value);
void reply_bulk(struct reply *reply, struct str value);
/* A bulk string of so many bytes, for the caller to write there. */
char *reply_bulk_space(struct reply *reply, size_t length);
void reply_bulk_integer(struct reply *reply, int64_t value);        /* $2\r\n42 */
void reply_bulk_format(struct reply *reply, const char *format, ...) PRINTF_LIKE(2, 3);
void reply_double(struct reply *reply, double value);               /* RESP3 ",", RESP2 bulk; 17 digits as Redis */
void reply_null(struct reply *reply);                               /* "$-1" or "_" */
void reply_null_array(struct reply *reply);                         /* "*-1" or "_" */
void reply_bool(struct reply *reply, bool value);                   /* ":1" or "#t" */
/* format: three letters, "txt" or "mkd"; a plain bulk string in RESP2. */
void reply_verbatim(struct reply *reply, struct str value, const char *format);
void reply_array(struct reply *reply, int64_t count);
void reply_map(struct reply *reply, int64_t pairs);                 /* RESP2: array of 2 * pairs */
void reply_set(struct reply *reply, int64_t count);                 /* RESP2: array */
void reply_push(struct reply *reply, int64_t count);                /* RESP2: array */
void reply_raw(struct reply *reply, struct str bytes);              /* already RESP */

/* For a collection whose count is known only afterwards: remember where its
 * header goes, write the elements, then insert the header there. */
size_t reply_mark(const struct reply *reply);
void reply_array_at(struct reply *reply, size_t mark, int64_t count);
void reply_map_at(struct reply *reply, size_t mark, int64_t pairs);
void reply_set_at(struct reply *reply, size_t mark, int64_t count);

/* Length in bytes of the one complete RESP2 or RESP3 value at the start of
 * bytes, which must be a reply of our own (asserted). For merging partial replies. */
size_t resp_value_length(struct str bytes);

#endif
