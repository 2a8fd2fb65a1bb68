/* Sorted integers in one block, for small sets.
 *
 *     encoding (2, 4 or 8) | count | integers, ascending, of `encoding` bytes each
 *
 * All little-endian, the first two of 4 bytes: the bytes are Redis's, as RDB
 * files and DUMP payloads carry them. The encoding is the narrowest that all
 * integers ever added fit; removing does not narrow it again. The owner keeps
 * a pointer to the block, which moves as it grows and shrinks. One thread at
 * a time. */
#ifndef CORE_INTSET_H
#define CORE_INTSET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct intset;
struct memory;

struct intset *intset_create(struct memory *memory);
struct intset *intset_copy(struct memory *memory, const struct intset *set);
void intset_destroy(struct memory *memory, struct intset *set);

/* Whether foreign bytes are a set by all of the above. It may be empty. */
MUST_USE bool intset_validate(struct str bytes);
/* A copy of bytes that have been validated. */
struct intset *intset_load(struct memory *memory, struct str bytes);

uint32_t intset_count(const struct intset *set);
bool intset_contains(const struct intset *set, int64_t value);
/* How many integers are below the value. */
uint32_t intset_rank(const struct intset *set, int64_t value);
int64_t intset_at(const struct intset *set, uint32_t index); /* 0 is the lowest; index is below the count */
int64_t intset_minimum(const struct intset *set);            /* of a set that is not empty */
int64_t intset_maximum(const struct intset *set);

bool intset_add(struct memory *memory, struct intset **set, int64_t value);    /* false: it is there */
bool intset_remove(struct memory *memory, struct intset **set, int64_t value); /* false: it is not there */

/* The block's bytes, borrowed until the set changes. */
struct str intset_str(const struct intset *set);
/* What the block holds of memory. */
size_t intset_bytes(const struct intset *set);

#endif
