/* The directory stays as it is until the last segment is gone: the words of
 * those already freed are behind the cursor and never read again. */
#include "core/table.h"

#include "core/memory.h"
#include "core/table_segment.h"

/* A cursor is a word of the directory, and the bucket of its segment that is next. */
enum { BUCKET_BITS = 16, BUCKETS_PER_STEP = 4 };

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

/* The segment's items from a bucket on; returns the bucket to go on with. */
static uint32_t take_some(const struct table_segment *segment, uint32_t bucket, void (*take)(void *context, void *item),
                          void *context)
{
    uint32_t buckets = table_segment_buckets(segment), left = buckets - bucket;
    uint32_t end = bucket + (left < BUCKETS_PER_STEP ? left : BUCKETS_PER_STEP);

    for (; bucket < end; bucket++) {
        if (bucket + 1 < buckets)
            prefetch_all(&segment->buckets[bucket + 1]);
        take_all(&segment->buckets[bucket], take, context);
    }
    return end;
}

uint64_t table_drain(struct table *table, uint64_t cursor, void (*take)(void *context, void *item), void *context)
{
    uint64_t word = cursor >> BUCKET_BITS;
    struct table_segment *segment;
    uint32_t bucket;

    if (table->directory == NULL)
        return 0;
    segment = table_pointer(table->directory[word]);
    bucket = take_some(segment, cursor & ((1 << BUCKET_BITS) - 1), take, context);
    if (bucket < table_segment_buckets(segment))
        return word << BUCKET_BITS | bucket;
    word += 1ull << (table->depth - segment->depth);
    table_segment_destroy(table->memory, segment);
    if (word < 1ull << table->depth)
        return word << BUCKET_BITS;
    memory_free(table->memory, table->directory);
    table_init(table, table->memory, table->hash_of);
    return 0;
}
