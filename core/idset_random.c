/* A container is chosen in proportion to its members: any one, with a height up
 * to that of the fullest, which has to be below its own; if that fails too
 * often, by a member's rank. So it does not take a walk over the containers,
 * of which a set of scattered values has thousands. */
#include "core/assert.h"
#include "core/idset_layout.h"

enum { TRIES = 64 };

static uint64_t roll(uint64_t (*random)(void *context), void *context, uint64_t below)
{
    return (uint64_t)((unsigned __int128)random(context) * below >> 64);
}

static uint32_t member_at(const roaring_array_t *array, int32_t index, uint32_t rank)
{
    uint32_t before = 0, low = 0;
    bool found = container_select(array->containers[index], array->typecodes[index], &before, rank, &low);

    ASSERT(found);
    return (uint32_t)array->keys[index] << 16 | low;
}

uint32_t idset_random(const struct idset *set, uint64_t (*random)(void *context), void *context)
{
    const roaring_array_t *array = idset_array(set);

    ASSERT(set->count > 0);
    for (int tries = 0; tries < TRIES; tries++) {
        int32_t index = (int32_t)roll(random, context, (uint64_t)array->size);
        uint32_t height = (uint32_t)roll(random, context, set->fullest);

        if (height < (uint32_t)container_get_cardinality(array->containers[index], array->typecodes[index]))
            return member_at(array, index, height);
    }
    return idset_at(set, roll(random, context, set->count));
}
