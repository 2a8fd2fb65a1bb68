/* The fields of a large hash: a table of records, and the deadlines of those
 * that have one in order.
 *
 * A container of the keyspace: it begins with its account. A field whose
 * deadline has come stays until hash_table_expire takes it or it is overwritten;
 * to tell it from a live one is the caller's part, but where now_ms is asked
 * for. Belongs to its keyspace's thread. */
#ifndef CORE_HASH_TABLE_H
#define CORE_HASH_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bptree.h"
#include "core/hash_record.h"
#include "core/memory.h"
#include "core/table.h"

struct value_kind;

struct hash_table {
    struct memory memory; /* first, as in every container */
    struct table records;
    struct bptree deadlines; /* (deadline, address of the record) */
    /* private to its end */
    uint64_t drain_cursor;
    size_t left; /* records yet to be freed */
};

extern const struct value_kind hash_table_kind;

struct hash_table *hash_table_create(struct memory *memory);

/* NULL: it is not there. */
const struct hash_record *hash_table_find(const struct hash_table *hash, struct str field);
/* deadline_ms -1: none. True: it was not there before, or had expired. */
bool hash_table_put(struct hash_table *hash, struct str field, struct str value, int64_t deadline_ms, int64_t now_ms);
/* True: it was there, and had not expired. */
bool hash_table_remove(struct hash_table *hash, struct str field, int64_t now_ms);

static inline size_t hash_table_count(const struct hash_table *hash)
{
    return hash->records.count;
}

/* How many of them have expired. */
size_t hash_table_count_expired(const struct hash_table *hash, int64_t now_ms);
int64_t hash_table_next_deadline_ms(const struct hash_table *hash); /* -1: there is none */

#endif
