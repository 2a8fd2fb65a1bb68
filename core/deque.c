/* Every call that allocates or frees adds to the deque's bytes what it changed
 * in the account of its memory, which nobody else charges meanwhile. */
#include "core/deque.h"

#include "core/assert.h"
#include "core/deque_slot.h"
#include "core/deque_tree.h"
#include "core/memory.h"

/* A positive fill has this limit too, so that large elements do not make large packs. */
enum { FILLED_BYTES_MAX = 8192, COUNT_MAX = INT16_MAX, DEPTH_MAX = UINT16_MAX };

size_t deque_fill_bytes(int fill)
{
    return fill >= 0 ? FILLED_BYTES_MAX : (size_t)2048 << (fill < -5 ? 5 : -fill);
}

unsigned deque_fill_count(int fill)
{
    if (fill < 0)
        return COUNT_MAX;
    return fill == 0 ? 1 : fill < COUNT_MAX ? (unsigned)fill : COUNT_MAX;
}

void deque_init(struct deque *deque, struct memory *memory, int fill, unsigned compress_depth)
{
    *deque = (struct deque){
        .memory = memory,
        .bytes_most = (uint32_t)deque_fill_bytes(fill),
        .count_most = (uint16_t)deque_fill_count(fill),
        .compress_depth = (uint16_t)(compress_depth < DEPTH_MAX ? compress_depth : DEPTH_MAX),
    };
}

static size_t used_bytes(const struct deque *deque)
{
    return deque->memory->used_bytes;
}

/* before: used_bytes then. */
static void count_bytes(struct deque *deque, size_t before)
{
    deque->bytes += used_bytes(deque) - before;
}

size_t deque_blocks(const struct deque *deque)
{
    return deque->blocks;
}

/* How much memory to give a new block at an end: as much as its neighbour
 * needed, but in a short deque only an eighth of what there is. */
static size_t room_of_new(struct deque *deque, const struct deque_path *neighbour)
{
    size_t bytes = deque->blocks > 0 ? deque_slot_bytes(deque_path_slot(deque, neighbour)) : 0;

    if (bytes > deque->bytes_most)
        bytes = 0;
    return bytes < deque->bytes / 8 ? bytes : deque->bytes / 8;
}

static void push_block(struct deque *deque, struct deque_path *path, enum deque_end end, struct str text)
{
    struct deque_slot block = deque_slot_create(deque, text, room_of_new(deque, path), end);

    if (deque->blocks > 0)
        deque_slot_fit(deque, deque_path_slot(deque, path));
    deque_tree_insert(deque, path, block, end == DEQUE_BACK);
    deque_settle(deque, end == DEQUE_FRONT ? 0 : deque_count(deque) - 1);
}

/* In the block at that end, if there is room. */
static bool push_within(struct deque *deque, const struct deque_path *path, enum deque_end end, struct str text)
{
    struct deque_slot *slot = deque_path_slot(deque, path);
    struct listpack_value value = listpack_value_of(text);
    size_t bytes = listpack_value_bytes(value);

    if (!deque_slot_accepts(deque, slot, bytes) || deque_slot_is_compressed(slot))
        return false;
    if (!deque_slot_push(deque, slot, end, value, bytes))
        return false;
    deque_path_add(deque, path, 1);
    return true;
}

void deque_push(struct deque *deque, enum deque_end end, struct str text)
{
    size_t before = used_bytes(deque);
    struct deque_path path;

    deque_descend_to_end(deque, end, &path);
    if (deque->blocks == 0 || !push_within(deque, &path, end, text))
        push_block(deque, &path, end, text);
    count_bytes(deque, before);
}

static struct listpack_value string_value(struct str string)
{
    return (struct listpack_value){.bytes = string.bytes, .length = string.length};
}

struct listpack_value deque_peek(struct deque *deque, enum deque_end end)
{
    struct deque_path path;

    ASSERT(deque->blocks > 0);
    deque_descend_to_end(deque, end, &path);
    const struct deque_slot *slot = deque_path_slot(deque, &path);
    if (deque_slot_is_plain(slot) || deque_slot_is_compressed(slot))
        return deque_get(deque, end == DEQUE_FRONT ? 0 : deque_count(deque) - 1);
    const unsigned char *pack = deque_slot_pack(slot);
    return listpack_get(end == DEQUE_FRONT ? listpack_first(pack) : listpack_last(pack));
}

static void erase_block(struct deque *deque, struct deque_path *path)
{
    deque_slot_free(deque, deque_path_slot(deque, path));
    deque_tree_erase(deque, path);
}

void deque_drop(struct deque *deque, enum deque_end end)
{
    size_t before = used_bytes(deque);
    struct deque_path path;

    ASSERT(deque->blocks > 0);
    deque_descend_to_end(deque, end, &path);
    struct deque_slot *slot = deque_path_slot(deque, &path);
    if (slot->count == 1) {
        erase_block(deque, &path);
        deque_settle(deque, 0);
    } else {
        deque_slot_expand(deque, slot);
        deque_slot_drop(deque, slot, end);
        deque_path_add(deque, &path, -1);
    }
    count_bytes(deque, before);
}

