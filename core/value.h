/* What the keyspace has to know of a value: a row per kind.
 *
 * A kind is one way to keep values of one type; an encoding's number serves
 * several types, so a kind is found by both. A value is what an entry's word
 * points to, in one of two shapes:
 *
 *   a blob: one block from the keyspace's account, all in itself (listpack, intset);
 *   short ones of some kinds lie in line in their entry instead
 *   a container: a struct that begins with an account of its own (see
 *   memory_alloc_account), which is charged for all that it allocates
 *
 * The row of a container belongs to the type's own module. Belongs to its
 * keyspace's thread, as the value does. */
#ifndef CORE_VALUE_H
#define CORE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct memory;

enum value_type { VALUE_STRING, VALUE_LIST, VALUE_SET, VALUE_ZSET, VALUE_HASH, VALUE_STREAM, VALUE_TYPES };

enum value_encoding {
    ENCODING_INT, /* these three lie in the entry, but for the block of a long raw string */
    ENCODING_EMBSTR,
    ENCODING_RAW,
    ENCODING_LISTPACK,      /* all small collections */
    ENCODING_LISTPACK_EX,   /* small hashes whose fields may expire */
    ENCODING_INTSET,        /* small sets of integers */
    ENCODING_DEQUE,         /* lists */
    ENCODING_TABLE,         /* hashes, sets */
    ENCODING_ROARING,       /* sets of 32-bit unsigned integers */
    ENCODING_TREE,          /* sorted sets */
    ENCODING_STREAM,        /* streams */
    ENCODING_SPARSE_BITMAP, /* strings of mostly zeros */
    VALUE_ENCODINGS
};

struct value_kind {
    const char *name;                          /* what OBJECT ENCODING says */
    const char *real_name;                     /* what DEBUG OBJECT says */
    const char *(*name_of)(const void *value); /* instead of name, where that depends on the value; else NULL */

    /* memory is, here and below, the keyspace's account. */
    void *(*copy)(struct memory *memory, const void *value);
    /* Of memory, in O(1). */
    size_t (*bytes)(const void *value);
    /* How long freeing takes, in items that are freed one by one; never much too few. O(1). */
    size_t (*items)(const void *value);
    /* Frees about `most` items, at least one, and returns how many are left; 0: the value is gone as
     * a whole. Once begun, only this may be called. An item whose bytes take long counts for several. */
    size_t (*drain)(struct memory *memory, void *value, size_t most);
    /* Moves the charge from one keyspace's account to another's. The value stays where it is. */
    void (*rehome)(void *value, struct memory *from, struct memory *to);
    /* Of a kind of blobs that lie in line where they are short, else NULL: the bytes in use. */
    size_t (*length)(const void *value);

    /* Of a kind whose items may have deadlines of their own (fields of a hash), else NULL. */
    /* The earliest, -1: there is none. O(1). */
    int64_t (*next_deadline_ms)(const void *value);
    /* Visits the names of the items that `expire` would remove, in that order. */
    void (*each_due)(const void *value, int64_t now_ms, size_t most, void (*visit)(void *context, struct str name),
                     void *context);
    /* Removes at most `most` items whose deadline is not after now_ms, the earliest first, and returns how many.
     * The value may move. */
    size_t (*expire)(struct memory *memory, void **value, int64_t now_ms, size_t most, bool *emptied);
};

/* There must be one. */
const struct value_kind *value_kind_of(enum value_type type, enum value_encoding encoding);
const char *value_type_name(enum value_type type); /* "string", "list", … */

/* Frees all of it, at once. */
void value_destroy(const struct value_kind *kind, struct memory *memory, void *value);

/* The functions of a blob's row. Its items are pages: a megabyte is freed in the time of 64. */
void *value_blob_copy(struct memory *memory, const void *value);
size_t value_blob_bytes(const void *value);
size_t value_blob_items(const void *value);
size_t value_blob_drain(struct memory *memory, void *value, size_t most);
void value_blob_rehome(void *value, struct memory *from, struct memory *to);
#define VALUE_BLOB                                                                                                     \
    .copy = value_blob_copy, .bytes = value_blob_bytes, .items = value_blob_items, .drain = value_blob_drain,          \
    .rehome = value_blob_rehome

/* Two that every container's row can have: they use its account. */
size_t value_account_bytes(const void *value);
void value_account_rehome(void *value, struct memory *from, struct memory *to);

/* By type and encoding, NULL where there is none. Written to by tests alone, which try kinds of their own. */
extern const struct value_kind *value_kinds[VALUE_TYPES][VALUE_ENCODINGS];

/* Of a long string's block; in entry_build.c. */
extern const struct value_kind string_block_kind;

#endif
