#include "core/bptree_path.h"

#include "core/prefetch.h"

/* The last branch whose first item is not above the key: only below it can an
 * equal item be, or the place for one. */
static uint32_t branch_for(const struct bptree_node *node, uint32_t level, const struct bptree_key *key)
{
    uint32_t below = bptree_node_search(node, level, key);

    if (below == 0 || bptree_node_is_equal(node, level, below, key))
        return below;
    return below - 1;
}

/* The search in a node jumps over its lines: better that they come together
 * than one after the other (a third less time in a tree beyond the cache). */
static void prefetch_node(const struct bptree_node *node)
{
    for (size_t line = 0; line < sizeof *node; line += 64)
        prefetch_to_read((const char *)node + line);
}

bool bptree_descend(const struct bptree *tree, const struct bptree_key *key, struct bptree_path *path)
{
    struct bptree_node *node = tree->root;

    for (uint32_t level = tree->height - 1; level > 0; level--) {
        path->nodes[level] = node;
        path->indexes[level] = branch_for(node, level, key);
        node = node->branches[path->indexes[level]].child;
        prefetch_node(node);
    }
    path->nodes[0] = node;
    path->indexes[0] = bptree_node_search(node, 0, key);
    return bptree_node_is_equal(node, 0, path->indexes[0], key);
}

void bptree_descend_to_rank(const struct bptree *tree, size_t rank, struct bptree_path *path)
{
    struct bptree_node *node = tree->root;

    if (rank > tree->count)
        rank = tree->count;
    for (uint32_t level = tree->height - 1; level > 0; level--) {
        uint32_t index = 0;

        while (index + 1 < node->count && rank >= node->branches[index].count)
            rank -= node->branches[index++].count;
        path->nodes[level] = node;
        path->indexes[level] = index;
        node = node->branches[index].child;
        if (level > 1)
            prefetch_node(node);
    }
    path->nodes[0] = node;
    path->indexes[0] = (uint32_t)rank;
}

void bptree_descend_to_end(const struct bptree *tree, struct bptree_path *path)
{
    struct bptree_node *node = tree->root;

    for (uint32_t level = tree->height - 1; level > 0; level--) {
        path->nodes[level] = node;
        path->indexes[level] = node->count - 1;
        node = node->branches[node->count - 1].child;
    }
    path->nodes[0] = node;
    path->indexes[0] = node->count;
}

size_t bptree_path_rank(const struct bptree *tree, const struct bptree_path *path)
{
    size_t rank = path->indexes[0];

    for (uint32_t level = 1; level < tree->height; level++)
        for (uint32_t index = 0; index < path->indexes[level]; index++)
            rank += path->nodes[level]->branches[index].count;
    return rank;
}

void bptree_path_mend(struct bptree *tree, struct bptree_path *path, size_t added)
{
    for (uint32_t level = 1; level < tree->height; level++) {
        struct bptree_branch *branch = &path->nodes[level]->branches[path->indexes[level]];

        branch->first = *bptree_node_item(path->nodes[level - 1], level - 1, 0);
        branch->count += added;
    }
}
