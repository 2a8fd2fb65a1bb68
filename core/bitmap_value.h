/* A string entry as bits, whichever way it is kept.
 *
 * Kept as plain bytes, or as a sparse bitmap where it consists of many zeros
 * that nobody has written: a short string made much longer by one bit. Any
 * command that wants its bytes makes it plain again (entry_string), and so does
 * filling it until the bytes would take no more. Bounds are included. */
#ifndef CORE_BITMAP_VALUE_H
#define CORE_BITMAP_VALUE_H

#include "core/keyspace.h"

struct sparse_bitmap;

/* A view, until the entry changes. */
struct bitmap {
    char *bytes;                  /* plain ones; written to only where bitmap_open gave them */
    struct sparse_bitmap *sparse; /* instead of bytes; NULL: there are bytes */
    size_t length;                /* of the string, in bytes */
};

/* Of an entry or, where it is NULL, of an empty string. digits: as in entry_string. */
struct bitmap bitmap_of(const struct entry *entry, char digits[static 32]);

/* Up to 64 bits as an unsigned number, the first one highest. Bits beyond the string are zeros. */
uint64_t bitmap_read(const struct bitmap *bitmap, uint64_t offset, unsigned width);
/* These lie within the string. */
uint64_t bitmap_count(const struct bitmap *bitmap, uint64_t first, uint64_t last);
/* The first bit from `first` to `last` that is `bit`. False: there is none. */
bool bitmap_find(const struct bitmap *bitmap, bool bit, uint64_t first, uint64_t last, uint64_t *at);

/* The entry, which may be NULL, to be written to, and of at least so many bytes. Keeps its expiry; counts no
 * change: that is the caller's to tell. Returns it at its new address. */
struct entry *bitmap_open(struct keyspace *keyspace, int db, struct key key, struct entry *entry, size_t length,
                          struct bitmap *bitmap);
/* All bits lie within the string. */
void bitmap_write(const struct bitmap *bitmap, uint64_t offset, unsigned width, uint64_t value);
/* After writing: plain bytes again, where that takes no more. */
void bitmap_close(struct entry *entry);

#endif
