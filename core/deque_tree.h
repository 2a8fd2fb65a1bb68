/* The counted tree over a deque's blocks. Private to deque*.c.
 *
 * A node is an array of slots, those at level 0 of blocks, the others of nodes,
 * each with the number of elements below it. With one block there is no node.
 * All leaves are equally deep; nodes at the left and right edge that grew by
 * pushing are full, others at least a third so, unless their neighbours are full. */
#ifndef CORE_DEQUE_TREE_H
#define CORE_DEQUE_TREE_H

#include "core/deque.h"

enum { DEQUE_NODE_SLOTS = 31, DEQUE_HEIGHT_MOST = 24 };

struct deque_node {
    uint32_t count;
    struct deque_slot slots[DEQUE_NODE_SLOTS];
};

/* The way to a block: at each level the node and the index of the slot in it. Valid until the tree changes. */
struct deque_path {
    struct deque_node *nodes[DEQUE_HEIGHT_MOST];
    uint32_t indexes[DEQUE_HEIGHT_MOST];
};

/* To the block with this element, or the last; returns the element's index in it. Not in an empty deque. */
size_t deque_descend(const struct deque *deque, size_t index, struct deque_path *path);
/* To the block at an end. */
void deque_descend_to_end(const struct deque *deque, enum deque_end end, struct deque_path *path);
/* One block further toward that end; false: there is none. */
bool deque_path_step(const struct deque *deque, struct deque_path *path, enum deque_end toward);

static inline struct deque_slot *deque_path_slot(struct deque *deque, const struct deque_path *path)
{
    return deque->height == 0 ? &deque->root : &path->nodes[0]->slots[path->indexes[0]];
}

/* Changes the count of the block and of all above it. */
void deque_path_add(struct deque *deque, const struct deque_path *path, int64_t added);

/* Puts a block before or behind the path's, or into the empty deque; the path leads to it then. */
void deque_tree_insert(struct deque *deque, struct deque_path *path, struct deque_slot block, bool behind);
/* Takes the path's block out; its memory is the caller's. */
void deque_tree_erase(struct deque *deque, struct deque_path *path);

#endif
