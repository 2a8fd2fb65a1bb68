/* 1. The receive is cancelled, and its last completion and that of a send are awaited. Whatever else happens to the
 *    connection meanwhile ends the attempt, and it is received from again.
 * 2. A part goes to the old and to the new shard, in one batch and so with one stamp. The session leaves the sessions
 * of the one and is among those of the other from that stamp on: CLIENT LIST and KILL, INFO and whoever else asks all
 *    shards finds it once, whenever each of the two comes to its part. The new shard reads from the old session what
 * its client has set, which nobody changes: all of its requests are answered, and it has none.
 * 3. When both have been executed the old shard has its last word, an errand: the descriptor is the new shard's, which
 *    begins to receive, or closes it if the client has been killed here before the stamp.
 *
 * Why this keeps the order (G2, G3): all that the client has sent before was answered before the parts were staged.
 * What it sends next is read after the last word, so it is stamped after that was heard, and all before had been
 * published and executed when it was said. It is as if the client had closed a connection and opened another one behind
 * its last answer. */
#include "net/conn_move.h"

#include <stdatomic.h>

#include "core/call.h"
#include "core/command.h"
#include "core/memory.h"
#include "net/net.h"
#include "shards/errand.h"
#include "shards/scatter.h"

struct conn_move {
    struct errand errand; /* the last word */
    struct shard *old_shard;
    struct net_shard *new_net;
    struct conn *old_conn;
    struct conn *new_conn; /* NULL until the new shard has taken it; it does not if it is about to stop */
    bool closes, stays;    /* the last word */
    struct str argument;   /* the parts', this move itself */
};

/* Whether it moves. */

/* Seven of eight of its requests have gone to one other shard. */
static bool leans(const struct conn *conn)
{
    return conn->origin.crossings * UINT64_C(8) >= (conn->session.commands - conn->not_staged) * 7;
}

static bool is_idle(const struct origin *origin)
{
    return (origin->held | origin->tried | origin->behind | origin->awaited | origin->publishing) == 0 &&
           !origin->bounced_first && !origin->dropped;
}

static bool has_rested(struct conn *conn)
{
    return shard_now_ms(conn->shard) - conn->moved_ms >= simulate_move_rest_ms(CONN_MOVE_REST_MS);
}

static bool session_may_leave(const struct session *session)
{
    return !session->stays && !session->closing && !session->killed && !session->close_after_reply &&
           !session->transaction && !session->rest.command && !session->waiter && !session->pushed &&
           !session->attention_pending && !pushes_has_some(&session->pushes);
}

/* But for the receive, and for a send. */
static bool has_nothing_under_way(const struct conn *conn)
{
    return conn->pipeline.count == 0 && conn->query.length == 0 && conn->kept_until == 0 && !conn->gathering &&
           !conn->paused && !conn->fenced && !conn->closing && !conn->input_ended && is_idle(&conn->origin);
}

/* While a script is busy the new shard does not come to its part, and the client could not even kill the script. */
static bool may_move(const struct conn *conn)
{
    return has_nothing_under_way(conn) && session_may_leave(&conn->session) && !conn->net->stopped &&
           !conn->shard->loading && !busy_is_any(conn->shard->group);
}

static bool may_be_handed_over(const struct conn *conn)
{
    return may_move(conn) && conn->output.bytes == 0 && !conn->sending && !conn->attention.deferred;
}

/* The end of an attempt. */

static void stay(struct conn *conn)
{
    net_return_place(conn->net->net, conn->shard->index, conn->next_shard);
    conn->place = CONN_AT_HOME;
    conn_flush_later(conn);
}

/* The shards' parts. */

static void last_word(struct completion *completion)
{
    struct conn_move *move = (struct conn_move *)((char *)completion - offsetof(struct conn_move, errand.completion));
    struct conn *conn = move->new_conn;
    struct memory *memory = &conn->shard->core.memory;

    conn->session.stays |= move->stays;
    conn_settle(conn, move->closes);
    memory_recharge(NULL, memory, move);
    memory_free(memory, move);
}

