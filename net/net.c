#include "net/net.h"

#include <errno.h>
#include <stdatomic.h>

#include "core/log.h"
#include "core/memory.h"
#include "net/acceptor.h"
#include "net/address.h"
#include "net/conn.h"
#include "net/conn_limits.h"
#include "net/conn_move.h"
#include "shards/errand.h"

enum { SWEEP_MS = 1000, GATHER_MS = 1 };

/* Handing a socket to the shard with the fewest. */

struct handoff {
    struct errand errand;
    struct net_shard *to;
    int fd;
    bool unix_socket;
    struct address_pair addresses;
};

static int least_loaded(const struct net *net)
{
    int best = 0, fewest = atomic_load_explicit(&net->load[0].connections, memory_order_relaxed);

    for (int i = 1; i < net->group->count; i++) {
        int connections = atomic_load_explicit(&net->load[i].connections, memory_order_relaxed);

        if (connections < fewest) {
            best = i;
            fewest = connections;
        }
    }
    return best;
}

static void add(_Atomic(int) *count, int more)
{
    atomic_fetch_add_explicit(count, more, memory_order_relaxed);
}

void net_count_in(struct net *net, int shard)
{
    add(&net->load[shard].connections, 1);
    add(&net->connections, 1);
}

void net_count_out(struct net *net, int shard)
{
    add(&net->load[shard].connections, -1);
    add(&net->connections, -1);
}

static void count_over(struct net *net, int from, int to)
{
    add(&net->load[to].connections, 1);
    add(&net->load[from].connections, -1);
}

bool net_take_place(struct net *net, int from, int to)
{
    int here = atomic_load_explicit(&net->load[from].connections, memory_order_relaxed);

    if (atomic_load_explicit(&net->load[to].connections, memory_order_relaxed) > here + CONN_MOVE_MORE)
        return false;
    count_over(net, from, to);
    return true;
}

void net_return_place(struct net *net, int from, int to)
{
    count_over(net, to, from);
}

/* On the receiving shard. */
static void take_over(struct completion *completion)
{
    struct handoff *handoff = (struct handoff *)((char *)completion - offsetof(struct handoff, errand.completion));
    struct net_shard *to = handoff->to;
    struct memory *memory = &to->shard->core.memory;

    memory_recharge(NULL, memory, handoff);
    if (to->stopped)
        loop_close_fd(to->shard->loop, handoff->fd); /* it was under way when the server was told to stop */
    else
        conn_open(to, handoff->fd, handoff->unix_socket, handoff->addresses.peer, handoff->addresses.local);
    memory_free(memory, handoff);
}

static void hand_over(struct net_shard *from, struct net_shard *to, int fd, bool unix_socket,
                      const struct address_pair *addresses)
{
    struct memory *memory = &from->shard->core.memory;
    struct handoff *handoff = memory_alloc_zeroed(memory, sizeof *handoff);

    handoff->to = to;
    handoff->fd = fd;
    handoff->unix_socket = unix_socket;
    handoff->addresses = *addresses;
    handoff->errand.completion.done = take_over;
    memory_recharge(memory, NULL, handoff);
    errand_send(from->shard, to->shard->index, &handoff->errand);
}

static bool may_connect(struct net *net, int fd, const struct listener *listener, const struct address_pair *addresses)
{
    struct core *core = &net->group->shards[0]->core;
    const char *refusal = NULL;

    if (atomic_load_explicit(&net->connections, memory_order_relaxed) >= core->config.maxclients)
        refusal = "-ERR max number of clients reached\r\n";
    else if (core->config.protected_mode && core->config.requirepass[0] == '\0' && !listener->unix_socket &&
             !addresses->peer_is_local)
        refusal = "-DENIED Shoal is in protected mode: no password is set, so only connections from this host are "
                  "taken. Set a password (requirepass), or turn the protection off from this host (CONFIG SET "
                  "protected-mode no), or start the server with '--protected-mode no'.\r\n";
    if (!refusal)
        return true;
    address_refuse(fd, refusal);
    core->stats.connections_rejected++;
    return false;
}

