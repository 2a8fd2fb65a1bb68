/* The partial replies of a scatter, combined into the one the client gets.
 * Runs on the connection's shard. */
#ifndef CORE_MERGE_H
#define CORE_MERGE_H

#include <stdint.h>

#include "core/assert.h"
#include "core/resp_write.h"

struct core;
struct command;

struct merge {
    const struct command *command;
    const struct str *argv; /* of the whole command */
    int argc;
    struct core *core;      /* of the connection's shard */
    int64_t now_ms;
    struct reply *reply;
    const struct str *parts; /* each part's complete reply, no error among them */
    int part_count;
    const uint16_t *part_of_key; /* for each key in order: whose part holds it; NULL for a keyless command */
    int key_count;
};

/* The content of a part that is one bulk string. Borrowed from the part. */
static inline struct str merge_bulk(const struct merge *merge, int part)
{
    struct str reply = merge->parts[part];
    const char *newline = memchr(reply.bytes, '\n', reply.length);

    ASSERT(reply.bytes[0] == '$' && newline);
    size_t header = (size_t)(newline - reply.bytes) + 1;
    ASSERT(header + 2 <= reply.length);
    return (struct str){reply.bytes + header, reply.length - header - 2};
}

/* The parts' replies into merge->reply: the first error among them, or what the command's merge makes of them, or the
 * first part where it has none. merge->parts and part_count are set here. */
void merge_replies(struct merge *merge, const struct reply *const *parts, int count);

/* Of parts that are integers. */
int64_t merge_sum_of(const struct merge *merge);

void merge_sum(struct merge *merge);      /* integers added */
void merge_in_order(struct merge *merge); /* arrays: each key's element at its place in the request */
void merge_concat(struct merge *merge);   /* arrays one after the other */

#endif
