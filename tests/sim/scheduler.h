/* Who goes next, and what time it is.
 *
 * Everything that happens in a run is done by an actor: a shard, a client, a
 * wake-up on its way. Again and again the scheduler draws one of those that can
 * do something and lets it act, until nobody can, or until a check has failed.
 * Shards are coroutines: at each simulate_step() of shards/ they may give way,
 * so any of the protocol's atomic steps can fall between any two of another's.
 * Time passes a little with each decision, and jumps to the next deadline when
 * all are asleep. The same seed gives the same run. */
#ifndef TESTS_SIM_SCHEDULER_H
#define TESTS_SIM_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"
#include "shards/simulate.h"
#include "tests/sim/coroutine.h"
#include "tests/sim/dice.h"

enum { ACTORS_MAX = 40 };

struct actor {
    bool (*ready)(struct actor *actor);
    void (*act)(struct actor *actor);
    struct coroutine *coroutine; /* a shard's: entered instead of act */
    int64_t deadline_us;         /* ready from then on; INT64_MAX: none */
    uint32_t weight;             /* of being drawn */
    uint64_t rests_until;        /* decision; held off its CPU before that */
};

/* How a run's interleaving is biased; each seed draws its own. */
struct tempo {
    uint32_t switch_one_in; /* a step gives way */
    uint32_t rest_one_in;   /* a step that gives way keeps its shard off for long */
    uint32_t rest_most;     /* decisions */
    bool has_bad_places;    /* steps of some places in the code are where shards lose their CPU */
    uint32_t tick_us;       /* most that passes with one decision */
    bool uneven;            /* some actors are drawn far more often than others */
};

struct scheduler {
    struct dice dice;
    struct tempo tempo;
    struct actor *actors[ACTORS_MAX];
    int actor_count;
    uint64_t places;       /* which places are bad */
    struct actor *running; /* whose coroutine runs, NULL: none */
    uint64_t decisions;
    int64_t now_us;      /* Unix time */
    int fault;           /* enum simulate_fault, -1: none */
    uint32_t ring_slots; /* 0: as ever */
    uint32_t move_least; /* requests to another shard after which a connection may move there; 0: as ever */
    char failure[256];   /* empty: none */
    /* Called when nobody can do anything for a while, before time is moved on; checks what has to hold at rest. */
    void (*at_rest)(void *context);
    void *context;
};

/* Makes it the one that simulate_step and simulate_fault speak to. */
void scheduler_init(struct scheduler *scheduler, uint64_t seed, int fault);
void scheduler_deinit(struct scheduler *scheduler);
void scheduler_add(struct scheduler *scheduler, struct actor *actor);

/* Runs until no actor can ever do anything again, or a check fails: then false. */
MUST_USE bool scheduler_run(struct scheduler *scheduler);

/* From inside a shard: gives way until it is drawn again. */
void scheduler_give_way(struct scheduler *scheduler);

/* The first failure is kept; the run ends at the next decision. */
void scheduler_fail(struct scheduler *scheduler, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
