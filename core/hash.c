#include "core/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static struct {
    uint8_t bytes[XXH3_SECRET_DEFAULT_SIZE];
    bool written;
} secret;

void hash_seed(const uint8_t seed[static 32])
{
    secret.written = XXH3_generateSecret(secret.bytes, sizeof(secret.bytes), seed, 32) == XXH_OK;
}

bool hash_is_seeded(void)
{
    return secret.written;
}

static __attribute__((noinline)) uint64_t hash_keyed_long(struct str bytes)
{
    return XXH3_64bits_withSecret(bytes.bytes, bytes.length, secret.bytes, sizeof(secret.bytes));
}

/* Flat, so that of XXH3 there remains what 16 bytes need: 25 instructions, where the whole of it takes 42. */
__attribute__((flatten)) uint64_t hash_keyed(struct str bytes)
{
    if (bytes.length > 16)
        return hash_keyed_long(bytes);
    return XXH3_64bits_withSecret(bytes.bytes, bytes.length, secret.bytes, sizeof(secret.bytes));
}

__attribute__((flatten)) void hash_keyed_each(const struct str *texts, int step, int count, uint64_t *hashes)
{
    for (const uint64_t *end = hashes + count; hashes < end; hashes++, texts += step)
        *hashes = hash_keyed(*texts);
}

uint64_t hash_digest(struct str bytes)
{
    return XXH3_64bits(bytes.bytes, bytes.length);
}
