/* A node of the B+tree: a sorted array in one kilobyte.
 *
 * Private to bptree. A leaf (level 0) holds items, every other node holds
 * branches: child, how many items are below it, and the first of them. Both
 * are arrays of elements that begin with a struct bptree_item, so one set of
 * functions serves both; all of them are told the level. */
#ifndef CORE_BPTREE_NODE_H
#define CORE_BPTREE_NODE_H

#include "core/bptree.h"

struct bptree_branch {
    struct bptree_item first;
    struct bptree_node *child;
    size_t count;
};

enum { BPTREE_LEAF_ITEMS = 62, BPTREE_BRANCHES = 31 };

struct bptree_node {
    struct bptree_node *previous, *next; /* of a leaf */
    uint32_t count;
    union {
        struct bptree_item items[BPTREE_LEAF_ITEMS];
        struct bptree_branch branches[BPTREE_BRANCHES];
    };
};

/* What is searched for. */
struct bptree_key {
    bptree_tie *tie;
    uint64_t order;
    const void *wanted; /* NULL: below all of this order */
};

static inline uint32_t bptree_node_capacity(uint32_t level)
{
    return level == 0 ? BPTREE_LEAF_ITEMS : BPTREE_BRANCHES;
}

static inline size_t bptree_element_bytes(uint32_t level)
{
    return level == 0 ? sizeof(struct bptree_item) : sizeof(struct bptree_branch);
}

static inline char *bptree_node_element(struct bptree_node *node, uint32_t level, uint32_t index)
{
    return (char *)node->items + index * bptree_element_bytes(level);
}

/* The item that an element is, or begins with. */
static inline const struct bptree_item *bptree_node_item(const struct bptree_node *node, uint32_t level, uint32_t index)
{
    return level == 0 ? &node->items[index] : &node->branches[index].first;
}

/* Empty; charged to the tree. */
struct bptree_node *bptree_node_create(struct bptree *tree);
void bptree_node_destroy(struct bptree *tree, struct bptree_node *node);

/* How many elements are below the key. */
uint32_t bptree_node_search(const struct bptree_node *node, uint32_t level, const struct bptree_key *key);
bool bptree_node_is_equal(const struct bptree_node *node, uint32_t level, uint32_t index, const struct bptree_key *key);

/* element: a struct bptree_item or bptree_branch, as the level says; copied. There is room for it. */
void bptree_node_insert(struct bptree_node *node, uint32_t level, uint32_t index, const void *element);
void bptree_node_erase(struct bptree_node *node, uint32_t level, uint32_t index, uint32_t count);

/* The branch that leads to this node; its first item is unset if the node is empty. */
struct bptree_branch bptree_node_branch(struct bptree_node *node, uint32_t level);

/* The chain of leaves. */
void bptree_leaf_chain(struct bptree_node *left, struct bptree_node *right);
void bptree_leaf_unchain(struct bptree_node *leaf);

#endif
