/* The records of an undo, for undo*.c alone.
 *
 *     header | name | what the kind needs
 *
 * Each says where the one before it begins, so that they can be read backwards. */
#ifndef CORE_UNDO_LOG_H
#define CORE_UNDO_LOG_H

#include "core/undo.h"

enum undo_kind {
    UNDO_ADDED,   /* the key was absent */
    UNDO_REMOVED, /* entry: this one was there */
    UNDO_MOVED,   /* db and name: it came from there */
    UNDO_EXPIRY,  /* deadline */
    UNDO_COPY,    /* the bytes of the entry and of the block that it owns */
    UNDO_VALUE,   /* deadline, encoding, value: what the entry held; it got a copy */
    UNDO_BYTES,   /* length, offset, bytes of a string */
    UNDO_PUSHED,  /* length, end: of a list */
    UNDO_TAKEN,   /* length, index and text of each element that goes */
    UNDO_FIELDS,  /* of a hash: name, value and deadline of each */
    UNDO_MEMBERS, /* of a set */
    UNDO_SCORES,  /* of a sorted set */
    UNDO_STREAM,  /* stream, what it keeps */
    UNDO_TOUCHED, /* by whom; nothing to take back, but to tell of at the commit */
    UNDO_KINDS
};

struct undo_record {
    uint64_t previous; /* where the record before this one begins; its own place: it is the first */
    uint64_t next;     /* and the one after it */
    uint64_t hash;     /* of the name */
    uint64_t name_length;
    uint16_t db;
    uint8_t kind;
    uint8_t encoding; /* of the value, as it was; with `access` where the entry stays */
    uint32_t access;
};

/* Reads what a record holds, in the order in which it was written. */
struct undo_reader {
    struct undo *undo;
    struct undo_record record;
    struct key key;
    const char *at;
};

/* A new record; entry: as it is now, or NULL. What follows is appended. */
void undo_record(struct undo *undo, enum undo_kind kind, int db, struct key key, const struct entry *entry);

static inline void undo_put(struct undo *undo, const void *bytes, size_t length)
{
    buffer_append(&undo->log, bytes, length);
}

static inline void undo_put_number(struct undo *undo, uint64_t number)
{
    undo_put(undo, &number, sizeof number);
}

static inline void undo_put_text(struct undo *undo, struct str text)
{
    undo_put_number(undo, text.length);
    buffer_append_str(&undo->log, text);
}

static inline uint64_t undo_get_number(struct undo_reader *reader)
{
    uint64_t number;

    memcpy(&number, reader->at, sizeof number);
    reader->at += sizeof number;
    return number;
}

static inline struct str undo_get_text(struct undo_reader *reader)
{
    size_t length = undo_get_number(reader);
    struct str text = {reader->at, length};

    reader->at += length;
    return text;
}

/* The entry of the record's key, which is there, with the access clock that it had. */
struct entry *undo_entry(struct undo_reader *reader);

/* Where the record begins; and the record, to be read. */
void undo_read(struct undo *undo, size_t at, struct undo_reader *reader);

/* All of the key is kept: later changes need no record. */
void undo_mark(struct undo *undo, int db, uint64_t hash);
bool undo_is_marked(const struct undo *undo, int db, uint64_t hash);

/* Each takes one record back. */
typedef void undo_back(struct undo_reader *reader);
undo_back undo_bytes_back, undo_pushed_back, undo_taken_back, undo_fields_back, undo_members_back, undo_scores_back,
    undo_stream_back;
/* The script has committed: what the record owns goes. */
void undo_stream_release(struct undo_reader *reader);

#endif
