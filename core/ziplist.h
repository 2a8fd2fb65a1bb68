/* The packs of elements that Redis kept before listpacks, which RDB files and
 * DUMP payloads of older servers carry. They are only read, into a listpack.
 *
 * A ziplist, little-endian but for the lengths of strings:
 *
 *     bytes (4) | offset of the last element (4) | count (2) | element … | 0xff
 *     element: bytes of the one before (1, or 0xfe and 4) | encoding | data
 *
 *     encoding  00xxxxxx                  string of up to 63 bytes
 *               01xxxxxx xxxxxxxx         string of up to 16383 bytes
 *               10000000 and 4 bytes      string of that length
 *               11000000 11010000         integer of 2, 4,
 *               11100000 11110000         8, 3 bytes
 *               11111110                  integer of 1 byte
 *               1111xxxx                  xxxx - 1, from 0 to 12
 *
 * A zipmap, of fields and values in turn:
 *
 *     count (1) | length | field | length | unused (1) | value | unused bytes | … | 0xff
 *     length: 1 byte, or 0xfe and 4 */
#ifndef CORE_ZIPLIST_H
#define CORE_ZIPLIST_H

#include "core/str.h"

struct memory;

/* A new listpack of the same elements; NULL where the bytes are not such a pack by all of the above. */
MUST_USE unsigned char *ziplist_to_listpack(struct memory *memory, struct str bytes);
MUST_USE unsigned char *zipmap_to_listpack(struct memory *memory, struct str bytes);

#endif