struct listpack_value deque_get(struct deque *deque, size_t index)
{
    size_t before = used_bytes(deque);
    struct listpack_value value;
    struct deque_path path;

    ASSERT(index < deque_count(deque));
    size_t offset = deque_descend(deque, index, &path);
    const struct deque_slot *slot = deque_path_slot(deque, &path);
    if (deque_slot_is_plain(slot))
        value = string_value(deque_slot_read_plain(deque, slot));
    else
        value = listpack_get(listpack_seek(deque_slot_read_pack(deque, slot), (int64_t)offset));
    count_bytes(deque, before);
    return value;
}

struct deque_block deque_block_at(struct deque *deque, size_t index)
{
    size_t before = used_bytes(deque);
    struct deque_block block = {0};
    struct deque_path path;

    ASSERT(index < deque_count(deque));
    block.first = index - deque_descend(deque, index, &path);
    const struct deque_slot *slot = deque_path_slot(deque, &path);
    block.count = slot->count;
    block.is_plain = deque_slot_is_plain(slot);
    if (block.is_plain) {
        block.bytes = deque_slot_read_plain(deque, slot);
    } else {
        const unsigned char *pack = deque_slot_read_pack(deque, slot);
        block.bytes = (struct str){(const char *)pack, listpack_bytes(pack)};
    }
    count_bytes(deque, before);
    return block;
}

/* Into the block that has the index, or the one before if it would be its first. */
static bool insert_within(struct deque *deque, struct deque_path *path, size_t offset, struct listpack_value value)
{
    struct deque_slot *slot = deque_path_slot(deque, path);
    size_t bytes = listpack_value_bytes(value);

    if (!deque_slot_accepts(deque, slot, bytes)) {
        if (offset > 0 || !deque_path_step(deque, path, DEQUE_FRONT))
            return false;
        slot = deque_path_slot(deque, path);
        offset = slot->count;
        if (!deque_slot_accepts(deque, slot, bytes))
            return false;
    }
    deque_slot_expand(deque, slot);
    deque_slot_insert(deque, slot, offset, value);
    deque_path_add(deque, path, 1);
    return true;
}

static void split_block(struct deque *deque, struct deque_path *path, size_t offset)
{
    struct deque_slot *slot = deque_path_slot(deque, path);

    deque_slot_expand(deque, slot);
    struct deque_slot right = deque_slot_split(deque, slot, offset);
    deque_path_add(deque, path, -(int64_t)right.count);
    deque_tree_insert(deque, path, right, true);
}

/* Halves the block until there is room, or until the place lies between blocks. */
static void insert_inside(struct deque *deque, size_t index, struct str text)
{
    struct listpack_value value = listpack_value_of(text);
    bool is_large = deque_is_large(deque, listpack_value_bytes(value));

    for (;;) {
        struct deque_path path;
        size_t offset = deque_descend(deque, index, &path);
        struct deque_path place = path;

        if (insert_within(deque, &place, offset, value))
            return;
        if (offset == 0) {
            deque_tree_insert(deque, &path, deque_slot_create(deque, text, 0, DEQUE_BACK), false);
            return;
        }
        split_block(deque, &path, is_large ? offset : deque_path_slot(deque, &path)->count / 2);
    }
}

void deque_insert(struct deque *deque, size_t index, struct str text)
{
    size_t before = used_bytes(deque), count = deque_count(deque);

    ASSERT(index <= count);
    if (index == 0 || index == count) {
        deque_push(deque, index == 0 ? DEQUE_FRONT : DEQUE_BACK, text);
        return;
    }
    insert_inside(deque, index, text);
    deque_settle(deque, index);
    count_bytes(deque, before);
}

/* Few enough that a pack of both leaves room for more. */
static bool are_small(const struct deque *deque, const struct deque_slot *one, const struct deque_slot *other)
{
    return !deque_slot_is_plain(one) && !deque_slot_is_plain(other) &&
           one->count + other->count <= (deque->count_most * 2u + 2) / 3 &&
           deque_slot_bytes(one) + deque_slot_bytes(other) <= deque->bytes_most * 2 / 3;
}

/* Joins the path's block with the next if both are small. */
static bool join_next(struct deque *deque, const struct deque_path *path)
{
    struct deque_path next = *path;

    if (!deque_path_step(deque, &next, DEQUE_BACK))
        return false;
    struct deque_slot *slot = deque_path_slot(deque, path), *other = deque_path_slot(deque, &next);
    if (!are_small(deque, slot, other))
        return false;
    size_t count = other->count;
    deque_slot_expand(deque, slot);
    deque_slot_expand(deque, other);
    deque_slot_append(deque, slot, other);
    deque_path_add(deque, path, (int64_t)count);
    deque_slot_free(deque, other);
    deque_tree_erase(deque, &next);
    return true;
}

