/* CRC16 eight bytes at a time: by a product without carries where the CPU has one, else by tables.
 *
 * The checksum is linear: that of a byte is the sum (exclusive or) of its bits'
 * contributions, and a byte that stands k bytes before the end of a block has a
 * table of its own. tables[k][byte] is byte * x^(16 + 8k) modulo the polynomial,
 * put together from the eight constants of its bits while compiling. As the
 * checksum starts at 0, zero bytes in front change nothing: the bytes that do
 * not fill a block come first and are read as a block with zeros before them. */
#include "core/slot.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define ENTRY(i, a, b, c, d, e, f, g, h)                                                                               \
    (((i)&1 ? a : 0) ^ ((i)&2 ? b : 0) ^ ((i)&4 ? c : 0) ^ ((i)&8 ? d : 0) ^ ((i)&16 ? e : 0) ^ ((i)&32 ? f : 0) ^     \
     ((i)&64 ? g : 0) ^ ((i)&128 ? h : 0))
#define ENTRIES_4(i, ...)                                                                                              \
    ENTRY(i, __VA_ARGS__), ENTRY(i + 1, __VA_ARGS__), ENTRY(i + 2, __VA_ARGS__), ENTRY(i + 3, __VA_ARGS__)
#define ENTRIES_16(i, ...)                                                                                             \
    ENTRIES_4(i, __VA_ARGS__), ENTRIES_4(i + 4, __VA_ARGS__), ENTRIES_4(i + 8, __VA_ARGS__),                           \
        ENTRIES_4(i + 12, __VA_ARGS__)
#define ENTRIES_64(i, ...)                                                                                             \
    ENTRIES_16(i, __VA_ARGS__), ENTRIES_16(i + 16, __VA_ARGS__), ENTRIES_16(i + 32, __VA_ARGS__),                      \
        ENTRIES_16(i + 48, __VA_ARGS__)
#define TABLE(...)                                                                                                     \
    {                                                                                                                  \
        ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__), ENTRIES_64(128, __VA_ARGS__),                         \
            ENTRIES_64(192, __VA_ARGS__)                                                                               \
    }

enum { BLOCK_BYTES = 8 };

static const uint16_t tables[BLOCK_BYTES][256] = {
    TABLE(0x1021, 0x2042, 0x4084, 0x8108, 0x1231, 0x2462, 0x48c4, 0x9188),
    TABLE(0x3331, 0x6662, 0xccc4, 0x89a9, 0x0373, 0x06e6, 0x0dcc, 0x1b98),
    TABLE(0x3730, 0x6e60, 0xdcc0, 0xa9a1, 0x4363, 0x86c6, 0x1dad, 0x3b5a),
    TABLE(0x76b4, 0xed68, 0xcaf1, 0x85c3, 0x1ba7, 0x374e, 0x6e9c, 0xdd38),
    TABLE(0xaa51, 0x4483, 0x8906, 0x022d, 0x045a, 0x08b4, 0x1168, 0x22d0),
    TABLE(0x45a0, 0x8b40, 0x06a1, 0x0d42, 0x1a84, 0x3508, 0x6a10, 0xd420),
    TABLE(0xb861, 0x60e3, 0xc1c6, 0x93ad, 0x377b, 0x6ef6, 0xddec, 0xabf9),
    TABLE(0x47d3, 0x8fa6, 0x0f6d, 0x1eda, 0x3db4, 0x7b68, 0xf6d0, 0xfd81),
};

/* block: the first byte on top. */
static inline uint16_t crc_block(uint16_t crc, uint64_t block)
{
    block ^= (uint64_t)crc << 48;
    return tables[0][block & 0xff] ^ tables[1][block >> 8 & 0xff] ^ tables[2][block >> 16 & 0xff] ^
           tables[3][block >> 24 & 0xff] ^ tables[4][block >> 32 & 0xff] ^ tables[5][block >> 40 & 0xff] ^
           tables[6][block >> 48 & 0xff] ^ tables[7][block >> 56];
}

static inline uint64_t load_block(const char *bytes)
{
    uint64_t block;

    memcpy(&block, bytes, sizeof block);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    block = __builtin_bswap64(block);
#endif
    return block;
}

