#include "core/bits.h"

#include <string.h>

#include "core/assert.h"

enum { WORD_BITS = 64 };

/* --- Counting --- */

static inline uint64_t load(const char *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Four sums, as one would have each addition wait for the one before. */
static inline __attribute__((always_inline)) uint64_t count_words(const char *bytes, size_t words)
{
    uint64_t sums[4] = {0};
    size_t i = 0;

    for (; i + 4 <= words; i += 4)
        for (size_t lane = 0; lane < 4; lane++)
            sums[lane] += (uint64_t)__builtin_popcountll(load(bytes + 8 * (i + lane)));
    for (; i < words; i++)
        sums[0] += (uint64_t)__builtin_popcountll(load(bytes + 8 * i));
    return sums[0] + sums[1] + sums[2] + sums[3];
}

/* Every x86 processor since 2008 counts bits in one instruction, which the portable build must ask for. */
#if defined(__x86_64__)
__attribute__((target("popcnt"))) static uint64_t count_words_popcnt(const char *bytes, size_t words)
{
    return count_words(bytes, words);
}

static uint64_t count_words_best(const char *bytes, size_t words)
{
    return __builtin_cpu_supports("popcnt") ? count_words_popcnt(bytes, words) : count_words(bytes, words);
}
#else
static uint64_t count_words_best(const char *bytes, size_t words)
{
    return count_words(bytes, words);
}
#endif

uint64_t bits_count(const char *bytes, size_t length)
{
    size_t words = length / 8;
    uint64_t rest = 0;

    if (length % 8 > 0)
        memcpy(&rest, bytes + 8 * words, length % 8);
    return count_words_best(bytes, words) + (uint64_t)__builtin_popcountll(rest);
}

/* The bits of a byte from `first` on, and up to `last`. */
static inline uint8_t from_bit(char byte, unsigned first)
{
    return (uint8_t)byte & (uint8_t)(0xff >> first);
}

static inline uint8_t up_to_bit(char byte, unsigned last)
{
    return (uint8_t)byte & (uint8_t)(0xff00 >> (last + 1));
}

uint64_t bits_count_range(const char *bytes, uint64_t first, uint64_t last)
{
    size_t first_byte = first / 8, last_byte = last / 8;

    ASSERT(first <= last);
    uint8_t head = from_bit(bytes[first_byte], first % 8);
    if (first_byte == last_byte)
        return (uint64_t)__builtin_popcount(up_to_bit((char)head, last % 8));
    return (uint64_t)__builtin_popcount(head) + bits_count(bytes + first_byte + 1, last_byte - first_byte - 1) +
           (uint64_t)__builtin_popcount(up_to_bit(bytes[last_byte], last % 8));
}

/* --- Finding --- */

/* Index of the first byte from `at` on that is not `skipped`, `end` if all are. */
static size_t skip_bytes(const char *bytes, size_t at, size_t end, uint8_t skipped)
{
    uint64_t word = skipped * UINT64_C(0x0101010101010101);

    for (; at + 32 <= end; at += 32) {
        uint64_t other = 0;

        for (size_t lane = 0; lane < 32; lane += 8)
            other |= load(bytes + at + lane) ^ word;
        if (other != 0)
            break;
    }
    while (at < end && (uint8_t)bytes[at] == skipped)
        at++;
    return at;
}

bool bits_find(const char *bytes, bool bit, uint64_t first, uint64_t last, uint64_t *at)
{
    uint8_t skipped = bit ? 0x00 : 0xff;
    size_t index = first / 8, end = last / 8 + 1;

    ASSERT(first <= last);
    uint8_t found = from_bit((char)(bytes[index] ^ (char)skipped), first % 8);
    if (found == 0) {
        index = skip_bytes(bytes, index + 1, end, skipped);
        if (index == end)
            return false;
        found = (uint8_t)bytes[index] ^ skipped;
    }
    *at = (uint64_t)index * 8 + (uint64_t)__builtin_clz(found) - 24;
    return *at <= last;
}

/* --- Numbers --- */

/* The bytes that the bits lie in, nine at most, as one number. */
static inline unsigned __int128 read_span(const char *bytes, size_t first, size_t last)
{
    unsigned __int128 span = 0;

    for (size_t i = first; i <= last; i++)
        span = span << 8 | (uint8_t)bytes[i];
    return span;
}

static inline uint64_t mask_of(unsigned width)
{
    return width == WORD_BITS ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

uint64_t bits_read(const char *bytes, uint64_t offset, unsigned width)
{
    uint64_t last = offset + width - 1;

    ASSERT(width >= 1 && width <= WORD_BITS);
    return (uint64_t)(read_span(bytes, offset / 8, last / 8) >> (7 - last % 8)) & mask_of(width);
}

void bits_write(char *bytes, uint64_t offset, unsigned width, uint64_t value)
{
    uint64_t last = offset + width - 1;
    unsigned shift = 7 - last % 8;

    ASSERT(width >= 1 && width <= WORD_BITS);
    unsigned __int128 mask = (unsigned __int128)mask_of(width) << shift;
    unsigned __int128 span = read_span(bytes, offset / 8, last / 8) & ~mask;
    span |= (unsigned __int128)value << shift & mask;
    for (size_t i = last / 8 + 1; i-- > offset / 8; span >>= 8)
        bytes[i] = (char)(uint8_t)span;
}

/* --- Whole strings: loops that compilers make vectors of --- */

void bits_mirror(uint64_t *words, size_t count)
{
    const uint64_t ones = 0x5555555555555555, pairs = 0x3333333333333333, halves = 0x0f0f0f0f0f0f0f0f;

    for (size_t i = 0; i < count; i++) {
        uint64_t word = words[i];

        word = (word >> 1 & ones) | (word & ones) << 1;
        word = (word >> 2 & pairs) | (word & pairs) << 2;
        words[i] = (word >> 4 & halves) | (word & halves) << 4;
    }
}

void bits_and(char *restrict to, const char *restrict by, size_t length)
{
    for (size_t i = 0; i < length; i++)
        to[i] &= by[i];
}

void bits_or(char *restrict to, const char *restrict by, size_t length)
{
    for (size_t i = 0; i < length; i++)
        to[i] |= by[i];
}

void bits_xor(char *restrict to, const char *restrict by, size_t length)
{
    for (size_t i = 0; i < length; i++)
        to[i] ^= by[i];
}

void bits_andnot(char *restrict to, const char *restrict by, size_t length)
{
    for (size_t i = 0; i < length; i++)
        to[i] &= (char)~by[i];
}

void bits_not(char *to, size_t length)
{
    for (size_t i = 0; i < length; i++)
        to[i] = (char)~to[i];
}

void bits_tally(char *restrict once, char *restrict twice, const char *restrict by, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        twice[i] |= once[i] & by[i];
        once[i] |= by[i];
    }
}
