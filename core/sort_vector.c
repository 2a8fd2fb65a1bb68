#include "core/sort_vector.h"

#include <stdint.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/list_value.h"
#include "core/memory.h"
#include "core/set_value.h"
#include "core/zset_call.h"

enum { HEAP_PAYS = 8 /* where no more than this part of all is wanted */ };

void sort_vector_init(struct sort_vector *vector, struct memory *memory)
{
    *vector = (struct sort_vector){0};
    buffer_init(&vector->texts, memory, NULL, 0);
}

void sort_vector_deinit(struct sort_vector *vector)
{
    memory_free(vector->texts.memory, vector->items);
    buffer_deinit(&vector->texts);
}

/* Loading. */

static void reserve(struct sort_vector *vector, size_t count)
{
    vector->items = memory_alloc(vector->texts.memory, count * sizeof *vector->items);
    vector->capacity = count;
}

/* Without a text of its own to be sorted by, an item's text is that. */
static void append(struct sort_vector *vector, struct str text)
{
    size_t at = vector->texts.length;

    ASSERT(vector->count < vector->capacity);
    buffer_append_str(&vector->texts, text);
    vector->items[vector->count++] =
        (struct sort_item){.at = at, .length = text.length, .by_at = at, .by_length = text.length};
}

static void load_list(struct sort_vector *vector, const struct entry *entry, struct sort_range range, bool reversed)
{
    char digits[NUMBER_TEXT_MAX];
    struct listpack_value value;
    struct list_walk walk;

    list_walk_start(&walk, entry, reversed ? list_count(entry) - 1 - range.first : range.first, !reversed);
    while (vector->count < range.count && list_walk_next(&walk, &value))
        append(vector, listpack_text(value, digits));
}

struct set_loading {
    struct sort_vector *vector;
    struct sort_range range;
};

static bool load_member(void *context, const struct set_member *member)
{
    struct set_loading *loading = context;
    char digits[NUMBER_TEXT_MAX];

    if (loading->range.first > 0)
        loading->range.first--;
    else
        append(loading->vector, set_member_text(member, digits));
    return loading->vector->count < loading->range.count;
}

static void load_set(struct sort_vector *vector, const struct entry *entry, struct sort_range range)
{
    struct set_value set = set_value_of(entry);

    set_value_each(&set, load_member, &(struct set_loading){vector, range});
}

static void load_zset(struct sort_vector *vector, const struct entry *entry, struct sort_range range, bool reversed)
{
    struct zset zset = zset_of_entry(entry);
    size_t lowest = reversed ? zset_count(&zset) - range.first - range.count : range.first;
    struct zset_element element;
    struct zset_walk walk;

    zset_walk_begin(&walk, &zset, lowest, range.count, reversed);
    while (zset_walk_next(&walk, &element))
        append(vector, element.member);
}

size_t sort_source_count(const struct entry *entry)
{
    if (entry_type(entry) == VALUE_LIST)
        return list_count(entry);
    if (entry_type(entry) == VALUE_ZSET) {
        struct zset zset = zset_of_entry(entry);
        return zset_count(&zset);
    }
    struct set_value set = set_value_of(entry);
    return set_value_count(&set);
}

void sort_vector_load(struct sort_vector *vector, const struct entry *entry, struct sort_range range, bool reversed)
{
    if (range.count == 0)
        return;
    reserve(vector, range.count);
    if (entry_type(entry) == VALUE_LIST)
        load_list(vector, entry, range, reversed);
    else if (entry_type(entry) == VALUE_ZSET)
        load_zset(vector, entry, range, reversed);
    else
        load_set(vector, entry, range);
}

void sort_vector_set_by(struct sort_vector *vector, struct sort_item *item, struct str text)
{
    item->by_at = vector->texts.length;
    item->by_length = text.length;
    buffer_append_str(&vector->texts, text);
}

/* Sorting. */

struct ordering {
    const struct sort_vector *vector;
    enum sort_order order;
    bool descending;
};

static struct str by_text(const struct ordering *ordering, const struct sort_item *item)
{
    return (struct str){ordering->vector->texts.bytes + item->by_at, item->by_length};
}

static struct str up_to_zero(struct str text)
{
    if (text.length == 0)
        return text;
    return (struct str){text.bytes, strnlen(text.bytes, text.length)};
}

static int compare_by_text(const struct ordering *ordering, const struct sort_item *a, const struct sort_item *b)
{
    if (a->by_at == SIZE_MAX || b->by_at == SIZE_MAX)
        return (a->by_at != SIZE_MAX) - (b->by_at != SIZE_MAX);
    struct str first = by_text(ordering, a), second = by_text(ordering, b);
    if (ordering->order == SORT_BY_TEXT)
        return str_compare(first, second);
    return str_compare(up_to_zero(first), up_to_zero(second));
}

static int compare_ascending(const struct ordering *ordering, const struct sort_item *a, const struct sort_item *b)
{
    if (ordering->order != SORT_BY_NUMBER)
        return compare_by_text(ordering, a, b);
    if (a->weight != b->weight)
        return a->weight < b->weight ? -1 : 1;
    return str_compare(sort_vector_text(ordering->vector, a), sort_vector_text(ordering->vector, b));
}

/* The texts lie in the order in which they were loaded: that decides between equal ones. */
static int compare(const void *a, const void *b, void *context)
{
    const struct sort_item *first = a, *second = b;
    const struct ordering *ordering = context;
    int order = compare_ascending(ordering, first, second);

    if (order != 0)
        return ordering->descending ? -order : order;
    return (first->at > second->at) - (first->at < second->at);
}

/* A heap: no item comes before what is below it. */
static void sift_down(struct sort_item *heap, size_t count, size_t at, struct ordering *ordering)
{
    struct sort_item item = heap[at];
    size_t below;

    for (; (below = 2 * at + 1) < count; at = below) {
        if (below + 1 < count && compare(&heap[below + 1], &heap[below], ordering) > 0)
            below++;
        if (compare(&heap[below], &item, ordering) <= 0)
            break;
        heap[at] = heap[below];
    }
    heap[at] = item;
}

/* A heap of the first `wanted` so far has the last of them on top, which gives way to what comes before it. */
static void bring_forward(struct sort_vector *vector, size_t wanted, struct ordering *ordering)
{
    struct sort_item *heap = vector->items;

    for (size_t at = wanted / 2; at-- > 0;)
        sift_down(heap, wanted, at, ordering);
    for (size_t i = wanted; i < vector->count; i++) {
        struct sort_item top = heap[0];

        if (compare(&heap[i], &top, ordering) > 0)
            continue;
        heap[0] = heap[i];
        heap[i] = top;
        sift_down(heap, wanted, 0, ordering);
    }
}

void sort_vector_sort(struct sort_vector *vector, enum sort_order order, bool descending, size_t wanted)
{
    struct ordering ordering = {vector, order, descending};

    if (wanted == 0)
        return;
    if (wanted < vector->count / HEAP_PAYS)
        bring_forward(vector, wanted, &ordering);
    else
        wanted = vector->count;
    qsort_r(vector->items, wanted, sizeof *vector->items, compare, &ordering);
}
