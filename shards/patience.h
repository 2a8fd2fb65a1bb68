/* How long a commit group of the append-only file is left open, under always, for those who are about to add to it.
 *
 * Who was answered by a sync sends its next command at once, and who came while it ran is waiting. If the next group
 * were closed for these alone, each would find half of them, and every second sync would be one too many. So it waits
 * for as many as both together, where they are likely to come in less time than the sync takes, and as long as they
 * do; else for a small part of that, which is nothing where it is short. The shard's thread. */
#ifndef SHARDS_PATIENCE_H
#define SHARDS_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PATIENCE_PART = 8,        /* of a sync's time, after it */
    PATIENCE_MOST_US = 1000,  /* whatever that is */
    PATIENCE_CALL_US = 20,    /* an answer, and its client's next command */
    PATIENCE_PASSED_OVER = 8, /* groups, when those were not there in time */
};

struct patience {
    uint64_t executed; /* calls that have left records since the last group */
    uint64_t expected; /* so many are worth waiting for, */
    int64_t until_us;  /* monotonic: until then */
    int passed_over;   /* so many groups more don't wait for long */
};

static inline int64_t patience_us(const struct patience *patience, uint64_t lacking, int64_t sync_us)
{
    int64_t us = (int64_t)(lacking < PATIENCE_MOST_US ? lacking : PATIENCE_MOST_US) * PATIENCE_CALL_US;

    if (us > sync_us || patience->passed_over > 0)
        us = 0;
    us = us > sync_us / PATIENCE_PART ? us : sync_us / PATIENCE_PART;
    return us < PATIENCE_MOST_US ? us : PATIENCE_MOST_US;
}

/* A sync that took sync_us has ended: so many calls it has answered, and so many have come while it ran. */
static inline void patience_begin(struct patience *patience, uint64_t answered, uint64_t came, int64_t now_us,
                                  int64_t sync_us)
{
    patience->expected = answered + came;
    patience->until_us = now_us + patience_us(patience, answered, sync_us);
}

/* Whether the group is to wait. What nobody has just executed does not: the end of a file, and what speaks for those
 * before. */
static inline bool patience_lasts(const struct patience *patience, int64_t now_us)
{
    return patience->executed > 0 && patience->executed < patience->expected && now_us < patience->until_us;
}

/* The group is closed: whether those came for whom it has waited. Returns how many calls are in it. */
static inline uint64_t patience_end(struct patience *patience)
{
    uint64_t executed = patience->executed;

    if (executed == 0)
        return 0;
    if (executed < patience->expected)
        patience->passed_over = patience->passed_over > 0 ? patience->passed_over - 1 : PATIENCE_PASSED_OVER;
    else
        patience->passed_over = 0;
    patience->executed = 0;
    return executed;
}

#endif
