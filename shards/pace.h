/* How much of a shard's time work that can wait may take from what cannot.
 *
 * Such work is done in slices, and looks between its small steps whether somebody waits. While nobody does, a slice
 * goes on; else it ends when it has had its share: one part in PACE_SHARE of all the time, so that it comes to its end
 * however much there is to do. The share is earned as time passes, spent by every slice, also by one that nobody
 * waited for, and kept for a little while only: what nobody has used is not made up for later by a long slice.
 * The shard's thread. */
#ifndef SHARDS_PACE_H
#define SHARDS_PACE_H

#include <stdint.h>

enum {
    PACE_SHARE = 6,
    PACE_LEAST_US = 30,   /* a slice that is shorter is not worth beginning */
    PACE_MOST_US = 60,    /* of a slice while somebody waits */
    PACE_UNHEARD_US = 30, /* of one that nobody seems to wait for, before it looks again */
};

struct pace {
    int64_t earned_us; /* time that has passed, of which the share is yet to be spent */
    int64_t looked_us; /* monotonic, up to when that is so; 0: it has never been looked */
};

/* A slice may begin: how long it may go on whoever waits; 0: not at all. */
static inline int64_t pace_begin(struct pace *pace, int64_t now_us)
{
    if (pace->looked_us > 0)
        pace->earned_us += now_us - pace->looked_us;
    if (pace->earned_us > PACE_MOST_US * PACE_SHARE)
        pace->earned_us = PACE_MOST_US * PACE_SHARE;
    pace->looked_us = now_us;
    return pace->earned_us >= PACE_LEAST_US * PACE_SHARE ? pace->earned_us / PACE_SHARE : 0;
}

/* It is over. Its time has passed, too. */
static inline void pace_end(struct pace *pace, int64_t now_us)
{
    int64_t left_us = pace->earned_us - (now_us - pace->looked_us) * (PACE_SHARE - 1);

    pace->earned_us = left_us > 0 ? left_us : 0;
    pace->looked_us = now_us;
}

#endif
