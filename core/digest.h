/* A key, or a value, as 20 bytes: the same ones that Redis makes of it, whatever the encodings, so that two servers'
 * data can be compared without bringing them together.
 *
 * Bytes are mixed into a digest, which then depends on all that was mixed before; or, where there is no order, the
 * digests of several things are joined. */
#ifndef CORE_DIGEST_H
#define CORE_DIGEST_H

#include "core/sha1.h"

struct entry;

struct digest {
    uint8_t bytes[SHA1_BYTES];
};

void digest_mix(struct digest *digest, struct str bytes);
void digest_mix_number(struct digest *digest, uint32_t number);
/* In whatever order: twice is not at all. */
void digest_join(struct digest *digest, const struct digest *other);

/* Mixes in an entry's type, value and deadline. Fields of hashes whose deadline has come are not there. */
void digest_mix_value(struct digest *digest, const struct entry *entry, int64_t now_ms);

#endif
