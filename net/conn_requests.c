#include "net/conn_requests.h"

#include "core/command.h"
#include "core/command_admit.h"
#include "core/log.h"
#include "core/transaction.h"
#include "net/conn.h"
#include "net/conn_limits.h"
#include "net/net.h"
#include "shards/blocked.h"
#include "shards/transaction.h"

enum {
    UNAUTHENTICATED_ARGUMENTS = 10,
    UNAUTHENTICATED_BULK_BYTES = 16384,
    HTTP_TOLD_EACH_MS = 60000, /* in the log */
};

/* The answer. */

static bool publishes(const struct request *request)
{
    return request->command->pubsub & PUBSUB_PUBLISHES;
}

/* Few are timed, but for those that take long. */
static __attribute__((noinline)) void note_time(struct conn *conn, struct request *request)
{
    conn->spent_ns += publishes(request) ? request->spent_ns / CONN_PUBLISHES_AT_ONCE : request->spent_ns;
    if (request->slow)
        slowlog_take(&conn->shard->core.slowlog, &request->slow, &conn->session);
}

static void request_done(struct request *request)
{
    struct conn *conn = (struct conn *)((char *)request->origin - offsetof(struct conn, origin));

    if (__builtin_expect((uintptr_t)request->slow | (uint64_t)request->spent_ns, 0))
        note_time(conn, request);
    conn_note_answer(conn, request->reply.buffer.length);
    pipeline_finish(&conn->pipeline, request);
    conn_flush_later(conn);
}

/* Requests that no client has sent. */

static struct request *take_unanswered(struct conn *conn, int argc)
{
    struct request *request = shard_take_request(conn->shard, argc, &conn->session);

    request->origin = &conn->origin;
    request->done = request_done;
    request->discard_reply = true;
    return request;
}

/* Where its keys are; the connection goes when they have ended. */
void conn_requests_end_watches(struct conn *conn)
{
    struct request *request;

    transaction_leave(&conn->session);
    if (!conn->session.rest.command)
        return;
    request = take_unanswered(conn, 0);
    transaction_take_rest(request, &conn->session);
    pipeline_push(&conn->pipeline, request);
    router_submit_rest(conn->shard, request);
}

/* Ends all subscriptions, on every shard. */
void conn_requests_leave_channels(struct conn *conn)
{
    for (int kind = 0; kind < CHANNEL_KINDS; kind++) {
        struct request *request;

        if (conn->session.subscriptions.counts[kind] == 0)
            continue;
        request = take_unanswered(conn, 1);
        request->argv[0] = STR("leave");
        request->command = subscriptions_leave(kind);
        request->session = &conn->session;
        pipeline_push(&conn->pipeline, request);
        router_submit(conn->shard, request);
    }
}

/* A request that is admitted begins. */

/* CLIENT REPLY: whether this request's answer is dropped, and what that means for the next. */
static inline bool consume_reply_mode(struct session *session)
{
    if (__builtin_expect(session->reply_mode == SESSION_REPLY_ON, 1))
        return false;
    if (session->reply_mode == SESSION_REPLY_SKIP_NEXT)
        session->reply_mode = SESSION_REPLY_SKIP;
    else if (session->reply_mode == SESSION_REPLY_SKIP)
        session->reply_mode = SESSION_REPLY_ON;
    return true;
}

static void start_local(struct conn *conn, struct request *request)
{
    request->session = &conn->session;
    router_submit(conn->shard, request);
    conn->not_staged++;
    if (consume_reply_mode(&conn->session)) /* CLIENT REPLY itself changed it */
        pipeline_drop_answer(&conn->pipeline, request);
}

/* EXEC of commands that may change the session's reply mode: it honours the mode itself. */
static bool honours_reply_mode(const struct session *session, const struct command *command)
{
    const struct transaction *transaction = session->transaction;

    return command->flags & CMD_EXECUTES && session_is_queuing(session) && transaction->flags & CMD_SESSION &&
           !transaction->failed;
}

/* RESET ends it, and is answered. */
static void end_reply_off(struct session *session, const struct command *command)
{
    if (command->pubsub & PUBSUB_LEAVES && session->reply_mode == SESSION_REPLY_OFF)
        session->reply_mode = SESSION_REPLY_ON;
}

/* Part of it runs here, now. */
static void start_in_session(struct conn *conn, const struct command *command, struct request *request)
{
    struct session *session = &conn->session;

    if (command->flags & CMD_EXECUTES && session_is_queuing(session) && session->transaction->fences) {
        conn->fenced = true;
        session->subscriptions.change_ahead = session->transaction->subscribes;
    }
    end_reply_off(session, command);
    if (!honours_reply_mode(session, command))
        request->discard_reply = consume_reply_mode(session);
    request->session = session;
    router_submit(conn->shard, request);
    conn->not_staged += request->finished;
    if (request->command->flags & CMD_FENCE && !request->finished) /* what is left of it is */
        conn->fenced = true;
}

