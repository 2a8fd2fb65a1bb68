/* One client: writes its pipeline in pieces, reads the answers in pieces, and
 * notes when each operation was invoked and answered.
 *
 * Answers have no names; the n-th belongs to the n-th request. One too many, one
 * too few, or bytes that are no RESP end the run as a failure. */
#ifndef TESTS_SIM_CLIENT_H
#define TESTS_SIM_CLIENT_H

#include "tests/sim/history.h"
#include "tests/sim/sim_loop.h"

struct client {
    struct actor actor;
    struct scheduler *scheduler;
    struct wire wire;
    struct history *history;
    int index;
    int window;                  /* operations in flight at most */
    int leaves_after;            /* breaks off when it has written so many; INT_MAX: stays */
    uint32_t lingers_us;         /* at most, before it breaks off */
    int greetings;               /* answers to what came before the history (SELECT) */
    int written, sent, answered; /* operations: encoded, wholly on the wire, answered */
    struct buffer to_send;
    int ends[64]; /* where in to_send the operations after `sent` end; a ring */
    struct buffer received;
};

void client_init(struct client *client, struct scheduler *scheduler, struct sim_loop *loop, struct history *history,
                 int index, int db);
void client_deinit(struct client *client);

/* Nothing more to send and to be answered. */
bool client_is_done(const struct client *client);

#endif
