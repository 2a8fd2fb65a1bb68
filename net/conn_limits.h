/* The limits a connection is held to: what it may have queued on either side,
 * and how long it may be idle. The connection's shard.
 *
 * Answers take memory from when they are executed, and how large they become
 * nobody knows before. So a connection has as many requests out as fit into
 * CONN_ANSWERS_MOST bytes if each is answered with as much as the largest answer
 * of late, and one at least. That one is halved once in CONN_IN_FLIGHT_MOST
 * answers. So as long as one answer in as many is as large as any, small ones
 * between them or not, the answers under way take at most 2 * CONN_ANSWERS_MOST
 * bytes, or one answer where that is more.
 * Only where answers become larger than before, the requests that are out
 * already, CONN_IN_FLIGHT_MOST at most, may take more, once; a new connection
 * has CONN_ANSWERS_MOST / CONN_ANSWER_GUESS out.
 *
 * What is staged is executed before anything that comes later, so a pipeline of
 * long requests would keep all other clients waiting until its end. So a connection
 * has no more out than take CONN_SHARE_NS on average of those of late, wherever
 * they are executed: then come others' requests, and its next ones behind them.
 * Only what takes long is timed each time (command_stats.h), and only
 * that is limited so: 2048 short requests take less. Where requests begin to take
 * long, those that are out already may exceed the share, once.
 * Messages are sent when the turn is over, all that a subscriber has got in one send,
 * which costs far more than the message: so of what publishes, more may be out.
 *
 * Answers that are ready count against the output limits, sent or not. */
#ifndef NET_CONN_LIMITS_H
#define NET_CONN_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;

enum {
    CONN_IN_FLIGHT_MOST = 2048,          /* requests out: beyond, nothing more is parsed */
    CONN_ANSWERS_MOST = 8 * 1024 * 1024, /* bytes that the requests out may be answered with, see above */
    CONN_ANSWER_LEAST = CONN_ANSWERS_MOST / CONN_IN_FLIGHT_MOST, /* smaller answers are no reason to hold back */
    CONN_ANSWER_GUESS = 128 * 1024,                              /* before the first answer */
    CONN_SHARE_NS = 500 * 1000,                                  /* that the requests out may take, see above */
    CONN_PUBLISHES_AT_ONCE = 64, /* so many take as much of the share as one other request that takes as long */
    CONN_TIMES_OVER = 64,        /* so many requests weigh as much as all before them in what one takes on average */
    CONN_UNREAD_OUTPUT_MOST = 1024 * 1024, /* bytes the client has not taken: beyond, nothing more is parsed, where no
                                              output limit closes it instead */
    CONN_UNPARSED_MOST = 256 * 1024,       /* bytes that wait to be parsed: beyond, the socket is not read */
};

/* Learns from an answer of that many bytes how large the next ones may be; to be called for each as it is ready. */
void conn_note_answer(struct conn *conn, size_t bytes);
/* So many answers have left the pipeline: with time large ones are forgotten. Takes conn->spent_ns. */
void conn_note_answers(struct conn *conn, int count);
/* Whether the connection may have more requests started. */
bool conn_may_start(const struct conn *conn);
/* False: a limit was passed, the log says which, and the connection is being closed. */
bool conn_check_query_limit(struct conn *conn);
bool conn_check_output_limit(struct conn *conn);
/* Once a second while needed: idle and soft limits. True: the connection is over its soft limit and needs the next
 * sweep. */
bool conn_sweep(struct conn *conn, int64_t now_ms);

#endif
