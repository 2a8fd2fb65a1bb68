#include "core/idset.h"

#include "core/assert.h"
#include "core/idset_layout.h"

/* The library never shares a container between bitmaps, as copy-on-write stays
 * off: a container has one of three types, and two blocks. */

enum { WORTH_SHRINKING = 32, MEMBERS_MAX = 1 << 16 };

static const void *payload_of(const void *container, uint8_t type)
{
    switch (type) {
    case BITSET_CONTAINER_TYPE_CODE:
        return ((const bitset_container_t *)container)->array;
    case ARRAY_CONTAINER_TYPE_CODE:
        return ((const array_container_t *)container)->array;
    default:
        ASSERT(type == RUN_CONTAINER_TYPE_CODE);
        return ((const run_container_t *)container)->runs;
    }
}

static void charge_block(struct idset *set, const void *block)
{
    if (block != NULL)
        memory_recharge(NULL, &set->account, block);
}

static void discharge_block(struct idset *set, const void *block)
{
    if (block != NULL)
        memory_recharge(&set->account, NULL, block);
}

/* Runs would have to be added up: they count for all that a container can hold. */
static void note_fullest(struct idset *set, const void *container, uint8_t type)
{
    uint32_t members =
        type == RUN_CONTAINER_TYPE_CODE ? MEMBERS_MAX : (uint32_t)container_get_cardinality(container, type);

    if (members > set->fullest)
        set->fullest = members;
}

void idset_charge(struct idset *set, const void *container, uint8_t type)
{
    note_fullest(set, container, type);
    charge_block(set, container);
    charge_block(set, payload_of(container, type));
}

void idset_discharge(struct idset *set, const void *container, uint8_t type)
{
    discharge_block(set, container);
    discharge_block(set, payload_of(container, type));
}

/* The containers' addresses, keys and types lie in one block. */
void idset_charge_array(struct idset *set)
{
    charge_block(set, idset_array(set)->containers);
}

void idset_discharge_array(struct idset *set)
{
    discharge_block(set, idset_array(set)->containers);
}

static void for_range(struct idset *set, uint32_t first, uint32_t last,
                      void (*each)(struct idset *set, const void *container, uint8_t type))
{
    const roaring_array_t *array = idset_array(set);

    for (int32_t index = idset_seek(array, idset_key(first)); index < array->size; index++) {
        if (array->keys[index] > idset_key(last))
            return;
        each(set, array->containers[index], array->typecodes[index]);
    }
}

void idset_begin_change(struct idset *set, uint32_t first, uint32_t last)
{
    idset_discharge_array(set);
    for_range(set, first, last, idset_discharge);
}

void idset_end_change(struct idset *set, uint32_t first, uint32_t last)
{
    idset_charge_array(set);
    for_range(set, first, last, idset_charge);
}

struct idset *idset_adopt(struct memory *parent, roaring_bitmap_t *bitmap)
{
    struct idset *set = (struct idset *)memory_alloc_account(parent, sizeof *set);

    ASSERT(bitmap != NULL);
    set->bitmap = bitmap;
    set->count = roaring_bitmap_get_cardinality(bitmap);
    charge_block(set, bitmap);
    idset_end_change(set, 0, UINT32_MAX);
    return set;
}

struct idset *idset_create(struct memory *parent)
{
    return idset_adopt(parent, roaring_bitmap_create_with_capacity(1));
}

struct idset *idset_copy(struct memory *parent, const struct idset *set)
{
    return idset_adopt(parent, roaring_bitmap_copy(set->bitmap));
}

void idset_destroy(struct idset *set)
{
    idset_begin_change(set, 0, UINT32_MAX);
    discharge_block(set, set->bitmap);
    ASSERT(set->account.used_bytes == memory_block_bytes(set));
    roaring_bitmap_free(set->bitmap);
    memory_free(&set->account, set);
}

size_t idset_containers(const struct idset *set)
{
    return (size_t)idset_array(set)->size;
}

size_t idset_drain(struct idset *set, size_t most)
{
    roaring_array_t *array = idset_array(set);

    for (; array->size > 0 && most > 0; most--) {
        int32_t last = --array->size;

        idset_discharge(set, array->containers[last], array->typecodes[last]);
        container_free(array->containers[last], array->typecodes[last]);
    }
    size_t left = idset_containers(set);
    if (left == 0)
        idset_destroy(set);
    return left;
}

/* A container in exchange for one that the library has changed, or made another of. */
static void exchange(struct idset *set, int32_t index, void *container, uint8_t type)
{
    roaring_array_t *array = idset_array(set);

    if (container != array->containers[index])
        container_free(array->containers[index], array->typecodes[index]);
    ra_set_container_at_index(array, index, container, type);
    idset_charge(set, container, type);
}

/* The library keeps a list of runs however many they become. Looked at whenever
 * their number comes to a power of two; at 2048 a bitmap is smaller at the latest. */
