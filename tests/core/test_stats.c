/* Rates over samples, on a clock that the test moves. */
#include "core/stats.h"

#include <criterion/criterion.h>

static struct stats stats;

static void begin(void)
{
    stats = (struct stats){0};
    stats_sample_rates(&stats, 1000000);
}

TestSuite(stats, .init = begin);

Test(stats, a_steady_rate_is_what_it_is)
{
    for (int64_t now_ms = 1000000; now_ms <= 1005000; now_ms += 10, stats.commands += 50, stats.sent_bytes += 7) {
        stats_sample_rates(&stats, now_ms);
        stats.turns += 3;
    }
    cr_assert_eq(stats_rate(stats.rate_commands), 5000);
    cr_assert_eq(stats_rate(stats.rate_sent), 700);
    cr_assert_eq(stats_rate(stats.rate_turns), 300);
    cr_assert_eq(stats_rate(stats.rate_received), 0);
}

Test(stats, samples_are_at_least_a_tenth_of_a_second_apart)
{
    stats.commands = 100;
    stats_sample_rates(&stats, 1000099);
    cr_assert_eq(stats_rate(stats.rate_commands), 0);
    stats_sample_rates(&stats, 1000100);
    cr_assert_eq(stats_rate(stats.rate_commands), 1000 / 16);
}

Test(stats, a_pause_counts_as_no_traffic)
{
    for (int64_t now_ms = 1000000; now_ms <= 1005000; now_ms += 100, stats.commands += 100)
        stats_sample_rates(&stats, now_ms);
    cr_assert_eq(stats_rate(stats.rate_commands), 1000);
    stats_sample_rates(&stats, 1005400);
    cr_assert_lt(stats_rate(stats.rate_commands), 1000);
    stats_sample_rates(&stats, 1095000);
    cr_assert_eq(stats_rate(stats.rate_commands), 0);
}

Test(stats, a_clock_set_back_does_no_harm)
{
    stats.commands = 160;
    stats_sample_rates(&stats, 5);
    cr_assert_eq(stats_rate(stats.rate_commands), 100);
}

Test(stats, reset_forgets_all_counts)
{
    stats.commands = stats.turns = 12345;
    stats_sample_rates(&stats, 1000200);
    stats_reset(&stats);
    cr_assert_eq(stats.commands, 0);
    cr_assert_eq(stats.turns, 0);
    cr_assert_eq(stats_rate(stats.rate_commands), 0);
    stats.commands = 16;
    stats_sample_rates(&stats, 1000300);
    cr_assert_eq(stats_rate(stats.rate_commands), 10);
}
