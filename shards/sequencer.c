#include "shards/sequencer.h"

#include <sched.h>

/* The holder is off its CPU when it takes this long: let it run. */
enum { SPINS_BEFORE_YIELD = 128 };

static inline void spin_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void sequencer_lock(struct sequencer *sequencer)
{
    int spins = 0;

    for (;;) {
        simulate_step();
        if (!atomic_exchange_explicit(&sequencer->held, 1, memory_order_acquire)) /* pairs with the release in unlock */
            return;
        while (atomic_load_explicit(&sequencer->held, memory_order_relaxed)) {
            simulate_step();
            if (++spins % SPINS_BEFORE_YIELD == 0)
                sched_yield();
            spin_pause();
        }
    }
}

void sequencer_unlock(struct sequencer *sequencer)
{
    simulate_step();
    atomic_store_explicit(&sequencer->held, 0, memory_order_release);
}
