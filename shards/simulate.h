/* Where the simulator may interleave shards, and what it can change of them.
 *
 * The ordering protocol is a handful of atomic steps. Before each of them stands
 * simulate_step(): nothing in a real build, and in the simulator's build
 * (SHOAL_SIM) a point at which another shard may be scheduled. simulate_fault()
 * is constantly false in a real build; the simulator uses it to show that its
 * checker notices when a guard is missing. simulate_ring_slots() lets it make
 * rings so small that they fill up, and simulate_move_least() and
 * simulate_move_rest_ms() connections that move after a few requests. */
#ifndef SHARDS_SIMULATE_H
#define SHARDS_SIMULATE_H

#include <stdbool.h>
#include <stdint.h>

enum simulate_fault {
    FAULT_NO_MERGE,      /* execute ring by ring, not by stamp */
    FAULT_NO_GATE,       /* do not wait for closed gates */
    FAULT_SPLIT_BATCH,   /* a stamp for each shard's part of a batch, so for each part of a transaction */
    FAULT_NO_PARK,       /* participants of a gather go on executing */
    FAULT_OWN_CLOCK,     /* execute at the shard's own time, not at the stamp's */
    FAULT_NO_WAKE,       /* drop wake-ups of sleeping shards */
    FAULT_NO_CLAIM,      /* serve a waiter whom somebody else has claimed */
    FAULT_NO_NOTICE,     /* do not tell the waiter's home that a key is ready */
    FAULT_OVERTAKE,      /* serve those behind a waiter before it has come round */
    FAULT_NO_TURN,       /* let a waiter take what those in front of it have been told of */
    FAULT_NO_NEXT,       /* when it has, do not tell those behind it */
    FAULT_SERVE_GONE,    /* serve a waiter whose client is known to have gone */
    FAULT_NO_UNDO,       /* do not take back what a script has done that is out of reach */
    FAULT_NO_BOUNCE,     /* execute what lies behind such a script before it comes again */
    FAULT_NO_HOLD,       /* let what follows a script on trial go to other shards */
    FAULT_EARLY_WATCH,   /* decide when EXEC is staged whether watched keys were touched */
    FAULT_LATE_NEWS,     /* publish news with the turn's answers, not at once */
    FAULT_PUBLISH_APART, /* do not keep what a connection publishes by way of several shards in order */
    FAULT_WHOLE_CHANGE,  /* a subscription holds for no shard before it holds for all */
    FAULT_NEWS_APART,    /* what is said to several shards is heard by some before it is there for all */
    FAULT_NEWS_BY_RING,  /* hear news ring by ring, not in the order of their causes */
    FAULT_ANSWER_EARLY,  /* answer before what is shown would survive a crash */
    FAULT_NO_CUT,        /* load all that a crash has left */
    FAULT_WRITE_UNNAMED, /* write to segments that no manifest names yet */
    FAULT_COUNT,
};

#ifdef SHOAL_SIM
void simulate_step(void);
bool simulate_fault(enum simulate_fault fault);
uint32_t simulate_ring_slots(uint32_t slots);
uint32_t simulate_move_least(uint32_t requests);
int64_t simulate_move_rest_ms(int64_t rest_ms);
#else
static inline void simulate_step(void)
{
}

static inline bool simulate_fault(enum simulate_fault fault)
{
    return false;
}

static inline uint32_t simulate_ring_slots(uint32_t slots)
{
    return slots;
}

static inline uint32_t simulate_move_least(uint32_t requests)
{
    return requests;
}

static inline int64_t simulate_move_rest_ms(int64_t rest_ms)
{
    return rest_ms;
}
#endif

#endif
