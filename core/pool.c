#include "core/pool.h"

#include <assert.h>
#include <sanitizer/asan_interface.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"

/* Classes are the odd multiples of the step: 24, 40 … 120 bytes. */

enum {
    STEP = 8,
    CLASS_LEAST = 3 * STEP,
    CLASS_MOST = CLASS_LEAST + (POOL_CLASSES - 1) * 2 * STEP,
    NOT_POOLED = -1,
    BLOCKS_BEFORE = 1024, /* from the allocator, before there are chunks */
    CHUNK_BYTES = 16 * 1024,
};

struct pool_chunk {
    struct pool_chunk *previous, *next; /* of the open ones */
    uint16_t class, used;
    uint16_t free;  /* the first block that was freed, in steps from here; each has the next in it, 0: none */
    uint16_t fresh; /* the first that never was in use */
};

static_assert(sizeof(struct pool_chunk) % STEP == 0, "blocks are aligned");
static_assert(CHUNK_BYTES / STEP <= UINT16_MAX, "places fit");

static int class_of(size_t bytes)
{
    size_t steps = (bytes + STEP - 1) / STEP;

    if (bytes > CLASS_MOST || steps < CLASS_LEAST / STEP || steps % 2 == 0)
        return NOT_POOLED;
    return (int)(steps - CLASS_LEAST / STEP) / 2;
}

static uint16_t steps_of(const struct pool_chunk *chunk)
{
    return (uint16_t)(CLASS_LEAST / STEP + 2 * chunk->class);
}

static bool has_fresh(const struct pool_chunk *chunk)
{
    return chunk->fresh + steps_of(chunk) <= CHUNK_BYTES / STEP;
}

static bool is_open(const struct pool_chunk *chunk)
{
    return chunk->free != 0 || has_fresh(chunk);
}

static void *block_at(struct pool_chunk *chunk, uint16_t place)
{
    return (char *)chunk + (size_t)place * STEP;
}

void pool_init(struct pool *pool, struct memory *memory)
{
    *pool = (struct pool){.memory = memory};
    bptree_init(&pool->chunks, memory, NULL);
}

/* Chunks. */

static void open_chunk(struct pool *pool, struct pool_chunk *chunk)
{
    struct pool_chunk **first = &pool->open[chunk->class];

    chunk->previous = NULL;
    chunk->next = *first;
    if (*first != NULL)
        (*first)->previous = chunk;
    *first = chunk;
}

static void close_chunk(struct pool *pool, struct pool_chunk *chunk)
{
    *(chunk->previous ? &chunk->previous->next : &pool->open[chunk->class]) = chunk->next;
    if (chunk->next != NULL)
        chunk->next->previous = chunk->previous;
}

static struct pool_chunk *create_chunk(struct pool *pool, int class)
{
    struct pool_chunk *chunk = memory_alloc(pool->memory, CHUNK_BYTES);
    uint64_t address = (uintptr_t)chunk;

    *chunk = (struct pool_chunk){.class = (uint16_t) class, .fresh = sizeof *chunk / STEP};
    ASAN_POISON_MEMORY_REGION(chunk + 1, CHUNK_BYTES - sizeof *chunk);
    bool is_new = bptree_insert(&pool->chunks, (struct bptree_item){address, 0}, &(uint64_t){0});
    ASSERT(is_new);
    open_chunk(pool, chunk);
    return chunk;
}

static void destroy_chunk(struct pool *pool, struct pool_chunk *chunk)
{
    bool was_there = bptree_remove(&pool->chunks, (uintptr_t)chunk, &(uint64_t){0});

    ASSERT(was_there);
    close_chunk(pool, chunk);
    ASAN_UNPOISON_MEMORY_REGION(chunk, CHUNK_BYTES);
    memory_free(pool->memory, chunk);
}

/* NULL: the block is the allocator's. */
static struct pool_chunk *chunk_of(const struct pool *pool, const void *block)
{
    uintptr_t address = (uintptr_t)block;
    struct bptree_place place = bptree_seek(&pool->chunks, address, NULL);
    const struct bptree_item *item;

    bptree_previous(&place);
    item = bptree_get(&place);
    return item != NULL && address - item->order < CHUNK_BYTES ? (struct pool_chunk *)(uintptr_t)item->order : NULL;
}

/* Blocks. */

void *pool_alloc(struct pool *pool, size_t bytes)
{
    int class = class_of(bytes);

    if (pool->count++ < BLOCKS_BEFORE || class == NOT_POOLED)
        return memory_alloc(pool->memory, bytes);
    struct pool_chunk *chunk = pool->open[class];
    if (chunk == NULL)
        chunk = create_chunk(pool, class);
    uint16_t place = chunk->free != 0 ? chunk->free : chunk->fresh;
    void *block = block_at(chunk, place);
    ASAN_UNPOISON_MEMORY_REGION(block, bytes);
    if (chunk->free != 0)
        memcpy(&chunk->free, block, sizeof chunk->free);
    else
        chunk->fresh = (uint16_t)(chunk->fresh + steps_of(chunk));
    chunk->used++;
    if (!is_open(chunk))
        close_chunk(pool, chunk);
    return block;
}

static void free_in_chunk(struct pool *pool, struct pool_chunk *chunk, void *block)
{
    bool was_open = is_open(chunk);

    memcpy(block, &chunk->free, sizeof chunk->free);
    chunk->free = (uint16_t)(((char *)block - (char *)chunk) / STEP);
    ASAN_POISON_MEMORY_REGION(block, (size_t)steps_of(chunk) * STEP);
    if (!was_open)
        open_chunk(pool, chunk);
    if (--chunk->used == 0)
        destroy_chunk(pool, chunk);
}

void pool_free(struct pool *pool, void *block, size_t bytes)
{
    struct pool_chunk *chunk = class_of(bytes) == NOT_POOLED ? NULL : chunk_of(pool, block);

    ASSERT(pool->count > 0);
    pool->count--;
    if (chunk != NULL)
        free_in_chunk(pool, chunk, block);
    else
        memory_free(pool->memory, block);
}
