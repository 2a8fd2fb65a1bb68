/* A large set: 32-bit unsigned integers in an idset, all other members as
 * strings in a table.
 *
 * Which part a member belongs to follows from the member alone. So a set of
 * millions of integers that gets a word, or the other way round, is never
 * converted, and the algebra of two sets is that of their parts.
 *
 * A string is one block, length | bytes, where a length from 255 on is the byte
 * 255 and four bytes more. Belongs to its keyspace's thread. */
#ifndef CORE_SET_LARGE_H
#define CORE_SET_LARGE_H

#include <stddef.h>

#include "core/memory.h"
#include "core/pool.h"
#include "core/set_member.h"
#include "core/table.h"

struct idset;

struct set_large {
    struct memory account; /* first: a container's head */
    struct idset *ids;
    struct pool blocks;
    struct table strings;
    /* While it is taken apart. */
    uint64_t drain_cursor;
    size_t drained;
};

struct set_large *set_large_create(struct memory *parent);
struct set_large *set_large_copy(struct memory *parent, const struct set_large *set);
void set_large_destroy(struct set_large *set);

/* How long freeing takes, in strings and parts of the idset. O(1). */
size_t set_large_items(const struct set_large *set);
/* Frees about `most` items and returns how many are left; 0: the set is gone as a whole. Once begun, only this may be
 * called. */
size_t set_large_drain(struct set_large *set, size_t most);

size_t set_large_count(const struct set_large *set);
bool set_large_add(struct set_large *set, const struct set_member *member);    /* false: it is there */
bool set_large_remove(struct set_large *set, const struct set_member *member); /* false: it is not there */
bool set_large_contains(const struct set_large *set, const struct set_member *member);
/* Takes this idset, of any account, in place of its own. */
void set_large_take_ids(struct set_large *set, struct idset *ids);

/* All members of one part; false: visit had enough. Nothing may change meanwhile. */
bool set_large_each_id(const struct idset *ids, set_visit *visit, void *context);
bool set_large_each_string(const struct set_large *set, set_visit *visit, void *context);

/* One step of SSCAN, the strings first: see table_scan. Visits about `most` members, which is not 0. */
uint64_t set_large_scan(const struct set_large *set, uint64_t cursor, size_t most, set_visit *visit, void *context);

/* A member chosen with equal chance for all, of a set that is not empty. Good until the set changes. */
struct set_member set_large_random(const struct set_large *set, uint64_t (*random)(void *context), void *context);

#endif
