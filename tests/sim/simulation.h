/* One run: the shards, connections and parser of the server, clients beside
 * them, all moved by one scheduler from one seed, and what is checked of it.
 *
 * Checked are: every request is answered once and the connections stay in step
 * (client.h); nobody is left waiting while all shards sleep (no lost wake-up);
 * when nothing is asked any more, all shards sleep without a deadline (G8);
 * when the clients have gone, nothing of theirs is left; and the history has an
 * order that explains it (checker.h: G2, G3). */
#ifndef TESTS_SIM_SIMULATION_H
#define TESTS_SIM_SIMULATION_H

#include "net/net.h"
#include "tests/sim/checker.h"
#include "tests/sim/client.h"
#include "tests/sim/crash.h"
#include "tests/sim/restart.h"
#include "tests/sim/workload.h"

enum { SIMULATED_SHARDS_MAX = 8 };

struct simulation {
    bool crashes_always; /* set by whoever runs seeds of nothing else */
    uint64_t seed;
    bool refused;   /* what the crash had left was rotten, and is not loaded; no more was checked */
    bool undecided; /* the checker gave up on this run's history */
    struct memory memory;
    struct server_facts facts;
    struct scheduler scheduler;
    struct workload workload;
    struct history history;
    struct shard_group group;
    struct net net;
    struct sim_disk disk;
    struct sim_loop loops[SIMULATED_SHARDS_MAX];
    struct client clients[CLIENTS_MAX];
    int first_client; /* those before it have gone with the server that crashed */
    struct crash crash;
    struct completion load_failed;
    struct restart_folder folder; /* where the process is */
    struct checker checker;
};

/* Once in the process; a simulation is used for any number of runs. */
void simulation_init(struct simulation *simulation);
void simulation_deinit(struct simulation *simulation);

/* fault: enum simulate_fault, -1: none. False: a check failed; simulation->scheduler.failure says which. To be followed
 * by simulation_clear, which is allowed to lose what a failed run had allocated. */
MUST_USE bool simulation_run(struct simulation *simulation, uint64_t seed, int fault);
void simulation_clear(struct simulation *simulation);

/* What was done with this seed, to read: all of it, or around what the checker could not order. */
void simulation_print(const struct simulation *simulation, bool all);

#endif