static void queue(struct conn *conn, const struct command *command, struct request *request)
{
    transaction_queue(conn->session.transaction, command, request->argv, request->argc);
    reply_simple(&request->reply, "QUEUED");
    request->discard_reply = consume_reply_mode(&conn->session);
    conn->not_staged++;
    request_done(request);
}

/* Nothing is parsed behind it until it has been answered. */
static void fence(struct conn *conn, const struct command *command, struct request *request)
{
    bool may_block =
        (command->flags & CMD_BLOCKING) && (!command->blocks || command->blocks(request->argv, request->argc));

    conn->fenced = may_block || (command->flags & CMD_FENCE);
    if (may_block)
        blocked_prepare(conn->shard, request, &conn->session);
    if (may_block && conn->input_ended) /* it is answered if it can be at once, but nobody waits any more */
        blocked_end(conn->shard, &conn->session, WAITER_GONE);
}

/* What comes behind it is admitted by what it has planned: not before. Its answers are pushes, which CLIENT REPLY does
 * not concern. */
static void start_change(struct conn *conn, struct request *request)
{
    bool dropped = consume_reply_mode(&conn->session);
    (void)dropped;

    request->session = &conn->session;
    router_submit(conn->shard, request);
    conn->fenced = conn->session.subscriptions.change_ahead = conn->origin.held > 0;
}

static void start_request(struct conn *conn, const struct command *command, struct request *request)
{
    request->command = command;
    if (session_queues(&conn->session, command)) {
        queue(conn, command, request);
        return;
    }
    if (command->plain) {
        request->discard_reply = consume_reply_mode(&conn->session);
        router_submit(conn->shard, request);
        return;
    }
    if (command->route == ROUTE_SESSION) {
        start_in_session(conn, command, request);
        return;
    }
    if (command->pubsub & PUBSUB_CHANGES) {
        start_change(conn, request);
        return;
    }
    if (command->route == ROUTE_LOCAL) {
        start_local(conn, request);
        return;
    }
    if (command->flags & (CMD_FENCE | CMD_BLOCKING))
        fence(conn, command, request);
    request->discard_reply = consume_reply_mode(&conn->session);
    router_submit(conn->shard, request);
}

/* Admission. */

static_assert((int)REQUEST_ARGV_INLINE <= (int)RESP_ARGV_INLINE, "the parser's array has all that is copied");

static struct request *take_request(struct conn *conn)
{
    const struct resp_parser *parser = &conn->parser;
    struct request *request = shard_take_request(conn->shard, parser->argc, &conn->session);

    if (parser->argc <= REQUEST_ARGV_INLINE) /* a length known when compiling: moves, not a call */
        memcpy(request->argv, parser->argv, sizeof request->argv_inline);
    else
        memcpy(request->argv, parser->argv, (size_t)parser->argc * sizeof(struct str));
    request->joined = !parser->inline_copy;
    if (parser->inline_copy) /* an inline request's words are the parser's, until the next request */
        request_own_arguments(&conn->shard->requests, request);
    request->origin = &conn->origin;
    request->done = request_done;
    return request;
}

static void note_refusal(struct conn *conn, const struct request *request)
{
    struct core *core = &conn->shard->core;
    const struct command *container, *command = command_find(request->argv, request->argc, &container);

    conn->session.last_command = command;
    core->stats.error_replies++;
    command_stats_rejected(&core->command_stats, command, buffer_str(&request->reply.buffer));
}

/* Who speaks HTTP is not answered, and what comes behind is not read. */
static void cut_off(struct conn *conn, struct request *request)
{
    int64_t now_ms = shard_now_ms(conn->shard);

    if (now_ms - conn->net->http_told_ms >= HTTP_TOLD_EACH_MS) {
        log_write(LOG_WARNING, "A client that speaks HTTP (%s) has been cut off: a browser may have been misused",
                  conn->session.peer);
        conn->net->http_told_ms = now_ms;
    }
    request->discard_reply = true;
    conn->session.close_after_reply = true;
}

static void refuse(struct conn *conn, struct request *request)
{
    note_refusal(conn, request);
    transaction_fail(&conn->session);
    request->discard_reply = consume_reply_mode(&conn->session);
    if (command_is_http(request->argv[0]))
        cut_off(conn, request);
    request_done(request);
}

