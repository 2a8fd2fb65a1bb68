/* The machine stops at some moment of a run, and what the disk has left is loaded.
 *
 * The moment is only looked at: what would be left is copied, and the server goes on until it can be ended in
 * order. Then the history is cut back to that moment: what was answered later was not
 * answered, and is in the data or not; what was sent later was not sent. Under `everysec`
 * what was answered before is there or not, too. A server of any number of shards begins
 * with what was left, and the clients that look are answered by it. */
#ifndef TESTS_SIM_CRASH_H
#define TESTS_SIM_CRASH_H

#include "tests/sim/client.h"

struct crash {
    struct actor actor;
    bool is_planned, has_happened;
    bool loses_answered; /* answers did not wait for the disk */
    int after;           /* so many answers, or a little later */
    uint64_t at;         /* decision */
    bool has_rotted;     /* so what is left may be refused, with a message; else it has to be loaded */
    struct scheduler *scheduler;
    struct history *history;
    const struct client *clients; /* those of them that do something are the first */
    int client_count;
    int sent[CLIENTS_MAX], answered[CLIENTS_MAX];
    const struct sim_disk *disk;
    struct sim_disk left;
};

/* Adds its actor; the history is planned, and the clients are connected. */
void crash_plan(struct crash *crash, struct scheduler *scheduler, struct history *history, const struct client *clients,
                int client_count, const struct sim_disk *disk, bool loses_answered);
/* At the latest when all is at rest. */
void crash_now(struct crash *crash);
/* The server that was there has ended. */
void crash_cut_history(const struct crash *crash);
void crash_deinit(struct crash *crash);

#endif
