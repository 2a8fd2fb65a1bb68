#include "net/conn.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/memory.h"
#include "core/transaction.h"
#include "net/conn_limits.h"
#include "net/conn_move.h"
#include "net/conn_requests.h"
#include "net/net.h"
#include "shards/blocked.h"

enum { QUERY_KEPT_BYTES = 4096 /* an empty query buffer larger than this is freed */ };

static void parse_query(struct conn *conn);

/* End of life. */

static bool is_moving(const struct conn *conn)
{
    return conn->place > CONN_STOPS_RECEIVING;
}

/* Its session has left, its descriptor is closed or another shard's. */
static void free_conn(struct conn *conn)
{
    session_forget(&conn->session);
    resp_parser_deinit(&conn->parser);
    buffer_deinit(&conn->query);
    output_deinit(&conn->output);
    memory_free(&conn->shard->core.memory, conn);
}

static void destroy_if_unused(struct conn *conn)
{
    struct shard *shard = conn->shard;

    if (!conn->closing || conn->receiving || conn->sending || conn->pipeline.count > 0 || conn->flush.deferred ||
        conn->attention.deferred || conn->place != CONN_AT_HOME)
        return;
    net_gather_end(conn->net, conn);
    net_keep_end(conn->net, conn);
    loop_close_fd(shard->loop, conn->fd);
    session_leave(&shard->core.sessions, &conn->session);
    net_count_out(conn->net->net, shard->index);
    free_conn(conn);
}

void conn_flush_later(struct conn *conn)
{
    loop_defer(conn->shard->loop, &conn->flush);
}

void conn_stop_receiving(struct conn *conn)
{
    if (!conn->receiving || conn->cancelling)
        return;
    conn->cancelling = true;
    loop_cancel(conn->shard->loop, &conn->receive);
}

void conn_close(struct conn *conn)
{
    if (conn->closing)
        return;
    conn->closing = conn->session.closing = true;
    net_keep_end(conn->net, conn);
    conn_requests_leave_channels(conn);
    conn_requests_end_watches(conn);
    blocked_end(conn->shard, &conn->session, WAITER_GONE);
    conn_stop_receiving(conn);
    if (conn->sending)
        shutdown(conn->fd, SHUT_RDWR); /* ends a send that the client does not take */
    conn_flush_later(conn);
}

/* Receiving. */

static void start_receiving(struct conn *conn)
{
    if (conn->receiving || conn->closing || conn->input_ended || conn->session.close_after_reply ||
        conn->place != CONN_AT_HOME)
        return;
    conn->receiving = true;
    loop_receive(conn->shard->loop, &conn->receive, conn->fd);
}

/* Requests of this turn may point into the query buffer; before its bytes move they copy what they need. */
static void compact_query(struct conn *conn)
{
    if (conn->parsed == 0)
        return;
    pipeline_own_arguments(&conn->pipeline, &conn->shard->requests);
    buffer_consume(&conn->query, conn->parsed);
    conn->parsed = 0;
}

static void parse_query(struct conn *conn)
{
    struct str rest = {conn->query.bytes + conn->parsed, conn->query.length - conn->parsed};
    size_t consumed = rest.length > 0 ? conn_requests_parse(conn, rest) : 0;

    conn->parsed += consumed;
    if (consumed > 0)
        conn_flush_later(conn);
}

static void take_bytes(struct conn *conn, struct str bytes)
{
    if (conn->query.length == conn->parsed) {
        size_t consumed = conn_requests_parse(conn, bytes); /* the common case: whole requests, parsed where they lie */

        bytes.bytes += consumed;
        bytes.length -= consumed;
        if (bytes.length > 0) {
            compact_query(conn);
            buffer_append_str(&conn->query, bytes);
        }
    } else {
        compact_query(conn);
        buffer_append_str(&conn->query, bytes);
        parse_query(conn);
    }
    if (!conn_check_query_limit(conn))
        return;
    if ((conn->paused || !conn_may_start(conn)) && conn->query.length - conn->parsed > CONN_UNPARSED_MOST)
        conn_stop_receiving(conn);
}

/* A large answer is a chunk of its own size. */
static size_t output_bytes(const struct conn *conn)
{
    size_t chunks = (size_t)conn->output.chunks * OUTPUT_CHUNK_BYTES;

    return (conn->output.bytes > chunks ? conn->output.bytes : chunks) + conn->pipeline.ready_bytes +
           conn->session.pushes.bytes;
}

static void note_sizes(struct conn *conn)
{
    struct session *session = &conn->session;
    size_t queued = session->transaction ? session->transaction->bytes : 0;

    session->query_buffer_bytes = conn->query.length;
    session->query_free_bytes = conn->query.capacity - conn->query.length;
    session->output_bytes = conn->output.bytes;
    session->output_chunks = (size_t)conn->output.chunks;
    session_note_bytes(&conn->shard->core.sessions, session,
                       sizeof *conn + conn->query.capacity + output_bytes(conn) + queued);
}

