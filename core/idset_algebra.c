/* Sets out of sets, and how large an intersection is. */
#include "core/assert.h"
#include "core/idset_layout.h"

enum {
    BITMAP_WORDS = 1024,
    WORD_BITS = 64,
    FAR_SMALLER = 32,  /* then the library leaps through the larger array */
    LONG_ARRAYS = 512, /* the sum from which clearing a bitmap pays */
};

/* Applies the others to a copy of one of the sets, each in place: it only loses containers. */
static struct idset *fold(struct memory *parent, const struct idset *const *sets, size_t count, size_t first,
                          void (*apply)(roaring_bitmap_t *bitmap, const roaring_bitmap_t *other))
{
    ASSERT(count > 0);
    roaring_bitmap_t *bitmap = roaring_bitmap_copy(sets[first]->bitmap);

    for (size_t index = 0; index < count; index++)
        if (index != first)
            apply(bitmap, sets[index]->bitmap);
    return idset_adopt(parent, bitmap);
}

/* What an intersection starts from, so that it is small all the way. */
static size_t smallest_of(const struct idset *const *sets, size_t count)
{
    size_t smallest = 0;

    for (size_t index = 1; index < count; index++)
        if (sets[index]->count < sets[smallest]->count)
            smallest = index;
    return smallest;
}

struct idset *idset_and(struct memory *parent, const struct idset *const *sets, size_t count)
{
    return fold(parent, sets, count, smallest_of(sets, count), roaring_bitmap_and_inplace);
}

/* One half with the other, so that many sets take time by all their parts, but for a logarithm. Never in place:
 * there each new container moves all that lie behind it. */
static roaring_bitmap_t *combine(const struct idset *const *sets, size_t count,
                                 roaring_bitmap_t *(*operate)(const roaring_bitmap_t *, const roaring_bitmap_t *))
{
    if (count == 1)
        return roaring_bitmap_copy(sets[0]->bitmap);
    if (count == 2)
        return operate(sets[0]->bitmap, sets[1]->bitmap);
    roaring_bitmap_t *one = combine(sets, count / 2, operate);
    roaring_bitmap_t *other = combine(sets + count / 2, count - count / 2, operate);
    roaring_bitmap_t *both = operate(one, other);
    roaring_bitmap_free(one);
    roaring_bitmap_free(other);
    return both;
}

struct idset *idset_or(struct memory *parent, const struct idset *const *sets, size_t count)
{
    ASSERT(count > 0);
    return idset_adopt(parent, combine(sets, count, roaring_bitmap_or));
}

struct idset *idset_xor(struct memory *parent, const struct idset *const *sets, size_t count)
{
    ASSERT(count > 0);
    return idset_adopt(parent, combine(sets, count, roaring_bitmap_xor));
}

struct idset *idset_andnot(struct memory *parent, const struct idset *const *sets, size_t count)
{
    return fold(parent, sets, count, 0, roaring_bitmap_andnot_inplace);
}

/* Debian builds the library for every x86-64, without the instruction that counts bits: 5 times as slow. */

static inline __attribute__((always_inline)) uint32_t and_words(const uint64_t *a, const uint64_t *b)
{
    uint32_t count = 0;

    for (uint32_t index = 0; index < BITMAP_WORDS; index++)
        count += (uint32_t)__builtin_popcountll(a[index] & b[index]);
    return count;
}

#if defined(__x86_64__)

__attribute__((target("popcnt"))) static uint32_t and_words_by_popcnt(const uint64_t *a, const uint64_t *b)
{
    return and_words(a, b);
}

static uint32_t and_bitmaps(const uint64_t *a, const uint64_t *b)
{
    return __builtin_cpu_supports("popcnt") ? and_words_by_popcnt(a, b) : and_words(a, b);
}

#else

static uint32_t and_bitmaps(const uint64_t *a, const uint64_t *b)
{
    return and_words(a, b);
}

#endif

