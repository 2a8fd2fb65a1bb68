/* One segment of a table: buckets in which items are placed by their tags.
 *
 * Private to table.c. A segment never touches the items: the fingerprint and
 * the tag above the pointer are all it needs to place one, also when it is
 * rebuilt with another number of buckets.
 * Its size counts in units of one bucket, the header's included. Sizes go in
 * four steps to the double, as the allocator's size classes do. */
#ifndef CORE_TABLE_SEGMENT_H
#define CORE_TABLE_SEGMENT_H

#include "core/table.h"

enum { TABLE_UNITS_LEAST = 3, TABLE_UNITS_MOST = 64 };

/* Empty, large enough for `count` items. */
struct table_segment *table_segment_create(struct memory *memory, uint32_t count, uint32_t depth);
void table_segment_destroy(struct memory *memory, struct table_segment *segment);
size_t table_segment_bytes(const struct table_segment *segment);

static inline uint32_t table_segment_buckets(const struct table_segment *segment)
{
    return segment->homes + segment->stashes;
}

/* False: no place that the item may take is free. */
bool table_segment_put(struct table_segment *segment, uint64_t word, uint8_t fingerprint);
/* Puts without fail: the segment is rebuilt larger where needed. Returns where it is now. */
struct table_segment *table_segment_add(struct memory *memory, struct table_segment *segment, uint64_t word,
                                        uint8_t fingerprint);
/* Adds all of another segment's items. */
struct table_segment *table_segment_add_all(struct memory *memory, struct table_segment *segment,
                                            const struct table_segment *from);
void table_segment_take(struct table_segment *segment, uint32_t bucket, uint32_t slot);

/* As large as a segment gets, and at least half full. */
bool table_segment_wants_split(const struct table_segment *segment);
/* Far fewer buckets would do: table_segment_fit will rebuild it. */
bool table_segment_is_sparse(const struct table_segment *segment);
/* Rebuilds a sparse segment smaller, leaves others. Returns where it is now. */
struct table_segment *table_segment_fit(struct memory *memory, struct table_segment *segment);

#endif
