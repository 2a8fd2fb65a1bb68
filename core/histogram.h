/* How often each duration occurred, to two significant digits, from 1 ns to 1 s.
 *
 * The buckets are those of Redis's latency histograms, so that percentiles and
 * LATENCY HISTOGRAM show the same bounds: each power of two from 256 on is cut
 * into 128 of one width. 128 buckets are a group, which is allocated when one of
 * its buckets is first counted: commands that take about as long each time need few. */
#ifndef CORE_HISTOGRAM_H
#define CORE_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

struct memory;

enum { HISTOGRAM_GROUPS = 24, HISTOGRAM_GROUP_BUCKETS = 128, HISTOGRAM_BUCKETS = 24 * 128 };

struct histogram {
    uint64_t total;
    uint64_t *groups[HISTOGRAM_GROUPS]; /* NULL: nothing was counted there */
};

void histogram_deinit(struct histogram *histogram, struct memory *memory);

/* `times` occurrences of a duration; what lies outside the bounds counts as the bound. */
void histogram_add(struct histogram *histogram, struct memory *memory, int64_t ns, uint64_t times);
void histogram_add_bucket(struct histogram *histogram, struct memory *memory, int bucket, uint64_t times);

/* The bucket of a duration, and the longest that is in it. */
int histogram_bucket(int64_t ns);
int64_t histogram_bucket_end_ns(int bucket);
uint64_t histogram_count(const struct histogram *histogram, int bucket);

/* The end of the bucket in which that part of all occurrences is reached; 0 where there are none. */
int64_t histogram_percentile_ns(const struct histogram *histogram, double percentile);
/* Occurrences in the buckets up to this one. */
uint64_t histogram_count_up_to(const struct histogram *histogram, int bucket);

#endif