/* Without branches, as nobody can predict which of two random arrays goes on. */
static uint32_t and_short_arrays(const array_container_t *a, const array_container_t *b)
{
    const uint16_t *at = a->array, *end = at + a->cardinality, *other = b->array, *other_end = other + b->cardinality;
    uint32_t count = 0;

    while (at < end && other < other_end) {
        uint16_t value = *at, other_value = *other;

        count += value == other_value;
        at += value <= other_value;
        other += other_value <= value;
    }
    return count;
}

/* One as a bitmap, the other looked up in it: no step waits for the one before, which is 3 times as fast. */
static uint32_t and_long_arrays(const array_container_t *a, const array_container_t *b)
{
    uint64_t words[BITMAP_WORDS] = {0};
    uint32_t count = 0;

    for (int32_t index = 0; index < a->cardinality; index++)
        words[a->array[index] / WORD_BITS] |= 1ull << a->array[index] % WORD_BITS;
    for (int32_t index = 0; index < b->cardinality; index++)
        count += words[b->array[index] / WORD_BITS] >> b->array[index] % WORD_BITS & 1;
    return count;
}

static uint32_t and_arrays(const array_container_t *a, const array_container_t *b)
{
    return a->cardinality + b->cardinality < LONG_ARRAYS ? and_short_arrays(a, b) : and_long_arrays(a, b);
}

static bool alike_in_size(const array_container_t *a, const array_container_t *b)
{
    return a->cardinality / FAR_SMALLER <= b->cardinality && b->cardinality / FAR_SMALLER <= a->cardinality;
}

struct part {
    const void *container; /* NULL: the set has none */
    uint8_t type;
};

static uint32_t and_parts(struct part a, struct part b)
{
    if (a.type == BITSET_CONTAINER_TYPE_CODE && b.type == a.type)
        return and_bitmaps(((const bitset_container_t *)a.container)->array,
                           ((const bitset_container_t *)b.container)->array);
    if (a.type == ARRAY_CONTAINER_TYPE_CODE && b.type == a.type && alike_in_size(a.container, b.container))
        return and_arrays(a.container, b.container);
    return (uint32_t)container_and_cardinality(a.container, a.type, b.container, b.type);
}

static struct part part_of(const struct idset *set, uint16_t key)
{
    const roaring_array_t *array = idset_array(set);
    int32_t index = ra_get_index(array, key);

    if (index < 0)
        return (struct part){NULL, 0};
    return (struct part){array->containers[index], array->typecodes[index]};
}

static void free_part(struct part part)
{
    if (part.container != NULL)
        container_free((void *)part.container, part.type);
}

/* The members of a part of the smallest set that all have. The library makes a
 * new container of each intersection, but the one with the last set is only counted. */
static uint32_t and_key(struct part part, uint16_t key, const struct idset *const *sets, size_t count, size_t smallest)
{
    size_t last = smallest == count - 1 ? count - 2 : count - 1;
    struct part made = {NULL, 0}, counted = part_of(sets[last], key);

    for (size_t index = 0; index < last && counted.container != NULL; index++) {
        struct part common = {NULL, 0}, other = part_of(sets[index], key);

        if (index == smallest)
            continue;
        if (other.container != NULL)
            common.container = container_and(part.container, part.type, other.container, other.type, &common.type);
        else
            counted = other;
        free_part(made);
        part = made = common;
    }
    uint32_t members = counted.container != NULL ? and_parts(part, counted) : 0;
    free_part(made);
    return members;
}

uint64_t idset_and_count(const struct idset *const *sets, size_t count, uint64_t limit)
{
    ASSERT(count > 0);
    size_t smallest = smallest_of(sets, count);
    const roaring_array_t *array = idset_array(sets[smallest]);
    uint64_t members = count == 1 ? sets[0]->count : 0;

    for (int32_t index = 0; count > 1 && index < array->size && members < limit; index++) {
        struct part part = {array->containers[index], array->typecodes[index]};

        members += and_key(part, array->keys[index], sets, count, smallest);
    }
    return members < limit ? members : limit;
}
