/* The directory stays as it is until the last segment is gone: the words of
 * those already freed are behind the cursor and never read again. */
#include "core/table.h"

#include "core/memory.h"
#include "core/table_segment.h"

static void take_all(const struct table_bucket *bucket, void (*take)(void *context, void *item), void *context)
{
    for (uint32_t slot = 0; slot < TABLE_BUCKET_SLOTS; slot++)
        if (bucket->fingerprints[slot] != 0)
            take(context, table_pointer(bucket->items[slot]));
}

static void prefetch_all(const struct table_bucket *bucket)
{
    for (uint32_t slot = 0; slot < TABLE_BUCKET_SLOTS; slot++)
        prefetch_to_read(table_pointer(bucket->items[slot]));
}

uint64_t table_drain(struct table *table, uint64_t cursor, void (*take)(void *context, void *item), void *context)
{
    struct table_segment *segment;
    uint32_t buckets;

    if (table->directory == NULL)
        return 0;
    segment = table_pointer(table->directory[cursor]);
    buckets = table_segment_buckets(segment);
    for (uint32_t bucket = 0; bucket < buckets; bucket++) {
        if (bucket + 1 < buckets)
            prefetch_all(&segment->buckets[bucket + 1]);
        take_all(&segment->buckets[bucket], take, context);
    }
    cursor += 1ull << (table->depth - segment->depth);
    table_segment_destroy(table->memory, segment);
    if (cursor < 1ull << table->depth)
        return cursor;
    memory_free(table->memory, table->directory);
    table_init(table, table->memory, table->hash_of);
    return 0;
}