static inline uint64_t load_half(const char *bytes)
{
    uint32_t half;

    memcpy(&half, bytes, sizeof half);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    half = __builtin_bswap32(half);
#endif
    return half;
}

/* The first `count` bytes, at least one and fewer than a block, of `length`. */
static inline uint64_t load_head(const char *bytes, size_t count, size_t length)
{
    uint64_t block = 0;

    if (length >= BLOCK_BYTES)
        return load_block(bytes) >> (8 * (BLOCK_BYTES - count));
    if (count >= 4) /* two halves that may overlap */
        return load_half(bytes) << (8 * (count - 4)) | load_half(bytes + count - 4);
    for (size_t i = 0; i < count; i++)
        block = block << 8 | (unsigned char)bytes[i];
    return block;
}

static uint16_t crc16_by_tables(struct str bytes)
{
    size_t head = bytes.length % BLOCK_BYTES;
    uint16_t crc = head > 0 ? crc_block(0, load_head(bytes.bytes, head, bytes.length)) : 0;

    for (size_t i = head; i < bytes.length; i += BLOCK_BYTES)
        crc = crc_block(crc, load_block(bytes.bytes + i));
    return crc;
}

#ifdef __x86_64__

/* The remainder of block * x^16 by the polynomial P = x^16 + x^12 + x^5 + 1. The quotient is that of block * Q by
 * x^64, where Q is x^80 by P: x^64 and, below it, these bits. Of the product of quotient and P the low 16 bits are the
 * remainder, as block * x^16 has none there. */
#define QUOTIENT_BITS UINT64_C(0x11303471a041b343)

static inline __attribute__((always_inline, target("pclmul"))) uint16_t remainder_of(uint64_t block)
{
    __m128i product =
        _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)block), _mm_cvtsi64_si128((long long)QUOTIENT_BITS), 0);
    uint64_t quotient = block ^ (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(product, product));

    return (uint16_t)(quotient ^ quotient << 5 ^ quotient << 12);
}

static __attribute__((target("pclmul"))) uint16_t crc16_by_product(struct str bytes)
{
    size_t head = bytes.length % BLOCK_BYTES;
    uint16_t crc = head > 0 ? remainder_of(load_head(bytes.bytes, head, bytes.length)) : 0;

    for (size_t i = head; i < bytes.length; i += BLOCK_BYTES)
        crc = remainder_of(load_block(bytes.bytes + i) ^ (uint64_t)crc << 48);
    return crc;
}

static inline uint16_t crc16(struct str bytes)
{
    return __builtin_expect(__builtin_cpu_supports("pclmul"), 1) ? crc16_by_product(bytes) : crc16_by_tables(bytes);
}

#else

static inline uint16_t crc16(struct str bytes)
{
    return crc16_by_tables(bytes);
}

#endif

uint16_t slot_crc16(struct str bytes)
{
    return crc16_by_tables(bytes);
}

bool affinity_pattern_parse(struct str text, struct affinity_pattern *pattern)
{
    const char *end = text.bytes + text.length;
    const char *star = text.length > 0 ? memchr(text.bytes, '*', text.length) : NULL;

    if (!star || memchr(star + 1, '*', (size_t)(end - star - 1)))
        return false;
    pattern->before = (struct str){text.bytes, (size_t)(star - text.bytes)};
    pattern->after = (struct str){star + 1, (size_t)(end - star - 1)};
    return true;
}

/* What follows the text before the '*', or an empty str. Of most keys the first byte is another. */
static inline struct str affinity_rest(const struct affinity_pattern *pattern, struct str key)
{
    size_t skip = pattern->before.length;

    if (key.length <= skip || (skip > 0 && key.bytes[0] != pattern->before.bytes[0]) ||
        !str_equal((struct str){key.bytes, skip}, pattern->before))
        return (struct str){key.bytes, 0};
    return (struct str){key.bytes + skip, key.length - skip};
}

/* What of the rest, not empty, the '*' matches, or an empty str. */
static struct str affinity_match(const struct affinity_pattern *pattern, struct str rest)
{
    if (pattern->after.length == 0)
        return rest;
    const char *stop = pattern->after.length == 1
                           ? memchr(rest.bytes + 1, pattern->after.bytes[0], rest.length - 1)
                           : memmem(rest.bytes + 1, rest.length - 1, pattern->after.bytes, pattern->after.length);
    return (struct str){rest.bytes, stop ? (size_t)(stop - rest.bytes) : 0};
}

