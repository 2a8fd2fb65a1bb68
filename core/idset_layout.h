/* What the files of idset share: the struct, and the account of the blocks
 * that the library allocates.
 *
 * The library has no word for an owner. So before a change the blocks that it
 * may touch are taken off the account, and put back as they are afterwards:
 * those of one container for a value, of the containers in question for a
 * range. The account is exact to the byte between calls. */
#ifndef CORE_IDSET_LAYOUT_H
#define CORE_IDSET_LAYOUT_H

#include <roaring/roaring.h>

#include "core/idset.h"
#include "core/memory.h"

struct idset {
    struct memory account; /* first: it is charged for this block too */
    roaring_bitmap_t *bitmap;
    uint64_t count;
    uint32_t fullest; /* no container has held more members than this */
};

static inline uint16_t idset_key(uint32_t value)
{
    return (uint16_t)(value >> 16);
}

static inline roaring_array_t *idset_array(const struct idset *set)
{
    return &set->bitmap->high_low_container;
}

/* Index of the first container whose key is not below. */
static inline int32_t idset_seek(const roaring_array_t *array, uint16_t key)
{
    int32_t index = ra_get_index(array, key);

    return index >= 0 ? index : -index - 1;
}

/* The blocks of a container, whose members have changed. */
void idset_charge(struct idset *set, const void *container, uint8_t type);
void idset_discharge(struct idset *set, const void *container, uint8_t type);

/* The block of the array of containers. */
void idset_charge_array(struct idset *set);
void idset_discharge_array(struct idset *set);

/* Around a change of the values within these bounds: the array, and the containers with these keys. */
void idset_begin_change(struct idset *set, uint32_t first, uint32_t last);
void idset_end_change(struct idset *set, uint32_t first, uint32_t last);

/* Takes a bitmap that is on no account yet. */
struct idset *idset_adopt(struct memory *parent, roaring_bitmap_t *bitmap);

#endif
