/* By the processor where it can, eight bytes an instruction; else a byte at a time
 * by a table, in which the entry i is what a byte i does to the checksum. Both work
 * on the checksum with all bits inverted, as it is defined. */
#include "core/crc32c.h"

#include "core/crc_table.h"

#if defined __x86_64__
#include <nmmintrin.h>
#elif defined __ARM_FEATURE_CRC32
#include <arm_acle.h>
#endif

/* Each of these entries is the one behind it, shifted by a bit; that of the highest bit is the polynomial 0x1edc6f41
 * with its bits reversed. */
static const uint32_t table[256] =
    CRC_TABLE(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78);

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
