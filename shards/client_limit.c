#include "shards/client_limit.h"

#include <stdatomic.h>

#include "core/client_line.h"
#include "shards/shard.h"

/* Nothing is known of a shard that has not looked; said as 0 is what a share begins with, so sizes are one more. */
enum { CLIENT_UNKNOWN = 0, CLIENT_NONE = 1 };

static void say(_Atomic(size_t) *figure, size_t value)
{
    if (atomic_load_explicit(figure, memory_order_relaxed) != value) /* the line stays where it is */
        atomic_store_explicit(figure, value, memory_order_relaxed);
}

static size_t bytes_of_all(const struct shard_group *group)
{
    size_t bytes = 0;

    for (int i = 0; i < group->count; i++)
        bytes += atomic_load_explicit(&group->shares[i].clients_bytes, memory_order_relaxed);
    return bytes;
}

/* Those that have a larger one, or may. False: there are none, and this shard's goes. */
static bool wake_larger(struct shard *shard, size_t own)
{
    bool any = false;

    for (int i = 0; i < shard->group->count; i++) {
        size_t largest = atomic_load_explicit(&shard->group->shares[i].largest_client, memory_order_relaxed);

        if (i == shard->index || (largest != CLIENT_UNKNOWN && (largest < own || (largest == own && i > shard->index))))
            continue;
        any = true;
        if (largest == CLIENT_UNKNOWN || largest > CLIENT_NONE)
            mesh_wake(&shard->port, shard->loop, i);
    }
    return any;
}

static void close_client(struct shard *shard, struct session *session)
{
    client_line_log(LOG_NOTICE, "Evicting client", session, &shard->core.memory, shard->now_ms);
    shard->core.stats.clients_evicted++;
    session_kill(&shard->core.sessions, session);
}

/* As long as it is this shard's turn. */
static void close_largest(struct shard *shard, size_t limit_bytes)
{
    struct memory_share *share = &shard->group->shares[shard->index];

    while (bytes_of_all(shard->group) >= limit_bytes) {
        struct session *session = sessions_largest(&shard->core.sessions);
        size_t largest = session ? session->total_bytes + 1 : CLIENT_NONE;

        say(&share->largest_client, largest);
        if (wake_larger(shard, largest) || !session)
            return;
        close_client(shard, session);
        say(&share->clients_bytes, shard->core.sessions.total_bytes);
    }
    say(&share->largest_client, CLIENT_UNKNOWN);
}

void client_limit_turn(struct shard *shard)
{
    struct memory_share *share = &shard->group->shares[shard->index];
    size_t limit_bytes;

    say(&share->clients_bytes, shard->core.sessions.total_bytes);
    limit_bytes = config_client_limit(&shard->core.config);
    if (limit_bytes == 0)
        return;
    loop_await_sends(shard->loop); /* what they have taken counts for the others, too */
    close_largest(shard, limit_bytes);
    if (shard->core.sessions.attention) {
        shard_attend_sessions(shard);
        loop_run_deferred(shard->loop);
    }
}
