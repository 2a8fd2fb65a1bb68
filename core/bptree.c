#include "core/bptree.h"

#include "core/assert.h"
#include "core/bptree_node.h"
#include "core/memory.h"

/* Invariants: all leaves are at level 0; a branch's first item and count are
 * those of what is below it, so that no copy of an item that has left remains;
 * below the root a node is at least a third full, except at the right edge,
 * where appending leaves new nodes that have yet to fill.
 *
 * A change goes down once, noting the path, and mends the branches on the way
 * back up. A full leaf first hands items to a sibling with room; only between
 * full siblings it splits, which keeps leaves about four fifths full. */

enum { HEIGHT_MOST = 32 };

/* The way from the root to a place in a leaf: at each level the node and, in
 * it, the index of the child that is next on the way, or of the item. */
struct path {
    struct bptree_node *nodes[HEIGHT_MOST];
    uint32_t indexes[HEIGHT_MOST];
};

void bptree_init(struct bptree *tree, struct memory *memory, bptree_tie *tie)
{
    *tree = (struct bptree){.memory = memory, .tie = tie};
}

static struct bptree_node *create_node(struct bptree *tree)
{
    struct bptree_node *node = memory_alloc(tree->memory, sizeof *node);

    node->previous = node->next = NULL;
    node->count = 0;
    tree->bytes += memory_block_bytes(node);
    return node;
}

static void destroy_node(struct bptree *tree, struct bptree_node *node)
{
    tree->bytes -= memory_block_bytes(node);
    memory_free(tree->memory, node);
}

/* As deep as the tree is high. */
static void destroy_below(struct bptree *tree, struct bptree_node *node, uint32_t level)
{
    if (level > 0)
        for (uint32_t index = 0; index < node->count; index++)
            destroy_below(tree, node->branches[index].child, level - 1);
    destroy_node(tree, node);
}

void bptree_deinit(struct bptree *tree)
{
    if (tree->root != NULL)
        destroy_below(tree, tree->root, tree->height - 1);
    bptree_init(tree, tree->memory, tree->tie);
}

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
        __builtin_prefetch((const char *)node + line);
}

