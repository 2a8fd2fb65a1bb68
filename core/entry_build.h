/* Making, changing and freeing entries, for keyspace.c alone.
 *
 * What changes an entry may move it: the result replaces the argument, which is
 * freed then, and whoever points to it has to be told. */
#ifndef CORE_ENTRY_BUILD_H
#define CORE_ENTRY_BUILD_H

#include "core/entry.h"

struct memory;

/* What a string entry is to hold. */
struct entry_content {
    enum value_encoding encoding;
    int64_t integer; /* ENCODING_INT */
    struct str text; /* the others; borrowed, may lie in the entry that it is stored in */
};

/* An integer where the text looks like one; else as entry_content_bytes. */
struct entry_content entry_content_text(struct str text);
/* Never an integer: embstr or raw by the length. */
struct entry_content entry_content_bytes(struct str bytes);
struct entry_content entry_content_integer(int64_t integer);

/* expiry_ms -1: none. */
struct entry *entry_create(struct memory *memory, struct str key, const struct entry_content *content,
                           int64_t expiry_ms);
/* Owns the value from now on; no expiry. A short blob of a kind that has a length is taken in line, and its block freed.
 */
struct entry *entry_create_value(struct memory *memory, struct str key, enum value_type type,
                                 enum value_encoding encoding, void *value);
/* Likewise in the place of a value of the same type, whose block, if it has one, is the caller's. A value that lies in
 * line may be this one: it has been changed within its room. */
struct entry *entry_store_value(struct memory *memory, struct entry *entry, enum value_encoding encoding, void *value);
/* The same value, expiry and access clock under another key, for another owner if need be. */
struct entry *entry_create_copy(struct memory *memory, struct str key, const struct entry *source);
void entry_destroy(struct memory *memory, struct entry *entry);

/* Of an entry that holds a string: */

/* The quick way, without a frame: writes a string of the same length, where the words fit too, into the
 * entry. False: it has another shape. */
MUST_USE bool entry_overwrite(struct entry *entry, const struct entry_content *content, int64_t expiry_ms);
struct entry *entry_store(struct memory *memory, struct entry *entry, const struct entry_content *content,
                          int64_t expiry_ms);
struct entry *entry_store_expiry(struct memory *memory, struct entry *entry, int64_t expiry_ms);
/* A raw string of `length` bytes: the old ones, then zeros. Leaves room to grow when it grows. */
struct entry *entry_resize_raw(struct memory *memory, struct entry *entry, size_t length);
char *entry_raw_bytes(struct entry *entry);
struct entry *entry_rename(struct memory *memory, struct entry *entry, struct str key);

/* Moves the charge for all that the entry owns. */
void entry_recharge(struct memory *from, struct memory *to, const struct entry *entry);

/* Frees an entry but for what it owns: a long string's block or a value of that
 * kind, which is the caller's now; NULL and no kind: nothing. */
void *entry_dismantle(struct memory *memory, struct entry *entry, const struct value_kind **kind);

#endif