/* The block of this element, which has become smaller, with its neighbours. */
static void join_around(struct deque *deque, size_t index)
{
    struct deque_path path;

    if (deque->blocks < 2)
        return;
    deque_descend(deque, index, &path);
    if (join_next(deque, &path))
        deque_descend(deque, index, &path);
    if (deque_path_step(deque, &path, DEQUE_FRONT))
        join_next(deque, &path);
}

/* Deletes what of the range lies in the block of its first element; returns how many. */
static size_t delete_in_block(struct deque *deque, size_t index, size_t most)
{
    struct deque_path path;
    size_t offset = deque_descend(deque, index, &path);
    struct deque_slot *slot = deque_path_slot(deque, &path);
    size_t count = slot->count - offset < most ? slot->count - offset : most;

    if (count == slot->count) {
        erase_block(deque, &path);
        return count;
    }
    deque_slot_expand(deque, slot);
    deque_slot_delete(deque, slot, offset, count);
    deque_path_add(deque, &path, -(int64_t)count);
    return count;
}

void deque_delete_range(struct deque *deque, size_t index, size_t count)
{
    size_t before = used_bytes(deque);

    ASSERT(index <= deque_count(deque) && count <= deque_count(deque) - index);
    while (count > 0)
        count -= delete_in_block(deque, index, count);
    join_around(deque, index);
    deque_settle(deque, index);
    count_bytes(deque, before);
}

void deque_delete(struct deque *deque, size_t index)
{
    if (index == 0 || index + 1 == deque_count(deque))
        deque_drop(deque, index == 0 ? DEQUE_FRONT : DEQUE_BACK);
    else
        deque_delete_range(deque, index, 1);
}

/* Whether the block can hold the new value in the old one's place. */
static bool can_replace(struct deque *deque, const struct deque_slot *slot, size_t offset, struct listpack_value value)
{
    const unsigned char *element;

    if (deque_slot_is_plain(slot) || deque_is_large(deque, listpack_value_bytes(value)))
        return false;
    element = listpack_seek(deque_slot_pack(slot), (int64_t)offset);
    return deque_slot_bytes(slot) - listpack_element_bytes(element) + listpack_value_bytes(value) <= deque->bytes_most;
}

void deque_set(struct deque *deque, size_t index, struct str text)
{
    struct listpack_value value = listpack_value_of(text);
    size_t before = used_bytes(deque);
    struct deque_path path;

    ASSERT(index < deque_count(deque));
    size_t offset = deque_descend(deque, index, &path);
    struct deque_slot *slot = deque_path_slot(deque, &path);
    deque_slot_expand(deque, slot);
    if (can_replace(deque, slot, offset, value)) {
        deque_slot_replace(deque, slot, offset, value);
        deque_settle(deque, index);
        count_bytes(deque, before);
        return;
    }
    count_bytes(deque, before);
    deque_insert(deque, index, text);
    deque_delete(deque, index + 1);
}

void deque_append_pack(struct deque *deque, const unsigned char *pack)
{
    size_t before = used_bytes(deque);
    struct deque_slot slot = {.kind = DEQUE_PACK, .count = listpack_count(pack)};
    char digits[NUMBER_TEXT_MAX];
    struct deque_path path;

    if (listpack_bytes(pack) > deque_fill_bytes(-5) || slot.count > COUNT_MAX) {
        for (const unsigned char *at = listpack_first(pack); at != NULL; at = listpack_next(at))
            deque_push(deque, DEQUE_BACK, listpack_text(listpack_get(at), digits));
        return;
    }
    if (slot.count == 0)
        return;
    slot.below = listpack_copy(deque->memory, pack);
    deque_descend_to_end(deque, DEQUE_BACK, &path);
    deque_tree_insert(deque, &path, slot, true);
    deque_settle(deque, deque_count(deque) - 1);
    count_bytes(deque, before);
}

size_t deque_drain(struct deque *deque, size_t most)
{
    size_t before = used_bytes(deque), count = deque_count(deque), least = count > most ? count - most : 0;

    while (deque->blocks > 0 && deque_count(deque) > least) {
        struct deque_path path;

        deque_descend_to_end(deque, DEQUE_BACK, &path);
        erase_block(deque, &path);
    }
    if (deque->blocks == 0)
        deque_forget_expanded(deque);
    count_bytes(deque, before);
    return deque_count(deque);
}

void deque_deinit(struct deque *deque)
{
    deque_drain(deque, SIZE_MAX);
}

void deque_copy(struct deque *copy, struct memory *memory, const struct deque *deque)
{
    struct deque_path from, to;
    size_t before = memory->used_bytes;

    *copy = (struct deque){
        .memory = memory,
        .bytes_most = deque->bytes_most,
        .count_most = deque->count_most,
        .compress_depth = deque->compress_depth,
    };
    if (deque->blocks == 0)
        return;
    deque_descend_to_end(deque, DEQUE_FRONT, &from);
    do {
        struct deque_slot *slot = deque_path_slot((struct deque *)deque, &from);

        deque_descend_to_end(copy, DEQUE_BACK, &to);
        deque_tree_insert(copy, &to, deque_slot_copy(memory, slot), true);
    } while (deque_path_step(deque, &from, DEQUE_BACK));
    count_bytes(copy, before);
}
