/* The table of a checksum that goes byte by byte: what each byte does to it.
 *
 * As the checksum is linear, all follows from the entries of the bytes with a single
 * bit, 1, 2, 4 to 128, which are given; the compiler works out the rest. */
#ifndef CORE_CRC_TABLE_H
#define CORE_CRC_TABLE_H

#define CRC_IF_BIT(i, bit, value) ((i) >> (bit)&1 ? (value) : 0)
#define CRC_ENTRY(i, a, b, c, d, e, f, g, h)                                                                           \
    (CRC_IF_BIT(i, 0, a) ^ CRC_IF_BIT(i, 1, b) ^ CRC_IF_BIT(i, 2, c) ^ CRC_IF_BIT(i, 3, d) ^ CRC_IF_BIT(i, 4, e) ^     \
     CRC_IF_BIT(i, 5, f) ^ CRC_IF_BIT(i, 6, g) ^ CRC_IF_BIT(i, 7, h))
#define CRC_ENTRIES_4(i, ...)                                                                                          \
    CRC_ENTRY(i, __VA_ARGS__), CRC_ENTRY((i) + 1, __VA_ARGS__), CRC_ENTRY((i) + 2, __VA_ARGS__),                       \
        CRC_ENTRY((i) + 3, __VA_ARGS__)
#define CRC_ENTRIES_16(i, ...)                                                                                         \
    CRC_ENTRIES_4(i, __VA_ARGS__), CRC_ENTRIES_4((i) + 4, __VA_ARGS__), CRC_ENTRIES_4((i) + 8, __VA_ARGS__),           \
        CRC_ENTRIES_4((i) + 12, __VA_ARGS__)
#define CRC_ENTRIES_64(i, ...)                                                                                         \
    CRC_ENTRIES_16(i, __VA_ARGS__), CRC_ENTRIES_16((i) + 16, __VA_ARGS__), CRC_ENTRIES_16((i) + 32, __VA_ARGS__),      \
        CRC_ENTRIES_16((i) + 48, __VA_ARGS__)
#define CRC_TABLE(...)                                                                                                 \
    {                                                                                                                  \
        CRC_ENTRIES_64(0, __VA_ARGS__), CRC_ENTRIES_64(64, __VA_ARGS__), CRC_ENTRIES_64(128, __VA_ARGS__),             \
            CRC_ENTRIES_64(192, __VA_ARGS__)                                                                           \
    }

#endif
