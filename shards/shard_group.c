/* The threads of all shards: made, started, stopped and joined. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "core/keyspace.h"
#include "core/log.h"
#include "core/memory.h"
#include "shards/loading.h"
#include "shards/reload.h"
#include "shards/reload_aof.h"
#include "shards/returns.h"
#include "shards/shard.h"
#include "shards/snapshot.h"

static struct shard *shard_create(struct shard_group *group, const struct config *config, int index)
{
    struct shard *shard = memory_alloc_zeroed(&group->memory, sizeof *shard);

    shard->index = index;
    shard->cpu = -1;
    shard->group = group;
    router_start(shard);
    script_memory_init(&shard->script_memory, &shard->core.memory);
    core_init(&shard->core, config, group->facts, index, group->count);
    shard->core.saves = &group->saves;
    shard->core.reload = reload_run;
    shard->core.load_append_only = reload_aof_run;
    busy_init(shard);
    aof_init(shard);
    saving_init(shard);
    request_pool_init(&shard->requests, &shard->core.memory, (uint16_t)index);
    mesh_port_init(&shard->port, &group->mesh, &shard->core.memory, index);
    timers_init(&shard->timers, &shard->core.memory);
    bptree_init(&shard->waiters, &shard->core.memory, NULL);
    bptree_init(&shard->safe_waiters, &shard->core.memory, NULL);
    shard->waits = keyspace_waits(shard->core.keyspace);
    shard->owners.memory = &shard->core.memory;
    shard->shares.memory = &shard->core.memory;
    shard->returns = memory_alloc_zeroed(&shard->core.memory, (size_t)group->count * sizeof *shard->returns);
    return shard;
}

static void shard_destroy(struct shard_group *group, struct shard *shard)
{
    memory_free(&shard->core.memory, shard->returns);
    memory_free(&shard->core.memory, shard->owners.places);
    memory_free(&shard->core.memory, shard->shares.owner_of_key);
    memory_free(&shard->core.memory, shard->shares.hash_of_key);
    trial_deinit(shard);
    aof_deinit(shard);
    busy_deinit(shard);
    bptree_deinit(&shard->safe_waiters);
    bptree_deinit(&shard->waiters);
    timers_deinit(&shard->timers);
    mesh_port_deinit(&shard->port);
    request_pool_deinit(&shard->requests);
    core_deinit(&shard->core);
    memory_free(&group->memory, shard);
}

bool shard_group_init(struct shard_group *group, const struct config *config, const struct server_facts *facts,
                      int shards, const char **wrong)
{
    ASSERT(shards >= 1 && shards <= CONFIG_SHARDS_MAX);
    *group = (struct shard_group){.count = shards, .facts = facts};
    if (!router_init(&group->router, config, shards, wrong))
        return false;
    save_state_init(&group->saves, facts->start_ms);
    shutdown_note_settings(group, config);
    mesh_init(&group->mesh, &group->memory, shards);
    durable_init(&group->durable, &group->memory, shards);
    group->shares = memory_alloc_aligned(&group->memory, (size_t)shards * sizeof *group->shares, CACHE_LINE);
    memset(group->shares, 0, (size_t)shards * sizeof *group->shares);
    group->shards = memory_alloc(&group->memory, (size_t)shards * sizeof(struct shard *));
    for (int i = 0; i < shards; i++)
        group->shards[i] = shard_create(group, config, i);
    atomic_init(&group->draining, shards + 1);
    atomic_init(&group->turning, shards);
    return true;
}

void shard_group_deinit(struct shard_group *group)
{
    loading_deinit(group);
    for (int i = 0; i < group->count; i++)
        shard_destroy(group, group->shards[i]);
    memory_free(&group->memory, group->shards);
    aof_folder_deinit(&group->aof_folder, group->count);
    durable_deinit(&group->durable, &group->memory);
    memory_free(&group->memory, group->shares);
    mesh_deinit(&group->mesh);
}

/* One shard's thread. */

struct start {
    struct shard *shard;
    pthread_mutex_t *mutex;
    pthread_cond_t *changed;
    int *reported; /* shards that have a loop, or failed */
};

