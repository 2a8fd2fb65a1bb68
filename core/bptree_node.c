#include "core/bptree_node.h"

#include <assert.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"

static_assert(sizeof(struct bptree_node) <= 1024, "a node fits the allocator's class of 1024 bytes");
static_assert(offsetof(struct bptree_branch, first) == 0, "an element begins with its item");

struct bptree_node *bptree_node_create(struct bptree *tree)
{
    struct bptree_node *node = memory_alloc(tree->memory, sizeof *node);

    node->previous = node->next = NULL;
    node->count = 0;
    tree->bytes += memory_block_bytes(node);
    return node;
}

void bptree_node_destroy(struct bptree *tree, struct bptree_node *node)
{
    tree->bytes -= memory_block_bytes(node);
    memory_free(tree->memory, node);
}

static int compare(const struct bptree_key *key, const struct bptree_item *item)
{
    if (key->order != item->order)
        return key->order < item->order ? -1 : 1;
    if (key->wanted == NULL)
        return -1;
    if (key->tie != NULL)
        return key->tie(key->wanted, item->payload);
    uint64_t payload = *(const uint64_t *)key->wanted;
    return (payload > item->payload) - (payload < item->payload);
}

/* How many elements have a lower order. The step is by arithmetic, not by a
 * branch that a random key would mispredict every second time. */
static inline uint32_t below_order(const struct bptree_node *node, uint32_t level, uint64_t order)
{
    uint32_t below = 0, length = node->count;

    while (length > 0) {
        uint32_t half = (length + 1) / 2;
        bool lower = bptree_node_item(node, level, below + half - 1)->order < order;

        below += lower ? half : 0;
        length = lower ? length - half : half - 1;
    }
    return below;
}

uint32_t bptree_node_search(const struct bptree_node *node, uint32_t level, const struct bptree_key *key)
{
    uint32_t below = level == 0 ? below_order(node, 0, key->order) : below_order(node, 1, key->order);
    uint32_t end = node->count;

    if (below == end || bptree_node_item(node, level, below)->order != key->order)
        return below;
    while (below < end) {
        uint32_t middle = below + (end - below) / 2;

        if (compare(key, bptree_node_item(node, level, middle)) > 0)
            below = middle + 1;
        else
            end = middle;
    }
    return below;
}

bool bptree_node_is_equal(const struct bptree_node *node, uint32_t level, uint32_t index, const struct bptree_key *key)
{
    return index < node->count && compare(key, bptree_node_item(node, level, index)) == 0;
}

void bptree_node_insert(struct bptree_node *node, uint32_t level, uint32_t index, const void *added)
{
    size_t bytes = bptree_element_bytes(level);
    char *place = bptree_node_element(node, level, index);

    ASSERT(index <= node->count && node->count < bptree_node_capacity(level));
    memmove(place + bytes, place, (node->count - index) * bytes);
    memcpy(place, added, bytes);
    node->count++;
}

void bptree_node_erase(struct bptree_node *node, uint32_t level, uint32_t index, uint32_t count)
{
    size_t bytes = bptree_element_bytes(level);
    char *place = bptree_node_element(node, level, index);

    ASSERT(index + count <= node->count);
    node->count -= count;
    memmove(place, place + count * bytes, (node->count - index) * bytes);
}

struct bptree_branch bptree_node_branch(struct bptree_node *node, uint32_t level)
{
    struct bptree_branch branch = {.child = node};

    if (node->count > 0)
        branch.first = *bptree_node_item(node, level, 0);
    if (level == 0)
        branch.count = node->count;
    else
        for (uint32_t index = 0; index < node->count; index++)
            branch.count += node->branches[index].count;
    return branch;
}

void bptree_leaf_chain(struct bptree_node *left, struct bptree_node *right)
{
    right->previous = left;
    right->next = left->next;
    if (right->next != NULL)
        right->next->previous = right;
    left->next = right;
}

void bptree_leaf_unchain(struct bptree_node *leaf)
{
    if (leaf->previous != NULL)
        leaf->previous->next = leaf->next;
    if (leaf->next != NULL)
        leaf->next->previous = leaf->previous;
}
