/* Several bit strings made one: what BITOP does. */
#ifndef CORE_BITMAP_COMBINE_H
#define CORE_BITMAP_COMBINE_H

#include "core/bitmap_value.h"

enum bitmap_operation {
    BITMAP_AND,
    BITMAP_OR,
    BITMAP_XOR,
    BITMAP_NOT,   /* of the one source */
    BITMAP_DIFF,  /* in the first and in none of the others */
    BITMAP_DIFF1, /* in one of the others and not in the first */
    BITMAP_ANDOR, /* in the first and in one of the others */
    BITMAP_ONE,   /* in exactly one */
};

/* A source that is shorter than the longest has zeros behind it. */
struct bitmap_combination {
    enum bitmap_operation operation;
    const struct bitmap *sources;
    size_t count;
    size_t length; /* of the longest */
};

/* Whether the result should be a sparse bitmap: a source is one, and those that are not weigh little. */
bool bitmap_combination_is_sparse(const struct bitmap_combination *combination);
/* bytes: of the length, and none of a source's. */
void bitmap_combine(const struct bitmap_combination *combination, char *bytes);
struct sparse_bitmap *bitmap_combine_sparse(const struct bitmap_combination *combination, struct memory *memory);

#endif
