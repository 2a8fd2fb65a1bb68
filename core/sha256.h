/* SHA-256, in which ACL tells passwords. Any thread. */
#ifndef CORE_SHA256_H
#define CORE_SHA256_H

#include "core/str.h"

enum { SHA256_BYTES = 32, SHA256_HEX_LENGTH = 2 * SHA256_BYTES };

/* In lower case, not terminated. */
void sha256_hex(struct str bytes, char text[static SHA256_HEX_LENGTH]);

#endif
