/* Random choices for tests, repeatable: the seed is printed, and SEED=… in the
 * environment gives it back. */
#ifndef TESTS_SUPPORT_DICE_H
#define TESTS_SUPPORT_DICE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t dice_state;

static inline void dice_seed(void)
{
    const char *given = getenv("SEED");

    dice_state = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("SEED=%llu\n", (unsigned long long)dice_state);
    fflush(stdout);
}

static inline uint64_t dice_bits(void)
{
    uint64_t bits = dice_state += 0x9e3779b97f4a7c15u;

    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    return bits ^ bits >> 31;
}

static inline uint64_t dice_below(uint64_t limit)
{
    return dice_bits() % limit;
}

#endif
