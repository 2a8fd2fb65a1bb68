/* What a connection still has to send: bytes in order, in chunks.
 *
 * Small replies are copied into the last chunk; a large one is taken over as a
 * chunk of its own, without a copy. A send names what may leave when it starts,
 * as far as it has vectors; what is added later goes with another one.
 * The connection's thread. */
#ifndef NET_OUTPUT_H
#define NET_OUTPUT_H

#include <stddef.h>
#include <sys/uio.h>

#include "core/buffer.h"

enum {
    OUTPUT_CHUNK_BYTES = 16 * 1024,
    OUTPUT_TAKE_BYTES = 16 * 1024, /* a reply of at least this size is taken, not copied */
    OUTPUT_VECTORS = 64,           /* chunks in one send */
};

struct output_chunk {
    struct output_chunk *next;
    struct buffer buffer; /* on the chunk's own storage, or taken from a reply */
    char storage[];
};

/* Spare chunks of one shard. */
struct output_pool {
    struct memory *memory;
    struct output_chunk *free;
    int free_count;
};

struct output {
    struct output_pool *pool;
    struct output_chunk *first, *last;
    size_t bytes;           /* all that is queued, what is being sent included */
    int chunks;
    int sending;            /* chunks at the front that a send has named */
    int leaving;            /* chunks at the front that may be sent: nothing is added to them, */
    int sealed;             /* nor to these, which may not yet */
};

void output_pool_init(struct output_pool *pool, struct memory *memory);
void output_pool_deinit(struct output_pool *pool);

void output_init(struct output *output, struct output_pool *pool);
void output_deinit(struct output *output);

/* Appends the bytes of a reply; takes over its heap block where it is large. */
void output_append(struct output *output, struct buffer *reply);
/* Appends bytes that are on the heap; takes them over where there is no chunk at hand that they fit into: a message
 * goes to thousands of connections that have nothing else to send, and would need a chunk for each. */
void output_append_push(struct output *output, struct buffer *push);

/* All that is there may be sent. */
static inline void output_let_leave(struct output *output)
{
    output->leaving = output->chunks;
    output->sealed = 0;
}
/* What is there stays apart from what is added, and may be sent when that is said. */
static inline void output_seal(struct output *output)
{
    output->sealed = output->chunks;
}
static inline void output_let_sealed_leave(struct output *output)
{
    output->leaving = output->sealed;
}

/* Names what the next send carries; returns the number of vectors, 0 when there
 * is nothing. To be followed by output_sent. */
int output_start_send(struct output *output, struct iovec vectors[static OUTPUT_VECTORS]);
void output_sent(struct output *output);

#endif
