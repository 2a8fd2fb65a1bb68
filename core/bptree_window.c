#include "core/bptree_window.h"

#include <string.h>

#include "core/assert.h"

/* The parent of leaves knows their counts, so that those not chosen are not touched. */
static uint32_t count_of(const struct bptree_window *window, uint32_t index)
{
    const struct bptree_branch *branch = &window->parent->branches[index];

    return window->level == 0 ? (uint32_t)branch->count : branch->child->count;
}

struct bptree_window bptree_window_at(struct bptree_node *parent, uint32_t child_level, uint32_t index)
{
    struct bptree_window window = {.parent = parent, .level = child_level, .first = index, .width = 1};

    window.total = count_of(&window, index);
    return window;
}

bool bptree_window_widen(struct bptree_window *window)
{
    uint32_t left = UINT32_MAX, right = UINT32_MAX, end = window->first + window->width;

    if (window->width == BPTREE_WINDOW)
        return false;
    if (window->first > 0)
        left = count_of(window, window->first - 1);
    if (end < window->parent->count)
        right = count_of(window, end);
    if (left == UINT32_MAX && right == UINT32_MAX)
        return false;
    window->width++;
    if (left < right)
        window->first--;
    window->total += left < right ? left : right;
    return true;
}

/* The elements in order, side by side. */
static void gather(const struct bptree_window *window, char *elements)
{
    size_t bytes = bptree_element_bytes(window->level);

    for (uint32_t index = window->first; index < window->first + window->width; index++) {
        struct bptree_node *child = window->parent->branches[index].child;

        memcpy(elements, child->items, child->count * bytes);
        elements += child->count * bytes;
    }
}

void bptree_window_deal(const struct bptree_window *window, uint32_t into)
{
    _Alignas(struct bptree_branch) char elements[(BPTREE_WINDOW + 1) * sizeof((struct bptree_node *)NULL)->items];
    const char *next = elements;
    size_t bytes = bptree_element_bytes(window->level);

    ASSERT(window->width <= BPTREE_WINDOW + 1);
    gather(window, elements);
    for (uint32_t at = 0; at < window->width; at++) {
        struct bptree_branch *branch = &window->parent->branches[window->first + at];
        uint32_t share = at < into ? window->total * (at + 1) / into - window->total * at / into : 0;

        ASSERT(share <= bptree_node_capacity(window->level));
        memcpy(branch->child->items, next, share * bytes);
        next += share * bytes;
        branch->child->count = share;
        *branch = bptree_node_branch(branch->child, window->level);
    }
}