/* To the equal item or the place for one; true: an equal one is there. */
static bool descend(const struct bptree *tree, const struct bptree_key *key, struct path *path)
{
    struct bptree_node *node = tree->root;

    if (node == NULL)
        return false;
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

/* After an item changed: the first items on the path, and the counts by `added`. */
static void mend_path(struct bptree *tree, struct path *path, size_t added)
{
    for (uint32_t level = 1; level < tree->height; level++) {
        struct bptree_branch *branch = &path->nodes[level]->branches[path->indexes[level]];

        branch->first = *bptree_node_item(path->nodes[level - 1], level - 1, 0);
        branch->count += added;
    }
}

static void mend_branch(struct bptree_node *parent, uint32_t parent_level, uint32_t index)
{
    parent->branches[index] = bptree_node_branch(parent->branches[index].child, parent_level - 1);
}

/* Divides what two neighbouring children hold evenly. */
static void even_out(struct bptree_node *parent, uint32_t parent_level, uint32_t left)
{
    struct bptree_node *nodes[2] = {parent->branches[left].child, parent->branches[left + 1].child};

    bptree_node_divide(nodes[0], nodes[1], parent_level - 1, (nodes[0]->count + nodes[1]->count) / 2);
    mend_branch(parent, parent_level, left);
    mend_branch(parent, parent_level, left + 1);
}

static void add_root(struct bptree *tree, struct path *path)
{
    struct bptree_node *root = create_node(tree);
    struct bptree_branch branch = bptree_node_branch(tree->root, tree->height - 1);

    ASSERT(tree->height < HEIGHT_MOST);
    bptree_node_insert(root, tree->height, 0, &branch);
    path->nodes[tree->height] = tree->root = root;
    path->indexes[tree->height] = 0;
    tree->height++;
}

static bool has_ample_room(const struct bptree_node *parent, uint32_t index)
{
    return index < parent->count && parent->branches[index].child->count <= BPTREE_LEAF_ITEMS * 3 / 4;
}

/* Lets a sibling take some of the full leaf's items; the path follows its place. */
static bool relieve_leaf(struct path *path)
{
    struct bptree_node *parent = path->nodes[1];
    uint32_t left = path->indexes[1], place = path->indexes[0];

    if (!has_ample_room(parent, left + 1)) {
        if (left == 0 || !has_ample_room(parent, left - 1))
            return false;
        left--;
        place += parent->branches[left].child->count;
    }
    even_out(parent, 1, left);
    uint32_t left_count = parent->branches[left].child->count;
    bool goes_right = place > left_count;
    path->indexes[1] = left + goes_right;
    path->nodes[0] = parent->branches[path->indexes[1]].child;
    path->indexes[0] = goes_right ? place - left_count : place;
    return true;
}

/* Nothing lies to the right of this node. */
static bool is_rightmost(const struct bptree *tree, const struct path *path, uint32_t level)
{
    while (++level < tree->height)
        if (path->indexes[level] + 1 < path->nodes[level]->count)
            return false;
    return true;
}

/* Where to cut a full node in two: in the middle, but what only ever grows at
 * its right end stays whole. */
static uint32_t cut_of(const struct bptree *tree, const struct path *path, uint32_t level)
{
    uint32_t count = path->nodes[level]->count;

    if (!is_rightmost(tree, path, level))
        return count / 2;
    if (level == 0)
        return path->indexes[0] == count ? count : count / 2;
    return path->indexes[level] + 1 == count ? count - 1 : count / 2;
}

static void chain_after(struct bptree_node *left, struct bptree_node *right)
{
    right->previous = left;
    right->next = left->next;
    if (right->next != NULL)
        right->next->previous = right;
    left->next = right;
}

/* The parent has room. The path goes on through the half that its place is in. */
static void split(struct bptree *tree, struct path *path, uint32_t level)
{
    struct bptree_node *left = path->nodes[level], *right = create_node(tree), *parent = path->nodes[level + 1];
    uint32_t cut = cut_of(tree, path, level);
    bool goes_right = level == 0 ? path->indexes[0] > cut || cut == left->count : path->indexes[level] >= cut;

    bptree_node_divide(left, right, level, cut);
    if (level == 0)
        chain_after(left, right);
    struct bptree_branch branch = bptree_node_branch(right, level);
    bptree_node_insert(parent, level + 1, path->indexes[level + 1] + 1, &branch);
    mend_branch(parent, level + 1, path->indexes[level + 1]);
    if (!goes_right)
        return;
    path->nodes[level] = right;
    path->indexes[level] -= cut;
    path->indexes[level + 1]++;
}

/* As deep as the tree is high. */
static void make_room(struct bptree *tree, struct path *path, uint32_t level)
{
    if (path->nodes[level]->count < bptree_node_capacity(level))
        return;
    if (level + 1 == tree->height)
        add_root(tree, path);
    if (level == 0 && relieve_leaf(path))
        return;
    make_room(tree, path, level + 1);
    split(tree, path, level);
}

static void plant(struct bptree *tree, struct path *path)
{
    tree->root = path->nodes[0] = create_node(tree);
    path->indexes[0] = 0;
    tree->height = 1;
}

bool bptree_insert(struct bptree *tree, struct bptree_item item, const void *wanted)
{
    struct bptree_key key = {tree->tie, item.order, wanted};
    struct path path;

    ASSERT(wanted != NULL);
    if (descend(tree, &key, &path))
        return false;
    if (tree->root == NULL)
        plant(tree, &path);
    make_room(tree, &path, 0);
    bptree_node_insert(path.nodes[0], 0, path.indexes[0], &item);
    mend_path(tree, &path, 1);
    tree->count++;
    return true;
}

static void unchain(struct bptree_node *leaf)
{
    leaf->previous->next = leaf->next;
    if (leaf->next != NULL)
        leaf->next->previous = leaf->previous;
}

/* The right one of two neighbouring children goes into the left one. */
static void join(struct bptree *tree, struct bptree_node *parent, uint32_t parent_level, uint32_t left)
{
    struct bptree_node *stays = parent->branches[left].child, *goes = parent->branches[left + 1].child;

    bptree_node_divide(stays, goes, parent_level - 1, stays->count + goes->count);
    if (parent_level == 1)
        unchain(goes);
    destroy_node(tree, goes);
    bptree_node_erase(parent, parent_level, left + 1);
    mend_branch(parent, parent_level, left);
}

/* A node too empty is joined with a sibling or shares with it. Joining stops
 * short of full, so that the next insertion does not split again. */
static void repair(struct bptree *tree, struct bptree_node *parent, uint32_t parent_level, uint32_t index)
{
    uint32_t capacity = bptree_node_capacity(parent_level - 1), left = index > 0 ? index - 1 : 0;

    ASSERT(parent->count > 1);
    uint32_t together = parent->branches[left].child->count + parent->branches[left + 1].child->count;
    if (together <= capacity * 5 / 6)
        join(tree, parent, parent_level, left);
    else
        even_out(parent, parent_level, left);
}

static void mend_after_removal(struct bptree *tree, struct path *path)
{
    for (uint32_t level = 1; level < tree->height; level++) {
        struct bptree_node *parent = path->nodes[level], *child = path->nodes[level - 1];
        struct bptree_branch *branch = &parent->branches[path->indexes[level]];

        branch->count--;
        if (child->count < bptree_node_capacity(level - 1) / 3)
            repair(tree, parent, level, path->indexes[level]);
        else
            branch->first = *bptree_node_item(child, level - 1, 0);
    }
}

static void lower_root(struct bptree *tree)
{
    while (tree->height > 1 && tree->root->count == 1) {
        struct bptree_node *root = tree->root;

        tree->root = root->branches[0].child;
        tree->height--;
        destroy_node(tree, root);
    }
    if (tree->count == 0)
        bptree_deinit(tree);
}

bool bptree_remove(struct bptree *tree, uint64_t order, const void *wanted)
{
    struct bptree_key key = {tree->tie, order, wanted};
    struct path path;

    ASSERT(wanted != NULL);
    if (!descend(tree, &key, &path))
        return false;
    bptree_node_erase(path.nodes[0], 0, path.indexes[0]);
    tree->count--;
    mend_after_removal(tree, &path);
    lower_root(tree);
    return true;
}

bool bptree_replace(struct bptree *tree, uint64_t order, const void *wanted, uint64_t payload)
{
    struct bptree_key key = {tree->tie, order, wanted};
    struct path path;

    if (!descend(tree, &key, &path))
        return false;
    path.nodes[0]->items[path.indexes[0]].payload = payload;
    mend_path(tree, &path, 0);
    return true;
}

/* The end of a leaf is the beginning of the next. */
static struct bptree_place place_of(const struct bptree_node *leaf, uint32_t index)
{
    if (index < leaf->count || leaf->next == NULL)
        return (struct bptree_place){leaf, index};
    return (struct bptree_place){leaf->next, 0};
}

struct bptree_place bptree_seek(const struct bptree *tree, uint64_t order, const void *wanted)
{
    struct bptree_key key = {tree->tie, order, wanted};
    struct path path;

    if (tree->root == NULL)
        return (struct bptree_place){NULL, 0};
    descend(tree, &key, &path);
    return place_of(path.nodes[0], path.indexes[0]);
}

struct bptree_place bptree_at_rank(const struct bptree *tree, size_t rank)
{
    const struct bptree_node *node = tree->root;

    if (node == NULL)
        return (struct bptree_place){NULL, 0};
    if (rank > tree->count)
        rank = tree->count;
    for (uint32_t level = tree->height - 1; level > 0; level--) {
        uint32_t index = 0;

        while (index + 1 < node->count && rank >= node->branches[index].count)
            rank -= node->branches[index++].count;
        node = node->branches[index].child;
    }
    return place_of(node, (uint32_t)rank);
}

struct bptree_place bptree_first(const struct bptree *tree)
{
    return bptree_at_rank(tree, 0);
}

struct bptree_place bptree_last(const struct bptree *tree)
{
    return bptree_at_rank(tree, tree->count > 0 ? tree->count - 1 : 0);
}

size_t bptree_rank(const struct bptree *tree, uint64_t order, const void *wanted)
{
    struct bptree_key key = {tree->tie, order, wanted};
    struct path path;
    size_t rank;

    if (tree->root == NULL)
        return 0;
    descend(tree, &key, &path);
    rank = path.indexes[0];
    for (uint32_t level = 1; level < tree->height; level++)
        for (uint32_t index = 0; index < path.indexes[level]; index++)
            rank += path.nodes[level]->branches[index].count;
    return rank;
}

/* The place before the first item has this index, which the next step wraps to 0. */
static const uint32_t BEFORE = UINT32_MAX;

const struct bptree_item *bptree_get(const struct bptree_place *place)
{
    if (place->leaf == NULL || place->index >= place->leaf->count)
        return NULL;
    return &place->leaf->items[place->index];
}

void bptree_next(struct bptree_place *place)
{
    if (place->leaf != NULL && place->index != place->leaf->count)
        *place = place_of(place->leaf, place->index + 1);
}

void bptree_previous(struct bptree_place *place)
{
    if (place->leaf == NULL || place->index == BEFORE)
        return;
    if (place->index == 0 && place->leaf->previous != NULL) {
        place->leaf = place->leaf->previous;
        place->index = place->leaf->count;
    }
    place->index--;
}

size_t bptree_bytes(const struct bptree *tree)
{
    return tree->bytes;
}
