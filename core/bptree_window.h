/* A few neighbouring children of one node, among which their elements may be
 * dealt out anew.
 *
 * Private to bptree. This is what keeps nodes full: a full node first shares
 * with up to BPTREE_WINDOW - 1 siblings, and only when all of them are full
 * as well does one more node come to them; sparse ones become one fewer. */
#ifndef CORE_BPTREE_WINDOW_H
#define CORE_BPTREE_WINDOW_H

#include "core/bptree_node.h"

enum { BPTREE_WINDOW = 8 };

struct bptree_window {
    struct bptree_node *parent;
    uint32_t level; /* of the children */
    uint32_t first, width;
    uint32_t total; /* elements in all of them */
};

/* The window of one child. */
struct bptree_window bptree_window_at(struct bptree_node *parent, uint32_t child_level, uint32_t index);
/* Takes in the emptier of the two next siblings; false: as wide as it may get. */
bool bptree_window_widen(struct bptree_window *window);
/* Deals all elements out evenly to the first `into` children, in order; the others are empty afterwards. */
void bptree_window_deal(const struct bptree_window *window, uint32_t into);

#endif
