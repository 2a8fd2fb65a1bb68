#include "core/deque_tree.h"

#include <assert.h>

#include "core/assert.h"
#include "core/memory.h"

static_assert(sizeof(struct deque_slot) == 16 && sizeof(struct deque_node) <= 512, "a node fits its size class");

enum { SMALL_NODE = DEQUE_NODE_SLOTS / 3, JOINED_MOST = DEQUE_NODE_SLOTS * 5 / 6 };

size_t deque_descend(const struct deque *deque, size_t index, struct deque_path *path)
{
    const struct deque_slot *slot = &deque->root;

    for (uint32_t level = deque->height; level-- > 0;) {
        struct deque_node *node = slot->below;
        uint32_t at = 0;

        while (at + 1 < node->count && index >= node->slots[at].count)
            index -= node->slots[at++].count;
        path->nodes[level] = node;
        path->indexes[level] = at;
        slot = &node->slots[at];
    }
    return index;
}

/* From the slot of a node of this level down to the block at that end. */
static void descend_from(const struct deque_slot *slot, uint32_t levels, enum deque_end end, struct deque_path *path)
{
    for (uint32_t level = levels; level-- > 0;) {
        struct deque_node *node = slot->below;

        path->nodes[level] = node;
        path->indexes[level] = end == DEQUE_FRONT ? 0 : node->count - 1;
        slot = &node->slots[path->indexes[level]];
    }
}

void deque_descend_to_end(const struct deque *deque, enum deque_end end, struct deque_path *path)
{
    descend_from(&deque->root, deque->height, end, path);
}

static bool is_last_slot(const struct deque_path *path, uint32_t level, enum deque_end end)
{
    return path->indexes[level] == (end == DEQUE_FRONT ? 0 : path->nodes[level]->count - 1);
}

bool deque_path_step(const struct deque *deque, struct deque_path *path, enum deque_end toward)
{
    uint32_t level = 0;

    while (level < deque->height && is_last_slot(path, level, toward))
        level++;
    if (level == deque->height)
        return false;
    path->indexes[level] += toward == DEQUE_FRONT ? UINT32_MAX : 1;
    descend_from(&path->nodes[level]->slots[path->indexes[level]], level,
                 toward == DEQUE_FRONT ? DEQUE_BACK : DEQUE_FRONT, path);
    return true;
}

/* The slot that the path's node of this level hangs from. */
static struct deque_slot *slot_above(struct deque *deque, const struct deque_path *path, uint32_t level)
{
    return level + 1 == deque->height ? &deque->root : &path->nodes[level + 1]->slots[path->indexes[level + 1]];
}

static void add_above(struct deque *deque, const struct deque_path *path, uint32_t level, int64_t added)
{
    for (; level < deque->height; level++)
        slot_above(deque, path, level)->count += (uint64_t)added;
}

void deque_path_add(struct deque *deque, const struct deque_path *path, int64_t added)
{
    deque_path_slot(deque, path)->count += (uint64_t)added;
    add_above(deque, path, 0, added);
}

static struct deque_node *create_node(struct deque *deque)
{
    struct deque_node *node = memory_alloc(deque->memory, sizeof *node);

    node->count = 0;
    return node;
}

static void insert_slot(struct deque_node *node, uint32_t index, struct deque_slot slot)
{
    ASSERT(node->count < DEQUE_NODE_SLOTS && index <= node->count);
    memmove(&node->slots[index + 1], &node->slots[index], (node->count - index) * sizeof slot);
    node->slots[index] = slot;
    node->count++;
}

static void erase_slot(struct deque_node *node, uint32_t index)
{
    ASSERT(index < node->count);
    node->count--;
    memmove(&node->slots[index], &node->slots[index + 1], (node->count - index) * sizeof node->slots[0]);
}

static void add_root(struct deque *deque, struct deque_path *path)
{
    struct deque_node *node = create_node(deque);

    ASSERT(deque->height < DEQUE_HEIGHT_MOST);
    insert_slot(node, 0, deque->root);
    path->nodes[deque->height] = node;
    path->indexes[deque->height] = 0;
    deque->root = (struct deque_slot){.below = node, .count = deque->root.count};
    deque->height++;
}

/* Nothing lies beyond this node at that end. */
static bool is_at_edge(const struct deque *deque, const struct deque_path *path, uint32_t level, enum deque_end end)
{
    while (++level < deque->height)
        if (!is_last_slot(path, level, end))
            return false;
    return true;
}

/* Where to cut a full node in two. In the middle; but what grows at an end
 * leaves whole nodes behind: there the half that grows begins with the new
 * slot alone, or with the child on the path that is being cut itself. */
