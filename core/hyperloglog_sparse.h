/* The sparse encoding of a HyperLogLog's registers: a row of runs.
 *
 *     00llllll             ZERO   l + 1 registers of 0
 *     01llllll llllllll    XZERO  l + 1 registers of 0, high bits first
 *     1vvvvvll             VAL    l + 1 registers of v + 1
 *
 * How runs are cut and joined decides the bytes, which are to be Redis's after
 * any history: a run is cut around the register that is set, and afterwards
 * neighbouring VALs are joined among five runs from the one before. Used by
 * hyperloglog.c alone. */
#ifndef CORE_HYPERLOGLOG_SPARSE_H
#define CORE_HYPERLOGLOG_SPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct buffer;

/* A run's place. Registers that are set in rising order are looked for from where the last was. */
struct hyperloglog_place {
    uint32_t offset;   /* into the runs */
    uint32_t previous; /* the offset of the run before; 0 for the first */
    size_t first;      /* register of the run; hostile runs go beyond the last register */
};

enum hyperloglog_outcome {
    HYPERLOGLOG_SPARSE_SAME,
    HYPERLOGLOG_SPARSE_CHANGED,
    HYPERLOGLOG_SPARSE_INVALID,
    HYPERLOGLOG_SPARSE_FULL, /* unchanged: the value or the length would be too large for this encoding */
};

/* Raises a register of the string in the buffer. The place is {0}, or as this function left
 * it after a lower register. */
enum hyperloglog_outcome hyperloglog_sparse_set(struct buffer *buffer, struct hyperloglog_place *place, uint32_t index,
                                                uint8_t value, size_t most_bytes);

/* Raises registers to what the runs say. False: they do not cover all registers exactly. */
MUST_USE bool hyperloglog_sparse_merge(struct str runs, uint8_t *registers);

/* Appends the runs as text, separated by spaces. Of hostile ones no more than there are registers. */
void hyperloglog_sparse_describe(struct str runs, struct buffer *text);

/* Counts the registers of each value. False as above. */
MUST_USE bool hyperloglog_sparse_histogram(struct str runs, uint32_t histogram[static 64]);

#endif