static void say_last_word(struct shard *shard, struct conn_move *move)
{
    move->closes = move->old_conn->closing || move->old_conn->session.killed;
    move->stays = move->old_conn->session.stays;
    move->errand.completion = (struct completion){.done = last_word};
    memory_recharge(&shard->core.memory, NULL, move);
    errand_send(shard, move->new_net->shard->index, &move->errand);
}

/* Both parts have been executed. */
static void parts_done(struct request *request)
{
    struct conn_move *move = (struct conn_move *)(uintptr_t)request->argv[0].bytes;
    struct shard *shard = move->old_shard;
    struct conn *conn = move->old_conn;

    request_give_back(&shard->requests, request);
    if (move->new_conn) {
        say_last_word(shard, move);
    } else {
        loop_close_fd(shard->loop, conn->fd);
        net_count_out(conn->net->net, conn->next_shard);
        memory_free(&shard->core.memory, move);
    }
    conn->place = CONN_GONE;
    conn_flush_later(conn);
}

static void run_part(struct call *call)
{
    struct conn_move *move = (struct conn_move *)(uintptr_t)call->argv[0].bytes;

    if (call->core == &move->old_shard->core) {
        session_leave(&call->core->sessions, &move->old_conn->session);
        move->old_conn->place = CONN_LEFT;
    } else if (!move->new_net->stopped) {
        move->new_conn = conn_take_over(move->new_net, move->old_conn);
    }
}

static const struct command part = {.name = "move", .run = run_part, .route = ROUTE_SCATTER, .flags = CMD_SKIP_SLOWLOG};

static struct conn_move *create(struct conn *conn)
{
    struct net *net = conn->net->net;
    struct conn_move *move = memory_alloc_zeroed(&conn->shard->core.memory, sizeof *move);

    move->old_shard = conn->shard;
    move->old_conn = conn;
    move->new_net = &net->shards[conn->next_shard];
    move->argument = (struct str){(const char *)move, sizeof *move};
    return move;
}

static struct request *take_request(struct conn *conn, struct conn_move *move)
{
    struct request *request = request_take_lent(&conn->shard->requests, &move->argument, 1, conn->session.protocol);

    request->command = &part;
    request->origin = &conn->origin;
    request->done = parts_done;
    return request;
}

static void hand_over(struct conn *conn)
{
    struct shard *shard = conn->shard;
    struct conn_move *move = create(conn);
    struct request *request = take_request(conn, move);

    owners_clear(&shard->owners);
    owners_add(&shard->owners, shard->index);
    owners_add(&shard->owners, move->new_net->shard->index);
    if (scatter_stage_lent(shard, request, &shard->owners)) {
        conn->place = CONN_LEAVES;
        conn->session.moves_to = (uint16_t)(1 + conn->next_shard);
        return;
    }
    request_give_back(&shard->requests, request);
    memory_free(&shard->core.memory, move);
    stay(conn);
}

/* The beginning. */

static void begin(struct conn *conn)
{
    bool wants = leans(conn);

    conn->origin.crossings = 0;
    conn->not_staged = conn->session.commands;
    if (!wants || !may_move(conn) || !has_rested(conn) ||
        !net_take_place(conn->net->net, conn->shard->index, conn->origin.crossed_to))
        return;
    conn->next_shard = conn->origin.crossed_to;
    conn->place = CONN_STOPS_RECEIVING;
    conn_stop_receiving(conn);
    if (conn->sending)
        loop_await_send(conn->shard->loop, &conn->send);
}

void conn_move_go_on(struct conn *conn)
{
    if (conn->place == CONN_AT_HOME && conn->pipeline.count == 0)
        begin(conn);
    if (conn->place != CONN_STOPS_RECEIVING || conn->receiving)
        return;
    if (may_be_handed_over(conn))
        hand_over(conn);
    else
        stay(conn);
}
