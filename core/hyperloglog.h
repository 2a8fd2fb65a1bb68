/* HyperLogLog: how many different elements have been added, to within 0.81 %.
 *
 * The value is a string whose bytes are Redis's, so that GET and SET carry it
 * between servers:
 *
 *     "HYLL" | encoding | 3 unused bytes | cached count, 8 bytes | registers
 *
 * A hash of the element picks one of 16384 registers and a length for it; the
 * register keeps the highest. In the dense encoding (1 byte of 0) they follow
 * as 6 bits each, in the sparse one (1) as runs: see hyperloglog_sparse.h. The
 * count is little-endian; the top bit of its last byte says that it is stale.
 *
 * The functions that change a value take the buffer that holds it, which may
 * lie on the owner's bytes: it moves to the heap only when it must grow. No
 * string is trusted: what turns out to be corrupt is HYPERLOGLOG_INVALID. */
#ifndef CORE_HYPERLOGLOG_H
#define CORE_HYPERLOGLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"

enum {
    HYPERLOGLOG_REGISTERS = 16384,
    HYPERLOGLOG_HEADER_BYTES = 16,
    HYPERLOGLOG_DENSE_BYTES = HYPERLOGLOG_HEADER_BYTES + HYPERLOGLOG_REGISTERS * 6 / 8,
};

enum hyperloglog_status { HYPERLOGLOG_SAME, HYPERLOGLOG_CHANGED, HYPERLOGLOG_INVALID };

/* What a client is told of a string that does not pass hyperloglog_check, and of one that proves invalid later. */
#define HYPERLOGLOG_WRONG_TYPE "WRONGTYPE Key is not a valid HyperLogLog string value."
#define HYPERLOGLOG_CORRUPTED "INVALIDOBJ Corrupted HLL object detected"

/* Whether the string has the header and length of one; every other function expects that. */
MUST_USE bool hyperloglog_check(struct str bytes);
bool hyperloglog_is_dense(struct str bytes);

/* Appends an empty one to an empty buffer. */
void hyperloglog_create(struct buffer *buffer);
/* Past sparse_max_bytes (all of the string) the encoding becomes dense. */
MUST_USE enum hyperloglog_status hyperloglog_add(struct buffer *buffer, struct str element, size_t sparse_max_bytes);
/* CHANGED: the count was stale and has been written into the string. */
MUST_USE enum hyperloglog_status hyperloglog_count(struct buffer *buffer, uint64_t *count);
MUST_USE enum hyperloglog_status hyperloglog_make_dense(struct buffer *buffer);

/* The registers, for PFDEBUG; false: the string is invalid. */
MUST_USE bool hyperloglog_read_registers(struct str bytes, uint8_t registers[static HYPERLOGLOG_REGISTERS]);
/* Appends the runs of a sparse one as text: "z:5 v:2,1 Z:16378" is 5 empty registers, one of 2, and the rest empty. */
void hyperloglog_describe(struct str bytes, struct buffer *text);

/* The union of several. */
struct hyperloglog_union {
    bool dense; /* one of them was */
    uint8_t registers[HYPERLOGLOG_REGISTERS];
};

void hyperloglog_union_init(struct hyperloglog_union *all);
/* False: the string is invalid. */
MUST_USE bool hyperloglog_union_add(struct hyperloglog_union *all, struct str bytes);
uint64_t hyperloglog_union_count(const struct hyperloglog_union *all);
/* Raises the registers of the one in the buffer to those of the union. */
MUST_USE enum hyperloglog_status hyperloglog_union_write(const struct hyperloglog_union *all, struct buffer *buffer,
                                                         size_t sparse_max_bytes);

#endif
