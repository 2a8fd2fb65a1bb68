/* What was asked, what was answered, and when: all that a checker may know.
 *
 * Moments are decisions of the scheduler; an operation is invoked when the last
 * of its bytes has left the client, and answered when the last of its reply has
 * reached it. So one operation precedes another in real time when it was
 * answered at an earlier decision than that in which the other was invoked. */
#ifndef TESTS_SIM_HISTORY_H
#define TESTS_SIM_HISTORY_H

#include "core/buffer.h"
#include "tests/sim/texts.h"

enum {
    KEYS_MAX = 6,
    DATABASES_MAX = 2,
    OPERATION_KEYS_MAX = 4,
    QUEUED_MAX = 4,                          /* commands of a transaction */
    ACTIVE_MAX = 6,                          /* clients that do something */
    CLIENTS_MAX = ACTIVE_MAX + DATABASES_MAX /* and, behind them, those that look at what is left */
};

enum operation_kind {
    OPERATION_GET,
    OPERATION_SET,
    OPERATION_SETNX,
    OPERATION_SET_PX,   /* relative deadline */
    OPERATION_SET_PXAT, /* absolute deadline */
    OPERATION_GETDEL,
    OPERATION_APPEND,
    OPERATION_INCR,
    OPERATION_PERSIST,
    OPERATION_ECHO, /* local: keeps its place in the pipeline */
    OPERATION_MGET,
    OPERATION_MSET,
    OPERATION_DEL,
    OPERATION_EXISTS,
    OPERATION_MSETNX,
    OPERATION_RENAME,
    OPERATION_RENAMENX,
    OPERATION_COPY,
    OPERATION_COPY_REPLACE,
    OPERATION_DBSIZE,
    OPERATION_FLUSHDB,
    OPERATION_FLUSHALL,
    OPERATION_SWAPDB,
    OPERATION_SCRIPT, /* appends to its declared key, and by the length that this has then to another one, too */
    OPERATION_RPUSH,  /* from here on: not of strings */
    OPERATION_LPOP,
    OPERATION_LRANGE,
    OPERATION_ZADD, /* of sorted sets */
    OPERATION_ZPOPMIN,
    OPERATION_ZRANGE,
    OPERATION_XGROUP, /* of streams: the one group of each */
    OPERATION_XADD,
    OPERATION_XACK,
    OPERATION_BLPOP, /* from here on: may wait */
    OPERATION_BRPOP,
    OPERATION_BLMOVE,
    OPERATION_BZPOPMIN,
    OPERATION_XREADGROUP,
    OPERATION_XREADGROUP_CLAIM,
    OPERATION_UNBLOCK, /* another client: these change no data */
    OPERATION_UNBLOCK_ERROR,
    OPERATION_KILL,
    OPERATION_SUBSCRIBE, /* to values[0]; from here on: of channels */
    OPERATION_UNSUBSCRIBE,
    OPERATION_PUBLISH, /* values[1] */
    OPERATION_SCRIPT_PUBLISH,
    OPERATION_REWRITE,     /* the append-only file */
    OPERATION_APPEND_ONLY, /* off or on */
    OPERATION_NAME,        /* its own, which it has none: needs the session */
    OPERATION_WATCH,       /* from here on: transactions */
    OPERATION_UNWATCH,
    OPERATION_EXEC,    /* all from MULTI on */
    OPERATION_DISCARD, /* likewise */
    OPERATION_KINDS,
};

static const uint64_t NEVER = UINT64_MAX;

struct operation {
    enum operation_kind kind;
    int client, db;
    int key_count;
    uint8_t keys[KEYS_MAX]; /* of a transaction: those of all its commands, once each */
    struct operation *queued;
    int queued_count;
    int value_count;                     /* RPUSH */
    uint32_t values[OPERATION_KEYS_MAX]; /* texts */
    int64_t deadline_ms;         /* SET_PX: from its execution; SET_PXAT: Unix time; or it waits so long, 0: for ever */
    int stage;                   /* not sent before all of lower stages have come to rest */
    int claim_ms;                /* XREADGROUP CLAIM */
    int other;                   /* client: who is to be unblocked; XACK: the entry */
    uint64_t invoked, responded; /* decisions, or NEVER */
    uint64_t over;               /* decision: the client had left, and from then on it was not executed */
    bool may_be_lost;            /* a crash came, and before it nobody waited for the disk */
    uint64_t first_rest;         /* decision after which all was at rest while it waited; NEVER */
    uint64_t last_rest;          /* the last such one; 0: none */
    int64_t first_rest_ms;
    int64_t invoked_ms, responded_ms; /* Unix time */
    uint32_t reply;                   /* text: the bytes as they came */
};

/* A message that a client heard: the publisher's operation. */
struct heard {
    int listener, after; /* so many answers */
    int publisher, number;
    uint64_t at; /* decision */
};

struct history {
    struct texts texts;
    struct str keys[KEYS_MAX];
    int key_count;
    /* By client, in the order of its pipeline. */
    struct operation *operations[CLIENTS_MAX];
    int operation_counts[CLIENTS_MAX];
    int client_count;
    int stage, last_stage;         /* what may be sent now; the last of them is for those who look */
    int leave_stages[CLIENTS_MAX]; /* in which the client leaves, 0: it stays */
    bool in_channels;              /* clients publish and subscribe, see workload_channels.c */
    struct heard *heard;           /* of all clients, in the order of time */
    int heard_count, heard_capacity;
    bool in_line; /* clients wait in line, and only pushes put elements into keys, see workload_line.c */
};

/* Of the members that ZADD adds; many have the same. */
static inline int operation_score(const struct operation *operation, int i)
{
    return (int)(operation->values[i] % 5);
}

static inline bool operation_has_rested(const struct operation *operation)
{
    return operation->last_rest > 0;
}

static inline bool operation_may_wait(const struct operation *operation)
{
    return operation->kind >= OPERATION_BLPOP && operation->kind <= OPERATION_XREADGROUP_CLAIM;
}

static inline bool operation_publishes(const struct operation *operation)
{
    return operation->kind == OPERATION_PUBLISH || operation->kind == OPERATION_SCRIPT_PUBLISH;
}

static inline bool operation_reads_group(const struct operation *operation)
{
    return operation->kind == OPERATION_XREADGROUP || operation->kind == OPERATION_XREADGROUP_CLAIM;
}

void history_init(struct history *history);
void history_deinit(struct history *history);

static inline bool operation_is_transaction(const struct operation *operation)
{
    return operation->kind == OPERATION_EXEC || operation->kind == OPERATION_DISCARD;
}

/* How many replies answer it. */
static inline int operation_reply_count(const struct operation *operation)
{
    return operation_is_transaction(operation) ? operation->queued_count + 2 : 1;
}

void history_add_heard(struct history *history, struct heard heard);

/* The request, or requests, as bytes. */
void operation_encode(const struct history *history, const struct operation *operation, struct buffer *bytes);
/* One line to read: "client 1, 17..42: SET k0 a (db 0) -> +OK" */
void operation_print(const struct history *history, const struct operation *operation);

/* Prints what went on around the given places of the pipelines, oldest first. */
void history_print_around(const struct history *history, const int places[CLIENTS_MAX], int before, int after);

#endif
