/* The simulator's loop: a shard's view of a world that the scheduler moves.
 *
 * It keeps the contract of shards/loop.h with no kernel behind it. A wire is a
 * connection: bytes that a client has written arrive in pieces of any size,
 * bytes that a shard sends are taken in pieces of any size, as slowly as the
 * client likes. Received bytes are overwritten as soon as the contract allows,
 * so that whoever still points to them is found out. A wake-up arrives some
 * time after it was sent; in some runs only after the sender's next wait or
 * submit, as a ring message of io_uring does. Operations on files are done by
 * the loop's own arm of a simulated disk, as slowly as it likes. */
#ifndef TESTS_SIM_SIM_LOOP_H
#define TESTS_SIM_SIM_LOOP_H

#include "core/buffer.h"
#include "shards/loop_backend.h"
#include "tests/sim/scheduler.h"
#include "tests/sim/sim_disk.h"

enum { WIRES_MAX = 8, WIRE_FIRST_FD = 1 << 20 /* no descriptor of the process */ };

struct wire {
    int fd;
    struct wire *next;                 /* of all */
    struct sim_loop *loop;             /* that has used it last */
    struct completion *receive, *send; /* under way, or NULL */
    struct buffer arriving;            /* written by the client, not yet delivered */
    struct buffer taken;               /* sent by the shard to where there was room, and read by the client as far as */
    size_t taken_read;
    bool client_closed, end_delivered; /* the client writes no more; the shard knows */
    bool server_closed;
    uint64_t end_delivered_at; /* decision */
};

struct sim_loop {
    struct loop loop;
    struct scheduler *scheduler;
    struct actor shard; /* runs the shard's turns */
    struct coroutine coroutine;
    struct actor postman; /* brings wake-ups */
    struct actor arm;     /* does what is to be done with files */
    struct sim_disk_queue files;
    int wakes_travelling;
    bool wakes_wait_for_submit;   /* like io_uring */
    struct sim_loop *to_wake[64]; /* by our next wait */
    int to_wake_count;
    bool asleep, woken;
    int64_t timeout_us; /* of the present sleep, -1: none */
    struct wire *wires[WIRES_MAX];
    int wire_count;
    char *given_out[WIRES_MAX]; /* received bytes of this turn */
    size_t given_out_bytes[WIRES_MAX];
    int given_out_count;
};

/* body(context) is the shard's life. */
void sim_loop_init(struct sim_loop *loop, struct scheduler *scheduler, struct memory *memory, bool like_uring,
                   void (*body)(void *context), void *context);
void sim_loop_deinit(struct sim_loop *loop);
/* Without one, no file can be used. */
void sim_loop_use_disk(struct sim_loop *loop, struct sim_disk *disk);

/* A connection to this loop's shard, which may hand it to another. */
void wire_init(struct wire *wire, struct sim_loop *loop, int fd);
void wire_deinit(struct wire *wire);

/* The client's side: bytes to the shard, and what the shard is sending. */
void wire_write(struct wire *wire, struct str bytes);
void wire_close(struct wire *wire);
bool wire_readable(const struct wire *wire);
/* The next bytes that the shard sends, at most `most`; borrowed until the shard runs again. */
struct str wire_read(struct wire *wire, size_t most);

#endif
