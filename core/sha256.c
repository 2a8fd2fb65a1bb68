/* FIPS 180-4, section 6.2. */
#include "core/sha256.h"

#include "core/sha_message.h"

enum { WORDS = 8, ROUNDS = 64 };

static const uint32_t constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t rotate(uint32_t word, int bits)
{
    return word >> bits | word << (32 - bits);
}

static void extend(const char *block, uint32_t schedule[static ROUNDS])
{
    sha_read_block(block, schedule);
    for (int i = SHA_BLOCK_WORDS; i < ROUNDS; i++) {
        uint32_t near = schedule[i - 2], far = schedule[i - 15];

        schedule[i] = schedule[i - 16] + schedule[i - 7] + (rotate(far, 7) ^ rotate(far, 18) ^ far >> 3) +
                      (rotate(near, 17) ^ rotate(near, 19) ^ near >> 10);
    }
}

static inline void round_of(uint32_t state[static WORDS], uint32_t mixed)
{
    uint32_t a = state[0], b = state[1], c = state[2], e = state[4], f = state[5], g = state[6];
    uint32_t first = state[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) + mixed;
    uint32_t second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));

    memmove(state + 1, state, (WORDS - 1) * sizeof *state);
    state[4] += first;
    state[0] = first + second;
}

static void add_block(uint32_t *digest, const char *block)
{
    uint32_t schedule[ROUNDS], state[WORDS];

    extend(block, schedule);
    memcpy(state, digest, sizeof state);
    for (int i = 0; i < ROUNDS; i++)
        round_of(state, constants[i] + schedule[i]);
    for (int i = 0; i < WORDS; i++)
        digest[i] += state[i];
}

void sha256_hex(struct str bytes, char text[static SHA256_HEX_LENGTH])
{
    uint32_t state[WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint8_t digest[SHA256_BYTES];

    sha_add_message(state, bytes, add_block);
    sha_write_state(state, digest, SHA256_BYTES);
    str_write_hex(text, digest, SHA256_HEX_LENGTH);
}
