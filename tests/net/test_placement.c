/* How many shards, and on which of the CPUs that this process may use. */
#include "net/placement.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

static struct placement placement;
static struct config config;
static char error[256];
static int usable;
static int cpus[CPU_SETSIZE];

static void begin(void)
{
    cpu_set_t set;

    config_init(&config);
    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET((size_t)cpu, &set))
            cpus[usable++] = cpu;
}

static void end(void)
{
    config_deinit(&config);
}

TestSuite(placement, .init = begin, .fini = end);

static void set(const char *option, const char *value)
{
    char words[2][256], *arguments[] = {words[0], words[1]};

    snprintf(words[0], sizeof words[0], "%s", option);
    snprintf(words[1], sizeof words[1], "%s", value);
    cr_assert(config_load_options(&config, 2, arguments, error, sizeof error), "%s", error);
}

static void set_number(const char *option, int value)
{
    char text[16];

    snprintf(text, sizeof text, "%d", value);
    set(option, text);
}

static void choose(void)
{
    cr_assert(placement_choose(&placement, &config, error, sizeof error), "%s", error);
}

static void expect_refused(const char *text)
{
    error[0] = '\0';
    cr_assert_not(placement_choose(&placement, &config, error, sizeof error));
    cr_assert_not_null(strstr(error, text), "%s", error);
}

Test(placement, one_pinned_shard_per_usable_cpu_unless_told_otherwise)
{
    choose();
    cr_assert_eq(placement.shards, usable < CONFIG_SHARDS_MAX ? usable : CONFIG_SHARDS_MAX);
    cr_assert(placement.pinned);
    for (int i = 0; i < placement.shards; i++)
        cr_assert_eq(placement.cpus[i], cpus[i]);
    cr_assert_not_null(strstr(placement.text, "pinned to CPUs"));
}

Test(placement, the_affinity_mask_of_the_process_is_kept_to)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET((size_t)cpus[usable - 1], &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    choose();
    cr_assert_eq(placement.shards, 1);
    cr_assert_eq(placement.cpus[0], cpus[usable - 1]);
    set_number("--shard-cpus", cpus[usable - 1]);
    choose();
    if (usable < 2)
        return;
    set_number("--shard-cpus", cpus[0]);
    expect_refused("may not be used by this process");
}

Test(placement, more_shards_than_cpus_are_not_pinned)
{
    set_number("--shards", usable + 1);
    choose();
    cr_assert_eq(placement.shards, usable + 1);
    cr_assert_not(placement.pinned);
    cr_assert_str_eq(placement.text, "not pinned (more shards than CPUs)");
}

Test(placement, fewer_shards_than_cpus_take_the_first_ones)
{
    set("--shards", "1");
    choose();
    cr_assert_eq(placement.shards, 1);
    cr_assert(placement.pinned);
    cr_assert_eq(placement.cpus[0], cpus[0]);
}

Test(placement, pinning_can_be_turned_off)
{
    set("--shard-cpus", "off");
    choose();
    cr_assert_eq(placement.shards, usable < CONFIG_SHARDS_MAX ? usable : CONFIG_SHARDS_MAX);
    cr_assert_not(placement.pinned);
    cr_assert_str_eq(placement.text, "not pinned (shard-cpus off)");
}

Test(placement, a_list_says_how_many_and_where)
{
    char text[32];

    set_number("--shard-cpus", cpus[usable - 1]);
    choose();
    cr_assert_eq(placement.shards, 1);
    cr_assert(placement.pinned);
    cr_assert_eq(placement.cpus[0], cpus[usable - 1]);
    snprintf(text, sizeof text, "pinned to CPUs %d", cpus[usable - 1]);
    cr_assert_str_eq(placement.text, text);
}

Test(placement, of_a_longer_list_the_first_are_taken)
{
    char list[32];

    if (usable < 2)
        cr_skip_test("this machine has one CPU");
    snprintf(list, sizeof list, "%d,%d", cpus[1], cpus[0]);
    set("--shard-cpus", list);
    set("--shards", "1");
    choose();
    cr_assert_eq(placement.shards, 1);
    cr_assert_eq(placement.cpus[0], cpus[1]);
}

Test(placement, a_list_that_is_too_short_is_refused)
{
    set_number("--shard-cpus", cpus[0]);
    set("--shards", "2");
    expect_refused("shard-cpus lists 1 CPUs for 2 shards");
}

Test(placement, a_cpu_that_is_not_there_is_named)
{
    set("--shard-cpus", "1023");
    expect_refused("CPU 1023 does not exist");
}
