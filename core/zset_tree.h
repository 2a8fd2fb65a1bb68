/* A large sorted set: a table that finds a member, and a counted B+tree that
 * keeps them in order. Both point to one block per member, score and bytes.
 *
 * The tree's order is the score, mapped so that unsigned order is that of the
 * numbers; equal scores are told apart by the members' bytes.
 * Private to zset_value. */
#ifndef CORE_ZSET_TREE_H
#define CORE_ZSET_TREE_H

#include "core/memory.h"
#include "core/pool.h"
#include "core/table.h"
#include "core/zset_value.h"

struct zset_member;

struct zset_tree {
    struct memory memory; /* of all that is here, this struct too */
    struct pool blocks;
    struct table members;
    struct bptree scores;
    /* While the set is freed: the table's cursor, and how many members are gone. */
    uint64_t drained;
    size_t freed;
};

struct zset_tree *zset_tree_create(struct memory *memory);
void zset_tree_destroy(struct memory *memory, struct zset_tree *tree);

struct zset_element zset_tree_element(const struct zset_member *member);
/* NULL: not there. */
struct zset_member *zset_tree_find(const struct zset_tree *tree, struct str member);

/* The member is not there. */
void zset_tree_insert(struct zset_tree *tree, struct zset_element element);
/* The same, and it comes behind all others. */
void zset_tree_append(struct zset_tree *tree, struct zset_element element);
void zset_tree_set_score(struct zset_tree *tree, struct zset_member *member, double score);
bool zset_tree_remove(struct zset_tree *tree, struct str member);
void zset_tree_remove_ranks(struct zset_tree *tree, size_t first, size_t count);

size_t zset_tree_rank(const struct zset_tree *tree, const struct zset_member *member);
size_t zset_tree_count_below(const struct zset_tree *tree, double score, bool equal);
size_t zset_tree_count_below_member(const struct zset_tree *tree, struct str member, bool equal);

#endif
