/* A set of 32-bit unsigned integers as a compressed bitmap: the one module that
 * knows CRoaring.
 *
 * The values are divided by their high 16 bits into containers, each an array,
 * a bitmap of 8 KiB or a list of runs, whichever is smallest: from a fraction
 * of a byte to a few bytes a member, and algebra at the speed of memory. Serves
 * large sets of integers and sparse bit strings (a member is a bit that is set).
 * Bounds of ranges are included. The library allocates by malloc, which the
 * Makefile gives to mimalloc; every block is charged to the set's account as soon
 * as a function of this module returns. The struct begins with that account, below
 * the parent's, as a value of the keyspace does. One thread at a time. */
#ifndef CORE_IDSET_H
#define CORE_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idset;
struct memory;

struct idset *idset_create(struct memory *parent);
struct idset *idset_copy(struct memory *parent, const struct idset *set);
void idset_destroy(struct idset *set);

/* Into how many parts the set is divided; each is freed in the time of a key or two. */
size_t idset_containers(const struct idset *set);
/* Takes the set apart from its end: frees up to `most` containers and returns how many are left; 0: the
 * set is gone as a whole. Once begun, only this and idset_destroy may be called. */
size_t idset_drain(struct idset *set, size_t most);

bool idset_add(struct idset *set, uint32_t value);    /* false: it is there */
bool idset_remove(struct idset *set, uint32_t value); /* false: it is not there */
bool idset_contains(const struct idset *set, uint32_t value);

uint64_t idset_count(const struct idset *set);
/* How many members are below the value. Takes time by the number of containers, as idset_at does. */
uint64_t idset_rank(const struct idset *set, uint32_t value);
uint32_t idset_at(const struct idset *set, uint64_t index); /* 0 is the lowest; index is below the count */
/* A member of a set that is not empty, chosen with equal chance for all. random: gives 64 uniform bits. */
uint32_t idset_random(const struct idset *set, uint64_t (*random)(void *context), void *context);
uint32_t idset_minimum(const struct idset *set); /* of a set that is not empty */
uint32_t idset_maximum(const struct idset *set);
/* The lowest members from `from` on, ascending; returns how many, fewer than `most` only at the end.
 * One goes on from the last one + 1, whatever has changed meanwhile. */
size_t idset_read(const struct idset *set, uint64_t from, uint32_t *values, size_t most);

uint64_t idset_count_range(const struct idset *set, uint32_t first, uint32_t last);
void idset_add_range(struct idset *set, uint32_t first, uint32_t last);
void idset_remove_range(struct idset *set, uint32_t first, uint32_t last);
/* Members leave, all others come. */
void idset_flip_range(struct idset *set, uint32_t first, uint32_t last);
/* The lowest value from `from` on that is a member, or is none. False: there is none up to UINT32_MAX. */
bool idset_next_member(const struct idset *set, uint32_t from, uint32_t *value);
bool idset_next_gap(const struct idset *set, uint32_t from, uint32_t *value);

/* The set in pieces of 65536 values: the part whose high 16 bits are `key`, as one bit for each value, the lowest value
 * in the lowest bit. */
enum { IDSET_CHUNK_VALUES = 65536, IDSET_CHUNK_WORDS = IDSET_CHUNK_VALUES / 64 };
/* False: there are no members; nothing is written. */
bool idset_read_chunk(const struct idset *set, uint16_t key, uint64_t words[static IDSET_CHUNK_WORDS]);
/* Puts these in place of what is there. */
void idset_write_chunk(struct idset *set, uint16_t key, const uint64_t words[static IDSET_CHUNK_WORDS]);

/* New sets of one or more. */
struct idset *idset_and(struct memory *parent, const struct idset *const *sets, size_t count);
struct idset *idset_or(struct memory *parent, const struct idset *const *sets, size_t count);
struct idset *idset_xor(struct memory *parent, const struct idset *const *sets, size_t count);
/* The first without the others. */
struct idset *idset_andnot(struct memory *parent, const struct idset *const *sets, size_t count);
/* How many members all sets have in common; stops at `limit`, which is the most it returns. */
uint64_t idset_and_count(const struct idset *const *sets, size_t count, uint64_t limit);
bool idset_equal(const struct idset *a, const struct idset *b);

/* Makes each container as small as it can be and gives back spare room: worth its time, that of reading
 * the set once, when one has been filled that will stay. */
void idset_optimize(struct idset *set);
/* What the set holds of memory, as charged. */
size_t idset_bytes(const struct idset *set);

#endif
