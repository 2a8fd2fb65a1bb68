#include "core/intset.h"

#include <assert.h>

#include "core/assert.h"
#include "core/memory.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the block's bytes are written as the processor has them");

struct intset {
    uint32_t width; /* of an integer, in bytes */
    uint32_t count;
    char integers[]; /* read by memcpy: foreign bytes lie at any address */
};

static_assert(sizeof(struct intset) == 8, "the header of the format");

static size_t bytes_for(uint32_t width, size_t count)
{
    return sizeof(struct intset) + width * count;
}

static uint32_t width_of(int64_t value)
{
    if (value == (int16_t)value)
        return 2;
    return value == (int32_t)value ? 4 : 8;
}

static int64_t read_integer(const char *integers, uint32_t width, size_t index)
{
    const char *at = integers + index * width;
    int16_t narrow;
    int32_t medium;
    int64_t wide;

    switch (width) {
    case 2:
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    case 4:
        memcpy(&medium, at, sizeof medium);
        return medium;
    default:
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
}

/* The low bytes of a little-endian integer are the narrow integer. */
static void write_integer(struct intset *set, size_t index, int64_t value)
{
    memcpy(set->integers + index * set->width, &value, set->width);
}

static struct intset *copy_bytes(struct memory *memory, struct str bytes)
{
    struct intset *set = memory_alloc(memory, bytes.length);

    memcpy(set, bytes.bytes, bytes.length);
    return set;
}

struct intset *intset_create(struct memory *memory)
{
    struct intset *set = memory_alloc(memory, sizeof *set);

    *set = (struct intset){.width = 2};
    return set;
}

struct intset *intset_copy(struct memory *memory, const struct intset *set)
{
    return copy_bytes(memory, intset_str(set));
}

void intset_destroy(struct memory *memory, struct intset *set)
{
    memory_free(memory, set);
}

static bool is_ascending(const char *integers, uint32_t width, size_t count)
{
    for (size_t index = 1; index < count; index++)
        if (read_integer(integers, width, index - 1) >= read_integer(integers, width, index))
            return false;
    return true;
}

bool intset_validate(struct str bytes)
{
    struct intset header;

    if (bytes.length < sizeof header)
        return false;
    memcpy(&header, bytes.bytes, sizeof header);
    if (header.width != 2 && header.width != 4 && header.width != 8)
        return false;
    if (bytes.length != bytes_for(header.width, header.count))
        return false;
    return is_ascending(bytes.bytes + sizeof header, header.width, header.count);
}

struct intset *intset_load(struct memory *memory, struct str bytes)
{
    struct intset *set = copy_bytes(memory, bytes);

    ASSERT(bytes.length == bytes_for(set->width, set->count));
    return set;
}

uint32_t intset_count(const struct intset *set)
{
    return set->count;
}

/* A value that the encoding cannot hold lies beyond one of the ends, where the
 * search comes to by itself. */
uint32_t intset_rank(const struct intset *set, int64_t value)
{
    uint32_t first = 0, end = set->count;

    while (first < end) {
        uint32_t middle = first + (end - first) / 2;

        if (intset_at(set, middle) < value)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static bool is_at(const struct intset *set, uint32_t index, int64_t value)
{
    return index < set->count && intset_at(set, index) == value;
}

bool intset_contains(const struct intset *set, int64_t value)
{
    return is_at(set, intset_rank(set, value), value);
}

int64_t intset_at(const struct intset *set, uint32_t index)
{
    ASSERT(index < set->count);
    return read_integer(set->integers, set->width, index);
}

int64_t intset_minimum(const struct intset *set)
{
    return intset_at(set, 0);
}

int64_t intset_maximum(const struct intset *set)
{
    return intset_at(set, set->count - 1);
}

/* From the last, so that no integer is written over one that is still to be read. */
static void widen(struct intset *set, uint32_t width)
{
    uint32_t old_width = set->width;

    set->width = width;
    for (size_t index = set->count; index-- > 0;)
        write_integer(set, index, read_integer(set->integers, old_width, index));
}

/* Moves all integers from the index on by one place. */
static void open_gap(struct intset *set, uint32_t index)
{
    char *at = set->integers + (size_t)index * set->width;

    memmove(at + set->width, at, (size_t)(set->count - index) * set->width);
}

static void close_gap(struct intset *set, uint32_t index)
{
    char *at = set->integers + (size_t)index * set->width;

    memmove(at, at + set->width, (size_t)(set->count - index - 1) * set->width);
}

bool intset_add(struct memory *memory, struct intset **set, int64_t value)
{
    uint32_t index = intset_rank(*set, value);
    uint32_t width = width_of(value) > (*set)->width ? width_of(value) : (*set)->width;

    if (is_at(*set, index, value))
        return false;
    ASSERT((*set)->count < UINT32_MAX);
    *set = memory_resize(memory, *set, bytes_for(width, (size_t)(*set)->count + 1));
    if (width > (*set)->width)
        widen(*set, width);
    open_gap(*set, index);
    write_integer(*set, index, value);
    (*set)->count++;
    return true;
}

bool intset_remove(struct memory *memory, struct intset **set, int64_t value)
{
    uint32_t index = intset_rank(*set, value);

    if (!is_at(*set, index, value))
        return false;
    close_gap(*set, index);
    (*set)->count--;
    *set = memory_resize(memory, *set, bytes_for((*set)->width, (*set)->count));
    return true;
}

struct str intset_str(const struct intset *set)
{
    return (struct str){(const char *)set, bytes_for(set->width, set->count)};
}

size_t intset_bytes(const struct intset *set)
{
    return memory_block_bytes(set);
}
