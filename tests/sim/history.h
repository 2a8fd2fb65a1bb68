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

enum { CLIENTS_MAX = 6, KEYS_MAX = 6, DATABASES_MAX = 2, OPERATION_KEYS_MAX = 4 };

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
    OPERATION_KINDS,
};

static const uint64_t NEVER = UINT64_MAX;

struct operation {
    enum operation_kind kind;
    int client, db;
    int key_count;
    uint8_t keys[OPERATION_KEYS_MAX];
    uint32_t values[OPERATION_KEYS_MAX]; /* texts */
    int64_t deadline_ms;                 /* SET_PX: from its execution; SET_PXAT: Unix time */
    uint64_t invoked, responded;         /* decisions, or NEVER */
    int64_t invoked_ms, responded_ms;    /* Unix time */
    uint32_t reply;                      /* text: the bytes as they came */
};

struct history {
    struct texts texts;
    struct str keys[KEYS_MAX];
    int key_count;
    /* By client, in the order of its pipeline. */
    struct operation *operations[CLIENTS_MAX];
    int operation_counts[CLIENTS_MAX];
    int client_count;
};

void history_init(struct history *history);
void history_deinit(struct history *history);

/* The request as bytes. */
void operation_encode(const struct history *history, const struct operation *operation, struct buffer *bytes);
/* One line to read: "client 1, 17..42: SET k0 a (db 0) -> +OK" */
void operation_print(const struct history *history, const struct operation *operation);

/* Prints what went on around the given places of the pipelines, oldest first. */
void history_print_around(const struct history *history, const int places[CLIENTS_MAX], int before, int after);

#endif