static bool is_held_by_pause(const struct conn *conn, const struct command *command)
{
    const struct sessions *sessions = &conn->shard->core.sessions;

    return sessions->pause != SESSION_PAUSE_NONE &&
           command_is_paused(session_flags_with(&conn->session, command), sessions, shard_now_ms(conn->shard));
}

/* What the disk does not take in time is not allowed to pile up. */
static bool is_held_by_disk(struct conn *conn, const struct command *command)
{
    if (!conn->shard->core.aof.behind || !(session_flags_with(&conn->session, command) & CMD_WRITE))
        return false;
    return conn->net->disk_holds = true;
}

/* RESET ends the subscriptions, and begins when that is done, so that no message comes behind its answer; HELLO, too,
 * begins when it is known which messages come before it. */
static bool is_held_by_channels(struct conn *conn, const struct command *command)
{
    const struct subscriptions *subscriptions = &conn->session.subscriptions;

    if (command->pubsub & PUBSUB_LEAVES && subscriptions->first) {
        conn_requests_leave_channels(conn);
        return true;
    }
    return command->pubsub & PUBSUB_SETTLES && subscriptions->first_change;
}

/* Whether the request has to wait; then it is as if it had not been parsed. */
static bool is_held(struct conn *conn, const struct command *command)
{
    conn->paused = is_held_by_pause(conn, command);
    if (conn->paused) {
        net_wait_pause(conn->net);
        return true;
    }
    conn->paused = is_held_by_disk(conn, command);
    if (conn->paused)
        return true;
    conn->fenced = is_held_by_channels(conn, command);
    return conn->fenced;
}

/* What is answered where it was parsed has written nothing: it was queued, or refused. */
static bool is_to_write(const struct request *request)
{
    return !request->finished && !transaction_only_ends(request);
}

static void start_noted(struct conn *conn, const struct command *command, struct request *request)
{
    bool may_write = command_may_write(&conn->session, command);

    start_request(conn, command, request);
    conn->tells_of_writes |= may_write && is_to_write(request);
}

/* The parser holds a complete request. False: it is held back. */
static bool admit_request(struct conn *conn)
{
    struct request *request = take_request(conn);
    const struct command *command =
        command_admit(&conn->shard->core, &conn->session, request->argv, request->argc, &request->reply);

    if (command && is_held(conn, command)) {
        request_give_back(&conn->shard->requests, request);
        return false;
    }
    pipeline_push(&conn->pipeline, request);
    conn->session.commands++;
    if (!command) {
        refuse(conn, request);
        return true;
    }
    conn->session.last_command = command;
    if (__builtin_expect(conn->shard->aof.on, 0))
        start_noted(conn, command, request);
    else
        start_request(conn, command, request);
    conn->fenced |= monitors_watch(&conn->shard->core.monitors); /* they see each client's requests in order */
    if (__builtin_expect(conn->session.tracking.caching, 0))
        client_tracking_note_command(&conn->session, command);
    return true;
}

static void protocol_error(struct conn *conn)
{
    struct request *request = shard_take_request(conn->shard, 0, &conn->session);

    conn->shard->core.stats.protocol_errors++;
    conn->session.close_after_reply = true;
    request->discard_reply = consume_reply_mode(&conn->session);
    request->origin = &conn->origin;
    reply_error_format(&request->reply, "ERR %s", conn->parser.error);
    conn->shard->core.stats.error_replies++;
    command_stats_rejected(&conn->shard->core.command_stats, NULL, buffer_str(&request->reply.buffer));
    pipeline_push(&conn->pipeline, request);
    request_done(request);
}

static struct resp_limits limits_of(const struct conn *conn)
{
    bool open = conn->session.authenticated;

    return (struct resp_limits){
        .bulk_bytes = conn->shard->core.config.proto_max_bulk_len,
        .argument_count = open ? INT32_MAX : UNAUTHENTICATED_ARGUMENTS,
        .unauthenticated_bulk_bytes = open ? INT64_MAX : UNAUTHENTICATED_BULK_BYTES,
    };
}

size_t conn_requests_parse(struct conn *conn, struct str bytes)
{
    size_t consumed = 0;

    conn->paused = false;
    if (__builtin_expect(conn->shard->core.aof.error != 0, 0))
        aof_hear_troubles(conn->shard);
    while (consumed < bytes.length && conn_may_start(conn)) {
        struct resp_limits limits = limits_of(conn);
        struct str rest = {bytes.bytes + consumed, bytes.length - consumed};
        enum resp_status status = resp_parse(&conn->parser, rest, &limits);

        if (status == RESP_INCOMPLETE)
            break;
        if (status == RESP_ERROR) {
            protocol_error(conn);
            break;
        }
        if (conn->parser.argc > 0 && !admit_request(conn))
            break;
        consumed += conn->parser.consumed;
    }
    return consumed;
}