static void review_runs(struct idset *set, int32_t index)
{
    const roaring_array_t *array = idset_array(set);
    run_container_t *runs = array->containers[index];
    uint8_t type = array->typecodes[index];

    if (type != RUN_CONTAINER_TYPE_CODE || (runs->n_runs & (runs->n_runs - 1)) != 0)
        return;
    idset_discharge(set, runs, type);
    void *efficient = convert_run_to_efficient_container(runs, &type);
    exchange(set, index, efficient, type);
}

static void add_container(struct idset *set, uint32_t value)
{
    idset_discharge_array(set);
    roaring_bitmap_add(set->bitmap, value);
    idset_charge_array(set);
    int32_t index = ra_get_index(idset_array(set), idset_key(value));
    idset_charge(set, idset_array(set)->containers[index], idset_array(set)->typecodes[index]);
    set->count++;
}

bool idset_add(struct idset *set, uint32_t value)
{
    const roaring_array_t *array = idset_array(set);
    int32_t index = ra_get_index(array, idset_key(value));
    uint16_t low = (uint16_t)value;

    if (index < 0) {
        add_container(set, value);
        return true;
    }
    void *container = array->containers[index];
    uint8_t type = array->typecodes[index];
    if (container_contains(container, low, type))
        return false;
    set->count++;
    if (type == BITSET_CONTAINER_TYPE_CODE) { /* of a fixed size, and never turned into another by adding */
        bitset_container_add(container, low);
        note_fullest(set, container, type);
        return true;
    }
    idset_discharge(set, container, type);
    container = container_add(container, low, type, &type);
    exchange(set, index, container, type);
    review_runs(set, index);
    return true;
}

static void remove_container(struct idset *set, int32_t index)
{
    roaring_array_t *array = idset_array(set);

    ra_remove_at_index_and_free(array, index);
    if (array->allocation_size < WORTH_SHRINKING || array->size > array->allocation_size / 4)
        return;
    idset_discharge_array(set);
    ra_shrink_to_fit(array);
    idset_charge_array(set);
}

/* An array that is mostly spare room gives it back. */
static void review_array(void *container, uint8_t type)
{
    array_container_t *array = container;

    if (type != ARRAY_CONTAINER_TYPE_CODE || array->capacity < WORTH_SHRINKING)
        return;
    if (array->cardinality <= array->capacity / 4)
        array_container_shrink_to_fit(array);
}

bool idset_remove(struct idset *set, uint32_t value)
{
    const roaring_array_t *array = idset_array(set);
    int32_t index = ra_get_index(array, idset_key(value));
    uint16_t low = (uint16_t)value;

    if (index < 0 || !container_contains(array->containers[index], low, array->typecodes[index]))
        return false;
    void *container = array->containers[index];
    uint8_t type = array->typecodes[index];
    set->count--;
    idset_discharge(set, container, type);
    container = container_remove(container, low, type, &type);
    bool is_empty = !container_nonzero_cardinality(container, type);
    if (!is_empty)
        review_array(container, type);
    exchange(set, index, container, type);
    if (!is_empty) {
        review_runs(set, index);
        return true;
    }
    idset_discharge(set, container, type);
    remove_container(set, index);
    return true;
}

bool idset_contains(const struct idset *set, uint32_t value)
{
    return roaring_bitmap_contains(set->bitmap, value);
}

uint64_t idset_count(const struct idset *set)
{
    return set->count;
}

/* The library counts the value itself too. */
uint64_t idset_rank(const struct idset *set, uint32_t value)
{
    return value == 0 ? 0 : roaring_bitmap_rank(set->bitmap, value - 1);
}

uint32_t idset_at(const struct idset *set, uint64_t index)
{
    uint32_t value;

    ASSERT(index < set->count);
    bool found = roaring_bitmap_select(set->bitmap, (uint32_t)index, &value);
    ASSERT(found);
    return value;
}

uint32_t idset_minimum(const struct idset *set)
{
    ASSERT(set->count > 0);
    return roaring_bitmap_minimum(set->bitmap);
}

uint32_t idset_maximum(const struct idset *set)
{
    ASSERT(set->count > 0);
    return roaring_bitmap_maximum(set->bitmap);
}

size_t idset_read(const struct idset *set, uint64_t from, uint32_t *values, size_t most)
{
    roaring_uint32_iterator_t iterator;

    if (from > UINT32_MAX)
        return 0;
    roaring_init_iterator(set->bitmap, &iterator);
    if (!roaring_move_uint32_iterator_equalorlarger(&iterator, (uint32_t)from))
        return 0;
    return roaring_read_uint32_iterator(&iterator, values, most < UINT32_MAX ? (uint32_t)most : UINT32_MAX);
}

bool idset_equal(const struct idset *a, const struct idset *b)
{
    return a->count == b->count && roaring_bitmap_equals(a->bitmap, b->bitmap);
}

void idset_optimize(struct idset *set)
{
    idset_begin_change(set, 0, UINT32_MAX);
    roaring_bitmap_run_optimize(set->bitmap);
    roaring_bitmap_shrink_to_fit(set->bitmap);
    idset_end_change(set, 0, UINT32_MAX);
}

size_t idset_bytes(const struct idset *set)
{
    return set->account.used_bytes;
}
