/* A counted B+tree: the one ordered container.
 *
 * Items are pairs of a 64-bit order and a 64-bit payload, sorted by order and,
 * among equals, by the tree's tie comparison. Inner nodes count what is below
 * them, so an item's rank and the item at a rank cost one descent; leaves are
 * chained both ways, so ranges are walked without climbing. Serves sorted sets
 * (order: the score, mapped so that unsigned order is numeric order), the
 * expiry index (the deadline), streams and pending lists (the ID's
 * milliseconds, the rest by tie).
 * Leaves are nine tenths full after insertions in any order, completely after
 * appending; a payload that has left the tree is never handed to the tie
 * comparison. One thread at a time. */
#ifndef CORE_BPTREE_H
#define CORE_BPTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory;
struct bptree_node;

struct bptree_item {
    uint64_t order;
    uint64_t payload;
};

/* Compares payloads of equal order: below, equal to, above 0. NULL for plain unsigned order of the payloads.
 * `wanted` is what a search was given, `stored` what lies in the tree: they may be of different kinds. What it reads
 * of a stored payload stays as it is while the item is in the tree. */
typedef int bptree_tie(const void *wanted, uint64_t stored);

struct bptree {
    struct memory *memory;
    bptree_tie *tie;
    size_t count;
    /* private */
    struct bptree_node *root; /* NULL while empty */
    uint32_t height;          /* levels of nodes, 0 while empty */
    size_t bytes;
};

void bptree_init(struct bptree *tree, struct memory *memory, bptree_tie *tie);
void bptree_deinit(struct bptree *tree);

/* Told of every item that leaves the tree in a crowd; it may free the payload, but not touch the tree. */
typedef void bptree_drop(void *context, struct bptree_item item);

/* Takes the tree apart from its end: drops about `most` items and returns how many are left. drop may be NULL.
 * Once begun, only this and bptree_deinit may be called. */
size_t bptree_drain(struct bptree *tree, size_t most, bptree_drop *drop, void *context);

/* A place in the tree: valid until the tree changes. One before the first item
 * or after the last is a place too, from which one can step back. */
struct bptree_place {
    const struct bptree_node *leaf; /* NULL in an empty tree */
    uint32_t index;
};

/* wanted is handed to the tie comparison; with a NULL tie it points to the uint64_t payload. */
bool bptree_insert(struct bptree *tree, struct bptree_item item, const void *wanted); /* false: an equal one is there */
/* Adds an item that sorts after all others, without a search or a comparison: loads what is known to be sorted. */
void bptree_append(struct bptree *tree, struct bptree_item item);
bool bptree_remove(struct bptree *tree, uint64_t order, const void *wanted); /* false: not there */
/* The payload of an item replaced by one that sorts the same (a moved allocation). */
bool bptree_replace(struct bptree *tree, uint64_t order, const void *wanted, uint64_t payload);

/* Takes out the item at this rank, which is there: 0 is the first, count - 1 the last. */
struct bptree_item bptree_take_rank(struct bptree *tree, size_t rank);
/* Removes the items of the ranks first to first + count - 1, as far as there are such; returns how many there were.
 * Its time is that of a search and of what it removes. drop may be NULL. */
size_t bptree_remove_ranks(struct bptree *tree, size_t first, size_t count, bptree_drop *drop, void *context);

/* The first item not below (order, wanted), the place after the last if there is none;
 * wanted NULL: the first with an order not below. */
struct bptree_place bptree_seek(const struct bptree *tree, uint64_t order, const void *wanted);
struct bptree_place bptree_at_rank(const struct bptree *tree, size_t rank); /* 0 is the first */
struct bptree_place bptree_first(const struct bptree *tree);
struct bptree_place bptree_last(const struct bptree *tree);
/* How many items are below (order, wanted): the rank of what bptree_seek finds. */
size_t bptree_rank(const struct bptree *tree, uint64_t order, const void *wanted);
/* bptree_seek and bptree_rank in one descent: ranks of two places tell how far they are apart. */
struct bptree_place bptree_seek_ranked(const struct bptree *tree, uint64_t order, const void *wanted, size_t *rank);

/* NULL past either end. */
const struct bptree_item *bptree_get(const struct bptree_place *place);
void bptree_next(struct bptree_place *place);
void bptree_previous(struct bptree_place *place);

/* Bytes of the tree itself. */
size_t bptree_bytes(const struct bptree *tree);

#endif
