/* A container to try values with: a list of numbered nodes, each its own block,
 * under an account of its own. As plain as a value with many blocks can be. */
#ifndef TESTS_SUPPORT_BAG_H
#define TESTS_SUPPORT_BAG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/memory.h"
#include "core/value.h"

struct bag_node;

struct bag {
    struct memory memory; /* first, as in every container */
    struct bag_node *first;
    size_t count;
};

/* Where no real kind ever is. */
#define BAG_TYPE VALUE_STREAM
#define BAG_ENCODING ENCODING_TREE

extern const struct value_kind bag_kind;
/* Makes bags a kind of value in this process: BAG_TYPE, BAG_ENCODING. */
void bag_register(void);

/* Holds the numbers from first on, in that order. */
struct bag *bag_create(struct memory *memory, uint64_t first, size_t count);
void bag_add(struct bag *bag, uint64_t number);
/* Whether it holds just those numbers. */
bool bag_holds(const struct bag *bag, uint64_t first, size_t count);

#endif
