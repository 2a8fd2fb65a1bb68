/* Removal: the items leave their leaf at once, then the nodes on the path are
 * looked after from below.
 *
 * A node that has become sparse looks whether it and its neighbours can do
 * with one fewer; seven eighths full after that, they do not split again
 * soon. One that stays far emptier than its siblings shares with one. */
#include "core/assert.h"
#include "core/bptree_path.h"
#include "core/bptree_window.h"

static void drop_child(struct bptree *tree, struct bptree_node *parent, uint32_t level, uint32_t index)
{
    struct bptree_node *child = parent->branches[index].child;

    ASSERT(child->count == 0);
    if (level == 0)
        bptree_leaf_unchain(child);
    bptree_node_destroy(tree, child);
    bptree_node_erase(parent, level + 1, index, 1);
}

static void condense(struct bptree *tree, struct bptree_node *parent, uint32_t level, uint32_t index)
{
    struct bptree_window window = bptree_window_at(parent, level, index), pair = window;
    uint32_t capacity = bptree_node_capacity(level);

    bptree_window_widen(&pair);
    while (bptree_window_widen(&window)) {
        if (window.total > (window.width - 1) * capacity * 7 / 8)
            continue;
        bptree_window_deal(&window, window.width - 1);
        drop_child(tree, parent, level, window.first + window.width - 1);
        return;
    }
    if (parent->branches[index].child->count < capacity / 3)
        bptree_window_deal(&pair, pair.width);
}

/* The first item of all was taken, or the last: a queue empties its leaves one
 * after the other, and nothing has to be moved. */
static bool is_at_an_end(const struct bptree *tree, const struct bptree_path *path)
{
    bool first = path->indexes[0] == 0, last = path->indexes[0] == path->nodes[0]->count;

    for (uint32_t level = 1; level < tree->height; level++) {
        first = first && path->indexes[level] == 0;
        last = last && path->indexes[level] + 1 == path->nodes[level]->count;
    }
    return first || last;
}

static void mend(struct bptree *tree, struct bptree_path *path, size_t removed)
{
    for (uint32_t level = 0; level + 1 < tree->height; level++) {
        struct bptree_node *parent = path->nodes[level + 1], *child = path->nodes[level];
        uint32_t index = path->indexes[level + 1];

        parent->branches[index].count -= removed;
        if (child->count == 0) {
            drop_child(tree, parent, level, index);
            continue;
        }
        parent->branches[index].first = *bptree_node_item(child, level, 0);
        if (child->count < bptree_node_capacity(level) * 3 / 4 && !(level == 0 && is_at_an_end(tree, path)))
            condense(tree, parent, level, index);
    }
}

static void lower_root(struct bptree *tree)
{
    while (tree->height > 1 && tree->root->count == 1) {
        struct bptree_node *root = tree->root;

        tree->root = root->branches[0].child;
        tree->height--;
        bptree_node_destroy(tree, root);
    }
    if (tree->count == 0)
        bptree_deinit(tree);
}

/* `count` items from the path's place on; all lie in its leaf. */
static void take(struct bptree *tree, struct bptree_path *path, uint32_t count)
{
    bptree_node_erase(path->nodes[0], 0, path->indexes[0], count);
    tree->count -= count;
    mend(tree, path, count);
    lower_root(tree);
}

bool bptree_remove(struct bptree *tree, uint64_t order, const void *wanted)
{
    struct bptree_key key = {tree->tie, order, wanted};
    struct bptree_path path;

    ASSERT(wanted != NULL);
    if (tree->root == NULL || !bptree_descend(tree, &key, &path))
        return false;
    take(tree, &path, 1);
    return true;
}

struct bptree_item bptree_take_rank(struct bptree *tree, size_t rank)
{
    struct bptree_path path;

    ASSERT(rank < tree->count);
    bptree_descend_to_rank(tree, rank, &path);
    struct bptree_item item = path.nodes[0]->items[path.indexes[0]];
    take(tree, &path, 1);
    return item;
}

/* One leaf's items at a time, so that the descents are few beside the items. */
static uint32_t remove_some(struct bptree *tree, size_t rank, size_t most, bptree_drop *drop, void *context)
{
    struct bptree_path path;

    bptree_descend_to_rank(tree, rank, &path);
    const struct bptree_item *items = &path.nodes[0]->items[path.indexes[0]];
    uint32_t count = path.nodes[0]->count - path.indexes[0];
    if (count > most)
        count = (uint32_t)most;
    for (uint32_t index = 0; drop != NULL && index < count; index++)
        drop(context, items[index]);
    take(tree, &path, count);
    return count;
}

size_t bptree_remove_ranks(struct bptree *tree, size_t first, size_t count, bptree_drop *drop, void *context)
{
    size_t removed = 0;

    if (first >= tree->count)
        return 0;
    if (count > tree->count - first)
        count = tree->count - first;
    while (removed < count)
        removed += remove_some(tree, first, count - removed, drop, context);
    return removed;
}