void net_connected(struct net *net, int fd, const struct listener *listener)
{
    struct net_shard *from = &net->shards[0];
    struct address_pair addresses = address_pair_of(fd, listener);
    int target;

    if (from->stopped || !may_connect(net, fd, listener, &addresses)) {
        loop_close_fd(from->shard->loop, fd);
        return;
    }
    if (!listener->unix_socket)
        address_tune(fd, from->shard->core.config.tcp_keepalive_s);
    target = least_loaded(net);
    net_count_in(net, target);
    if (target == 0)
        conn_open(from, fd, listener->unix_socket, addresses.peer, addresses.local);
    else
        hand_over(from, &net->shards[target], fd, listener->unix_socket, &addresses);
}

/* Timers. */

static void sweep(struct completion *completion)
{
    struct net_shard *net = (struct net_shard *)((char *)completion - offsetof(struct net_shard, sweep_due));
    struct sessions *sessions = &net->shard->core.sessions;
    bool again = net->shard->core.config.timeout_s > 0 && sessions->count > 0;

    for (struct session *session = sessions->oldest; session; session = session->next)
        again |= conn_sweep(conn_of_session(session), shard_now_ms(net->shard)); /* closes, but frees only later */
    if (again)
        net_need_sweep(net);
}

void net_need_sweep(struct net_shard *net)
{
    if (!net->sweep.armed)
        timer_arm(&net->shard->timers, &net->sweep, shard_now_ms(net->shard) + SWEEP_MS);
}

static void resume(struct net_shard *net)
{
    struct sessions *sessions = &net->shard->core.sessions;

    for (struct session *session = sessions->oldest; session; session = session->next)
        if (conn_of_session(session)->paused)
            conn_resume(conn_of_session(session));
}

static void resume_paused(struct completion *completion)
{
    resume((struct net_shard *)((char *)completion - offsetof(struct net_shard, pause_over)));
}

void net_wait_pause(struct net_shard *net)
{
    timer_arm(&net->shard->timers, &net->pause_end, net->shard->core.sessions.pause_until_ms);
}

static void send_gathered(struct completion *completion)
{
    struct net_shard *net = (struct net_shard *)((char *)completion - offsetof(struct net_shard, gathered));

    while (net->gathering)
        conn_send_gathered(net->gathering);
}

/* The timer is left to run when the answers have come: it fires once a millisecond at most while there is traffic. */
void net_gather(struct net_shard *net, struct conn *conn)
{
    if (conn->gathering)
        return;
    conn->gathering = true;
    conn->gathering_previous = NULL;
    conn->gathering_next = net->gathering;
    if (net->gathering)
        net->gathering->gathering_previous = conn;
    net->gathering = conn;
    if (!net->gather_end.armed)
        timer_arm(&net->shard->timers, &net->gather_end, shard_now_ms(net->shard) + GATHER_MS);
}

void net_gather_end(struct net_shard *net, struct conn *conn)
{
    if (!conn->gathering)
        return;
    conn->gathering = false;
    *(conn->gathering_previous ? &conn->gathering_previous->gathering_next : &net->gathering) = conn->gathering_next;
    if (conn->gathering_next)
        conn->gathering_next->gathering_previous = conn->gathering_previous;
}

/* Answers that wait for the disk. */

static void note_kept(struct net_shard *net)
{
    aof_keep_answers(net->shard, net->kept ? net->kept->kept_until : 0);
}

/* Stamps that are asked for later are not lower. */
void net_keep(struct net_shard *net, struct conn *conn, uint64_t until)
{
    conn->kept_until = until;
    conn->kept_next = NULL;
    conn->kept_previous = net->last_kept;
    *(net->last_kept ? &net->last_kept->kept_next : &net->kept) = conn;
    net->last_kept = conn;
    note_kept(net);
}

