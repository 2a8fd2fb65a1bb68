/* Deadlines of one shard: what has to happen at a time, in order of it.
 *
 * A timer is embedded in what waits; the loop's wait ends at the first deadline.
 * The shard's thread. */
#ifndef SHARDS_TIMER_H
#define SHARDS_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bptree.h"

struct completion;

struct timer {
    struct completion *completion; /* its done is called once the deadline has come */
    int64_t deadline_ms;           /* Unix time */
    bool armed;
};

struct timers {
    struct bptree tree; /* order: the deadline, payload: the timer's address */
};

void timers_init(struct timers *timers, struct memory *memory);
void timers_deinit(struct timers *timers);

/* Arms the timer, or moves its deadline, which is not negative. */
void timer_arm(struct timers *timers, struct timer *timer, int64_t deadline_ms);
/* Nothing where it is not armed. */
void timer_disarm(struct timers *timers, struct timer *timer);

/* INT64_MAX: none. */
int64_t timers_next_ms(const struct timers *timers);
/* Disarms and calls those whose deadline is not after now_ms. */
void timers_run(struct timers *timers, int64_t now_ms);

#endif
