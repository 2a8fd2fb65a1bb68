#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/histogram.h"
#include "core/memory.h"
#include "tests/support/dice.h"

static struct memory memory;
static struct histogram histogram;

static void begin(void)
{
    memory = (struct memory){0};
    histogram = (struct histogram){0};
}

static void end(void)
{
    histogram_deinit(&histogram, &memory);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(histogram, .init = begin, .fini = end);

Test(histogram, buckets_follow_each_other_without_gap)
{
    int64_t next_ns = 1;

    for (int bucket = 1; bucket < histogram_bucket(1000000000); bucket++) {
        int64_t end_ns = histogram_bucket_end_ns(bucket);

        cr_assert_eq(histogram_bucket(next_ns), bucket);
        cr_assert_eq(histogram_bucket(end_ns), bucket);
        next_ns = end_ns + 1;
    }
    cr_assert_eq(histogram_bucket(0), 1);
    cr_assert_eq(histogram_bucket(INT64_MIN), 1);
    cr_assert_eq(histogram_bucket(INT64_MAX), histogram_bucket(1000000000));
    cr_assert_lt(histogram_bucket(INT64_MAX), HISTOGRAM_BUCKETS);
}

/* What redis-server 7.0.15 shows for such durations. */
Test(histogram, bounds_are_those_of_redis)
{
    cr_assert_eq(histogram_bucket_end_ns(histogram_bucket(15000)), 15039);
    cr_assert_eq(histogram_bucket_end_ns(histogram_bucket(192000)), 192511);
    cr_assert_eq(histogram_bucket_end_ns(histogram_bucket(20000)), 20095);
    cr_assert_eq(histogram_bucket_end_ns(histogram_bucket(1024 << 8)), 264191);
}

Test(histogram, of_nothing_every_percentile_is_zero)
{
    cr_assert_eq(histogram_percentile_ns(&histogram, 99), 0);
    cr_assert_eq(histogram_count_up_to(&histogram, HISTOGRAM_BUCKETS - 1), 0);
}

Test(histogram, many_at_once_count_as_one_by_one)
{
    histogram_add(&histogram, &memory, 5000, 1000000);
    histogram_add(&histogram, &memory, 700, 1);
    cr_assert_eq(histogram.total, 1000001);
    cr_assert_eq(histogram_percentile_ns(&histogram, 0), 703);
    cr_assert_eq(histogram_percentile_ns(&histogram, 50), histogram_bucket_end_ns(histogram_bucket(5000)));
    cr_assert_eq(histogram_count_up_to(&histogram, histogram_bucket(4900)), 1);
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

Test(histogram, percentiles_are_those_of_the_sorted_durations)
{
    enum { COUNT = 2000 };
    int64_t durations[COUNT];

    dice_seed();
    for (int i = 0; i < COUNT; i++) {
        durations[i] = 1 + (int64_t)((dice_bits() >> 34 >> dice_below(30)) % 1000000000);
        histogram_add(&histogram, &memory, durations[i], 1);
    }
    qsort(durations, COUNT, sizeof durations[0], compare);
    for (int percent = 1; percent <= 100; percent++) {
        int64_t exact_ns = durations[COUNT * percent / 100 - 1];

        cr_assert_eq(histogram_percentile_ns(&histogram, percent), histogram_bucket_end_ns(histogram_bucket(exact_ns)),
                     "p%d", percent);
    }
}
