/* SHA-1, by which clients name scripts. Not for secrets. Any thread. */
#ifndef CORE_SHA1_H
#define CORE_SHA1_H

#include "core/str.h"

enum { SHA1_HEX_LENGTH = 40 };

/* 40 hexadecimal digits in lower case, not terminated. */
void sha1_hex(struct str bytes, char text[static SHA1_HEX_LENGTH]);

#endif
