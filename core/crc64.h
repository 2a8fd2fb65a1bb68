/* The checksum of RDB files and DUMP payloads: CRC-64 by Jones's polynomial,
 * bits reflected, no inversion. Any thread. */
#ifndef CORE_CRC64_H
#define CORE_CRC64_H

#include <stdint.h>

#include "core/str.h"

/* Of what `checksum` is the checksum of, 0 for nothing, followed by these bytes. */
uint64_t crc64(uint64_t checksum, struct str bytes);
/* The same without the processor's instructions. */
uint64_t crc64_portable(uint64_t checksum, struct str bytes);
/* Of what has the first checksum followed by so many bytes that have the second. */
uint64_t crc64_join(uint64_t first, uint64_t second, uint64_t second_bytes);

/* Parts that come in any order, of a whole whose length is not known yet: what the part with that checksum, which ends
 * there in the whole, adds to a sum (by ^) */
uint64_t crc64_share(uint64_t checksum, uint64_t end);
/* … that gives the checksum of the whole, when all of so many bytes are in it. */
uint64_t crc64_of_shares(uint64_t sum, uint64_t bytes);

#endif
