/* Ranges of values, and the next member or gap: what bit strings ask for. */
#include "core/assert.h"
#include "core/idset_layout.h"

enum { CONTAINER_VALUES = 65536, WORD_BITS = 64 };

uint64_t idset_count_range(const struct idset *set, uint32_t first, uint32_t last)
{
    ASSERT(first <= last);
    return roaring_bitmap_range_cardinality(set->bitmap, first, (uint64_t)last + 1);
}

static uint64_t size_of(uint32_t first, uint32_t last)
{
    return (uint64_t)last - first + 1;
}

void idset_add_range(struct idset *set, uint32_t first, uint32_t last)
{
    set->count += size_of(first, last) - idset_count_range(set, first, last);
    idset_begin_change(set, first, last);
    roaring_bitmap_add_range_closed(set->bitmap, first, last);
    idset_end_change(set, first, last);
}

void idset_remove_range(struct idset *set, uint32_t first, uint32_t last)
{
    set->count -= idset_count_range(set, first, last);
    idset_begin_change(set, first, last);
    roaring_bitmap_remove_range_closed(set->bitmap, first, last);
    idset_end_change(set, first, last);
}

void idset_flip_range(struct idset *set, uint32_t first, uint32_t last)
{
    set->count += size_of(first, last) - 2 * idset_count_range(set, first, last);
    idset_begin_change(set, first, last);
    roaring_bitmap_flip_inplace(set->bitmap, first, (uint64_t)last + 1);
    idset_end_change(set, first, last);
}

bool idset_next_member(const struct idset *set, uint32_t from, uint32_t *value)
{
    return idset_read(set, from, value, 1) == 1;
}

static uint32_t gap_in_array(const array_container_t *array, uint32_t from)
{
    int32_t index = array_container_index_equalorlarger(array, (uint16_t)from);

    for (; index >= 0 && index < array->cardinality && array->array[index] == from; index++)
        from++;
    return from;
}

static uint32_t gap_in_bitmap(const bitset_container_t *bitmap, uint32_t from)
{
    uint32_t at = from / WORD_BITS;
    uint64_t gaps = ~bitmap->array[at] & UINT64_MAX << from % WORD_BITS;

    while (gaps == 0 && ++at < CONTAINER_VALUES / WORD_BITS)
        gaps = ~bitmap->array[at];
    return at * WORD_BITS + (gaps ? (uint32_t)__builtin_ctzll(gaps) : 0);
}

static uint32_t gap_in_runs(const run_container_t *runs, uint32_t from)
{
    int32_t index = run_container_index_equalorlarger(runs, (uint16_t)from);

    for (; index >= 0 && index < runs->n_runs && runs->runs[index].value <= from; index++)
        from = (uint32_t)runs->runs[index].value + runs->runs[index].length + 1;
    return from;
}

/* Of the low 16 bits, from `from` on; CONTAINER_VALUES if all are members. */
static uint32_t gap_in_container(const void *container, uint8_t type, uint32_t from)
{
    switch (type) {
    case BITSET_CONTAINER_TYPE_CODE:
        return gap_in_bitmap(container, from);
    case ARRAY_CONTAINER_TYPE_CODE:
        return gap_in_array(container, from);
    default:
        return gap_in_runs(container, from);
    }
}

bool idset_next_gap(const struct idset *set, uint32_t from, uint32_t *value)
{
    const roaring_array_t *array = idset_array(set);
    uint64_t at = from;

    for (int32_t index = idset_seek(array, idset_key(from)); at <= UINT32_MAX; index++) {
        if (index == array->size || array->keys[index] != idset_key((uint32_t)at))
            break;
        uint32_t low = (uint32_t)at % CONTAINER_VALUES;
        uint32_t gap = gap_in_container(array->containers[index], array->typecodes[index], low);
        at += gap - low;
        if (gap < CONTAINER_VALUES)
            break;
    }
    *value = (uint32_t)at;
    return at <= UINT32_MAX;
}