static inline struct str affinity_tag(const struct affinity *affinity, struct str key)
{
    struct str begun = {key.bytes, 0};

    for (int i = 0; i < affinity->count; i++) {
        struct str rest = affinity_rest(&affinity->patterns[i], key);
        if (rest.length == 0)
            continue;
        struct str tag = affinity_match(&affinity->patterns[i], rest);
        if (tag.length > 0)
            return tag;
        if (begun.length == 0 && affinity->patterns[i].before.length > 0)
            begun = rest;
    }
    return begun;
}

/* Whether one of a block's bytes is '{': a byte that is 0 borrows from its top bit. */
static inline bool block_has_brace(const char *bytes)
{
    uint64_t block;

    memcpy(&block, bytes, sizeof block);
    block ^= UINT64_C(0x7b7b7b7b7b7b7b7b);
    return (block - UINT64_C(0x0101010101010101)) & ~block & UINT64_C(0x8080808080808080);
}

/* Keys of usual lengths are looked at here, as two blocks that may overlap, or three: a call takes 20 instructions. */
static inline bool has_brace(struct str key)
{
    if (key.length < BLOCK_BYTES || key.length > 3 * BLOCK_BYTES)
        return key.length > 0 && memchr(key.bytes, '{', key.length) != NULL;
    return block_has_brace(key.bytes) || block_has_brace(key.bytes + key.length - BLOCK_BYTES) ||
           (key.length > 2 * BLOCK_BYTES && block_has_brace(key.bytes + BLOCK_BYTES));
}

/* Between the first '{' and the next '}', or an empty str. */
static __attribute__((noinline)) struct str hash_tag(struct str key)
{
    const struct str none = {key.bytes, 0};
    const char *end = key.bytes + key.length;
    const char *open = memchr(key.bytes, '{', key.length);

    if (!open)
        return none;
    const char *close = memchr(open + 1, '}', (size_t)(end - open - 1));
    return close ? (struct str){open + 1, (size_t)(close - open - 1)} : none;
}

/* Whether the key may match one of the patterns, by its first byte: most match none, and nothing is called for them. */
static inline bool may_match(const struct affinity *affinity, struct str key)
{
    if (key.length > 0 && affinity->apart[(unsigned char)key.bytes[0]])
        return false;
    for (int i = 0; i < affinity->count; i++) {
        struct str before = affinity->patterns[i].before;

        if (before.length == 0 || (key.length > 0 && key.bytes[0] == before.bytes[0]))
            return true;
    }
    return false;
}

void affinity_prepare(struct affinity *affinity)
{
    for (int byte = 0; byte < 256; byte++) {
        char first = (char)byte;

        affinity->apart[byte] = !may_match(affinity, (struct str){&first, 1});
    }
}

static inline __attribute__((always_inline)) bool is_plain(const struct affinity *affinity, struct str key)
{
    return __builtin_expect(!has_brace(key) && !may_match(affinity, key), 1);
}

static __attribute__((noinline)) struct str find_tag(const struct affinity *affinity, struct str key)
{
    struct str tag = {key.bytes, 0};

    if (has_brace(key))
        tag = hash_tag(key);
    if (tag.length == 0)
        tag = affinity_tag(affinity, key);
    return tag.length > 0 ? tag : key;
}

struct str slot_tag(const struct affinity *affinity, struct str key)
{
    return find_tag(affinity, key);
}

static __attribute__((noinline)) uint16_t slot_of_tag(const struct affinity *affinity, struct str key)
{
    return crc16(find_tag(affinity, key)) % SLOT_COUNT;
}

static __attribute__((noinline)) uint16_t slot_of_any(const struct affinity *affinity, struct str key)
{
    return is_plain(affinity, key) ? crc16(key) % SLOT_COUNT : slot_of_tag(affinity, key);
}

#ifdef __x86_64__

