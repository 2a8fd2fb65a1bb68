/* How each library names its keys:
 *
 * - BullMQ and Bull: everything of a queue begins with "bull:<queue>:". Bee-Queue: "bq:<queue>:".
 * - Celery (Kombu): a queue is a list of any name, with "\x06\x16<priority>" behind it for priorities, popped together;
 *   "unacked" and "unacked_index" are written in one transaction; a group's ".j", ".t" and ".s" count its parts.
 * - RQ: "rq:queue:<queue>" and the queue's registries, each with a prefix of its own; "rq:job:<id>" and what hangs on
 * it.
 * - asynq: "asynq:{<queue>}:" is a hash tag already.
 * - Sidekiq: "b-<batch>" and "b-<batch>-…"; a process's "<identity>", "<identity>:work" and "<identity>-signals". */
#include "core/affinity_preset.h"

#include <assert.h>

#include "core/assert.h"

enum { PATTERNS_MAX = 16 };

const char *const affinity_preset_names[] = {"none", "bullmq", "bee-queue", "celery", "rq", "asynq", "sidekiq", NULL};

/* In the order of the names. */
static const char *const preset_patterns[][PATTERNS_MAX] = {
    {NULL},
    {"bull:*:"},
    {"bq:*:"},
    {"*\x06\x16", "*_index", "celery-taskset-meta-*."},
    {"rq:queue:*:", "rq:intermediate:*", "rq:wip:*", "rq:finished:*", "rq:failed:*", "rq:deferred:*", "rq:scheduled:*",
     "rq:canceled:*", "rq:clean_registries:*", "rq:job:*:", "rq:results:*", "rq:execution:*:", "rq:executions:*"},
    {NULL},
    {"b-*-", "*:work", "*-signals"},
};

static_assert(sizeof preset_patterns / sizeof preset_patterns[0] + 1 ==
                  sizeof affinity_preset_names / sizeof affinity_preset_names[0],
              "every preset has a name");

int affinity_preset_patterns(uint32_t presets, struct affinity_pattern patterns[static AFFINITY_PRESET_PATTERNS_MAX])
{
    int count = 0;

    for (int preset = 0; affinity_preset_names[preset]; preset++) {
        if (!(presets >> preset & 1))
            continue;
        for (const char *const *text = preset_patterns[preset]; *text; text++) {
            ASSERT(count < AFFINITY_PRESET_PATTERNS_MAX);
            bool is_pattern = affinity_pattern_parse(str_from(*text), &patterns[count++]);
            ASSERT(is_pattern);
        }
    }
    return count;
}
