/* The checksum of AOF groups: CRC-32C (Castagnoli), which processors calculate
 * themselves. Any thread. */
#ifndef CORE_CRC32C_H
#define CORE_CRC32C_H

#include <stdint.h>

#include "core/str.h"

/* Of what `checksum` is the checksum of, 0 for nothing, followed by these bytes. */
uint32_t crc32c(uint32_t checksum, struct str bytes);
/* The same without the processor's help, for the test that both agree. */
uint32_t crc32c_portable(uint32_t checksum, struct str bytes);

#endif
