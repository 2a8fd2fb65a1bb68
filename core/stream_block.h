/* A block of stream entries: one listpack, in exactly the layout of Redis's,
 * which DUMP payloads and RDB files carry. Its elements are
 *
 *   master entry   live | deleted | names | name … | 0
 *   entry          flags | ms | sequence | value …                  | steps
 *   or             flags | ms | sequence | names | name | value …   | steps
 *
 * IDs are kept as differences to the block's first one, which is its key and
 * lies outside; they may be to entries that are gone. An entry with the names
 * of the master entry does not repeat them. A deleted entry stays, with a
 * flag; steps is how many elements there are before it in its entry, for
 * walking back. A block has at least one live entry.
 * A block's entries belong to its stream, whose account is charged. */
#ifndef CORE_STREAM_BLOCK_H
#define CORE_STREAM_BLOCK_H

#include "core/listpack.h"
#include "core/stream_id.h"

enum { STREAM_ENTRY_DELETED = 1, STREAM_ENTRY_SAME_NAMES = 2 };

struct stream_block {
    struct stream_id first;
    unsigned char *pack;
};

/* When a block is full. 0: no limit of this kind. */
struct stream_limits {
    uint64_t block_bytes, block_entries;
};

/* An entry as it lies in its block: valid until that changes. */
struct stream_entry {
    struct stream_id id;
    bool deleted;
    size_t field_count;
    const unsigned char *names; /* of the master entry; NULL: each value is preceded by its name */
    const unsigned char *values;
    const unsigned char *at; /* where it begins */
};

/* Walks the entries of a block, deleted ones included, either way. */
struct stream_cursor {
    const struct stream_block *block;
    const unsigned char *names;
    size_t name_count;
    const unsigned char *at; /* the entry to come when walking on; NULL: the end */
};

/* A block without entries. pairs: names and values, 2 * field_count; the names go to the master entry. */
struct stream_block *stream_block_create(struct memory *memory, struct stream_id first, const struct str *pairs,
                                         size_t field_count);
/* Takes the pack over: validated, with a live entry. */
struct stream_block *stream_block_adopt(struct memory *memory, struct stream_id first, unsigned char *pack);
void stream_block_destroy(struct memory *memory, struct stream_block *block);

uint64_t stream_block_live(const struct stream_block *block);
/* Whether an entry whose names and values have this many bytes goes to another block. */
bool stream_block_is_full(const struct stream_block *block, size_t bytes, const struct stream_limits *limits);
/* True: entries have moved within the pack. */
bool stream_block_append(struct memory *memory, struct stream_block *block, struct stream_id id,
                         const struct str *pairs, size_t field_count, const struct stream_limits *limits);
/* No more entries will come: unused memory is given back. */
void stream_block_close(struct memory *memory, struct stream_block *block);
/* Flags this entry, a live one, as deleted. Returns how many live entries are left: with 0 the block is to be
 * destroyed. */
uint64_t stream_block_delete(struct memory *memory, struct stream_block *block, const struct stream_entry *entry);

struct stream_cursor stream_cursor_first(const struct stream_block *block);
struct stream_cursor stream_cursor_end(const struct stream_block *block);
/* False: there is none that way. */
bool stream_cursor_next(struct stream_cursor *cursor, struct stream_entry *entry);
bool stream_cursor_previous(struct stream_cursor *cursor, struct stream_entry *entry);

/* Whether a pack, itself valid, is laid out as above; *live: its live entries, which may be none. */
MUST_USE bool stream_block_validate(const unsigned char *pack, uint64_t *live);

#endif
