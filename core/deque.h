/* The list: blocks of packed elements, quick at both ends and by index.
 *
 * Elements lie in packs (core/listpack.h) of limited size, and each one too
 * large for that in a plain block of its own. A counted tree over the blocks
 * finds an index in O(log n); pushing and popping touches one block, whose
 * pack may begin behind a gap, so that nothing moves at either end. Blocks
 * further from both ends than a depth can be kept compressed.
 *
 * What is read is lent: its bytes live until the next call on the same deque.
 * Texts given may not lie in the deque. The owner embeds the struct; one
 * thread at a time. */
#ifndef CORE_DEQUE_H
#define CORE_DEQUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/listpack.h"

struct memory;

enum deque_end { DEQUE_FRONT, DEQUE_BACK };

/* Private: a block of elements, or above the blocks a node of the tree. */
struct deque_slot {
    void *below;
    uint64_t count : 40; /* elements */
    uint64_t gap : 20;   /* of a pack: unused bytes in front of it */
    uint64_t kind : 4;
};

struct deque {
    struct memory *memory;
    /* private */
    struct deque_slot root; /* a single block, or the uppermost node */
    size_t bytes;
    size_t blocks;
    void *expanded;            /* the compressed block that was read last, or NULL; and … */
    const void *expanded_from; /* … its bytes as they are stored */
    uint32_t bytes_most;       /* of a pack */
    uint16_t count_most;
    uint16_t compress_depth;
    uint32_t height; /* levels of nodes above the blocks */
};

/* fill: how many elements go into a block (0 counts as 1), or -1 to -5: blocks of 4, 8, 16, 32, 64 kB.
 * compress_depth: blocks at either end that stay as they are, where 0 means that none is compressed. */
void deque_init(struct deque *deque, struct memory *memory, int fill, unsigned compress_depth);
void deque_deinit(struct deque *deque);
/* The most that goes into a block: bytes of the pack, which hold for every fill, and elements. */
size_t deque_fill_bytes(int fill);
unsigned deque_fill_count(int fill);
/* Drops about `most` elements from the end, and returns how many are left. Quick whatever they are. */
size_t deque_drain(struct deque *deque, size_t most);
/* copy: not initialized yet; gets the same limits and blocks. */
void deque_copy(struct deque *copy, struct memory *memory, const struct deque *deque);

static inline size_t deque_count(const struct deque *deque)
{
    return deque->root.count;
}

/* Heap that it holds. */
static inline size_t deque_bytes(const struct deque *deque)
{
    return deque->bytes;
}

void deque_push(struct deque *deque, enum deque_end end, struct str text);
/* The element at this end; not of an empty deque. */
struct listpack_value deque_peek(struct deque *deque, enum deque_end end);
/* Drops it: what deque_peek lent is gone. */
void deque_drop(struct deque *deque, enum deque_end end);

/* Indexes are below deque_count, where not said otherwise. */
struct listpack_value deque_get(struct deque *deque, size_t index);
void deque_set(struct deque *deque, size_t index, struct str text);
/* Before the element of this index, which may be deque_count. */
void deque_insert(struct deque *deque, size_t index, struct str text);
void deque_delete(struct deque *deque, size_t index);
/* The range lies within the deque. Costs a little for each block, not for each element. */
void deque_delete_range(struct deque *deque, size_t index, size_t count);

/* Gives one element after the other. The deque may be changed meanwhile by deque_walk_delete alone. */
struct deque_walk {
    struct deque *deque;
    size_t next; /* index of the next to be given; beyond either end, none */
    bool forward;
    /* private */
    const unsigned char *pack;
    const unsigned char *element; /* the next one, NULL: to be looked up by its index */
};

/* From this index on. */
void deque_walk_start(struct deque_walk *walk, struct deque *deque, size_t index, bool forward);
/* False: that was all. */
MUST_USE bool deque_walk_next(struct deque_walk *walk, struct listpack_value *value);
/* Deletes the element given last. */
void deque_walk_delete(struct deque_walk *walk);

/* The index of the element given last. */
static inline size_t deque_walk_index(const struct deque_walk *walk)
{
    return walk->forward ? walk->next - 1 : walk->next + 1;
}

/* A block as it is written to a file: the bytes of a listpack, or of a single element. */
struct deque_block {
    struct str bytes;
    size_t first; /* index of its first element */
    size_t count;
    bool is_plain;
};

size_t deque_blocks(const struct deque *deque);
/* The block that the element of this index lies in. */
struct deque_block deque_block_at(struct deque *deque, size_t index);
/* Adds a valid pack's elements at the end, if possible as one block. */
void deque_append_pack(struct deque *deque, const unsigned char *pack);

#endif
