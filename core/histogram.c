#include "core/histogram.h"

#include <assert.h>
#include <stddef.h>

#include "core/assert.h"
#include "core/memory.h"

enum { GROUP_BITS = 7, LONGEST_NS = 1000000000 };

static_assert(HISTOGRAM_GROUP_BUCKETS == 1 << GROUP_BITS, "a bucket's number is its group's and its own");

void histogram_deinit(struct histogram *histogram, struct memory *memory)
{
    for (int group = 0; group < HISTOGRAM_GROUPS; group++)
        memory_free(memory, histogram->groups[group]);
    *histogram = (struct histogram){0};
}

/* Below 256 each value has its own bucket, in the groups 0 and 1; group 1 + n has buckets of 2^n values. */
int histogram_bucket(int64_t ns)
{
    int shift;

    if (ns < 1)
        ns = 1;
    if (ns > LONGEST_NS)
        ns = LONGEST_NS;
    shift = 63 - __builtin_clzll((uint64_t)ns | (2 * HISTOGRAM_GROUP_BUCKETS - 1)) - GROUP_BITS;
    return (shift << GROUP_BITS) + (int)(ns >> shift);
}

int64_t histogram_bucket_end_ns(int bucket)
{
    int shift = bucket < 2 * HISTOGRAM_GROUP_BUCKETS ? 0 : (bucket >> GROUP_BITS) - 1;
    int64_t within = bucket - ((int64_t)shift << GROUP_BITS);

    ASSERT(bucket >= 0 && bucket < HISTOGRAM_BUCKETS);
    return ((within + 1) << shift) - 1;
}

uint64_t histogram_count(const struct histogram *histogram, int bucket)
{
    const uint64_t *group = histogram->groups[bucket >> GROUP_BITS];

    return group ? group[bucket % HISTOGRAM_GROUP_BUCKETS] : 0;
}

void histogram_add_bucket(struct histogram *histogram, struct memory *memory, int bucket, uint64_t times)
{
    uint64_t **group = &histogram->groups[bucket >> GROUP_BITS];

    ASSERT(bucket >= 0 && bucket < HISTOGRAM_BUCKETS);
    if (!*group)
        *group = memory_alloc_zeroed(memory, HISTOGRAM_GROUP_BUCKETS * sizeof **group);
    (*group)[bucket % HISTOGRAM_GROUP_BUCKETS] += times;
    histogram->total += times;
}

void histogram_add(struct histogram *histogram, struct memory *memory, int64_t ns, uint64_t times)
{
    histogram_add_bucket(histogram, memory, histogram_bucket(ns), times);
}

uint64_t histogram_count_up_to(const struct histogram *histogram, int bucket)
{
    uint64_t count = 0;

    for (int i = 0; i <= bucket; i++)
        count += histogram_count(histogram, i);
    return count;
}

int64_t histogram_percentile_ns(const struct histogram *histogram, double percentile)
{
    uint64_t wanted = (uint64_t)(percentile / 100 * (double)histogram->total + 0.5), seen = 0;

    if (histogram->total == 0)
        return 0;
    if (wanted == 0)
        wanted = 1;
    for (int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram_count(histogram, bucket);
        if (seen >= wanted)
            return histogram_bucket_end_ns(bucket);
    }
    return histogram_bucket_end_ns(HISTOGRAM_BUCKETS - 1); /* rounding asked for more than there are */
}
