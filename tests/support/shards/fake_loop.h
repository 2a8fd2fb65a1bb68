/* A loop without a kernel, for shards that a test steps itself: nothing ever
 * arrives, no wait blocks, and the clock stands still unless the test moves it.
 * It counts the waits, the wake-ups and the submits. Operations on files end when
 * the test says so, then in order. */
#ifndef TESTS_SUPPORT_FAKE_LOOP_H
#define TESTS_SUPPORT_FAKE_LOOP_H

#include "shards/loop_backend.h"

struct fake_loop {
    struct loop loop;
    int64_t time_us; /* both clocks */
    int64_t tick_us; /* by which each look at a clock moves it */
    int waits, wakes, submits;
    int64_t timeout_us;           /* of the last wait */
    struct completion_list files; /* under way */
};

void fake_loop_init(struct fake_loop *fake);

/* The first operation on a file that is under way is done, or fails with that errno (0: it does not). False: there is
 * none. */
bool fake_loop_end_file(struct fake_loop *fake, int error);
/* The first of them takes longer than the others. */
void fake_loop_delay_file(struct fake_loop *fake);

#endif
