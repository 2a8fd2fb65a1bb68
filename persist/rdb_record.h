/* A record of an RDB file, as rdb_file_reader.h gives it, and its way into a keyspace. */
#ifndef PERSIST_RDB_RECORD_H
#define PERSIST_RDB_RECORD_H

#include <stdint.h>

#include "core/str.h"

struct entry;
struct keyspace;
struct rdb_loader;

enum rdb_record_kind {
    RDB_RECORD_NONE,     /* nothing that concerns the reader's user */
    RDB_RECORD_AUX,      /* name, text */
    RDB_RECORD_FUNCTION, /* text: a library's code */
    RDB_RECORD_SIZES,    /* db, keys, expiring: what to make room for, if it is true */
    RDB_RECORD_KEY,      /* db, name, type, value, deadline and use */
    RDB_RECORD_MODULE,   /* a module's, which nobody can read here: module, and db and name if it is a key's value */
};

/* Bytes of a string in a record: what a key or an entry can hold, not what a client may send, which may have been more
 * when the file was written. */
#define RDB_RECORD_STRING_MOST ((size_t)UINT32_MAX)

struct rdb_record {
    enum rdb_record_kind kind;
    uint64_t offset; /* in the file */
    int db;
    uint8_t type;
    struct str name, text, value;
    int64_t deadline_ms;  /* -1: none */
    int64_t idle_seconds; /* this and the next -1: not known */
    int64_t frequency;
    uint64_t keys, expiring;
    uint64_t module; /* rdb_module_name */
};

/* A time at which no deadline has passed, for who looks at all keys. */
enum { RDB_BEFORE_ALL_MS = -1 };

static inline bool rdb_record_has_passed(const struct rdb_record *record, int64_t now_ms)
{
    return record->deadline_ms >= 0 && record->deadline_ms <= now_ms;
}

/* Makes the key of that record, whether its deadline has passed or not. The loader is the keyspace's, and is used again
 * and again. NULL: all is well; entry is the key's, or NULL where its value has no items, as some old servers wrote it,
 * and there is to be no such key. Else why it can't be made; nothing is left of it. */
MUST_USE const char *rdb_record_put(const struct rdb_record *record, struct rdb_loader *loader,
                                    struct keyspace *keyspace, int64_t now_ms, struct entry **entry);

#endif
