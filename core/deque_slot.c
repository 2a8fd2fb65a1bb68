#include "core/deque_slot.h"

#include "core/assert.h"
#include "core/memory.h"

/* A pack's count is exact below this, and its gap has the bits. */
enum { SPARSE_BYTES_MIN = 512, SPARE_BYTES = 64 };

size_t deque_slot_bytes(const struct deque_slot *slot)
{
    if (deque_slot_is_compressed(slot))
        return ((const struct deque_smaller *)slot->below)->original_bytes;
    if (slot->kind == DEQUE_PLAIN)
        return sizeof(struct deque_plain) + ((const struct deque_plain *)slot->below)->length;
    return listpack_bytes(deque_slot_pack(slot));
}

struct deque_slot deque_slot_create_plain(struct deque *deque, struct str text)
{
    struct deque_plain *plain = memory_alloc(deque->memory, sizeof *plain + text.length);

    plain->length = text.length;
    str_copy(plain->bytes, text);
    return (struct deque_slot){.below = plain, .count = 1, .kind = DEQUE_PLAIN};
}

/* A pack between two ends of room. */
static void place_pack(struct deque_slot *slot, unsigned char *memory, size_t gap)
{
    slot->below = memory;
    slot->gap = gap;
    ASSERT(slot->gap == gap);
}

struct deque_slot deque_slot_create(struct deque *deque, struct str text, size_t room, enum deque_end end)
{
    struct listpack_value value = listpack_value_of(text);
    size_t element_bytes = listpack_value_bytes(value), needed = LISTPACK_EMPTY_BYTES + element_bytes;
    struct deque_slot slot = {.count = 1, .kind = DEQUE_PACK};

    if (deque_is_large(deque, element_bytes))
        return deque_slot_create_plain(deque, text);
    unsigned char *memory = memory_alloc(deque->memory, room > needed ? room : needed);
    place_pack(&slot, memory, end == DEQUE_FRONT ? memory_block_bytes(memory) - needed : 0);
    listpack_write_empty(deque_slot_pack(&slot));
    listpack_extend_back(deque_slot_pack(&slot), value);
    return slot;
}

static size_t stored_bytes(const struct deque_slot *slot)
{
    if (deque_slot_is_compressed(slot))
        return sizeof(struct deque_smaller) + ((const struct deque_smaller *)slot->below)->bytes_count;
    return deque_slot_bytes(slot);
}

struct deque_slot deque_slot_copy(struct memory *memory, const struct deque_slot *slot)
{
    struct deque_slot copy = *slot;
    size_t bytes = stored_bytes(slot);

    copy.gap = 0;
    copy.below = memory_alloc(memory, bytes);
    memcpy(copy.below, (const char *)slot->below + slot->gap, bytes);
    return copy;
}

void deque_slot_free(struct deque *deque, struct deque_slot *slot)
{
    if (deque->expanded_from == slot->below)
        deque_forget_expanded(deque);
    memory_free(deque->memory, slot->below);
}

bool deque_slot_accepts(const struct deque *deque, const struct deque_slot *slot, size_t element_bytes)
{
    return !deque_slot_is_plain(slot) && slot->count < deque->count_most &&
           deque_slot_bytes(slot) + element_bytes <= deque->bytes_most;
}

/* All memory of the block, the pack's part of it, and what is unused behind it. */
struct extent {
    size_t whole, pack, behind;
};

static struct extent extent_of(const struct deque_slot *slot)
{
    struct extent extent = {memory_block_bytes(slot->below), listpack_bytes(deque_slot_pack(slot)), 0};

    extent.behind = extent.whole - slot->gap - extent.pack;
    return extent;
}

/* The pack to the start of its memory (gap 0), or to its end. */
static void slide(struct deque_slot *slot, size_t gap)
{
    unsigned char *pack = deque_slot_pack(slot);

    memmove((unsigned char *)slot->below + gap, pack, listpack_bytes(pack));
    place_pack(slot, slot->below, gap);
}

/* Room at the back: what was taken from the front is worth a slide when it is
 * half of the memory; before that the memory grows, to the most that a pack has. */
static bool make_room_behind(struct deque *deque, struct deque_slot *slot, size_t needed)
{
    struct extent extent = extent_of(slot);

    if (extent.behind >= needed)
        return true;
    if (slot->gap >= needed && slot->gap >= extent.whole / 2) {
        slide(slot, 0);
        return true;
    }
    if (slot->gap + extent.pack + needed > deque->bytes_most)
        return false;
    slot->below = memory_resize(deque->memory, slot->below, slot->gap + extent.pack + needed);
    return true;
}

