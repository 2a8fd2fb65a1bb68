#include "shards/idle.h"

#include <sched.h>

#include "shards/gather.h"
#include "shards/loading.h"
#include "shards/shard.h"

enum {
    RETRY_US = 50,        /* a ring was full: look again soon, nobody tells when there is room */
    DRAIN_US = 1000,      /* while the group stops */
    SPIN_SLICE_US = 1000, /* a yield that takes longer gave the CPU to who computes */
    SPIN_REST_US = 100000,
    WAIT_MS_MOST = 3600000, /* for a deadline; one of a client's choosing may be too far away to count in µs */
};

static int64_t until(struct shard *shard, int64_t deadline_ms)
{
    int64_t left_us;

    shard_read_clock(shard);
    if (deadline_ms > shard->now_ms + WAIT_MS_MOST)
        return WAIT_MS_MOST * INT64_C(1000);
    left_us = deadline_ms * 1000 - shard->now_us;
    return left_us > 0 ? left_us : 0;
}

static int64_t next_deadline_ms(const struct shard *shard)
{
    int64_t deadline_ms = timers_next_ms(&shard->timers);

    if (shard_expires(shard)) {
        int64_t expiry_ms = keyspace_next_expiry_ms(shard->core.keyspace);

        if (expiry_ms < deadline_ms)
            deadline_ms = expiry_ms;
    } else if (!shard->parked && shard->core.sessions.pause_until_ms < deadline_ms) {
        deadline_ms = shard->core.sessions.pause_until_ms; /* then keys expire again */
    }
    return deadline_ms;
}

/* -1: for as long as nothing happens, and so is INT64_MAX. */
static int64_t sooner(int64_t wait_us, int64_t other_us)
{
    if (__builtin_expect(other_us == INT64_MAX, 1))
        return wait_us;
    return wait_us >= 0 && wait_us < other_us ? wait_us : other_us;
}

/* How long the loop may wait: 0 where there is work, -1 for as long as nothing happens. */
static int64_t idle_us(struct shard *shard)
{
    int64_t aof_us = aof_idle_us(shard); /* by the turn's clock, before that is read once more */
    int64_t deadline_ms;

    if (shard->core.sessions.pushed || shard->core.sessions.left)
        return 0; /* told after this turn's connections had their say */
    if (shard->port.staged || (!shard->parked && mesh_has_own(&shard->port)))
        return 0;
    if (!shard->parked &&
        (keyspace_reclaim(shard->core.keyspace, 0) > 0 || memory_limit_has_work(&shard->memory_limit)))
        return 0;
    if (shard->held_first || shard->port.overflow_count > 0 || shard->executed_gather || shard->unanswered ||
        shard->own_news)
        return RETRY_US;
    if (atomic_load_explicit(&shard->group->stopping, memory_order_relaxed))
        return DRAIN_US;
    if (__builtin_expect(shard->loading != NULL, 0))
        return loading_idle_us(shard);
    deadline_ms = next_deadline_ms(shard);
    return sooner(sooner(deadline_ms == INT64_MAX ? -1 : until(shard, deadline_ms), snapshot_idle_us(shard)), aof_us);
}

/* While shards exchange messages, the next event is often nearer than a sleep and
 * a wake-up, which cost both sides (15 to 28 µs together in a virtual machine).
 * Yielding lets whoever else wants this CPU produce that event; a shard with
 * traffic of its own only goes to sleep at once. So does one whose yield was
 * answered by a whole time slice of someone who computes: the scheduler wakes a
 * sleeper at once but lets one that yields wait, so it sleeps for some time. */
static bool spin(struct shard *shard)
{
    int64_t spin_us = shard->core.config.spin_us;
    int64_t now_us, end_us;

    if (!shard->port.exchanged || spin_us == 0)
        return false;
    now_us = loop_monotonic_us(shard->loop);
    if (now_us < shard->spin_after_us)
        return false;
    end_us = now_us + spin_us;
    do {
        int64_t yielded_us = now_us;

        if (mesh_has_inbound(&shard->port, shard->parked != NULL) || loop_has_events(shard->loop) ||
            (shard->parked && gather_calls(shard)))
            return true;
        sched_yield();
        now_us = loop_monotonic_us(shard->loop);
        if (now_us - yielded_us > SPIN_SLICE_US)
            shard->spin_after_us = now_us + SPIN_REST_US;
    } while (now_us < end_us);
    return false;
}

void idle_wait(struct shard *shard)
{
    bool function, parked = shard->parked != NULL && !gather_is_busy(shard, &function);
    int64_t wait_us = idle_us(shard);

    if (wait_us != 0 && (spin(shard) || !mesh_fall_asleep(&shard->port, parked)))
        wait_us = 0;
    if (wait_us != 0 && ((shard->parked && gather_calls(shard)) || aof_calls(shard))) /* after that one's fence */
        wait_us = 0;
    shard->port.exchanged = false;
    loop_wait(shard->loop, wait_us);
    mesh_awake(&shard->port);
}
