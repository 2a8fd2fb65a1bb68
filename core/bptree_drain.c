/* Leaves go from the right, and with the last child its parent. The counts in
 * the branches above are not kept up, as nobody reads them any more. */
#include "core/bptree.h"

#include "core/bptree_node.h"

/* Who is told of the items. */
struct taker {
    bptree_drop *drop; /* may be NULL */
    void *context;
};

static void drop_items(const struct bptree_node *leaf, struct taker taker)
{
    for (uint32_t index = 0; taker.drop != NULL && index < leaf->count; index++)
        taker.drop(taker.context, leaf->items[index]);
}

/* Frees the last leaf below the node; true: the node has nothing left, and is freed too. */
static bool drop_last_leaf(struct bptree *tree, struct bptree_node *node, uint32_t level, struct taker taker)
{
    if (level > 0) {
        if (!drop_last_leaf(tree, node->branches[node->count - 1].child, level - 1, taker) || --node->count > 0)
            return false;
    } else {
        drop_items(node, taker);
        tree->count -= node->count;
    }
    bptree_node_destroy(tree, node);
    return true;
}

size_t bptree_drain(struct bptree *tree, size_t most, bptree_drop *drop, void *context)
{
    struct taker taker = {drop, context};
    size_t least = tree->count > most ? tree->count - most : 0;

    while (tree->root != NULL && tree->count > least)
        if (drop_last_leaf(tree, tree->root, tree->height - 1, taker))
            bptree_init(tree, tree->memory, tree->tie);
    return tree->count;
}
