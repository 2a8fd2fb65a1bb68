/* Insertion: room is made before the item is placed.
 *
 * A full node shares with its neighbours as long as they have some room to
 * spare on average, so that the next insertion is not at it again. Otherwise
 * they get one more among them, which leaves all of them eight ninths full.
 * At the right edge appending opens a new node instead and leaves full ones. */
#include "core/assert.h"
#include "core/bptree_path.h"
#include "core/bptree_window.h"

static void add_root(struct bptree *tree, struct bptree_path *path)
{
    struct bptree_node *root = bptree_node_create(tree);
    struct bptree_branch branch = bptree_node_branch(tree->root, tree->height - 1);

    ASSERT(tree->height < BPTREE_HEIGHT_MOST);
    bptree_node_insert(root, tree->height, 0, &branch);
    path->nodes[tree->height] = tree->root = root;
    path->indexes[tree->height] = 0;
    tree->height++;
}

/* The item will be the last of all. */
static bool is_appending(const struct bptree *tree, const struct bptree_path *path)
{
    for (uint32_t level = tree->height - 1; level > 0; level--)
        if (path->indexes[level] + 1 < path->nodes[level]->count)
            return false;
    return path->indexes[0] == path->nodes[0]->count;
}

static struct bptree_node *add_sibling(struct bptree *tree, struct bptree_node *parent, uint32_t level, uint32_t index)
{
    struct bptree_node *added = bptree_node_create(tree);
    struct bptree_branch branch = {.child = added};

    if (level == 0)
        bptree_leaf_chain(parent->branches[index - 1].child, added);
    bptree_node_insert(parent, level + 1, index, &branch);
    return added;
}

/* The path goes on in a new last node, which begins with the last branch of the old, or empty if it is a leaf. */
static void open_last(struct bptree *tree, struct bptree_path *path, uint32_t level)
{
    struct bptree_node *full = path->nodes[level], *parent = path->nodes[level + 1];
    uint32_t index = ++path->indexes[level + 1];
    struct bptree_node *last = add_sibling(tree, parent, level, index);

    path->nodes[level] = last;
    path->indexes[level] = 0;
    if (level == 0)
        return;
    bptree_node_insert(last, level, 0, &full->branches[--full->count]);
    parent->branches[index - 1] = bptree_node_branch(full, level);
    parent->branches[index] = bptree_node_branch(last, level);
}

/* Deals the window out; the path's place in it is found again. */
static void deal(const struct bptree_window *window, struct bptree_path *path)
{
    uint32_t level = window->level, index = window->first;
    uint32_t place = path->indexes[level];

    for (uint32_t before = index; before < path->indexes[level + 1]; before++)
        place += window->parent->branches[before].child->count;
    bptree_window_deal(window, window->width);
    struct bptree_node *child = window->parent->branches[index].child;
    for (; level == 0 ? place > child->count : place >= child->count; child = window->parent->branches[++index].child)
        place -= child->count;
    path->nodes[level] = child;
    path->indexes[level] = place;
    path->indexes[level + 1] = index;
}

/* True: the full node shares with as few siblings as will do. */
static bool share(struct bptree_path *path, uint32_t level)
{
    uint32_t most = bptree_node_capacity(level) * 31 / 32;
    struct bptree_window window = bptree_window_at(path->nodes[level + 1], level, path->indexes[level + 1]);

    while (bptree_window_widen(&window)) {
        if (window.total > window.width * most)
            continue;
        deal(&window, path);
        return true;
    }
    return false;
}

/* One node more for the full node and its siblings; the parent has room for it. */
static void split(struct bptree *tree, struct bptree_path *path, uint32_t level)
{
    struct bptree_window window = bptree_window_at(path->nodes[level + 1], level, path->indexes[level + 1]);

    while (bptree_window_widen(&window))
        ;
    add_sibling(tree, window.parent, level, window.first + window.width);
    window.width++;
    deal(&window, path);
}

/* As deep as the tree is high. */
static void make_room(struct bptree *tree, struct bptree_path *path, uint32_t level)
{
    if (path->nodes[level]->count < bptree_node_capacity(level))
        return;
    if (level + 1 == tree->height)
        add_root(tree, path);
    bool appends = is_appending(tree, path);
    if (!appends && share(path, level))
        return;
    make_room(tree, path, level + 1);
    if (appends)
        open_last(tree, path, level);
    else
        split(tree, path, level);
}

static void plant(struct bptree *tree)
{
    tree->root = bptree_node_create(tree);
    tree->height = 1;
}

static void insert_at(struct bptree *tree, struct bptree_path *path, struct bptree_item item)
{
    make_room(tree, path, 0);
    bptree_node_insert(path->nodes[0], 0, path->indexes[0], &item);
    bptree_path_mend(tree, path, 1);
    tree->count++;
}

bool bptree_insert(struct bptree *tree, struct bptree_item item, const void *wanted)
{
    struct bptree_key key = {tree->tie, item.order, wanted};
    struct bptree_path path;

    ASSERT(wanted != NULL);
    if (tree->root == NULL)
        plant(tree);
    if (bptree_descend(tree, &key, &path))
        return false;
    insert_at(tree, &path, item);
    return true;
}

void bptree_append(struct bptree *tree, struct bptree_item item)
{
    struct bptree_path path;

    if (tree->root == NULL)
        plant(tree);
    bptree_descend_to_end(tree, &path);
    ASSERT(path.indexes[0] == 0 || path.nodes[0]->items[path.indexes[0] - 1].order <= item.order);
    insert_at(tree, &path, item);
}
