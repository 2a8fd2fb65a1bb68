/* Leaves go from the right, and with the last child its parent. The counts in
 * the branches above are not kept up, as nobody reads them any more. */
#include "core/bptree.h"

#include "core/bptree_node.h"
#include "core/memory.h"

static void free_node(struct bptree *tree, struct bptree_node *node)
{
    tree->bytes -= memory_block_bytes(node);
    memory_free(tree->memory, node);
}

/* Frees the last leaf below the node; true: the node has nothing left, and is freed too. */
static bool drop_last_leaf(struct bptree *tree, struct bptree_node *node, uint32_t level)
{
    if (level == 0)
        tree->count -= node->count;
    else if (!drop_last_leaf(tree, node->branches[node->count - 1].child, level - 1) || --node->count > 0)
        return false;
    free_node(tree, node);
    return true;
}

size_t bptree_drain(struct bptree *tree, size_t most)
{
    size_t least = tree->count > most ? tree->count - most : 0;

    while (tree->root != NULL && tree->count > least)
        if (drop_last_leaf(tree, tree->root, tree->height - 1))
            bptree_init(tree, tree->memory, tree->tie);
    return tree->count;
}
