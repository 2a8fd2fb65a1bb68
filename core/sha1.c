/* FIPS 180-4, section 6.1. */
#include "core/sha1.h"

#include "core/sha_message.h"

enum { WORDS = 5, ROUNDS = 80 };

static inline uint32_t rotate(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

static void extend(const char *block, uint32_t schedule[static ROUNDS])
{
    sha_read_block(block, schedule);
    for (int i = SHA_BLOCK_WORDS; i < ROUNDS; i++)
        schedule[i] = rotate(schedule[i - 3] ^ schedule[i - 8] ^ schedule[i - 14] ^ schedule[i - 16], 1);
}

static inline uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
    return z ^ (x & (y ^ z));
}

static inline uint32_t parity(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

static inline uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | (z & (x | y));
}

static inline void round_of(uint32_t state[static WORDS], uint32_t mixed)
{
    uint32_t next = rotate(state[0], 5) + state[4] + mixed;

    state[4] = state[3];
    state[3] = state[2];
    state[2] = rotate(state[1], 30);
    state[1] = state[0];
    state[0] = next;
}

static void add_block(uint32_t *digest, const char *block)
{
    uint32_t schedule[ROUNDS], state[WORDS];

    extend(block, schedule);
    memcpy(state, digest, sizeof state);
    for (int i = 0; i < 20; i++)
        round_of(state, choose(state[1], state[2], state[3]) + 0x5a827999 + schedule[i]);
    for (int i = 20; i < 40; i++)
        round_of(state, parity(state[1], state[2], state[3]) + 0x6ed9eba1 + schedule[i]);
    for (int i = 40; i < 60; i++)
        round_of(state, majority(state[1], state[2], state[3]) + 0x8f1bbcdc + schedule[i]);
    for (int i = 60; i < ROUNDS; i++)
        round_of(state, parity(state[1], state[2], state[3]) + 0xca62c1d6 + schedule[i]);
    for (int i = 0; i < WORDS; i++)
        digest[i] += state[i];
}

void sha1(struct str bytes, uint8_t digest[static SHA1_BYTES])
{
    uint32_t state[WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};

    sha_add_message(state, bytes, add_block);
    sha_write_state(state, digest, SHA1_BYTES);
}

void sha1_hex(struct str bytes, char text[static SHA1_HEX_LENGTH])
{
    uint8_t digest[SHA1_BYTES];

    sha1(bytes, digest);
    str_write_hex(text, digest, SHA1_HEX_LENGTH);
}
