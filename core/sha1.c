/* FIPS 180-4, section 6.1. Whole blocks are read where they lie; the last one or
 * two, with the padding and the length, are put together aside. */
#include "core/sha1.h"

#include <stdint.h>

enum { BLOCK = 64, WORDS = 5, ROUNDS = 80 };

static inline uint32_t rotate(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

static inline uint32_t load_word(const char *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof word);
    return __builtin_bswap32(word);
}

static void extend(const char *block, uint32_t schedule[static ROUNDS])
{
    for (int i = 0; i < 16; i++)
        schedule[i] = load_word(block + 4 * i);
    for (int i = 16; i < ROUNDS; i++)
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

static void add_block(uint32_t digest[static WORDS], const char *block)
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

/* What does not fill a block, a one bit, zeros, and the length in bits. */
static void add_end(uint32_t digest[static WORDS], struct str rest, uint64_t total_length)
{
    char last[2 * BLOCK] = {0};
    size_t blocks = rest.length < BLOCK - 8 ? 1 : 2;
    uint64_t bits = __builtin_bswap64(total_length * 8);

    str_copy(last, rest);
    last[rest.length] = (char)0x80;
    memcpy(last + blocks * BLOCK - sizeof bits, &bits, sizeof bits);
    for (size_t i = 0; i < blocks; i++)
        add_block(digest, last + i * BLOCK);
}

void sha1(struct str bytes, uint8_t digest[static SHA1_BYTES])
{
    uint32_t words[WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    size_t whole = bytes.length / BLOCK * BLOCK;

    for (size_t at = 0; at < whole; at += BLOCK)
        add_block(words, bytes.bytes + at);
    add_end(words, (struct str){bytes.bytes + whole, bytes.length - whole}, bytes.length);
    for (int i = 0; i < SHA1_BYTES; i++)
        digest[i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
}

void sha1_write_hex(const uint8_t digest[static SHA1_BYTES], char text[static SHA1_HEX_LENGTH])
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < SHA1_HEX_LENGTH; i++)
        text[i] = digits[digest[i / 2] >> (4 - 4 * (i % 2)) & 15];
}

void sha1_hex(struct str bytes, char text[static SHA1_HEX_LENGTH])
{
    uint8_t digest[SHA1_BYTES];

    sha1(bytes, digest);
    sha1_write_hex(digest, text);
}
