/* By tables eight bytes a step; by the processor, where it can, 64 bytes. tables[k][i] is what a byte i does to the
 * checksum when k bytes follow it, so the eight bytes of a word are looked up side by side.
 *
 * Each of the entries that are given is the one before it (from right to left,
 * from the last row's left to the next row's right) shifted by one bit: the first,
 * on the right of the first row, is the polynomial 0xad93d23594c935a9 with its bits
 * reversed. */
#include "core/crc64.h"

#include "core/crc_table.h"

#if defined __x86_64__
#include <immintrin.h>
#endif

enum { WORD_BYTES = 8 };

static const uint64_t tables[WORD_BYTES][256] = {
    CRC_TABLE(0x7ad870c830358979, 0xf5b0e190606b12f2, 0xc038e5739841b68f, 0xab28ecb46814fe75, 0x7d08ff3b88be6f81,
              0xfa11fe77117cdf02, 0xdf7adabd7a6e2d6f, 0x95ac9329ac4bc9b5),
    CRC_TABLE(0x89e99ffd73bddf69, 0x388a19a9bfec2db9, 0x711433537fd85b72, 0xe22866a6ffb0b6e4, 0xef09eb1ea7f6fea3,
              0xf54af06e177a6e2d, 0xc1ccc68f76634f31, 0xa8c0ab4db4510d09),
    CRC_TABLE(0xf4125129ce4038be, 0xc37d8400c417e217, 0xada22e52d0b85745, 0x701d7af6f9e73de1, 0xe03af5edf3ce7bc2,
              0xeb2ccd88bf0b64ef, 0xfd00bd4226815ab5, 0xd1585cd715952601),
    CRC_TABLE(0x8ce168638c796306, 0x329bf69440655567, 0x6537ed2880caaace, 0xca6fda510195559c, 0xbf8692f15bbd3853,
              0x545403b1efede3cd, 0xa8a80763dfdbc79a, 0x7a092894e7201c5f),
    CRC_TABLE(0x3504e58b9ba6dd1e, 0x6a09cb17374dba3c, 0xd413962e6e9b7478, 0x837e0a0f85a17b9b, 0x2da5324c53d5645d,
              0x5b4a6498a7aac8ba, 0xb694c9314f559174, 0x4670b431c63cb183),
    CRC_TABLE(0xe39d1389931b9354, 0xec6301407ea0b5c3, 0xf39f24d3a5d6f8ed, 0xcc676ff4133a62b1, 0xb397f9bb7ee35609,
              0x4c76d525a5513f79, 0x98edaa4b4aa27ef2, 0x1a8272c5cdd36e8f),
    CRC_TABLE(0x62a95de6e302eff2, 0xc552bbcdc605dfe4, 0xa1fc51c8d49c2ca3, 0x68a185c2f1afca2d, 0xd1430b85e35f945a,
              0x89df31589e28bbdf, 0x38e744e264c6e4d5, 0x71ce89c4c98dc9aa),
    CRC_TABLE(0x381d0015c96f4444, 0x703a002b92de8888, 0xe074005725bd1110, 0xebb126fd13edb14b, 0xfc3b6ba97f4cf1fd,
              0xd32ff101a60e7091, 0x8d06c450148b7249, 0x3154aef3718177f9),
};

static uint64_t add_byte(uint64_t checksum, char byte)
{
    return tables[0][(uint8_t)checksum ^ (uint8_t)byte] ^ checksum >> 8;
}

static uint64_t add_word(uint64_t checksum, const char *bytes)
{
    uint64_t word, sum = 0;

    memcpy(&word, bytes, sizeof word);
    word ^= checksum;
    for (int i = 0; i < WORD_BYTES; i++)
        sum ^= tables[WORD_BYTES - 1 - i][word >> 8 * i & 0xff];
    return sum;
}

uint64_t crc64_portable(uint64_t checksum, struct str bytes)
{
    size_t at = 0;

    for (; bytes.length - at >= WORD_BYTES; at += WORD_BYTES)
        checksum = add_word(checksum, bytes.bytes + at);
    for (; at < bytes.length; at++)
        checksum = add_byte(checksum, bytes.bytes[at]);
    return checksum;
}

#if defined __x86_64__

/* Bytes are a polynomial whose highest power comes first, and what has the same rest has the same checksum. So four
 * lanes of 16 bytes stand for all bytes so far: with the next 64 bytes each of them is multiplied by x^512, in two
 * halves by constants that are rests, and the bytes are added. In the end the lanes become one, a lane's
 * power being x^128, which the tables finish.
 *
 * The highest power is the lowest bit. A product of two such numbers is one power short, so where x^n is meant the
 * constant is the rest of x^(n-1); the half that comes first is worth another x^64. */
