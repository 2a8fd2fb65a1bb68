#include "net/conn.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/assert.h"
#include "core/command.h"
#include "core/command_admit.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/transaction.h"
#include "net/conn_limits.h"
#include "net/net.h"
#include "shards/blocked.h"
#include "shards/transaction.h"

enum {
    QUERY_KEPT_BYTES = 4096, /* an empty query buffer larger than this is freed */
    UNAUTHENTICATED_ARGUMENTS = 10,
    UNAUTHENTICATED_BULK_BYTES = 16384,
    HTTP_TOLD_EACH_MS = 60000, /* in the log */
};

static void parse_query(struct conn *conn);
static void request_done(struct request *request);

/* End of life. */

static void destroy_if_unused(struct conn *conn)
{
    struct shard *shard = conn->shard;

    if (!conn->closing || conn->receiving || conn->sending || conn->pipeline.count > 0 || conn->flush.deferred ||
        conn->attention.deferred)
        return;
    net_gather_end(conn->net, conn);
    net_keep_end(conn->net, conn);
    loop_close_fd(shard->loop, conn->fd);
    session_end(&shard->core.sessions, &conn->session);
    resp_parser_deinit(&conn->parser);
    buffer_deinit(&conn->query);
    output_deinit(&conn->output);
    atomic_fetch_sub_explicit(&conn->net->net->load[shard->index].connections, 1, memory_order_relaxed);
    memory_free(&shard->core.memory, conn);
}

/* Where its keys are; the connection goes when they have ended. */
static void end_watches(struct conn *conn)
{
    struct request *request;

    transaction_leave(&conn->session);
    if (!conn->session.rest.command)
        return;
    request = shard_take_request(conn->shard, 0, &conn->session);
    request->origin = &conn->origin;
    request->done = request_done;
    request->discard_reply = true;
    transaction_take_rest(request, &conn->session);
    pipeline_push(&conn->pipeline, request);
    router_submit_rest(conn->shard, request);
}

static void defer_flush(struct conn *conn)
{
    loop_defer(conn->shard->loop, &conn->flush);
}

static void stop_receiving(struct conn *conn)
{
    if (!conn->receiving || conn->cancelling)
        return;
    conn->cancelling = true;
    loop_cancel(conn->shard->loop, &conn->receive);
}

/* Ends all subscriptions, on every shard. */
static void leave_channels(struct conn *conn)
{
    for (int kind = 0; kind < CHANNEL_KINDS; kind++) {
        struct request *request;

        if (conn->session.subscriptions.counts[kind] == 0)
            continue;
        request = shard_take_request(conn->shard, 1, &conn->session);
        request->argv[0] = STR("leave");
        request->command = subscriptions_leave(kind);
        request->session = &conn->session;
        request->origin = &conn->origin;
        request->done = request_done;
        request->discard_reply = true;
        pipeline_push(&conn->pipeline, request);
        router_submit(conn->shard, request);
    }
}

void conn_close(struct conn *conn)
{
    if (conn->closing)
        return;
    conn->closing = conn->session.closing = true;
    net_keep_end(conn->net, conn);
    leave_channels(conn);
    end_watches(conn);
    blocked_end(conn->shard, &conn->session, WAITER_GONE);
    stop_receiving(conn);
    if (conn->sending)
        shutdown(conn->fd, SHUT_RDWR); /* ends a send that the client does not take */
    defer_flush(conn);
}

/* Requests. */

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
    defer_flush(conn);
}

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
    if (request->command->flags & CMD_FENCE && !request->finished) /* what is left of it is */
        conn->fenced = true;
}

static void queue(struct conn *conn, const struct command *command, struct request *request)
{
    transaction_queue(conn->session.transaction, command, request->argv, request->argc);
    reply_simple(&request->reply, "QUEUED");
    request->discard_reply = consume_reply_mode(&conn->session);
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
        leave_channels(conn);
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

/* Starts every request that is complete; returns how many bytes they were. */
static size_t parse(struct conn *conn, struct str bytes)
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

/* Receiving. */

static void start_receiving(struct conn *conn)
{
    if (conn->receiving || conn->closing || conn->input_ended || conn->session.close_after_reply)
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
    size_t consumed = rest.length > 0 ? parse(conn, rest) : 0;

    conn->parsed += consumed;
    if (consumed > 0)
        defer_flush(conn);
}

static void take_bytes(struct conn *conn, struct str bytes)
{
    if (conn->query.length == conn->parsed) {
        size_t consumed = parse(conn, bytes); /* the common case: whole requests, parsed where they lie */

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
        stop_receiving(conn);
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
        defer_flush(conn);
    } else if (completion->result != -ECANCELED) {
        conn_close(conn);
    }
    if (!conn->receiving)
        defer_flush(conn);
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
    defer_flush(conn);
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
        defer_flush(conn);
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
    defer_flush(conn);
}

void conn_open(struct net_shard *net, int fd, bool unix_socket, const char *peer, const char *local)
{
    struct shard *shard = net->shard;
    struct conn *conn = memory_alloc_zeroed(&shard->core.memory, sizeof *conn);

    conn->net = net;
    conn->shard = shard;
    conn->fd = fd;
    conn->session.fd = fd;
    conn_note_answer(conn, CONN_ANSWER_GUESS);
    conn->session.unix_socket = unix_socket;
    conn->session.attention = &conn->attention;
    conn->session.flush = &conn->flush;
    conn->session.authenticated = shard->core.config.requirepass[0] == '\0';
    snprintf(conn->session.peer, sizeof conn->session.peer, "%s", peer);
    snprintf(conn->session.local, sizeof conn->session.local, "%s", local);
    conn->origin.peer = conn->session.peer;
    session_begin(&shard->core.sessions, &conn->session, shard_now_ms(shard));
    resp_parser_init(&conn->parser, &shard->core.memory);
    buffer_init(&conn->query, &shard->core.memory, NULL, 0);
    pipeline_init(&conn->pipeline, &conn->session.pushes);
    output_init(&conn->output, &net->chunks);
    conn->receive.done = received;
    conn->send.done = sent;
    conn->flush.done = flush;
    conn->attention.done = attend;
    shard->core.stats.connections_accepted++;
    if (shard->core.config.timeout_s > 0)
        net_need_sweep(net);
    start_receiving(conn);
}
