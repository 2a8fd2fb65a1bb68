/* The small blocks of one large value, in steps of eight bytes.
 *
 * The allocator's steps are sixteen, so that of 24 bytes it wastes a quarter:
 * much where there are millions. A pool cuts such blocks out of chunks; sizes
 * that waste nothing, and the first blocks of every pool, come from the
 * allocator. A chunk is returned when its last block is freed, however many
 * others have room. Charged to its value's account, with which it changes the
 * shard. One thread at a time. */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include "core/bptree.h"

enum { POOL_CLASSES = 7 };

struct pool_chunk;

struct pool {
    struct memory *memory;
    size_t count; /* of live blocks, all sizes */
    /* private */
    struct bptree chunks;                  /* by address */
    struct pool_chunk *open[POOL_CLASSES]; /* those with room */
};

/* There is no end of it but the end of its last block. */
void pool_init(struct pool *pool, struct memory *memory);

/* Aligned to eight bytes. */
void *pool_alloc(struct pool *pool, size_t bytes);
/* bytes: as many as it was asked for. */
void pool_free(struct pool *pool, void *block, size_t bytes);

#endif
