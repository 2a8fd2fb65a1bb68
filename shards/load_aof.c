#include "shards/load_aof.h"

#include "core/keyspace.h"
#include "core/memory.h"
#include "shards/load_replay.h"
#include "shards/shard.h"
#include "shards/simulate.h"

enum { STEPS_PER_LOOK = 64 /* at the clock */ };

struct load_aof {
    struct shard *shard;
    uint64_t counted_keys; /* in the progress */
    int count;
    struct load_replay replays[];
};

static uint64_t cut_of(struct shard *shard, const struct load_run *run)
{
    struct aof_cut cut;
    uint64_t stamp;
    bool has_tail = false;

    if (!load_run_may_be_cut(run))
        return AOF_CUT_NOTHING;
    aof_cut_init(&cut, &shard->core.memory, run->count);
    for (int i = 0; i < run->count; i++) {
        aof_cut_join(&cut, &run->segments[i].claims);
        has_tail |= run->segments[i].has_tail;
    }
    stamp = simulate_fault(FAULT_NO_CUT) ? AOF_CUT_NOTHING : aof_cut_stamp(&cut);
    aof_cut_deinit(&cut);
    return has_tail ? AOF_CUT_NOTHING : stamp; /* redis-server has gone on with all of it */
}

static uint64_t keys_of(struct shard *shard)
{
    uint64_t keys = 0;

    for (int db = 0; db < keyspace_database_count(shard->core.keyspace); db++)
        keys += keyspace_count(shard->core.keyspace, db);
    return keys;
}

/* Every so manieth of the run's segments. */
static struct load_aof *begin(struct shard *shard, struct load_run *run, int first, int step)
{
    int count = run->count > first ? (run->count - first + step - 1) / step : 0;
    struct load_aof *load =
        memory_alloc_zeroed(&shard->core.memory, sizeof *load + (size_t)count * sizeof load->replays[0]);
    uint64_t cut = cut_of(shard, run);

    load->shard = shard;
    load->counted_keys = keys_of(shard);
    load->count = count;
    for (int i = 0; i < count; i++)
        load_replay_open(&load->replays[i], shard, run, first + i * step, cut);
    return load;
}

struct load_aof *load_aof_begin(struct shard *shard, const struct load_stage *stage)
{
    return begin(shard, stage->run, shard->index, shard->group->count);
}

struct load_aof *load_aof_begin_alone(struct shard *shard, const struct load_stage *stage,
                                      const struct load_executor *executor)
{
    struct load_aof *load = begin(shard, stage->run, 0, 1);

    for (int i = 0; i < load->count; i++)
        load->replays[i].executor = executor;
    return load;
}

bool load_aof_end(struct load_aof *load)
{
    for (int i = 0; i < load->count; i++)
        if (load->replays[i].in_flight > 0)
            return true;
    for (int i = 0; i < load->count; i++)
        load_replay_close(&load->replays[i]);
    memory_free(&load->shard->core.memory, load);
    return false;
}

static bool is_late(const struct load_aof *load, int64_t until_us)
{
    return loop_monotonic_us(load->shard->loop) >= until_us;
}

static enum load_step go_on(struct load_replay *replay, int64_t until_us, const struct load_aof *load)
{
    enum load_step step;

    do {
        int steps = 0;

        do {
            step = load_replay_step(replay);
        } while (step == LOAD_STEP_NEXT && ++steps < STEPS_PER_LOOK);
    } while (step == LOAD_STEP_NEXT && !is_late(load, until_us));
    return step;
}

/* There may be fewer than before. */
static void count_keys(struct load_aof *load)
{
    uint64_t keys = keys_of(load->shard);

    load_progress_add(&load->shard->group->loading->progress.keys, keys - load->counted_keys);
    load->counted_keys = keys;
}

enum load_status load_aof_slice(struct load_aof *load, int64_t until_us)
{
    int ended = 0, waiting = 0;

    count_keys(load);
    for (int i = 0; i < load->count; i++) {
        struct load_replay *replay = &load->replays[i];
        enum load_step step = load_replay_turn(replay) ? go_on(replay, until_us, load) : LOAD_STEP_FAILED;

        if (step == LOAD_STEP_FAILED)
            return LOAD_FAILED;
        ended += step == LOAD_STEP_END;
        waiting += step == LOAD_STEP_WAIT;
    }
    if (ended == load->count)
        return LOAD_DONE;
    return ended + waiting == load->count ? LOAD_WAITS : LOAD_GOES_ON;
}
