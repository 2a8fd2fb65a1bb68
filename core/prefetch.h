/* Asks for a cache line that is needed soon. The line need not be there: any address will do.
 *
 * gcc 12 takes a function that only prefetches for one without effects, and drops
 * its calls; the release build had lost those for requests and entries. The empty
 * asm costs no instruction, and is an effect. */
#ifndef CORE_PREFETCH_H
#define CORE_PREFETCH_H

static inline void prefetch_to_read(const void *line)
{
    __asm__ volatile("" : : "r"(line));
    __builtin_prefetch(line);
}

static inline void prefetch_to_write(const void *line)
{
    __asm__ volatile("" : : "r"(line));
    __builtin_prefetch(line, 1);
}

#endif