static uint32_t cut_of(const struct deque *deque, const struct deque_path *path, uint32_t level, bool behind)
{
    uint32_t count = path->nodes[level]->count, index = path->indexes[level];

    if (behind && index + 1 == count && is_at_edge(deque, path, level, DEQUE_BACK))
        return level == 0 ? count : count - 1;
    if (!behind && index == 0 && is_at_edge(deque, path, level, DEQUE_FRONT))
        return level == 0 ? 0 : 1;
    return count / 2;
}

/* Moves the slots from the cut on to a new node; returns its slot. */
static struct deque_slot cut_node(struct deque *deque, struct deque_node *left, uint32_t cut)
{
    struct deque_node *right = create_node(deque);
    struct deque_slot slot = {.below = right};

    right->count = left->count - cut;
    left->count = cut;
    memcpy(right->slots, &left->slots[cut], right->count * sizeof slot);
    for (uint32_t index = 0; index < right->count; index++)
        slot.count += right->slots[index].count;
    return slot;
}

/* The parent has room. The path goes on through the half in which the new slot is to be. */
static void split(struct deque *deque, struct deque_path *path, uint32_t level, bool behind)
{
    struct deque_node *left = path->nodes[level], *parent = path->nodes[level + 1];
    uint32_t cut = cut_of(deque, path, level, behind), index = path->indexes[level], full = left->count;
    bool goes_right = level == 0 ? index + behind > cut || cut == full : index >= cut;
    struct deque_slot right = cut_node(deque, left, cut);

    parent->slots[path->indexes[level + 1]].count -= right.count;
    insert_slot(parent, path->indexes[level + 1] + 1, right);
    if (!goes_right)
        return;
    path->nodes[level] = right.below;
    path->indexes[level] -= cut;
    path->indexes[level + 1]++;
}

/* As deep as the tree is high. */
static void make_room(struct deque *deque, struct deque_path *path, uint32_t level, bool behind)
{
    if (path->nodes[level]->count < DEQUE_NODE_SLOTS)
        return;
    if (level + 1 == deque->height)
        add_root(deque, path);
    make_room(deque, path, level + 1, behind);
    split(deque, path, level, behind);
}

void deque_tree_insert(struct deque *deque, struct deque_path *path, struct deque_slot block, bool behind)
{
    if (deque->blocks++ == 0) {
        deque->root = block;
        return;
    }
    if (deque->height == 0)
        add_root(deque, path);
    make_room(deque, path, 0, behind);
    path->indexes[0] += behind; /* from "before the first", where the path's block stayed behind in the left half */
    insert_slot(path->nodes[0], path->indexes[0], block);
    add_above(deque, path, 0, (int64_t)block.count);
}

/* The right one of two neighbouring children goes into the left one. */
static void join(struct deque *deque, struct deque_node *parent, uint32_t left)
{
    struct deque_node *stays = parent->slots[left].below, *goes = parent->slots[left + 1].below;

    memcpy(&stays->slots[stays->count], goes->slots, goes->count * sizeof goes->slots[0]);
    stays->count += goes->count;
    parent->slots[left].count += parent->slots[left + 1].count;
    memory_free(deque->memory, goes);
    erase_slot(parent, left + 1);
}

static bool can_join(const struct deque_node *parent, uint32_t left)
{
    const struct deque_node *nodes[2];

    if (left + 1 >= parent->count)
        return false;
    nodes[0] = parent->slots[left].below;
    nodes[1] = parent->slots[left + 1].below;
    return nodes[0]->count + nodes[1]->count <= JOINED_MOST;
}

/* A node that has lost a slot vanishes, or joins a sibling; false: its parent keeps as many as before. */
static bool mend(struct deque *deque, const struct deque_path *path, uint32_t level)
{
    struct deque_node *node = path->nodes[level], *parent = path->nodes[level + 1];
    uint32_t index = path->indexes[level + 1];

    if (node->count == 0) {
        memory_free(deque->memory, node);
        erase_slot(parent, index);
        return true;
    }
    if (node->count > SMALL_NODE)
        return false;
    if (can_join(parent, index))
        join(deque, parent, index);
    else if (index > 0 && can_join(parent, index - 1))
        join(deque, parent, index - 1);
    else
        return false;
    return true;
}

static void lower_root(struct deque *deque)
{
    while (deque->height > 0) {
        struct deque_node *node = deque->root.below;

        if (node->count > 1)
            return;
        deque->root = node->slots[0];
        deque->height--;
        memory_free(deque->memory, node);
    }
}

void deque_tree_erase(struct deque *deque, struct deque_path *path)
{
    uint32_t level = 0;

    if (--deque->blocks == 0) {
        deque->root = (struct deque_slot){0};
        return;
    }
    add_above(deque, path, 0, -(int64_t)deque_path_slot(deque, path)->count);
    erase_slot(path->nodes[0], path->indexes[0]);
    while (level + 1 < deque->height && mend(deque, path, level))
        level++;
    lower_root(deque);
}
