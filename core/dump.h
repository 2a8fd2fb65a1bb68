/* What DUMP gives and RESTORE takes: a value on its own.
 *
 *     type (1) | value | version (2) | CRC-64 of all before it (8) */
#ifndef CORE_DUMP_H
#define CORE_DUMP_H

#include <stdint.h>

#include "core/rdb_write.h"

struct entry;

/* Appends the payload. */
void dump_write(struct rdb_writer *writer, const struct entry *entry);
/* The type and value within a payload, borrowed from it, which may be nothing at all. False: the checksum is wrong, or the
 * version unknown. */
MUST_USE bool dump_open(struct str payload, struct str *content);
/* Ends a payload of something else that begins at `start`. */
void dump_close(struct buffer *buffer, size_t start, uint16_t version);

#endif
