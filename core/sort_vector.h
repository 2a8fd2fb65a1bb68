/* The elements of a collection, to be put into an order.
 *
 * Their texts are copied, one behind the other, so that what is looked up
 * meanwhile may change what they came from. Equal elements keep their order.
 * Lives within one command. */
#ifndef CORE_SORT_VECTOR_H
#define CORE_SORT_VECTOR_H

#include "core/buffer.h"
#include "core/entry.h"

struct sort_item {
    size_t at, length; /* of its text in sort_vector.texts */
    double weight;     /* what it is sorted by: a number, … */
    size_t by_at;      /* … or a text, in the same place; SIZE_MAX: there is none, which comes first */
    size_t by_length;
};

/* How items compare. */
enum sort_order {
    SORT_BY_NUMBER, /* and where these are equal by their texts */
    SORT_BY_TEXT,
    SORT_BY_COLLATION, /* as strcoll does in the C locale: what follows a zero byte does not count */
};

struct sort_vector {
    struct buffer texts;
    struct sort_item *items;
    size_t count, capacity;
};

void sort_vector_init(struct sort_vector *vector, struct memory *memory);
void sort_vector_deinit(struct sort_vector *vector);

static inline struct str sort_vector_text(const struct sort_vector *vector, const struct sort_item *item)
{
    return (struct str){vector->texts.bytes + item->at, item->length};
}

/* Elements in the order in which a list, set or sorted set has them. */
struct sort_range {
    size_t first, count;
};
size_t sort_source_count(const struct entry *entry);
/* Those of the range, which lies within sort_source_count. reversed: from the end on, where there is an order. */
void sort_vector_load(struct sort_vector *vector, const struct entry *entry, struct sort_range range, bool reversed);
/* What an item is sorted by, instead of its own text. */
void sort_vector_set_by(struct sort_vector *vector, struct sort_item *item, struct str text);
/* The first `wanted` come to their places; the others come behind them, in whatever order. */
void sort_vector_sort(struct sort_vector *vector, enum sort_order order, bool descending, size_t wanted);

#endif
