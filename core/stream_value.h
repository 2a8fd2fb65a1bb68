/* A stream: entries in blocks, which a B+tree finds by their first ID, and
 * consumer groups.
 *
 * Entries are only ever added at the end, so the IDs rise; every block has a
 * live entry, and is gone with its last. XSETID may put last_id and
 * max_deleted_id anywhere not below what is alive, so deleted entries may have
 * IDs that come again.
 * The stream begins with its own account. Belongs to its keyspace's thread. */
#ifndef CORE_STREAM_VALUE_H
#define CORE_STREAM_VALUE_H

#include "core/bptree.h"
#include "core/memory.h"
#include "core/stream_block.h"
#include "core/stream_group.h"
#include "core/value.h"

struct stream_keep;

struct stream {
    struct memory memory;
    struct memory group_memory; /* of the groups, below the former */
    struct bptree blocks;       /* of struct stream_block, by first ID */
    struct bptree groups;       /* by name */
    struct stream_block *last;  /* NULL: there is no block */
    uint64_t length;            /* live entries */
    uint64_t added;             /* since it was created */
    struct stream_id first_id;  /* of the live entries, zero when there are none */
    struct stream_id last_id;   /* given to an entry, or by XSETID */
    struct stream_id max_deleted_id;
    uint64_t shape;           /* raised whenever entries move in their block, or a block goes */
    struct stream_keep *keep; /* of a command that may be taken back, see stream_keep.h; else NULL */
};

/* How STREAM values look to the keyspace: encoding ENCODING_STREAM. */
extern const struct value_kind stream_kind;

struct stream *stream_create(struct memory *memory);
void stream_destroy(struct memory *memory, struct stream *stream);

/* Adding */

enum stream_id_choice { STREAM_ID_AUTOMATIC, STREAM_ID_SEQUENCE_AUTOMATIC, STREAM_ID_GIVEN };

/* The ID that an entry added now gets: *id is what was given of it. False: it is not above last_id. */
MUST_USE bool stream_next_id(const struct stream *stream, enum stream_id_choice choice, int64_t now_ms,
                             struct stream_id *id);
/* Bytes of names and values; above LISTPACK_BYTES_MAX they cannot be stored. */
size_t stream_pairs_bytes(const struct str *pairs, size_t field_count);
/* id: above last_id. pairs: 2 * field_count names and values that can be stored. */
void stream_append(struct stream *stream, struct stream_id id, const struct str *pairs, size_t field_count,
                   const struct stream_limits *limits);
/* For loading: a validated pack with live entries, which the stream takes over, behind all others. The counts and IDs
 * above are then the loader's to set, but for `length`. */
void stream_append_block(struct stream *stream, struct stream_id first, unsigned char *pack);

/* Removing */

/* What becomes of the groups' references to what is to go. ACKED: what is referenced, or has yet to be given to a
 * group, stays. */
enum stream_references {
    STREAM_REFERENCES_UNSAID, /* as KEEP */
    STREAM_REFERENCES_KEEP,
    STREAM_REFERENCES_DELETE,
    STREAM_REFERENCES_ACKED,
};

struct stream_trim {
    bool by_id;       /* entries below min_id go; else the oldest, until max_length are left */
    bool approximate; /* only whole blocks go */
    uint64_t max_length;
    struct stream_id min_id;
    uint64_t limit; /* no more than this many entries go; 0: any number */
    enum stream_references references;
};

/* Where most of a large stream is to go, all at once: another stream gets what stays, with some of what goes, and the
 * groups; this one has the rest and is to be freed. NULL: nothing was done, nor is where a keep is begun. */
struct stream *stream_part(struct stream *stream, const struct stream_trim *trim);
/* Returns how many went. */
uint64_t stream_trim(struct stream *stream, const struct stream_trim *trim);
/* False: there is none. max_deleted_id and first_id follow. */
bool stream_delete(struct stream *stream, struct stream_id id);

/* Reading */

/* The entries from the first ID to the last one, in either direction. The stream does not change meanwhile. */
struct stream_range {
    const struct stream *stream;
    struct stream_id first, last;
    bool reverse;
    const struct stream_block *block; /* NULL: done */
    struct stream_cursor cursor;
};

struct stream_range stream_range(const struct stream *stream, struct stream_id first, struct stream_id last,
                                 bool reverse);
bool stream_range_next(struct stream_range *range, struct stream_entry *entry);

/* Fields of an entry, one after the other. */
struct stream_fields {
    const unsigned char *name, *value;
    size_t left;
    bool own_names;
};

struct stream_fields stream_fields(const struct stream_entry *entry);
bool stream_fields_next(struct stream_fields *fields, struct listpack_value *name, struct listpack_value *value);

MUST_USE bool stream_find(const struct stream *stream, struct stream_id id, struct stream_entry *entry);
/* The first or the last entry. False: there is none, and the ID is zero. */
bool stream_edge_id(const struct stream *stream, bool last, struct stream_id *id);

/* Groups */

/* The entries that the group has not been given, found at once where it has read before. */
struct stream_range stream_group_range(const struct stream *stream, const struct stream_group *group);
/* The group has been given this entry, where the range stands now. */
void stream_group_advance(struct stream *stream, struct stream_group *group, const struct stream_range *range,
                          struct stream_id id);
/* As if it had read up to this ID. entries_read stays. */
void stream_group_set_last_id(struct stream_group *group, struct stream_id id);
/* How many entries were added up to this ID, or STREAM_READ_UNKNOWN. */
int64_t stream_added_until(const struct stream *stream, struct stream_id id);
/* How many entries the group has yet to read. False: that cannot be known. */
MUST_USE bool stream_group_lag(const struct stream *stream, const struct stream_group *group, int64_t *lag);

/* Whether every group has been given what has this ID. */
bool stream_is_given(const struct stream *stream, struct stream_id id);
/* Whether a group has it pending or has yet to read it. */
bool stream_is_referenced(const struct stream *stream, struct stream_id id);
/* Takes the ID out of every group's pending entries. Returns how many there were. */
size_t stream_forget(struct stream *stream, struct stream_id id);

#endif