static void received(struct completion *completion)
{
    struct conn *conn = (struct conn *)((char *)completion - offsetof(struct conn, receive));

    if (!completion->more) {
        conn->receiving = false;
        conn->cancelling = false;
    }
    if (completion->result > 0) {
        conn->session.active_ms = shard_now_ms(conn->shard); /* a large request may take long to arrive */
        conn->session.received_bytes += (uint64_t)completion->result;
        conn->shard->core.stats.received_bytes += (uint64_t)completion->result;
        conn->shard->core.stats.receives++;
        if (!conn->closing && !conn->session.close_after_reply)
            take_bytes(conn, (struct str){completion->bytes, (size_t)completion->result});
        if (conn->query.length > 0)
            note_sizes(conn);
    } else if (completion->result == 0) {
        conn->input_ended = true;
        blocked_end(conn->shard, &conn->session, WAITER_GONE);
        conn_flush_later(conn);
    } else if (completion->result != -ECANCELED) {
        conn_close(conn);
    }
    if (!conn->receiving)
        conn_flush_later(conn);
}

void conn_resume(struct conn *conn)
{
    conn->paused = false;
    if (conn->closing || !conn_may_start(conn))
        return;
    parse_query(conn);
    if (conn_may_start(conn) || conn->query.length - conn->parsed <= CONN_UNPARSED_MOST)
        start_receiving(conn);
}

/* Sending. */

/* Nothing is under way that could tell of a write, and what has left was safe. */
static void forget_writes(struct conn *conn)
{
    if (conn->pipeline.count == 0)
        conn->tells_of_writes = false;
}

/* Up to which stamp everything is to be safe before answers leave; 0: they may. While the disk fails those that only
 * read go on, and see what there is. */
static uint64_t answers_wait_for(struct conn *conn)
{
    uint64_t until = aof_answers_wait_for(conn->shard);

    if (until == 0)
        forget_writes(conn);
    return conn->shard->core.aof.error != 0 && !conn->tells_of_writes ? 0 : until;
}

/* Answers leave when what they may show would survive a crash. Those that come meanwhile wait together for the next
 * time. */
static void let_leave(struct conn *conn)
{
    uint64_t until;

    if (conn->kept_until > 0 || conn->output.leaving == conn->output.chunks)
        return;
    until = answers_wait_for(conn);
    if (until == 0) {
        output_let_leave(&conn->output);
        return;
    }
    output_seal(&conn->output);
    net_keep(conn->net, conn, until);
}

void conn_send_kept(struct conn *conn)
{
    if (conn->output.sealed == conn->output.chunks)
        forget_writes(conn);
    output_let_sealed_leave(&conn->output);
    conn_flush_later(conn);
}

/* Something is to be done when the send is over. Else it makes no difference when we hear of that: answers and messages
 * leave without a turn of the shard for their end. A large one's memory is wanted back. */
static void await_send(struct conn *conn)
{
    bool has_more = conn->output.chunks > conn->output.sending, is_large = conn->output.bytes > OUTPUT_CHUNK_BYTES;

    if (conn->sending &&
        (has_more || is_large || conn->closing || conn->input_ended || conn->session.close_after_reply))
        loop_await_send(conn->shard->loop, &conn->send);
}

static void start_send(struct conn *conn)
{
    int vectors;

    net_gather_end(conn->net, conn);
    if (conn->sending || conn->closing)
        return;
    let_leave(conn);
    vectors = output_start_send(&conn->output, conn->vectors);
    if (vectors == 0)
        return;
    conn->sending = true;
    conn->session.active_ms = shard_now_ms(conn->shard);
    loop_send_quietly(conn->shard->loop, &conn->send, conn->fd, conn->vectors, vectors);
    await_send(conn);
}

/* In a pipeline over several shards the answers of this shard are ready at once,
 * those of others some microseconds later. Sending each lot as it comes would
 * double the system calls; so what is ready waits for the rest, up to a millisecond or a chunk. */
static bool should_gather(const struct conn *conn)
{
    return conn->pipeline.count > 0 && conn->output.bytes < OUTPUT_CHUNK_BYTES;
}

void conn_send_gathered(struct conn *conn)
{
    start_send(conn);
}

static void sent(struct completion *completion)
{
    struct conn *conn = (struct conn *)((char *)completion - offsetof(struct conn, send));

    conn->sending = false;
    output_sent(&conn->output);
    if (completion->result < 0) {
        conn_close(conn);
    } else {
        if (completion->waited) /* else we may hear of it long afterwards */
            conn->session.active_ms = shard_now_ms(conn->shard);
        conn->session.sent_bytes += (uint64_t)completion->result;
        conn->shard->core.stats.sent_bytes += (uint64_t)completion->result;
        conn->shard->core.stats.sends++;
    }
    if (conn->output.bytes > 0 || conn->closing || conn->input_ended || conn->session.close_after_reply ||
        conn->query.length > 0)
        conn_flush_later(conn);
    else
        note_sizes(conn);
}

static void trim_query(struct conn *conn)
{
    compact_query(conn);
    if (conn->query.length == 0 && conn->query.capacity > QUERY_KEPT_BYTES)
        buffer_deinit(&conn->query);
}

/* Whether nothing more comes from the client, and all that came is answered.
 * What CLIENT PAUSE holds back is not waited for. */