enum { LANES = 4, LANE_BYTES = 16, STEP_BYTES = LANES * LANE_BYTES, WORTH_IT_BYTES = 2 * STEP_BYTES };

#define BY_PROCESSOR __attribute__((target("pclmul,sse2")))

BY_PROCESSOR static inline __m128i lane_at(const char *bytes)
{
    return _mm_loadu_si128((const __m128i *)bytes);
}

/* The lane times the power whose constants, for the half that comes second and the first, are in the factor; and what
 * follows. */
BY_PROCESSOR static inline __m128i fold(__m128i lane, __m128i factor, __m128i next)
{
    __m128i first = _mm_clmulepi64_si128(lane, factor, 0x00), second = _mm_clmulepi64_si128(lane, factor, 0x11);

    return _mm_xor_si128(_mm_xor_si128(first, second), next);
}

/* The rest of all steps that the bytes hold; there is one. */
BY_PROCESSOR static uint64_t by_processor(uint64_t checksum, struct str steps)
{
    const __m128i by_512 = _mm_set_epi64x((long long)0xf49784a634f014e4, (long long)0xaf86efb16d9ab4fb);
    const __m128i by_128 = _mm_set_epi64x(0x381d0015c96f4444, (long long)0xd9d7be7d505da32c);
    __m128i lanes[LANES];
    char rest[LANE_BYTES];

    for (int i = 0; i < LANES; i++)
        lanes[i] = lane_at(steps.bytes + i * LANE_BYTES);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi64_si128((long long)checksum));
    for (size_t at = STEP_BYTES; at < steps.length; at += STEP_BYTES)
        for (int i = 0; i < LANES; i++)
            lanes[i] = fold(lanes[i], by_512, lane_at(steps.bytes + at + (size_t)i * LANE_BYTES));
    for (int i = 1; i < LANES; i++)
        lanes[i] = fold(lanes[i - 1], by_128, lanes[i]);
    _mm_storeu_si128((__m128i *)rest, lanes[LANES - 1]);
    return crc64_portable(0, (struct str){rest, sizeof rest});
}

uint64_t crc64(uint64_t checksum, struct str bytes)
{
    size_t steps_bytes = bytes.length / STEP_BYTES * STEP_BYTES;

    if (bytes.length < WORTH_IT_BYTES || !__builtin_cpu_supports("pclmul"))
        return crc64_portable(checksum, bytes);
    checksum = by_processor(checksum, (struct str){bytes.bytes, steps_bytes});
    return crc64_portable(checksum, (struct str){bytes.bytes + steps_bytes, bytes.length - steps_bytes});
}

#else

uint64_t crc64(uint64_t checksum, struct str bytes)
{
    return crc64_portable(checksum, bytes);
}

#endif

/* A checksum is a polynomial's rest by the one above, its highest bit the
 * factor of 1. Bytes that follow multiply it by x for each of their bits, and
 * the checksums of both parts add up. As the polynomial has a 1, x has an inverse: so bytes can be taken away, too. */

enum { HIGHEST = 63 };
static const uint64_t polynomial = 0x95ac9329ac4bc9b5, one = UINT64_C(1) << HIGHEST;
static const uint64_t inverse_of_byte = 0xc98ebf2149567b21; /* x^-8 */

static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product = 0;

    for (int bit = HIGHEST; bit >= 0; bit--) {
        product ^= a >> bit & 1 ? b : 0;
        b = b >> 1 ^ (b & 1 ? polynomial : 0);
    }
    return product;
}

/* Times the base so many times. */
static uint64_t multiply_often(uint64_t checksum, uint64_t base, uint64_t times)
{
    for (; times > 0; times >>= 1) {
        if (times & 1)
            checksum = multiply(checksum, base);
        base = multiply(base, base);
    }
    return checksum;
}

uint64_t crc64_join(uint64_t first, uint64_t second, uint64_t second_bytes)
{
    return multiply_often(first, one >> 8, second_bytes) ^ second;
}

uint64_t crc64_share(uint64_t checksum, uint64_t end)
{
    return multiply_often(checksum, inverse_of_byte, end);
}

uint64_t crc64_of_shares(uint64_t sum, uint64_t bytes)
{
    return multiply_often(sum, one >> 8, bytes);
}
