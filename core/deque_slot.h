/* One block of a deque. Private to deque*.c.
 *
 * A pack lies behind a gap in its memory: taking the first element widens the
 * gap, putting one in front narrows it. A plain block is a length and bytes.
 * Either may be compressed, which everything but reading undoes first. Counts
 * of the tree above are the caller's. */
#ifndef CORE_DEQUE_SLOT_H
#define CORE_DEQUE_SLOT_H

#include "core/deque.h"

enum deque_kind { DEQUE_PACK, DEQUE_PLAIN, DEQUE_PACK_SMALLER, DEQUE_PLAIN_SMALLER };

struct deque_plain {
    size_t length;
    char bytes[];
};

/* What a compressed block is. */
struct deque_smaller {
    uint32_t original_bytes;
    uint32_t bytes_count;
    unsigned char bytes[];
};

static inline bool deque_slot_is_plain(const struct deque_slot *slot)
{
    return slot->kind == DEQUE_PLAIN || slot->kind == DEQUE_PLAIN_SMALLER;
}

static inline bool deque_slot_is_compressed(const struct deque_slot *slot)
{
    return slot->kind == DEQUE_PACK_SMALLER || slot->kind == DEQUE_PLAIN_SMALLER;
}

/* Of a pack that is not compressed. */
static inline unsigned char *deque_slot_pack(const struct deque_slot *slot)
{
    return (unsigned char *)slot->below + slot->gap;
}

/* Bytes of the pack or plain block, as they are without compression. */
size_t deque_slot_bytes(const struct deque_slot *slot);

/* Whether an element of so many bytes in a pack needs a block of its own. */
static inline bool deque_is_large(const struct deque *deque, size_t element_bytes)
{
    return element_bytes > deque->bytes_most - LISTPACK_EMPTY_BYTES;
}

/* A pack of this one element with room for more at this end of it, or a plain block. */
struct deque_slot deque_slot_create(struct deque *deque, struct str text, size_t room, enum deque_end end);
struct deque_slot deque_slot_create_plain(struct deque *deque, struct str text);
/* A pack without elements behind its end, or compressed: a copy as it is. */
struct deque_slot deque_slot_copy(struct memory *memory, const struct deque_slot *slot);
void deque_slot_free(struct deque *deque, struct deque_slot *slot);

/* Whether the block is a pack that may hold so many bytes more, in one element. */
bool deque_slot_accepts(const struct deque *deque, const struct deque_slot *slot, size_t element_bytes);
/* Puts the value of so many bytes, which the slot accepts, at an end of the pack.
 * False: that would move too much for what has been gained; a new block is better. */
MUST_USE bool deque_slot_push(struct deque *deque, struct deque_slot *slot, enum deque_end end,
                              struct listpack_value value, size_t element_bytes);
/* Gives back the room of a pack that will not be pushed to for now, if that is worth it. */
void deque_slot_fit(struct deque *deque, struct deque_slot *slot);
/* From a pack with more than one element. */
void deque_slot_drop(struct deque *deque, struct deque_slot *slot, enum deque_end end);

/* Changes of a pack that is not compressed, which moves to the start of its memory. */
void deque_slot_insert(struct deque *deque, struct deque_slot *slot, size_t index, struct listpack_value value);
void deque_slot_replace(struct deque *deque, struct deque_slot *slot, size_t index, struct listpack_value value);
void deque_slot_delete(struct deque *deque, struct deque_slot *slot, size_t index, size_t count);
/* Keeps the elements before the index; the others are the new block's. */
struct deque_slot deque_slot_split(struct deque *deque, struct deque_slot *slot, size_t index);
/* Takes all elements of the other pack, which the caller frees. */
void deque_slot_append(struct deque *deque, struct deque_slot *slot, const struct deque_slot *other);

/* The pack to be read, whether it is compressed or not: the deque keeps one that it has unpacked. */
const unsigned char *deque_slot_read_pack(struct deque *deque, const struct deque_slot *slot);
struct str deque_slot_read_plain(struct deque *deque, const struct deque_slot *slot);

/* core/deque_compress.c */
void deque_slot_compress(struct deque *deque, struct deque_slot *slot); /* unless that saves nothing */
void deque_slot_expand(struct deque *deque, struct deque_slot *slot);
const void *deque_slot_expanded(struct deque *deque, const struct deque_slot *slot); /* lent */
void deque_forget_expanded(struct deque *deque);
/* After blocks came or went, or this element's block was changed: compresses what lies
 * deep enough around it, and expands what no longer does. */
void deque_settle(struct deque *deque, size_t index);

#endif
