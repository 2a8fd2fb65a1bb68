/* One client's socket, from accept to close.
 *
 * Bytes come in, requests go to the router, answers leave in order. A connection
 * lives until nothing refers to it any more: no receive armed, no send in flight,
 * no request out. Everything here runs on the connection's shard. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdbool.h>

#include "core/resp_parse.h"
#include "core/session.h"
#include "net/output.h"
#include "net/pipeline.h"
#include "shards/loop.h"
#include "shards/request.h"

struct net_shard;

/* Of which shard a connection is: see conn_move.c. */
enum conn_place {
    CONN_AT_HOME,
    CONN_STOPS_RECEIVING, /* so as to leave, if nothing comes in between */
    CONN_LEAVES,          /* the shards' parts are staged */
    CONN_LEFT,            /* its session is none of this shard's any more */
    CONN_GONE,            /* another shard has all of it; freed at the end of the turn */
    CONN_ARRIVES,         /* its session is this shard's; the descriptor is, as soon as the old one says so */
};

struct conn {
    struct session session;
    struct net_shard *net;
    struct shard *shard;
    int fd;
    struct origin origin;          /* as the shards see it */
    struct resp_parser parser;
    struct buffer query;           /* bytes of requests that are not complete, or not yet admitted */
    size_t parsed;                 /* of query: bytes already turned into requests in this turn */
    struct pipeline pipeline;
    struct output output;
    struct iovec vectors[OUTPUT_VECTORS];
    struct completion receive, send, flush, attention;
    bool receiving, cancelling, sending;
    bool input_ended;              /* the client closed its side: what it asked for is still done and answered */
    bool paused;                   /* CLIENT PAUSE holds back the next request */
    bool fenced;                   /* the last request is a fence (CMD_FENCE): nothing is parsed behind it */
    bool closing;                  /* goes away as soon as nothing refers to it */
    bool gathering;                /* answers are kept back for one send with those under way */
    struct conn *gathering_previous, *gathering_next; /* in net_shard's list */
    uint64_t kept_until;           /* what is sealed of the output leaves when everything up to this stamp is safe; 0:
                                    * nothing is kept back */
    struct conn *kept_previous, *kept_next; /* likewise */
    bool tells_of_writes;          /* an answer that is not safe, or not there, may say that something is written */
    uint64_t taken_at_sweep;       /* of a send under way, see conn_sweep: what the client had taken then */
    int in_flight_most;            /* requests out: beyond, nothing more is parsed; see conn_limits.h */
    int by_answers_most;           /* so many by the size of the answers */
    size_t answer_bytes;           /* how large the largest answer of late was */
    int answers;                   /* since that was last lowered */
    int64_t spent_ns;              /* on requests that have been answered since answers were last noted, if timed */
    int64_t request_ns;            /* what a request of late has taken, on average; 0: too little to matter */
    int64_t over_soft_since_ms;    /* when the output passed the soft limit, 0: it has not */
    enum conn_place place;
    uint16_t next_shard; /* where it moves, unless it is at home or arrives */
    uint64_t not_staged; /* of session.commands: those that were not for shards, and all before crossings were counted */
    int64_t moved_ms;    /* when it came from another shard, 0: it has not */
};

/* Takes over an accepted socket; address texts as CLIENT LIST shows them. */
void conn_open(struct net_shard *net, int fd, bool unix_socket, const char *peer, const char *local);

/* Ends it: nothing more is read or sent. The memory goes when the last request and operation are back. */
void conn_close(struct conn *conn);

/* Its receive is to end; nothing if none is armed. */
void conn_stop_receiving(struct conn *conn);

/* What moves from another shard, whose connection is not touched: its session is this shard's now, and it is neither
 * received from nor freed before conn_settle. */
struct conn *conn_take_over(struct net_shard *net, const struct conn *old);
/* The descriptor is this shard's now. closes: the connection is to end. */
void conn_settle(struct conn *conn, bool closes);

/* At the end of this turn its answers leave. */
void conn_flush_later(struct conn *conn);

/* Goes on with requests that were held back. */
void conn_resume(struct conn *conn);

/* Sends what was kept back. */
void conn_send_gathered(struct conn *conn);
void conn_send_kept(struct conn *conn);

static inline struct conn *conn_of_session(struct session *session)
{
    return (struct conn *)session; /* its first member */
}

#endif
