/* What the programs that measure one part have in common: the clock, the line
 * of a result, and random orders that are the same in every run.
 *
 * The clock is the process's CPU time, so that who else runs disturbs little. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double measure_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline void measure_report_value(const char *what, double value, const char *unit)
{
    printf("%-36s %9.2f %s\n", what, value, unit);
    fflush(stdout);
}

/* The time of one operation, of those since began_ns. */
static inline void measure_report(const char *what, double began_ns, size_t operations)
{
    measure_report_value(what, (measure_now_ns() - began_ns) / (double)operations, "ns");
}

/* How many items to measure: the program's argument, or a million. */
static inline size_t measure_count(int argc, char **argv)
{
    return argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
}

/* Random bits that are a function of the number; no two numbers share them. */
static inline uint64_t measure_mix(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* The numbers below count, each once; visiting items so costs their cache misses. The caller frees it. */
static inline uint32_t *measure_shuffled(size_t count, uint64_t seed)
{
    uint32_t *order = malloc(count * sizeof *order);

    for (size_t i = 0; i < count; i++) {
        size_t other = measure_mix(seed + i) % (i + 1);

        order[i] = order[other];
        order[other] = (uint32_t)i;
    }
    return order;
}

#endif