void net_keep_end(struct net_shard *net, struct conn *conn)
{
    if (conn->kept_until == 0)
        return;
    conn->kept_until = 0;
    *(conn->kept_previous ? &conn->kept_previous->kept_next : &net->kept) = conn->kept_next;
    *(conn->kept_next ? &conn->kept_next->kept_previous : &net->last_kept) = conn->kept_previous;
    note_kept(net);
}

/* Nothing becomes safe any more. */
static void send_those_that_read(struct net_shard *net)
{
    for (struct conn *conn = net->kept, *next; conn; conn = next) {
        next = conn->kept_next;
        if (conn->tells_of_writes)
            continue;
        net_keep_end(net, conn);
        conn_send_kept(conn);
    }
}

static void send_kept(struct completion *completion)
{
    struct net_shard *net = (struct net_shard *)((char *)completion - offsetof(struct net_shard, durable));
    uint64_t safe = aof_safe(net->shard);

    while (net->kept && net->kept->kept_until <= safe) {
        struct conn *conn = net->kept;

        net_keep_end(net, conn);
        conn_send_kept(conn);
    }
    if (net->shard->core.aof.error != 0)
        send_those_that_read(net);
    if (net->disk_holds && !net->shard->core.aof.behind) {
        net->disk_holds = false;
        resume(net);
    }
}

/* Start and stop of one shard. */

static void shard_started(struct completion *completion)
{
    struct net_shard *net = (struct net_shard *)((char *)completion - offsetof(struct net_shard, started));

    output_pool_init(&net->chunks, &net->shard->core.memory);
    if (net->shard->index == 0)
        acceptors_start(net->net);
}

/* CONFIG SET timeout holds for connections that are there already. */
static void shard_configured(struct completion *completion)
{
    struct net_shard *net = (struct net_shard *)((char *)completion - offsetof(struct net_shard, configured));

    if (net->shard->core.config.timeout_s > 0)
        net_need_sweep(net);
}

static void shard_stopping(struct completion *completion)
{
    struct net_shard *net = (struct net_shard *)((char *)completion - offsetof(struct net_shard, stopping));
    struct sessions *sessions = &net->shard->core.sessions;

    net->stopped = true;
    if (net->shard->index == 0)
        acceptors_stop(net->net);
    for (struct session *session = sessions->oldest; session; session = session->next)
        conn_close(conn_of_session(session));
}

void net_init(struct net *net, struct memory *memory, struct shard_group *group, struct listener *listeners,
              int listener_count)
{
    size_t count = (size_t)group->count;

    *net = (struct net){.group = group, .listeners = listeners, .listener_count = listener_count, .memory = memory};
    net->shards = memory_alloc_zeroed(memory, count * sizeof *net->shards);
    net->load = memory_alloc_aligned(memory, count * sizeof *net->load, 64);
    net->acceptors = acceptors_create(net);
    for (int i = 0; i < group->count; i++) {
        struct net_shard *shard = &net->shards[i];

        atomic_init(&net->load[i].connections, 0);
        *shard = (struct net_shard){.net = net, .shard = group->shards[i]};
        shard->started.done = shard_started;
        shard->configured.done = shard_configured;
        shard->stopping.done = shard_stopping;
        shard->sweep_due.done = sweep;
        shard->sweep.completion = &shard->sweep_due;
        shard->pause_over.done = resume_paused;
        shard->pause_end.completion = &shard->pause_over;
        shard->gathered.done = send_gathered;
        shard->gather_end.completion = &shard->gathered;
        shard->durable.done = send_kept;
        group->shards[i]->durable = &shard->durable;
        group->shards[i]->started = &shard->started;
        group->shards[i]->configured = &shard->configured;
        group->shards[i]->stopping = &shard->stopping;
    }
}

void net_deinit(struct net *net)
{
    for (int i = 0; i < net->group->count; i++)
        if (net->shards[i].chunks.memory)
            output_pool_deinit(&net->shards[i].chunks);
    acceptors_destroy(net);
    memory_free(net->memory, net->load);
    memory_free(net->memory, net->shards);
}
