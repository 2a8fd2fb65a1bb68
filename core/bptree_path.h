/* The way from the root of a B+tree to a place in a leaf.
 *
 * Private to bptree. A change goes down once, noting the path, and mends the
 * branches on the way back up. */
#ifndef CORE_BPTREE_PATH_H
#define CORE_BPTREE_PATH_H

#include "core/bptree_node.h"

enum { BPTREE_HEIGHT_MOST = 24 };

/* At each level the node and, in it, the index of the child that is next on the way, or of the item. */
struct bptree_path {
    struct bptree_node *nodes[BPTREE_HEIGHT_MOST];
    uint32_t indexes[BPTREE_HEIGHT_MOST];
};

/* To the equal item or the place for one; true: an equal one is there. The tree is not empty. */
bool bptree_descend(const struct bptree *tree, const struct bptree_key *key, struct bptree_path *path);
/* To the item of this rank; to the place after the last if there is none. The tree is not empty. */
void bptree_descend_to_rank(const struct bptree *tree, size_t rank, struct bptree_path *path);
/* To the place after the last item. The tree is not empty. */
void bptree_descend_to_end(const struct bptree *tree, struct bptree_path *path);
/* How many items lie before the path's place. */
size_t bptree_path_rank(const struct bptree *tree, const struct bptree_path *path);

/* After an item changed: the first items on the path, and the counts by `added`. */
void bptree_path_mend(struct bptree *tree, struct bptree_path *path, size_t added);

#endif
