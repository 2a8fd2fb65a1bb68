/* Bytes to 64 bits: the one module that knows xxHash.
 *
 * Keyed for hash tables, by a secret of the process that is written once,
 * before any thread starts, and only read from then on; unkeyed where a client
 * sees the result. */
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

void hash_seed(const uint8_t seed[static 32]);
bool hash_is_seeded(void);

/* By the secret: differs from process to process. */
uint64_t hash_keyed(struct str bytes);
/* Of `count` texts, each `step` behind the one before. */
void hash_keyed_each(const struct str *texts, int step, int count, uint64_t *hashes);
/* Plain XXH3, the same everywhere (DIGEST). */
uint64_t hash_digest(struct str bytes);

#endif