static void pin(const struct shard *shard)
{
    cpu_set_t set;

    if (shard->cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)shard->cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static void report(struct start *start)
{
    pthread_mutex_lock(start->mutex);
    ++*start->reported;
    pthread_cond_signal(start->changed);
    pthread_mutex_unlock(start->mutex);
}

static bool open_on_thread(struct start *start)
{
    struct shard *shard = start->shard;
    struct loop *loop = loop_open(shard->group->backend, &shard->loop_memory, &shard->loop_why, &shard->loop_error);
    bool opened = loop != NULL && shard_open(shard, loop);

    if (opened && shard->started)
        shard->started->done(shard->started);
    report(start); /* start lives in main's frame: not to be touched any more */
    return opened;
}

/* Nothing of ours is under way; shards that others may still need go on. */
static void drain(struct shard *shard)
{
    if (shard->drained || shard->requests.live > 0 || shard->gathers > 0 || shard->core.sessions.count > 0 ||
        shard->loading || snapshot_is_under_way(shard))
        return;
    shard->drained = true;
    atomic_fetch_sub_explicit(&shard->group->draining, 1, memory_order_acq_rel);
}

static void *run(void *argument)
{
    struct shard *shard = ((struct start *)argument)->shard;
    struct shard_group *group = shard->group;

    pin(shard);
    if (!open_on_thread(argument))
        return NULL;
    while (!atomic_load_explicit(&group->stopping, memory_order_acquire))
        shard_turn(shard);
    if (shard->loading)
        loading_give_up(shard);
    if (shard->stopping)
        shard->stopping->done(shard->stopping);
    while (atomic_load_explicit(&group->draining, memory_order_acquire) > 0) {
        shard_turn(shard);
        drain(shard);
    }
    atomic_fetch_sub_explicit(&group->turning, 1, memory_order_acq_rel);
    while (atomic_load_explicit(&group->turning, memory_order_acquire) > 0)
        sched_yield();
    shard_close(shard);
    return NULL;
}

/* Main's thread. */

static bool start_thread(struct start *start)
{
    sigset_t all, before;
    char name[16];
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are main's */
    error = pthread_create(&start->shard->thread, NULL, run, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        start->shard->loop_error = error;
        start->shard->loop_why = "pthread_create";
        return false;
    }
    snprintf(name, sizeof name, "shard-%d", start->shard->index);
    pthread_setname_np(start->shard->thread, name);
    return true;
}

static bool all_opened(const struct shard_group *group)
{
    for (int i = 0; i < group->count; i++)
        if (!group->shards[i]->loop)
            return false;
    return true;
}

/* Nobody executes any more: all that was executed is known to be. */
static void end_aofs(struct shard_group *group)
{
    uint64_t newest = durable_newest(&group->durable);

    for (int i = 0; i < group->count; i++)
        durable_reach(&group->durable, i, newest);
    for (int i = 0; i < group->count; i++) {
        int error = aof_end(group->shards[i]);

        if (error != 0)
            log_write(LOG_WARNING, "Error writing to the AOF file of shard %d: %s", i, strerror(error));
    }
    if (aof_rewrite_finish(group) != 0)
        log_write(LOG_WARNING, "Can't write the manifest of the append-only file: %s", strerror(errno));
}

static void stop_started(struct shard_group *group, int started)
{
    for (int i = 0; i < group->count; i++)
        if (i >= started || !group->shards[i]->loop) { /* never ran */
            atomic_fetch_sub(&group->draining, 1);
            atomic_fetch_sub(&group->turning, 1);
        }
    atomic_store_explicit(&group->stopping, true, memory_order_release);
    for (int i = 0; i < started; i++) {
        if (group->shards[i]->loop)
            loop_wake(NULL, group->shards[i]->loop);
    }
    atomic_fetch_sub_explicit(&group->draining, 1, memory_order_acq_rel);
    for (int i = 0; i < started; i++)
        pthread_join(group->shards[i]->thread, NULL);
    end_aofs(group);
}

bool shard_group_start(struct shard_group *group, const uint16_t *cpus)
{
    struct start starts[CONFIG_SHARDS_MAX];
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
    int reported = 0, started = 0;

    for (; started < group->count; started++) {
        struct shard *shard = group->shards[started];

        shard->cpu = cpus ? cpus[started] : -1;
        starts[started] = (struct start){shard, &mutex, &changed, &reported};
        if (!start_thread(&starts[started]))
            break;
    }
    pthread_mutex_lock(&mutex);
    while (reported < started)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    if (started == group->count && all_opened(group))
        return true;
    stop_started(group, started);
    return false;
}

void shard_group_stop(struct shard_group *group)
{
    stop_started(group, group->count);
}
