/* Within a pack the walk goes from element to element; a block's end, and any
 * deletion, sends it down the tree again. */
#include "core/assert.h"
#include "core/deque_slot.h"
#include "core/deque_tree.h"

void deque_walk_start(struct deque_walk *walk, struct deque *deque, size_t index, bool forward)
{
    *walk = (struct deque_walk){.deque = deque, .next = index, .forward = forward};
}

static void move_on(struct deque_walk *walk)
{
    walk->next += walk->forward ? 1 : SIZE_MAX;
    if (walk->element != NULL)
        walk->element = walk->forward ? listpack_next(walk->element) : listpack_previous(walk->pack, walk->element);
}

bool deque_walk_next(struct deque_walk *walk, struct listpack_value *value)
{
    if (walk->element == NULL) {
        if (walk->next >= deque_count(walk->deque))
            return false;
        struct deque_block block = deque_block_at(walk->deque, walk->next);
        if (block.is_plain) {
            *value = (struct listpack_value){.bytes = block.bytes.bytes, .length = block.bytes.length};
            move_on(walk);
            return true;
        }
        walk->pack = (const unsigned char *)block.bytes.bytes;
        walk->element = listpack_seek(walk->pack, (int64_t)(walk->next - block.first));
    }
    *value = listpack_get(walk->element);
    move_on(walk);
    return true;
}

void deque_walk_delete(struct deque_walk *walk)
{
    size_t given = deque_walk_index(walk);

    ASSERT(given < deque_count(walk->deque));
    deque_delete(walk->deque, given);
    if (walk->forward)
        walk->next = given;
    walk->element = NULL;
}
