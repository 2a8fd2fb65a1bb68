#include <criterion/criterion.h>

#include "core/buffer.h"
#include "core/command_stats.h"
#include "core/config.h"
#include "core/memory.h"

static struct memory memory;
static struct command_stats stats;
static struct config config;
static const struct command *get, *lrange;

static void begin(void)
{
    memory = (struct memory){0};
    command_table_init();
    config_init(&config);
    command_stats_init(&stats, &memory);
    command_stats_configure(&stats, &config);
    get = command_find_by_name(STR("get"));
    lrange = command_find_by_name(STR("lrange"));
}

static void end(void)
{
    command_stats_deinit(&stats);
    config_deinit(&config);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(command_stats, .init = begin, .fini = end);

/* One call, which takes so long; returns whether it was timed. */
static bool call(const struct command *command, int argc, int64_t ns)
{
    static const struct str argv[STEADY_ARGUMENTS + 1];

    if (command_stats_is_like_others(&stats, command, argv, argc)) {
        command_stats_of(&stats, command)->calls++;
        return false;
    }
    stats.known_ns += ns;
    command_stats_add(&stats, command, ns);
    return true;
}

static int calls(const struct command *command, int count, int64_t ns)
{
    int timed = 0;

    for (int i = 0; i < count; i++)
        timed += call(command, 2, ns);
    return timed;
}

static const struct command_count *count_of(struct command_stats *of, const struct command *command)
{
    return command_stats_of(of, command);
}

Test(command_stats, the_first_calls_are_timed)
{
    cr_assert_eq(calls(get, 64, 100), 64);
    cr_assert_eq(count_of(&stats, get)->histogram->total, 64);
}

Test(command_stats, short_steady_calls_are_sampled_and_all_counted)
{
    int timed = calls(get, 32064, 101);

    cr_assert(timed > 64 + 32000 / 129 && timed < 64 + 32000 / 64, "%d", timed);
    cr_assert_eq(count_of(&stats, get)->calls, 32064);
}

Test(command_stats, what_is_not_steady_or_not_short_is_always_timed)
{
    cr_assert_eq(calls(lrange, 1000, 100), 1000);
    cr_assert_eq(calls(get, 1000, 5000), 1000);
}

Test(command_stats, a_slow_log_of_short_times_has_all_timed)
{
    calls(get, 1000, 100);
    config.slowlog_log_slower_than = 10;
    command_stats_configure(&stats, &config);
    cr_assert_eq(calls(get, 1000, 100), 1000);
}

Test(command_stats, a_call_out_of_turn_stands_for_itself_alone)
{
    calls(get, 65, 100);
    calls(get, 1, 100);
    cr_assert(call(get, STEADY_ARGUMENTS + 1, 1000000));
    cr_assert_eq(histogram_count(count_of(&stats, get)->histogram, histogram_bucket(1000000)), 1);
}

Test(command_stats, while_one_that_is_timed_is_under_way_others_are_like_it)
{
    static const struct str argv[STEADY_ARGUMENTS + 1];
    int timed = 0;

    calls(get, 65, 100);
    while (command_stats_is_like_awaited(&stats, get, argv, 2))
        command_stats_of(&stats, get)->calls++;
    for (int i = 0; i < 1000; i++)
        timed += !command_stats_is_like_awaited(&stats, get, argv, 2);
    cr_assert_eq(timed, 0);
    cr_assert_not(command_stats_is_like_awaited(&stats, get, argv, STEADY_ARGUMENTS + 1));
    command_stats_add(&stats, get, 5000);
    for (int i = 0; i < 10; i++)
        cr_assert_not(command_stats_is_like_awaited(&stats, get, argv, 2), "the last one took long");
    command_stats_add(&stats, get, 100);
    cr_assert(command_stats_is_like_awaited(&stats, get, argv, 2));
    cr_assert_eq(count_of(&stats, get)->covered, count_of(&stats, get)->calls);
}

Test(command_stats, exporting_covers_the_calls_that_were_not_timed)
{
    struct command_stats sum;
    struct buffer bytes;

    command_stats_init(&sum, &memory);
    buffer_init(&bytes, &memory, NULL, 0);
    calls(get, 1000, 100);
    command_stats_failed(&stats, get, STR("-WRONGTYPE Operation\r\n"));
    command_stats_rejected(&stats, get, STR("-ERR wrong number\r\n"));
    command_stats_rejected(&stats, NULL, STR("-ERR unknown\r\n"));
    command_stats_export(&stats, &bytes);
    for (int i = 0; i < 2; i++)
        command_stats_import(&sum, buffer_str(&bytes));
    cr_assert_eq(count_of(&sum, get)->calls, 2000);
    cr_assert_eq(count_of(&sum, get)->spent_ns, 200000);
    cr_assert_eq(count_of(&sum, get)->failed, 2);
    cr_assert_eq(count_of(&sum, get)->rejected, 2);
    cr_assert_eq(count_of(&sum, get)->histogram->total, 2000);
    cr_assert_eq(sum.errors.count, 2);
    cr_assert_eq(sum.errors.codes[0].count, 4);
    buffer_deinit(&bytes);
    command_stats_deinit(&sum);
}

Test(command_stats, without_latency_tracking_there_is_no_histogram)
{
    config.latency_tracking = false;
    command_stats_configure(&stats, &config);
    calls(get, 10, 100);
    cr_assert_null(count_of(&stats, get)->histogram);
    cr_assert_eq(count_of(&stats, get)->spent_ns, 1000);
}

Test(command_stats, a_reset_forgets_calls_and_errors)
{
    calls(get, 10, 100);
    command_stats_failed(&stats, get, STR("-ERR text\r\n"));
    command_stats_reset(&stats);
    cr_assert_eq(count_of(&stats, get)->calls, 0);
    cr_assert_null(count_of(&stats, get)->histogram);
    cr_assert_eq(stats.errors.count, 0);
}
