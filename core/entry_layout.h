/* An entry's bytes, for entry*.c and keyspace*.c alone: everyone else reads
 * entries through entry.h.
 *
 *     offset 0   type 4 bits, encoding 4 bits, access 24 bits
 *            4   flags: which of the words follow, and whether it has been saved
 *            5   offset of the key bytes
 *            6   key length, 0 for a long key
 *            7   length of the value in line, 0 where it is elsewhere
 *            8   words: expiry, value, key length
 *                key bytes, then at once the value in line: a string, or a blob
 *
 * What is in line may have room to grow behind it: the allocator knows how much. */
#ifndef CORE_ENTRY_LAYOUT_H
#define CORE_ENTRY_LAYOUT_H

#include <assert.h>
#include <string.h>

#include "core/entry.h"

struct memory;

enum entry_flag {
    ENTRY_HAS_EXPIRY = 1 << 0,
    ENTRY_HAS_WORD = 1 << 1,
    ENTRY_LONG_KEY = 1 << 2,
    ENTRY_SAVED = 1 << 3, /* see snapshot_walk.c; the keyspace's, and kept through all changes of shape */
};

enum {
    ENTRY_SHORT_KEY_MAX = 255, /* lengths that the header's byte holds */
    ENTRY_INLINE_MAX = 192,    /* longer values get a block of their own */
    ENTRY_EMBSTR_MAX = 44,     /* Redis's limit, which OBJECT ENCODING shows */
    ENTRY_INTEGER_TEXT_MAX = 20,
};

struct entry {
    uint32_t type : 4;
    uint32_t encoding : 4;
    uint32_t access : 24;
    uint8_t flags;
    uint8_t key_at;
    uint8_t key_length;
    uint8_t inline_length;
    uint64_t words[];
};
static_assert(sizeof(struct entry) == 8, "the header is one word");
static_assert(ENTRY_INLINE_MAX <= UINT8_MAX, "the header's byte holds the length of what lies in line");

/* A long string's own allocation; the room behind it is the allocator's to tell. */
struct entry_block {
    size_t length;
    char bytes[];
};

/* Where the length of a long key lies: the last word before the key. */
static inline uint64_t *entry_key_length_word(struct entry *entry)
{
    return &entry->words[entry->key_at / sizeof(uint64_t) - 2];
}

static inline struct str entry_key_inline(const struct entry *entry)
{
    struct str key = {(const char *)entry + entry->key_at, entry->key_length};

    if (__builtin_expect(entry->flags & ENTRY_LONG_KEY, 0))
        key.length = *entry_key_length_word((struct entry *)entry);
    return key;
}

static inline int64_t entry_expiry_inline(const struct entry *entry)
{
    return entry->flags & ENTRY_HAS_EXPIRY ? (int64_t)entry->words[0] : -1;
}

static inline uint64_t entry_word(const struct entry *entry)
{
    return entry->words[entry->flags & ENTRY_HAS_EXPIRY];
}

static inline void entry_set_word(struct entry *entry, uint64_t word)
{
    entry->words[entry->flags & ENTRY_HAS_EXPIRY] = word;
}

/* Encodings are in such an order that one comparison tells. */
static inline bool entry_has_value_inline(const struct entry *entry)
{
    return entry->encoding > ENCODING_RAW;
}

/* A value, not a string, that lies in line. */
static inline bool entry_holds_value_inline(const struct entry *entry)
{
    return entry_has_value_inline(entry) && !(entry->flags & ENTRY_HAS_WORD);
}

/* What the word points to, which the entry owns: the block of a long string or the value; NULL where there is none. */
static inline void *entry_owned(const struct entry *entry)
{
    bool owns = (entry->flags & ENTRY_HAS_WORD) && entry->encoding != ENCODING_INT;

    return owns ? (void *)(uintptr_t)entry_word(entry) : NULL;
}

static inline const struct value_kind *entry_kind(const struct entry *entry)
{
    return value_kind_of((enum value_type)entry->type, (enum value_encoding)entry->encoding);
}

/* The block of a long string, NULL where there is none. */
static inline struct entry_block *entry_block(const struct entry *entry)
{
    bool has_block = (entry->flags & ENTRY_HAS_WORD) && entry->encoding == ENCODING_RAW;

    return has_block ? (struct entry_block *)(uintptr_t)entry_word(entry) : NULL;
}

/* Where the value in line begins, or would. */
static inline char *entry_inline(const struct entry *entry)
{
    struct str key = entry_key_inline(entry);

    return (char *)key.bytes + key.length;
}

static inline bool entry_words_equal(const char *a, const char *b)
{
    uint64_t words[2];

    memcpy(&words[0], a, sizeof(words[0]));
    memcpy(&words[1], b, sizeof(words[1]));
    return words[0] == words[1];
}

/* Most names have 8 to 32 bytes: then two words or four, which may overlap, tell without a call. */
static inline bool entry_name_equal(struct str a, struct str b)
{
    if (a.length != b.length)
        return false;
    size_t length = a.length, last = length - 8;
    if (length < 8 || length > 32)
        return str_equal(a, b);
    if (!entry_words_equal(a.bytes + last, b.bytes + last) || !entry_words_equal(a.bytes, b.bytes))
        return false;
    return length <= 16 ||
           (entry_words_equal(a.bytes + 8, b.bytes + 8) && entry_words_equal(a.bytes + last - 8, b.bytes + last - 8));
}

#endif