/* The mirror image; memory that grows gets a new gap. */
static bool make_room_in_front(struct deque *deque, struct deque_slot *slot, size_t needed)
{
    struct extent extent = extent_of(slot);

    if (slot->gap >= needed)
        return true;
    if (extent.behind >= needed && extent.behind >= extent.whole / 2) {
        slide(slot, slot->gap + extent.behind);
        return true;
    }
    if (extent.behind + extent.pack + needed > deque->bytes_most)
        return false;
    unsigned char *grown = memory_alloc(deque->memory, extent.behind + extent.pack + needed);
    size_t gap = memory_block_bytes(grown) - extent.pack;
    memcpy(grown + gap, deque_slot_pack(slot), extent.pack);
    memory_free(deque->memory, slot->below);
    place_pack(slot, grown, gap);
    return true;
}

bool deque_slot_push(struct deque *deque, struct deque_slot *slot, enum deque_end end, struct listpack_value value,
                     size_t element_bytes)
{
    if (end == DEQUE_BACK) {
        if (!make_room_behind(deque, slot, element_bytes))
            return false;
        listpack_extend_back(deque_slot_pack(slot), value);
    } else {
        if (!make_room_in_front(deque, slot, element_bytes))
            return false;
        unsigned char *pack = listpack_extend_front(deque_slot_pack(slot), value);
        slot->gap = (size_t)(pack - (unsigned char *)slot->below);
    }
    return true;
}

void deque_slot_fit(struct deque *deque, struct deque_slot *slot)
{
    if (slot->kind != DEQUE_PACK)
        return;
    struct extent extent = extent_of(slot);
    if (extent.whole - extent.pack <= extent.pack / 8 + SPARE_BYTES)
        return;
    struct deque_slot fitted = deque_slot_copy(deque->memory, slot);
    deque_slot_free(deque, slot);
    *slot = fitted;
}

/* The only block of a deque gives back what it no longer needs; one of many will do so as a whole, soon. */
static void make_denser(struct deque *deque, struct deque_slot *slot)
{
    struct extent extent = extent_of(slot);

    if (deque->blocks > 1 || extent.whole < SPARSE_BYTES_MIN || extent.pack >= extent.whole / 4)
        return;
    slide(slot, 0);
    slot->below = memory_resize(deque->memory, slot->below, extent.pack * 2);
}

void deque_slot_drop(struct deque *deque, struct deque_slot *slot, enum deque_end end)
{
    unsigned char *pack = deque_slot_pack(slot);

    if (end == DEQUE_BACK)
        listpack_cut_back(pack);
    else
        slot->gap += (size_t)(listpack_cut_front(pack) - pack);
    make_denser(deque, slot);
}

/* The pack at the start of its memory, as the functions of listpack.h want it. */
static unsigned char *flat_pack(struct deque_slot *slot)
{
    ASSERT(slot->kind == DEQUE_PACK);
    if (slot->gap > 0)
        slide(slot, 0);
    return slot->below;
}

void deque_slot_insert(struct deque *deque, struct deque_slot *slot, size_t index, struct listpack_value value)
{
    unsigned char *pack = flat_pack(slot), *element = listpack_seek(pack, (int64_t)index);

    if (element != NULL)
        listpack_insert_before(deque->memory, &pack, element, value);
    else
        listpack_append(deque->memory, &pack, value);
    slot->below = pack;
}

void deque_slot_replace(struct deque *deque, struct deque_slot *slot, size_t index, struct listpack_value value)
{
    unsigned char *pack = flat_pack(slot);

    listpack_replace(deque->memory, &pack, listpack_seek(pack, (int64_t)index), value);
    slot->below = pack;
}

void deque_slot_delete(struct deque *deque, struct deque_slot *slot, size_t index, size_t count)
{
    unsigned char *pack = flat_pack(slot);

    listpack_delete_range(deque->memory, &pack, (int64_t)index, count);
    slot->below = pack;
}

struct deque_slot deque_slot_split(struct deque *deque, struct deque_slot *slot, size_t index)
{
    unsigned char *pack = flat_pack(slot);
    struct deque_slot right = {.count = slot->count - index, .kind = DEQUE_PACK};

    right.below = listpack_split(deque->memory, &pack, listpack_seek(pack, (int64_t)index));
    listpack_shrink(deque->memory, &pack);
    slot->below = pack;
    return right;
}

void deque_slot_append(struct deque *deque, struct deque_slot *slot, const struct deque_slot *other)
{
    unsigned char *pack = flat_pack(slot);

    listpack_append_pack(deque->memory, &pack, deque_slot_pack(other));
    slot->below = pack;
}

const unsigned char *deque_slot_read_pack(struct deque *deque, const struct deque_slot *slot)
{
    return slot->kind == DEQUE_PACK ? deque_slot_pack(slot) : deque_slot_expanded(deque, slot);
}

struct str deque_slot_read_plain(struct deque *deque, const struct deque_slot *slot)
{
    const struct deque_plain *plain = slot->kind == DEQUE_PLAIN ? slot->below : deque_slot_expanded(deque, slot);

    return (struct str){plain->bytes, plain->length};
}
