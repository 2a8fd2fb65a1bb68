/* Random choices of one run, all drawn from its seed. */
#ifndef TESTS_SIM_DICE_H
#define TESTS_SIM_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

static inline uint64_t dice_bits(struct dice *dice)
{
    uint64_t bits = dice->state += 0x9e3779b97f4a7c15u;

    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    return bits ^ bits >> 31;
}

static inline uint32_t dice_below(struct dice *dice, uint32_t limit)
{
    return (uint32_t)((dice_bits(dice) >> 32) * limit >> 32);
}

/* Both ends included. */
static inline int dice_between(struct dice *dice, int least, int most)
{
    return least + (int)dice_below(dice, (uint32_t)(most - least + 1));
}

/* True once in `times` on average; never for 0. */
static inline bool dice_one_in(struct dice *dice, uint32_t times)
{
    return times != 0 && dice_below(dice, times) == 0;
}

#endif