/* Two blocks that may overlap: their bytes are in two registers for both questions, and nothing is called. */
static inline __attribute__((always_inline, target("pclmul"))) bool is_plain_pair(const struct affinity *affinity,
                                                                                  struct str key)
{
    __m128i first = _mm_loadl_epi64((const __m128i *)key.bytes);
    __m128i last = _mm_loadl_epi64((const __m128i *)(key.bytes + key.length - BLOCK_BYTES));
    __m128i braces = _mm_cmpeq_epi8(_mm_unpacklo_epi64(first, last), _mm_set1_epi8('{'));

    return __builtin_expect(_mm_movemask_epi8(braces) == 0 && !may_match(affinity, key), 1);
}

static inline __attribute__((always_inline, target("pclmul"))) uint16_t crc16_of_pair(struct str bytes)
{
    int missing_bits = 8 * (2 * BLOCK_BYTES - (int)bytes.length) / 2; /* half of them: a block has as many at most */
    uint64_t head = load_block(bytes.bytes) >> missing_bits >> missing_bits;
    uint64_t block = load_block(bytes.bytes + bytes.length - BLOCK_BYTES);

    return remainder_of(block ^ (uint64_t)remainder_of(head) << 48);
}

static inline __attribute__((always_inline, target("pclmul"))) bool is_pair(const struct affinity *affinity,
                                                                            struct str key)
{
    return key.length - BLOCK_BYTES <= BLOCK_BYTES && is_plain_pair(affinity, key);
}

/* Keys of 8 to 16 bytes take 64 instructions, with the call; shorter ones up to 101, longer ones 134 and more (gcc -O3,
 * no patterns). */
__attribute__((target("pclmul"))) uint16_t slot_of(const struct affinity *affinity, struct str key)
{
    if (__builtin_cpu_supports("pclmul") && is_pair(affinity, key))
        return crc16_of_pair(key) % SLOT_COUNT;
    return slot_of_any(affinity, key);
}

static __attribute__((target("pclmul"))) void slots_by_product(const struct affinity *affinity, const struct str *keys,
                                                               int step, int count, uint16_t *slots)
{
    for (const uint16_t *end = slots + count; slots < end; slots++, keys += step) {
        struct str key = *keys;

        *slots = is_pair(affinity, key) ? crc16_of_pair(key) % SLOT_COUNT : slot_of_any(affinity, key);
    }
}

void slots_of(const struct affinity *affinity, const struct str *keys, int step, int count, uint16_t *slots)
{
    if (__builtin_cpu_supports("pclmul")) {
        slots_by_product(affinity, keys, step, count, slots);
        return;
    }
    for (int i = 0; i < count; i++)
        slots[i] = slot_of_any(affinity, keys[i * step]);
}

#else

void slots_of(const struct affinity *affinity, const struct str *keys, int step, int count, uint16_t *slots)
{
    for (int i = 0; i < count; i++)
        slots[i] = slot_of_any(affinity, keys[i * step]);
}

uint16_t slot_of(const struct affinity *affinity, struct str key)
{
    return slot_of_any(affinity, key);
}

#endif

/* How many bytes of the key's beginning say where it is, whatever but a brace follows; 0: it cannot be told. Of a
 * pattern behind the first, what follows may match one before it. */
static size_t deciding_bytes(const struct affinity *affinity, struct str key)
{
    const struct affinity_pattern *first = affinity->patterns;

    if (affinity->count == 0 || first->after.length == 0 || has_brace(key))
        return 0;

    struct str rest = affinity_rest(first, key);
    struct str tag = rest.length > 0 ? affinity_match(first, rest) : rest;

    return tag.length > 0 ? first->before.length + tag.length + first->after.length : 0;
}

static __attribute__((noinline)) uint16_t remember(const struct affinity *affinity, struct slot_alike *alike,
                                                   struct str key)
{
    size_t length = deciding_bytes(affinity, key);
    uint16_t slot = slot_of(affinity, key);

    if (length > 0 && length <= sizeof alike->beginning) {
        memcpy(alike->beginning, key.bytes, length);
        alike->length = (uint8_t)length;
        alike->slot = slot;
    }
    return slot;
}

uint16_t slot_of_alike(const struct affinity *affinity, struct slot_alike *alike, struct str key)
{
    if (alike->length > 0 && key.length >= alike->length && memcmp(key.bytes, alike->beginning, alike->length) == 0 &&
        !has_brace(key))
        return alike->slot;
    return remember(affinity, alike, key);
}
