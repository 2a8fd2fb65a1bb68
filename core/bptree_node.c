#include "core/bptree_node.h"

#include <assert.h>
#include <string.h>

#include "core/assert.h"

static_assert(sizeof(struct bptree_node) <= 512, "a node fits the allocator's class of 512 bytes");
static_assert(offsetof(struct bptree_branch, first) == 0, "an element begins with its item");

static size_t element_bytes(uint32_t level)
{
    return level == 0 ? sizeof(struct bptree_item) : sizeof(struct bptree_branch);
}

static char *element(struct bptree_node *node, uint32_t level, uint32_t index)
{
    return (char *)node->items + index * element_bytes(level);
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
    ASSERT(index <= node->count && node->count < bptree_node_capacity(level));
    memmove(element(node, level, index + 1), element(node, level, index), (node->count - index) * element_bytes(level));
    memcpy(element(node, level, index), added, element_bytes(level));
    node->count++;
}

void bptree_node_erase(struct bptree_node *node, uint32_t level, uint32_t index)
{
    ASSERT(index < node->count);
    node->count--;
    memmove(element(node, level, index), element(node, level, index + 1), (node->count - index) * element_bytes(level));
}

/* The first `count` elements of right become the last of left. */
static void move_left(struct bptree_node *left, struct bptree_node *right, uint32_t level, uint32_t count)
{
    memcpy(element(left, level, left->count), element(right, level, 0), count * element_bytes(level));
    memmove(element(right, level, 0), element(right, level, count), (right->count - count) * element_bytes(level));
}

/* The last `count` elements of left become the first of right. */
static void move_right(struct bptree_node *left, struct bptree_node *right, uint32_t level, uint32_t count)
{
    memmove(element(right, level, count), element(right, level, 0), right->count * element_bytes(level));
    memcpy(element(right, level, 0), element(left, level, left->count - count), count * element_bytes(level));
}

void bptree_node_divide(struct bptree_node *left, struct bptree_node *right, uint32_t level, uint32_t left_count)
{
    uint32_t total = left->count + right->count;

    ASSERT(left_count <= total && left_count <= bptree_node_capacity(level));
    ASSERT(total - left_count <= bptree_node_capacity(level));
    if (left_count > left->count)
        move_left(left, right, level, left_count - left->count);
    else
        move_right(left, right, level, left->count - left_count);
    left->count = left_count;
    right->count = total - left_count;
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
