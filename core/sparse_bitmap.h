/* A string of mostly zeros: which of its bits are set, and its length.
 *
 * Bit n of the string (the top bit of byte 0 is bit 0) is the member n of an
 * idset, which takes a few bytes for a bit or a run of them, where a string
 * takes a byte for eight. So a string has 2^32 bits at most. A value of the keyspace:
 * it begins with its account. Belongs to its keyspace's thread. */
#ifndef CORE_SPARSE_BITMAP_H
#define CORE_SPARSE_BITMAP_H

#include "core/memory.h"
#include "core/str.h"
#include "core/value.h"

struct idset;

enum { SPARSE_BITMAP_LENGTH_MAX = 1 << 29 };

struct sparse_bitmap {
    struct memory account;
    struct idset *set;
    size_t length; /* of the string, in bytes; may be raised at will */
};

/* All zeros. */
struct sparse_bitmap *sparse_bitmap_create(struct memory *memory, size_t length);
void sparse_bitmap_destroy(struct sparse_bitmap *bitmap);

/* Copies `count` bytes of the string out of it, or as many as bytes.length into it. Both lie within its length. */
void sparse_bitmap_read(const struct sparse_bitmap *bitmap, size_t from, size_t count, char *bytes);
void sparse_bitmap_write(struct sparse_bitmap *bitmap, size_t at, struct str bytes);

/* Writes all of the string over zeros: pages that stay zero are not touched. */
void sparse_bitmap_read_over_zeros(const struct sparse_bitmap *bitmap, char *zeros);

/* The string in chunks: the last one may be in part beyond its length. */
enum { SPARSE_BITMAP_CHUNK = 8192 };
/* False: they are all zeros; nothing is written. */
bool sparse_bitmap_read_chunk(const struct sparse_bitmap *bitmap, size_t chunk, char bytes[static SPARSE_BITMAP_CHUNK]);
void sparse_bitmap_write_chunk(struct sparse_bitmap *bitmap, size_t chunk,
                               const char bytes[static SPARSE_BITMAP_CHUNK]);

/* Whether it takes less memory than its bytes would. */
bool sparse_bitmap_is_worthwhile(const struct sparse_bitmap *bitmap);

extern const struct value_kind sparse_bitmap_kind;

#endif
