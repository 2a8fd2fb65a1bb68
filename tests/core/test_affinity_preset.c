#include "core/affinity_preset.h"

#include <criterion/criterion.h>

static struct affinity_pattern patterns[AFFINITY_PRESET_PATTERNS_MAX];
static struct affinity affinity = {.patterns = patterns, .count = 0};

static void choose(const char *name)
{
    int preset = 0;

    while (strcmp(affinity_preset_names[preset], name) != 0)
        preset++;
    affinity.count = affinity_preset_patterns(1u << preset, patterns);
}

/* The keys all go where the first goes. */
static void expect_together(const char *const *keys)
{
    uint16_t first = slot_of(&affinity, str_from(keys[0]));

    for (; *keys; keys++)
        cr_expect_eq(slot_of(&affinity, str_from(*keys)), first, "%s", *keys);
}

#define TOGETHER(...) expect_together((const char *const[]){__VA_ARGS__, NULL})

static void expect_apart(const char *one, const char *other)
{
    cr_expect_neq(slot_of(&affinity, str_from(one)), slot_of(&affinity, str_from(other)), "%s %s", one, other);
}

Test(affinity_preset, all_of_them_fit)
{
    uint32_t all = 0;

    for (int i = 0; affinity_preset_names[i]; i++)
        all |= 1u << i;
    cr_assert_gt(affinity_preset_patterns(all, patterns), 10);
    cr_assert_eq(affinity_preset_patterns(0, patterns), 0);
    cr_assert_eq(affinity_preset_patterns(1, patterns), 0, "none");
}

Test(affinity_preset, bullmq_keeps_queues_together_and_apart_from_each_other)
{
    choose("bullmq");
    TOGETHER("bull:mail:", "bull:mail:wait", "bull:mail:events", "bull:mail:42", "bull:mail:42:lock",
             "bull:mail:repeat:daily:1700000000000", "bull:mail");
    expect_apart("bull:mail:wait", "bull:video:wait");
    TOGETHER("{bull}:mail:wait", "{bull}:video:wait");
}

Test(affinity_preset, bee_queue_keeps_queues_together_and_apart_from_each_other)
{
    choose("bee-queue");
    TOGETHER("bq:mail:id", "bq:mail:jobs", "bq:mail:stallBlock");
    expect_apart("bq:mail:id", "bq:video:id");
}

Test(affinity_preset, celery_keeps_priorities_unacked_and_groups_together)
{
    choose("celery");
    TOGETHER("celery",
             "celery\x06\x16"
             "3",
             "celery\x06\x16"
             "6",
             "celery\x06\x16"
             "9");
    TOGETHER("unacked", "unacked_index");
    TOGETHER("celery-taskset-meta-1b", "celery-taskset-meta-1b.j", "celery-taskset-meta-1b.t",
             "celery-taskset-meta-1b.s");
    expect_apart("celery-taskset-meta-1b.j", "celery-taskset-meta-1c.j");
    expect_apart("celery", "mail");
}

Test(affinity_preset, rq_keeps_queues_together_and_jobs_together)
{
    choose("rq");
    TOGETHER("rq:queue:mail", "rq:queue:mail:intermediate", "rq:wip:mail", "rq:finished:mail", "rq:failed:mail",
             "rq:deferred:mail", "rq:scheduled:mail", "rq:canceled:mail", "rq:clean_registries:mail");
    TOGETHER("rq:job:1b", "rq:job:1b:dependents", "rq:job:1b:dependencies", "rq:results:1b", "rq:executions:1b",
             "rq:execution:1b:2c");
    expect_apart("rq:queue:mail", "rq:queue:video");
    expect_apart("rq:job:1b", "rq:job:1c");
}

Test(affinity_preset, asynq_has_hash_tags)
{
    choose("asynq");
    TOGETHER("asynq:{mail}:pending", "asynq:{mail}:t:1b", "asynq:{mail}:lease");
}

Test(affinity_preset, sidekiq_keeps_batches_together_and_processes_together)
{
    choose("sidekiq");
    TOGETHER("b-Ab-1", "b-Ab-1-jids", "b-Ab-1-failinfo");
    TOGETHER("host:12:ab", "host:12:ab:work", "host:12:ab-signals");
    expect_apart("queue:mail", "queue:video");
}
