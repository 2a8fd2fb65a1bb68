/* A loop without a kernel, for shards that a test steps itself: nothing ever
 * arrives, no wait blocks, and the clock stands still unless the test moves it.
 * It counts the waits, the wake-ups and the submits. */
#ifndef TESTS_SUPPORT_FAKE_LOOP_H
#define TESTS_SUPPORT_FAKE_LOOP_H

#include "shards/loop_backend.h"

struct fake_loop {
    struct loop loop;
    int64_t time_us; /* both clocks */
    int64_t tick_us; /* by which each look at a clock moves it */
    int waits, wakes, submits;
    int64_t timeout_us; /* of the last wait */
};

void fake_loop_init(struct fake_loop *fake);

#endif
