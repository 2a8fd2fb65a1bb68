/* What SHA-1 and SHA-256 have in common: a message in blocks of 64 bytes, of words whose first byte is the highest.
 * FIPS 180-4, sections 5.1.1 and 5.2.1. Whole blocks are read where they lie; the last one or two, with the padding and
 * the length, are put together aside. Any thread. */
#ifndef CORE_SHA_MESSAGE_H
#define CORE_SHA_MESSAGE_H

#include <endian.h>
#include <stdint.h>

#include "core/str.h"

enum { SHA_BLOCK_BYTES = 64, SHA_BLOCK_WORDS = 16 };

typedef void sha_add_block(uint32_t *state, const char *block);

static inline void sha_read_block(const char *block, uint32_t words[static SHA_BLOCK_WORDS])
{
    memcpy(words, block, SHA_BLOCK_BYTES);
    for (int i = 0; i < SHA_BLOCK_WORDS; i++)
        words[i] = be32toh(words[i]);
}

/* What does not fill a block, a one bit, zeros, and the length in bits. */
static inline void sha_add_end(uint32_t *state, struct str rest, uint64_t total_length, sha_add_block *add_block)
{
    char last[2 * SHA_BLOCK_BYTES] = {0};
    size_t bytes = rest.length < SHA_BLOCK_BYTES - 8 ? SHA_BLOCK_BYTES : sizeof last;
    uint64_t bits = htobe64(total_length * 8);

    str_copy(last, rest);
    last[rest.length] = (char)0x80;
    memcpy(last + bytes - sizeof bits, &bits, sizeof bits);
    for (size_t at = 0; at < bytes; at += SHA_BLOCK_BYTES)
        add_block(state, last + at);
}

static inline void sha_add_message(uint32_t *state, struct str bytes, sha_add_block *add_block)
{
    size_t whole = bytes.length / SHA_BLOCK_BYTES * SHA_BLOCK_BYTES;

    for (size_t at = 0; at < whole; at += SHA_BLOCK_BYTES)
        add_block(state, bytes.bytes + at);
    sha_add_end(state, (struct str){bytes.bytes + whole, bytes.length - whole}, bytes.length, add_block);
}

static inline void sha_write_state(const uint32_t *state, uint8_t *digest, int bytes)
{
    for (int i = 0; i < bytes; i++)
        digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

#endif
