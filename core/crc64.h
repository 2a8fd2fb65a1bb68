/* The checksum of RDB files and DUMP payloads: CRC-64 by Jones's polynomial,
 * bits reflected, no inversion. Any thread. */
#ifndef CORE_CRC64_H
#define CORE_CRC64_H

#include <stdint.h>

#include "core/str.h"

/* Of what `checksum` is the checksum of, 0 for nothing, followed by these bytes. */
uint64_t crc64(uint64_t checksum, struct str bytes);
/* Of what has the first checksum followed by so many bytes that have the second. */
uint64_t crc64_join(uint64_t first, uint64_t second, uint64_t second_bytes);

#endif
