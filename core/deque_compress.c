/* Blocks further than the depth from both ends are compressed. Reading one
 * leaves it as it is: the deque keeps the last that was expanded beside it.
 * Changing one expands it in place; settling compresses it again. */
#include "core/assert.h"
#include "core/deque_slot.h"
#include "core/deque_tree.h"
#include "core/memory.h"

#include <liblzf/lzf.h>

/* Smaller blocks gain nothing, larger ones would take too long. */
enum { COMPRESSED_BYTES_MIN = 48, COMPRESSED_BYTES_MAX = 4 * 1024 * 1024, SAVED_BYTES_MIN = 8 };

void deque_forget_expanded(struct deque *deque)
{
    memory_free(deque->memory, deque->expanded);
    deque->expanded = NULL;
    deque->expanded_from = NULL;
}

static void *expand(struct memory *memory, const struct deque_smaller *smaller)
{
    void *bytes = memory_alloc(memory, smaller->original_bytes);
    unsigned written = lzf_decompress(smaller->bytes, smaller->bytes_count, bytes, smaller->original_bytes);

    ASSERT(written == smaller->original_bytes);
    return bytes;
}

const void *deque_slot_expanded(struct deque *deque, const struct deque_slot *slot)
{
    if (deque->expanded_from != slot->below) {
        deque_forget_expanded(deque);
        deque->expanded = expand(deque->memory, slot->below);
        deque->expanded_from = slot->below;
    }
    return deque->expanded;
}

void deque_slot_expand(struct deque *deque, struct deque_slot *slot)
{
    if (!deque_slot_is_compressed(slot))
        return;
    void *bytes = expand(deque->memory, slot->below);
    slot->kind = slot->kind == DEQUE_PACK_SMALLER ? DEQUE_PACK : DEQUE_PLAIN;
    deque_slot_free(deque, slot);
    slot->below = bytes;
}

void deque_slot_compress(struct deque *deque, struct deque_slot *slot)
{
    size_t bytes = deque_slot_bytes(slot);
    struct deque_smaller *smaller;

    if (deque_slot_is_compressed(slot) || bytes < COMPRESSED_BYTES_MIN || bytes > COMPRESSED_BYTES_MAX)
        return;
    smaller = memory_alloc(deque->memory, sizeof *smaller + bytes);
    smaller->original_bytes = (uint32_t)bytes;
    smaller->bytes_count = lzf_compress((const char *)slot->below + slot->gap, (unsigned)bytes, smaller->bytes,
                                        (unsigned)bytes - SAVED_BYTES_MIN);
    if (smaller->bytes_count == 0) {
        memory_free(deque->memory, smaller);
        return;
    }
    deque_slot_free(deque, slot);
    slot->kind = slot->kind == DEQUE_PACK ? DEQUE_PACK_SMALLER : DEQUE_PLAIN_SMALLER;
    slot->gap = 0;
    slot->below = memory_alloc(deque->memory, sizeof *smaller + smaller->bytes_count);
    memcpy(slot->below, smaller, sizeof *smaller + smaller->bytes_count);
    memory_free(deque->memory, smaller);
}

/* Expands the blocks within the depth of an end, and compresses the first that lies deeper. */
static void settle_end(struct deque *deque, enum deque_end end)
{
    struct deque_path path;
    enum deque_end inward = end == DEQUE_FRONT ? DEQUE_BACK : DEQUE_FRONT;

    deque_descend_to_end(deque, end, &path);
    for (unsigned depth = 0; depth < deque->compress_depth; depth++) {
        deque_slot_expand(deque, deque_path_slot(deque, &path));
        if (!deque_path_step(deque, &path, inward))
            return;
    }
    if (deque->blocks > 2u * deque->compress_depth)
        deque_slot_compress(deque, deque_path_slot(deque, &path));
}

/* Whether so many blocks lie between this and that end. */
static bool is_deep(const struct deque *deque, struct deque_path path, enum deque_end end)
{
    for (unsigned depth = 0; depth < deque->compress_depth; depth++)
        if (!deque_path_step(deque, &path, end))
            return false;
    return true;
}

static void settle_block(struct deque *deque, const struct deque_path *path)
{
    if (is_deep(deque, *path, DEQUE_FRONT) && is_deep(deque, *path, DEQUE_BACK))
        deque_slot_compress(deque, deque_path_slot(deque, path));
}

/* A change touches the neighbours of a block at most. */
void deque_settle(struct deque *deque, size_t index)
{
    struct deque_path path, neighbour;

    if (deque->compress_depth == 0 || deque->blocks == 0)
        return;
    deque_descend(deque, index, &path);
    settle_block(deque, &path);
    neighbour = path;
    if (deque_path_step(deque, &neighbour, DEQUE_FRONT))
        settle_block(deque, &neighbour);
    neighbour = path;
    if (deque_path_step(deque, &neighbour, DEQUE_BACK))
        settle_block(deque, &neighbour);
    settle_end(deque, DEQUE_FRONT);
    settle_end(deque, DEQUE_BACK);
}
