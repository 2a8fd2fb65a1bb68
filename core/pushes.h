/* What a connection is told unasked: messages of channels, invalidations, lines of MONITOR.
 *
 * A push has its place among the replies: behind as many of the connection's
 * requests as its `behind` says, so never between the bytes of an answer, and never before
 * the reply that it belongs to. Bytes with one place lie together in a run.
 * Belongs to the session, and so to the thread of the connection's shard. */
#ifndef CORE_PUSHES_H
#define CORE_PUSHES_H

#include <stdint.h>

#include "core/buffer.h"

struct push_run {
    struct push_run *next;
    uint64_t behind; /* requests that are answered first, of all that the connection ever had */
    struct buffer bytes;
};

struct pushes {
    struct push_run *first, *last; /* `behind` rises */
    uint64_t admitted;             /* requests that the connection ever had; counted by net's pipeline */
    size_t bytes;                  /* of all runs */
};

/* Drops all that is there. */
void pushes_clear(struct pushes *pushes, struct memory *memory);

/* Behind so many requests, and behind all that has that place or an earlier one already. */
void pushes_append(struct pushes *pushes, struct memory *memory, uint64_t behind, struct str bytes);

/* Whether there is anything, whatever its place. */
static inline bool pushes_has_some(const struct pushes *pushes)
{
    return pushes->first != NULL;
}

/* Takes the first run out if its place is behind at most so many requests; NULL: it has none to give. The bytes are
 * the caller's, and the run is freed with push_run_free. */
struct push_run *pushes_take(struct pushes *pushes, uint64_t answered);
void push_run_free(struct push_run *run, struct memory *memory);

#endif
