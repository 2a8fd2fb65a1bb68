/* Sorted sets, whatever they are kept in: members with a score each, in the
 * order of scores and, among equal ones, of the members' bytes.
 *
 * Small ones are a listpack of members and scores, in order; the rest a table
 * of members beside a counted B+tree of their scores (zset_tree.h). They go
 * from the first to the second by themselves, and back only when a result settles.
 * A struct zset is a set in hand: as it changes, its encoding and its address
 * do, and who took it from an entry puts it back (zset_call.h). Ranks count
 * from 0, the lowest score's. One thread at a time. */
#ifndef CORE_ZSET_VALUE_H
#define CORE_ZSET_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bptree.h"
#include "core/number.h"
#include "core/str.h"
#include "core/value.h"

struct config;
struct memory;

struct zset {
    struct memory *memory; /* of the keyspace; NULL where the set is only read */
    enum value_encoding encoding;
    void *value; /* a pack, or a struct zset_tree; NULL: there is none */
};

/* Up to which size a set is a listpack. */
struct zset_limits {
    int64_t entries, member_bytes;
};

struct zset_element {
    struct str member;
    double score;
};

/* Empty, a listpack. */
struct zset zset_create(struct memory *memory);
/* Empty, a tree: to gather a result in, of any size. A small one becomes a listpack by zset_settle. */
struct zset zset_create_tree(struct memory *memory);
void zset_settle(struct zset *zset, const struct zset_limits *limits);
/* Makes an empty set a copy of a foreign pack, if that is what adding its members one after the other would make.
 * False: it is not, and the set stays empty. */
MUST_USE bool zset_adopt(struct zset *zset, const struct zset_limits *limits, const unsigned char *pack);
/* A listpack becomes a tree, however small. */
void zset_make_tree(struct zset *zset);
/* Of a set that no entry holds. */
void zset_destroy(struct zset *zset);

/* 0 where there is none. */
size_t zset_count(const struct zset *zset);
MUST_USE bool zset_find(const struct zset *zset, struct str member, double *score);

/* On what condition ZADD writes. */
struct zset_rule {
    bool only_absent, only_present; /* NX, XX: which members */
    bool only_greater, only_less;   /* GT, LT: of those present, where the score becomes so */
    bool increment;                 /* what is given is added to the score */
};

enum zset_outcome {
    ZSET_ADDED,
    ZSET_UPDATED,
    ZSET_SAME,    /* it has this score already */
    ZSET_REFUSED, /* by the rule */
    ZSET_NAN,     /* the sum is no number */
};

/* The score becomes the one that the member has now, unless it was refused. The member's bytes may lie in another set.
 */
enum zset_outcome zset_add(struct zset *zset, const struct zset_limits *limits, const struct zset_rule *rule,
                           struct str member, double *score);
/* Without conditions. */
void zset_put(struct zset *zset, const struct zset_limits *limits, struct zset_element element);
bool zset_remove(struct zset *zset, struct str member); /* false: not there */
/* The members of ranks first to first + count - 1, which are there. */
void zset_remove_ranks(struct zset *zset, size_t first, size_t count);

/* The rank of a member that is there, and its score. */
MUST_USE bool zset_rank(const struct zset *zset, struct str member, size_t *rank, double *score);
/* How many have a score below this one, or, with `equal`, not above it. */
size_t zset_count_below(const struct zset *zset, double score, bool equal);
/* The same by member, where all scores are the same; where they are not, the result is some rank. */
size_t zset_count_below_member(const struct zset *zset, struct str member, bool equal);

/* A walk over neighbouring ranks, up or down: valid until the set changes. */
enum { ZSET_WALK_AHEAD = 8 };
struct zset_walk {
    const struct zset *zset;
    size_t left;
    bool down;
    /* private */
    unsigned char *element; /* of a pack */
    struct bptree_place place, ahead;
    char digits[NUMBER_TEXT_MAX];
};
/* The ranks first to first + count - 1, which are there; down: from the last of them. */
void zset_walk_begin(struct zset_walk *walk, const struct zset *zset, size_t first, size_t count, bool down);
/* False: that was all. The member is good until the next step. */
MUST_USE bool zset_walk_next(struct zset_walk *walk, struct zset_element *element);

/* A step of ZSCAN, see table_scan: a pack is walked as a whole. Returns the next cursor, 0: done. */
uint64_t zset_scan(const struct zset *zset, uint64_t cursor,
                   void (*visit)(void *context, const struct zset_element *element), void *context);

/* For value_kinds. */
extern const struct value_kind zset_tree_kind;

#endif
