#include "net/conn_limits.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include "core/client_line.h"
#include "core/client_type.h"
#include "core/transaction.h"
#include "net/conn.h"
#include "net/net.h"

enum { TIME_LEAST_NS = 64 }; /* of a request on average; less does not matter, and the average of few is not exact */

static const struct config *config_of(const struct conn *conn)
{
    return &conn->shard->core.config;
}

/* What MONITOR shows is not asked for bit by bit: where nothing else limits it, it is held to what subscribers are. */
static const struct config_output_limit *output_limit(const struct conn *conn)
{
    const struct config_output_limit *limits = config_of(conn)->output_limits, *normal = &limits[CLIENT_CLASS_NORMAL];
    bool unlimited = normal->hard_bytes == 0 && normal->soft_bytes == 0;

    if (client_type_of(&conn->session) == CLIENT_TYPE_PUBSUB || (conn->session.monitoring && unlimited))
        return &limits[CLIENT_CLASS_PUBSUB];
    return normal;
}

static __attribute__((noinline)) bool is_unlimited(const struct conn *conn)
{
    const struct config_output_limit *limit = output_limit(conn);

    return limit->hard_bytes == 0 && limit->soft_bytes == 0;
}

/* A client with an output limit is closed at it, as in Redis; one without is held back instead, so that its memory
 * stays bounded. */
static inline bool output_is_full(const struct conn *conn)
{
    return __builtin_expect(conn->output.bytes > CONN_UNREAD_OUTPUT_MOST, 0) && is_unlimited(conn);
}

static int by_time_most(const struct conn *conn)
{
    if (conn->request_ns <= CONN_SHARE_NS / CONN_IN_FLIGHT_MOST)
        return CONN_IN_FLIGHT_MOST;
    return conn->request_ns < CONN_SHARE_NS ? (int)(CONN_SHARE_NS / conn->request_ns) : 1;
}

static void limit_in_flight(struct conn *conn)
{
    int by_time = by_time_most(conn);

    conn->in_flight_most = by_time < conn->by_answers_most ? by_time : conn->by_answers_most;
}

static void expect_answers_of(struct conn *conn, size_t bytes)
{
    conn->answer_bytes = bytes > CONN_ANSWER_LEAST ? bytes : CONN_ANSWER_LEAST;
    conn->by_answers_most = bytes < CONN_ANSWERS_MOST ? (int)(CONN_ANSWERS_MOST / conn->answer_bytes) : 1;
    limit_in_flight(conn);
}

void conn_note_answer(struct conn *conn, size_t bytes)
{
    if (bytes > conn->answer_bytes)
        expect_answers_of(conn, bytes);
}

/* The average of late: of a long pipeline all counts at once, of single requests the last dozens. */
static __attribute__((noinline)) void expect_times_of(struct conn *conn, int count)
{
    conn->request_ns += (conn->spent_ns - count * conn->request_ns) / (count + CONN_TIMES_OVER);
    if (conn->request_ns < TIME_LEAST_NS)
        conn->request_ns = 0;
    limit_in_flight(conn);
}

static inline void note_times(struct conn *conn, int count)
{
    if (__builtin_expect(conn->spent_ns > 0 || conn->request_ns > 0, 0)) {
        expect_times_of(conn, count);
        conn->spent_ns = 0;
    }
}

void conn_note_answers(struct conn *conn, int count)
{
    if (count == 0)
        return;
    note_times(conn, count);
    conn->answers += count;
    if (conn->answers < CONN_IN_FLIGHT_MOST)
        return;
    conn->answers = 0;
    expect_answers_of(conn, conn->answer_bytes / 2);
}

bool conn_may_start(const struct conn *conn)
{
    return !conn->closing && !conn->fenced && !conn->session.close_after_reply &&
           conn->pipeline.count < conn->in_flight_most && !output_is_full(conn);
}

static void close_for(struct conn *conn, const char *what)
{
    client_line_log(LOG_WARNING, what, &conn->session, &conn->shard->core.memory, shard_now_ms(conn->shard));
    conn_close(conn);
}

/* What MULTI has queued is part of one large request yet to come. */
static size_t query_bytes(const struct conn *conn)
{
    return conn->query.length + (conn->session.transaction ? conn->session.transaction->bytes : 0);
}

bool conn_check_query_limit(struct conn *conn)
{
    if (query_bytes(conn) <= config_of(conn)->client_query_buffer_limit)
        return true;
    conn->shard->core.stats.clients_killed_by_query_limit++;
    close_for(conn, "Closing client that reached max query buffer length");
    return false;
}

/* All that the client has not taken, whether it could be sent already or waits for an earlier answer. */
static size_t answered_bytes(const struct conn *conn)
{
    return conn->output.bytes + conn->pipeline.ready_bytes + conn->session.pushes.bytes;
}

static bool is_over_soft(struct conn *conn, const struct config_output_limit *limit)
{
    if (limit->soft_bytes == 0 || answered_bytes(conn) <= limit->soft_bytes) {
        conn->over_soft_since_ms = 0;
        return false;
    }
    if (conn->over_soft_since_ms == 0) {
        conn->over_soft_since_ms = shard_now_ms(conn->shard);
        net_need_sweep(conn->net);
    }
    return shard_now_ms(conn->shard) - conn->over_soft_since_ms > limit->soft_seconds * 1000;
}

bool conn_check_output_limit(struct conn *conn)
{
    const struct config_output_limit *limit = output_limit(conn);
    bool over_hard = limit->hard_bytes > 0 && answered_bytes(conn) > limit->hard_bytes;

    if (!over_hard && !is_over_soft(conn, limit))
        return true;
    conn->shard->core.stats.clients_killed_by_output_limit++;
    close_for(conn, "Closing client that reached output buffer limits");
    return false;
}

/* Changes while the client takes bytes: those that it has acknowledged, or on a Unix socket those that it has not yet
 * read. What TCP has queued says nothing: the kernel fills a full queue up again at once. */
static uint64_t taken_by_client(const struct conn *conn)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    int bytes = 0;

    if (!conn->session.unix_socket && getsockopt(conn->fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0)
        return info.tcpi_bytes_acked;
    return ioctl(conn->fd, SIOCOUTQ, &bytes) == 0 ? (uint64_t)bytes : 0;
}

/* A large answer is one send, however long the client takes it; the kernel knows whether it does. */
static void note_progress(struct conn *conn, int64_t now_ms)
{
    uint64_t taken;

    if (!conn->sending || (taken = taken_by_client(conn)) == conn->taken_at_sweep)
        return;
    conn->taken_at_sweep = taken;
    conn->session.active_ms = now_ms;
}

/* A client that waits is not idle: for an answer, for the end of a pause, or for messages. */
static bool is_idle(const struct conn *conn, int64_t timeout_ms, int64_t now_ms)
{
    return conn->pipeline.count == 0 && !conn->paused && !conn->session.monitoring &&
           client_type_of(&conn->session) != CLIENT_TYPE_PUBSUB && now_ms - conn->session.active_ms > timeout_ms;
}

bool conn_sweep(struct conn *conn, int64_t now_ms)
{
    int64_t timeout_ms = (int64_t)config_of(conn)->timeout_s * 1000;

    if (conn->closing || !conn_check_output_limit(conn))
        return false;
    if (timeout_ms == 0)
        return conn->over_soft_since_ms != 0;
    note_progress(conn, now_ms);
    if (is_idle(conn, timeout_ms, now_ms)) {
        log_write(LOG_VERBOSE, "Closing idle client %s", conn->session.peer);
        conn_close(conn);
    }
    return conn->over_soft_since_ms != 0;
}
