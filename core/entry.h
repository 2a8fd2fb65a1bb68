/* A key with all that hangs off it, in one allocation.
 *
 *     header | expiry (ms) | value word | key length | key bytes | short value
 *
 * The three words are there only when needed: the expiry when set; the value
 * word for an integer, for a pointer to the block of a long string, or to the
 * container of any other type; the key length from 256 bytes on. A short
 * string lies in line, and so does the pack of a small hash. Two lengths below
 * 256 fit in the 8-byte header, so that a 16-byte key with a 32-byte value takes
 * 56 bytes, 64 with an expiry.
 * An entry may move when its expiry or value changes: only keyspace.c does
 * that, as the table and the expiry index point to it. */
#ifndef CORE_ENTRY_H
#define CORE_ENTRY_H

#include <stdint.h>

#include "core/str.h"
#include "core/value.h"

struct entry;

struct str entry_key(const struct entry *entry);
int64_t entry_expiry_ms(const struct entry *entry); /* absolute Unix time, -1: none */
enum value_type entry_type(const struct entry *entry);
enum value_encoding entry_encoding(const struct entry *entry);
const char *entry_encoding_name(const struct entry *entry);      /* what OBJECT ENCODING says */
const char *entry_real_encoding_name(const struct entry *entry); /* what DEBUG OBJECT says */
/* Bytes of the entry with everything it owns (MEMORY USAGE adds the table's share). */
size_t entry_bytes(const struct entry *entry);

/* Access clock (LRU, in seconds modulo 2^24) or LFU counter, 24 bits. */
uint32_t entry_access(const struct entry *entry);
void entry_set_access(struct entry *entry, uint32_t access);

/* Whether the value is a container or a blob of its own: all but strings kept as bytes or integer. */
bool entry_has_value(const struct entry *entry);
/* That value: what it is follows from type and encoding. Borrowed. */
void *entry_value(const struct entry *entry);
/* Whether it lies in line. Then it moves with the entry, may take so much room there, and whoever changes it or puts
 * another in its place says so by keyspace_put_value. */
bool entry_holds_value(const struct entry *entry);
size_t entry_value_room(const struct entry *entry);
/* Puts another block in the place of one, of the same type: it has moved, or the
 * encoding has changed. The old value is the caller's. The entry stays where it is. */
void entry_set_value(struct entry *entry, enum value_encoding encoding, void *value);

/* A string's bytes: into the entry, or into `digits` for an integer. Borrowed
 * until the entry changes. A sparse bitmap is made a raw string first: whoever can
 * do with less than all its bytes asks bitmap_value.h or string_value.h. */
struct str entry_string(const struct entry *entry, char digits[static 32]);
size_t entry_string_length(const struct entry *entry);
static inline bool entry_is_sparse_bitmap(const struct entry *entry)
{
    return entry_type(entry) == VALUE_STRING && entry_encoding(entry) == ENCODING_SPARSE_BITMAP;
}
/* Makes a sparse bitmap a raw string, in place. Its block is charged to the bitmap's owner. */
void entry_make_raw(struct entry *entry);
/* The value as an integer, by Redis's rule for INCR. False: not one. */
MUST_USE bool entry_integer(const struct entry *entry, int64_t *value);

#endif
