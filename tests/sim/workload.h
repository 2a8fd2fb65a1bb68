/* What a run does, drawn from its seed: how many shards and clients, rings of
 * which size, which keys on which shards, and every client's operations. */
#ifndef TESTS_SIM_WORKLOAD_H
#define TESTS_SIM_WORKLOAD_H

#include "tests/sim/dice.h"
#include "tests/sim/history.h"

struct router;

struct workload {
    int shards, clients, keys, databases;
    int operations_most; /* of one client */
    int window_most;     /* operations that a client has in flight */
    uint32_t ring_slots; /* 0: as ever */
    uint32_t move_least; /* requests to another shard after which a connection may move there; 0: as ever */
    int spin_us;
    bool like_uring; /* wake-ups wait for their sender's next wait */
    bool deadlines;  /* keys expire */
    bool breaks_off; /* some clients leave without waiting for their answers */
    bool lists;      /* lists, and clients that wait for them */
    bool sorted;     /* sorted sets instead of the lists, or beside them */
    bool streams;    /* instead: streams and the readers of their groups */
    bool claims;     /* who claim what is pending, too, and do not leave then */
    bool transactions, scripts;
    bool appends;     /* an append-only file is written */
    int fsync;        /* enum config_append_fsync, how then */
    bool switches;    /* and no more, and again */
    bool crashes;     /* the machine stops, and what is on the disk is loaded */
    bool in_line;     /* nothing else: see workload_line.c */
    bool in_channels; /* nothing else: see workload_channels.c */
    uint8_t weights[OPERATION_KINDS];
};

/* crashes: whether the machine has to stop. */
void workload_draw(struct workload *workload, struct dice *dice, bool crashes);

/* A workload of its own: clients that come to wait for the first key one after another, and others that push. */
void workload_plan_line(const struct workload *workload, struct dice *dice, struct history *history);

/* Another: clients that publish, subscribe and unsubscribe. */
void workload_plan_channels(const struct workload *workload, struct dice *dice, struct history *history);

/* Unique, so that a reader shows whom it saw; a number now and then, for INCR. */
uint32_t workload_draw_value(struct dice *dice, struct texts *texts, int client, int number, int which);

/* Names keys so that they lie on different shards as far as there are any, and fills in the pipelines.
 * now_ms: when the run begins. */
void workload_plan(const struct workload *workload, struct dice *dice, const struct router *router, int64_t now_ms,
                   struct history *history);

#endif
