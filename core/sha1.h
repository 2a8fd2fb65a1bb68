/* SHA-1, by which clients name scripts, and data sets are compared. Not for secrets. Any thread. */
#ifndef CORE_SHA1_H
#define CORE_SHA1_H

#include <stdint.h>

#include "core/str.h"

enum { SHA1_BYTES = 20, SHA1_HEX_LENGTH = 2 * SHA1_BYTES };

void sha1(struct str bytes, uint8_t digest[static SHA1_BYTES]);

/* In lower case, not terminated. */
void sha1_hex(struct str bytes, char text[static SHA1_HEX_LENGTH]);

#endif