static bool is_finished(const struct conn *conn)
{
    return (conn->input_ended || conn->session.close_after_reply) && conn->pipeline.count == 0 && !conn->sending &&
           conn->kept_until == 0;
}

/* Nobody will read them: their memory does not wait for the last request to come back. */
static void drop_answers(struct conn *conn)
{
    pipeline_drop_answers(&conn->pipeline);
    pushes_clear(&conn->session.pushes, conn->session.memory);
    if (!conn->sending)
        output_deinit(&conn->output);
}

static void drain(struct conn *conn)
{
    conn_note_answers(conn,
                      pipeline_drain(&conn->pipeline, &conn->output, &conn->shard->requests, conn->session.blocked));
    if (conn->pipeline.count == 0)
        conn->fenced = conn->session.subscriptions.change_ahead = false; /* it was the last */
}

/* The end of a turn in which something happened to this connection. */
static void flush(struct completion *completion)
{
    struct conn *conn = (struct conn *)((char *)completion - offsetof(struct conn, flush));

    if (is_moving(conn)) {
        if (conn->place == CONN_GONE)
            free_conn(conn);
        return;
    }
    if (conn->closing)
        drop_answers(conn);
    drain(conn);
    trim_query(conn);
    if (!conn->closing && conn_check_output_limit(conn)) {
        if (should_gather(conn))
            net_gather(conn->net, conn);
        else
            start_send(conn);
        if (!conn->paused)
            conn_resume(conn);
        if (is_finished(conn))
            conn_close(conn);
    }
    note_sizes(conn);
    await_send(conn);
    if (__builtin_expect(conn_move_is_due(conn), 0))
        conn_move_go_on(conn);
    destroy_if_unused(conn);
}

/* CLIENT KILL or UNBLOCK, or a pause that began or ended. */
static void attend(struct completion *completion)
{
    struct conn *conn = (struct conn *)((char *)completion - offsetof(struct conn, attention));

    if (conn->session.killed) {
        router_drop_held(conn->shard, &conn->origin);
        conn_close(conn);
    } else {
        if (conn->session.unblock != SESSION_UNBLOCK_NONE)
            blocked_end(conn->shard, &conn->session,
                        conn->session.unblock == SESSION_UNBLOCK_ERROR ? WAITER_UNBLOCKED : WAITER_TIMED_OUT);
        router_resume(conn->shard);
        if (conn->paused)
            conn_resume(conn);
    }
    conn_flush_later(conn);
}

/* All but its session's id and what the client sets. */
static struct conn *create(struct net_shard *net, int fd, bool unix_socket, const char *peer, const char *local)
{
    struct shard *shard = net->shard;
    struct conn *conn = memory_alloc_zeroed(&shard->core.memory, sizeof *conn);

    conn->net = net;
    conn->shard = shard;
    conn->fd = fd;
    conn->session.fd = fd;
    conn->session.unix_socket = unix_socket;
    conn->session.attention = &conn->attention;
    conn->session.flush = &conn->flush;
    snprintf(conn->session.peer, sizeof conn->session.peer, "%s", peer);
    snprintf(conn->session.local, sizeof conn->session.local, "%s", local);
    conn->origin.peer = conn->session.peer;
    resp_parser_init(&conn->parser, &shard->core.memory);
    buffer_init(&conn->query, &shard->core.memory, NULL, 0);
    pipeline_init(&conn->pipeline, &conn->session.pushes);
    output_init(&conn->output, &net->chunks);
    conn->receive.done = received;
    conn->send.done = sent;
    conn->flush.done = flush;
    conn->attention.done = attend;
    if (shard->core.config.timeout_s > 0)
        net_need_sweep(net);
    return conn;
}

void conn_open(struct net_shard *net, int fd, bool unix_socket, const char *peer, const char *local)
{
    struct shard *shard = net->shard;
    struct conn *conn = create(net, fd, unix_socket, peer, local);

    conn_note_answer(conn, CONN_ANSWER_GUESS);
    conn->session.authenticated = shard->core.config.requirepass[0] == '\0';
    session_begin(&shard->core.sessions, &conn->session, shard_now_ms(shard));
    shard->core.stats.connections_accepted++;
    start_receiving(conn);
}

struct conn *conn_take_over(struct net_shard *net, const struct conn *old)
{
    const struct session *session = &old->session;
    struct conn *conn = create(net, old->fd, session->unix_socket, session->peer, session->local);

    session_continue(&net->shard->core.sessions, &conn->session, session);
    conn->in_flight_most = old->in_flight_most;
    conn->by_answers_most = old->by_answers_most;
    conn->answer_bytes = old->answer_bytes;
    conn->request_ns = old->request_ns;
    conn->not_staged = session->commands;
    conn->moved_ms = shard_now_ms(net->shard);
    conn->place = CONN_ARRIVES;
    net->shard->core.stats.connections_moved++;
    return conn;
}

void conn_settle(struct conn *conn, bool closes)
{
    conn->place = CONN_AT_HOME;
    if (closes)
        conn_close(conn);
    conn_flush_later(conn);
}
