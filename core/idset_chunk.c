/* Pieces of a set as plain bits: one container each, in or out at the speed of memory. */
#include "core/idset_layout.h"

#include "core/assert.h"

bool idset_read_chunk(const struct idset *set, uint16_t key, uint64_t words[static IDSET_CHUNK_WORDS])
{
    const roaring_array_t *array = idset_array(set);
    int32_t index = ra_get_index(array, key);

    if (index < 0)
        return false;
    const void *container = array->containers[index];
    if (array->typecodes[index] == BITSET_CONTAINER_TYPE_CODE) {
        memcpy(words, ((const bitset_container_t *)container)->array, IDSET_CHUNK_VALUES / 8);
        return true;
    }
    memset(words, 0, IDSET_CHUNK_VALUES / 8);
    if (array->typecodes[index] == ARRAY_CONTAINER_TYPE_CODE) {
        const array_container_t *values = container;
        bitset_set_list(words, values->array, (uint64_t)values->cardinality);
        return true;
    }
    const run_container_t *runs = container;
    for (int32_t i = 0; i < runs->n_runs; i++)
        bitset_set_lenrange(words, runs->runs[i].value, runs->runs[i].length);
    return true;
}

/* The smallest container of these values, of which there are some. */
static void *container_from(const uint64_t *words, uint8_t *type)
{
    bitset_container_t *bitmap = bitset_container_create();

    memcpy(bitmap->array, words, IDSET_CHUNK_VALUES / 8);
    bitmap->cardinality = bitset_container_compute_cardinality(bitmap);
    *type = BITSET_CONTAINER_TYPE_CODE;
    if (bitmap->cardinality > DEFAULT_MAX_SIZE)
        return convert_run_optimize(bitmap, *type, type);
    array_container_t *values = array_container_from_bitset(bitmap);
    bitset_container_free(bitmap);
    *type = ARRAY_CONTAINER_TYPE_CODE;
    return convert_run_optimize(values, *type, type);
}

static void remove_chunk(struct idset *set, uint16_t key)
{
    uint32_t first = (uint32_t)key * IDSET_CHUNK_VALUES;

    if (ra_get_index(idset_array(set), key) >= 0)
        idset_remove_range(set, first, first + (IDSET_CHUNK_VALUES - 1));
}

static bool any_set(const uint64_t *words)
{
    uint64_t all = 0;

    for (size_t i = 0; i < IDSET_CHUNK_WORDS; i++)
        all |= words[i];
    return all != 0;
}

void idset_write_chunk(struct idset *set, uint16_t key, const uint64_t words[static IDSET_CHUNK_WORDS])
{
    roaring_array_t *array = idset_array(set);
    uint32_t first = (uint32_t)key * IDSET_CHUNK_VALUES, last = first + (IDSET_CHUNK_VALUES - 1);
    uint8_t type;

    remove_chunk(set, key);
    if (!any_set(words))
        return;
    int32_t index = idset_seek(array, key);
    void *container = container_from(words, &type);
    idset_begin_change(set, first, last);
    ra_insert_new_key_value_at(array, index, key, container, type);
    idset_end_change(set, first, last);
    set->count += (uint64_t)container_get_cardinality(container, type);
}
