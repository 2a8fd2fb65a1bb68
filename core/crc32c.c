/* By the processor where it can, eight bytes an instruction; else a byte at a time
 * by a table, in which the entry i is what a byte i does to the checksum. Both work
 * on the checksum with all bits inverted, as it is defined. */
#include "core/crc32c.h"

#if defined __x86_64__
#include <nmmintrin.h>
#elif defined __ARM_FEATURE_CRC32
#include <arm_acle.h>
#endif

/* The table is linear, and follows from its entries for the eight single bits: each is the one to its right, shifted by
 * a bit; that of the highest, on the right, is the polynomial 0x1edc6f41 with its bits reversed. */
#define IF_BIT(i, bit, value) ((i) >> (bit)&1 ? (value) : 0)
#define ENTRY(i)                                                                                                       \
    (IF_BIT(i, 0, 0xf26b8303) ^ IF_BIT(i, 1, 0xe13b70f7) ^ IF_BIT(i, 2, 0xc79a971f) ^ IF_BIT(i, 3, 0x8ad958cf) ^       \
     IF_BIT(i, 4, 0x105ec76f) ^ IF_BIT(i, 5, 0x20bd8ede) ^ IF_BIT(i, 6, 0x417b1dbc) ^ IF_BIT(i, 7, 0x82f63b78))
#define ENTRIES_4(i) ENTRY(i), ENTRY((i) + 1), ENTRY((i) + 2), ENTRY((i) + 3)
#define ENTRIES_16(i) ENTRIES_4(i), ENTRIES_4((i) + 4), ENTRIES_4((i) + 8), ENTRIES_4((i) + 12)
#define ENTRIES_64(i) ENTRIES_16(i), ENTRIES_16((i) + 16), ENTRIES_16((i) + 32), ENTRIES_16((i) + 48)

static const uint32_t table[256] = {ENTRIES_64(0), ENTRIES_64(64), ENTRIES_64(128), ENTRIES_64(192)};

uint32_t crc32c_portable(uint32_t checksum, struct str bytes)
{
    uint32_t inverted = ~checksum;

    for (size_t i = 0; i < bytes.length; i++)
        inverted = table[(uint8_t)inverted ^ (uint8_t)bytes.bytes[i]] ^ inverted >> 8;
    return ~inverted;
}

#if defined __x86_64__ || defined __ARM_FEATURE_CRC32

#if defined __x86_64__
#define WITH_INSTRUCTION __attribute__((target("sse4.2")))
#define ADD_WORD _mm_crc32_u64
#define ADD_BYTE _mm_crc32_u8
static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}
#else
#define WITH_INSTRUCTION
#define ADD_WORD __crc32cd
#define ADD_BYTE __crc32cb
static bool has_instruction(void)
{
    return true;
}
#endif

WITH_INSTRUCTION static uint32_t by_instruction(uint32_t checksum, struct str bytes)
{
    uint32_t inverted = ~checksum;
    size_t at = 0;

    for (uint64_t word; bytes.length - at >= sizeof word; at += sizeof word) {
        memcpy(&word, bytes.bytes + at, sizeof word);
        inverted = (uint32_t)ADD_WORD(inverted, word);
    }
    for (; at < bytes.length; at++)
        inverted = ADD_BYTE(inverted, (uint8_t)bytes.bytes[at]);
    return ~inverted;
}

uint32_t crc32c(uint32_t checksum, struct str bytes)
{
    return has_instruction() ? by_instruction(checksum, bytes) : crc32c_portable(checksum, bytes);
}

#else

uint32_t crc32c(uint32_t checksum, struct str bytes)
{
    return crc32c_portable(checksum, bytes);
}

#endif
