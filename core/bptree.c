/* Invariants: all leaves are at level 0; a branch's first item and count are
 * those of what is below it, so that no copy of an item that has left remains;
 * below the root a node is at least a third full, except at the edges, where
 * appending leaves new nodes that have yet to fill and a queue's end empties.
 *
 * Here are the searches and the walks; the changes are in bptree_insert.c and
 * bptree_remove.c. */
#include "core/bptree.h"

#include "core/assert.h"
#include "core/bptree_path.h"

void bptree_init(struct bptree *tree, struct memory *memory, bptree_tie *tie)
{
    *tree = (struct bptree){.memory = memory, .tie = tie};
}

/* As deep as the tree is high. */
static void destroy_below(struct bptree *tree, struct bptree_node *node, uint32_t level)
{
    if (level > 0)
        for (uint32_t index = 0; index < node->count; index++)
            destroy_below(tree, node->branches[index].child, level - 1);
    bptree_node_destroy(tree, node);
}

void bptree_deinit(struct bptree *tree)
{
    if (tree->root != NULL)
        destroy_below(tree, tree->root, tree->height - 1);
    bptree_init(tree, tree->memory, tree->tie);
}

bool bptree_replace(struct bptree *tree, uint64_t order, const void *wanted, uint64_t payload)
{
    struct bptree_key key = {tree->tie, order, wanted};
    struct bptree_path path;

    ASSERT(wanted != NULL);
    if (tree->root == NULL || !bptree_descend(tree, &key, &path))
        return false;
    path.nodes[0]->items[path.indexes[0]].payload = payload;
    bptree_path_mend(tree, &path, 0);
    return true;
}

/* The end of a leaf is the beginning of the next. */
static struct bptree_place place_of(const struct bptree_node *leaf, uint32_t index)
{
    if (index < leaf->count || leaf->next == NULL)
        return (struct bptree_place){leaf, index};
    return (struct bptree_place){leaf->next, 0};
}

/* Leads to what the key finds; false: the tree is empty. */
static bool find(const struct bptree *tree, uint64_t order, const void *wanted, struct bptree_path *path)
{
    struct bptree_key key = {tree->tie, order, wanted};

    if (tree->root == NULL)
        return false;
    bptree_descend(tree, &key, path);
    return true;
}

struct bptree_place bptree_seek(const struct bptree *tree, uint64_t order, const void *wanted)
{
    struct bptree_path path;

    if (!find(tree, order, wanted, &path))
        return (struct bptree_place){NULL, 0};
    return place_of(path.nodes[0], path.indexes[0]);
}

size_t bptree_rank(const struct bptree *tree, uint64_t order, const void *wanted)
{
    struct bptree_path path;

    return find(tree, order, wanted, &path) ? bptree_path_rank(tree, &path) : 0;
}

struct bptree_place bptree_seek_ranked(const struct bptree *tree, uint64_t order, const void *wanted, size_t *rank)
{
    struct bptree_path path;

    *rank = 0;
    if (!find(tree, order, wanted, &path))
        return (struct bptree_place){NULL, 0};
    *rank = bptree_path_rank(tree, &path);
    return place_of(path.nodes[0], path.indexes[0]);
}

struct bptree_place bptree_at_rank(const struct bptree *tree, size_t rank)
{
    struct bptree_path path;

    if (tree->root == NULL)
        return (struct bptree_place){NULL, 0};
    bptree_descend_to_rank(tree, rank, &path);
    return place_of(path.nodes[0], path.indexes[0]);
}

struct bptree_place bptree_first(const struct bptree *tree)
{
    return bptree_at_rank(tree, 0);
}

struct bptree_place bptree_last(const struct bptree *tree)
{
    return bptree_at_rank(tree, tree->count > 0 ? tree->count - 1 : 0);
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
