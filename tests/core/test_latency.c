#include <criterion/criterion.h>

#include "core/buffer.h"
#include "core/core.h"
#include "core/latency.h"
#include "core/memory.h"
#include "tests/support/dice.h"

static struct memory memory;
static struct latency latency;
static struct buffer text;

static void begin(void)
{
    memory = (struct memory){0};
    latency = (struct latency){0};
    buffer_init(&text, &memory, NULL, 0);
}

static void end(void)
{
    buffer_deinit(&text);
}

TestSuite(latency, .init = begin, .fini = end);

static const struct latency_series *commands(void)
{
    return &latency.events[LATENCY_COMMAND];
}

static void add(int64_t time_s, int64_t ms)
{
    latency_add(&latency, LATENCY_COMMAND, time_s, ms);
}

static bool says(const char *words)
{
    return memmem(text.bytes, text.length, words, strlen(words)) != NULL;
}

Test(latency, a_second_keeps_its_worst)
{
    add(100, 5);
    add(100, 9);
    add(100, 7);
    add(101, 1);
    cr_assert_eq(commands()->count, 2);
    cr_assert_eq(commands()->samples[0].ms, 9);
    cr_assert_eq(commands()->worst_ms, 9);
}

Test(latency, the_oldest_samples_go_and_the_worst_is_remembered)
{
    add(1, 1000);
    for (int i = 2; i < 500; i++)
        add(i, 5);
    cr_assert_eq(commands()->count, LATENCY_SAMPLES);
    cr_assert_eq(commands()->samples[LATENCY_SAMPLES - 1].time_s, 499);
    cr_assert_eq(commands()->worst_ms, 1000);
}

Test(latency, merged_series_are_as_one_that_saw_it_all)
{
    struct latency shards[3] = {0};
    struct latency_series sum = {0};

    dice_seed();
    for (int time_s = 0; time_s < 2000; time_s++) {
        int64_t ms = (int64_t)dice_below(1000);

        latency_add(&shards[dice_below(3)], LATENCY_COMMAND, time_s / 2, ms);
        add(time_s / 2, ms);
    }
    for (int i = 0; i < 3; i++)
        latency_merge(&sum, &shards[i].events[LATENCY_COMMAND]);
    cr_assert_eq(sum.count, LATENCY_SAMPLES);
    cr_assert_eq(sum.worst_ms, commands()->worst_ms);
    cr_assert_eq(memcmp(sum.samples, commands()->samples, sizeof sum.samples), 0);
}

/* What redis-server 7.0.15 draws of these. */
Test(latency, the_graph_is_that_of_redis)
{
    static const char line[] = "------------------------------------------------------------------------------"
                               "--\n";
    struct buffer expected;

    add(22, 5);
    add(23, 20);
    add(24, 50);
    add(25, 10);
    add(27, 30);
    latency_graph(commands(), "command", 28, &text);
    buffer_init(&expected, &memory, NULL, 0);
    buffer_append_format(&expected, "command - high 50 ms, low 5 ms (all time high 50 ms)\n%s%s", line,
                         "  #  \n"
                         "  | _\n"
                         " o| |\n"
                         "_||o|\n"
                         "     \n"
                         "65431\n"
                         "sssss\n");
    cr_assert(str_equal(buffer_str(&text), buffer_str(&expected)), "%.*s", (int)text.length, text.bytes);
    buffer_deinit(&expected);
}

Test(latency, a_wide_graph_has_several_rows)
{
    for (int i = 0; i < 100; i++)
        add(i * 60, 7);
    latency_graph(commands(), "command", 100 * 3600, &text);
    cr_assert(says("high 7 ms, low 7 ms"));
    cr_assert(says("\n\n"));
}

Test(latency, the_doctor_knows_what_was_late)
{
    latency_diagnose(&latency, &(struct latency_settings){0, 10000}, &text);
    cr_assert(says("latency-monitor-threshold"));
    text.length = 0;
    latency_diagnose(&latency, &(struct latency_settings){5, 10000}, &text);
    cr_assert(says("Nothing"));
    text.length = 0;
    add(10, 20);
    add(12, 40);
    latency_add(&latency, LATENCY_EXPIRE_CYCLE, 12, 8);
    latency_diagnose(&latency, &(struct latency_settings){5, 10000}, &text);
    cr_assert(says("1. command: 2 latency spikes (average 30ms, mean deviation 10ms, period 2.00 sec). Worst all time "
                   "event 40ms."));
    cr_assert(says("2. expire-cycle: 1 "));
    cr_assert(says("slowlog-log-slower-than 5000"));
    cr_assert_not(says("tenacity"));
    latency_add(&latency, LATENCY_EVICTION_CYCLE, 13, 6);
    text.length = 0;
    latency_diagnose(&latency, &(struct latency_settings){5, 10000}, &text);
    cr_assert(says("3. eviction-cycle: 1 "));
    cr_assert(says("maxmemory-eviction-tenacity"));
}

static int64_t clock_ns;

static int64_t tick(void *context)
{
    return clock_ns;
}

/* How many samples a step brings that takes so long. */
static int count_after(struct core *core, int64_t took_ns)
{
    int64_t began_ns = core_latency_begin(core);

    clock_ns += took_ns;
    core_latency_end(core, LATENCY_EVICTION_DEL, began_ns, clock_ns / 1000000);
    return core->latency.events[LATENCY_EVICTION_DEL].count;
}

Test(latency, a_step_is_noted_that_takes_as_long_as_the_threshold_where_there_is_one)
{
    static struct core core;

    core.command_stats = (struct command_stats){.clock = {tick, NULL}, .latency_ns = INT64_MAX};
    cr_assert_eq(count_after(&core, 60000000000), 0);
    core.command_stats.latency_ns = 5000000;
    cr_assert_eq(count_after(&core, 4999999), 0);
    cr_assert_eq(count_after(&core, 5000000), 1);
    cr_assert_eq(core.latency.events[LATENCY_EVICTION_DEL].samples[0].ms, 5);
    cr_assert_eq(core.latency.events[LATENCY_EVICTION_DEL].samples[0].time_s, clock_ns / 1000000000);
}

Test(latency, events_are_found_by_their_names)
{
    enum latency_event event;

    cr_assert(latency_event_find(STR("fast-command"), &event));
    cr_assert_eq(event, LATENCY_FAST_COMMAND);
    cr_assert(latency_event_find(STR("eviction-cycle"), &event));
    cr_assert_eq(event, LATENCY_EVICTION_CYCLE);
    cr_assert(latency_event_find(STR("eviction-del"), &event));
    cr_assert_eq(event, LATENCY_EVICTION_DEL);
    cr_assert_not(latency_event_find(STR("fork"), &event));
    cr_assert_not(latency_event_find(STR(""), &event));
}
