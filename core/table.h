/* A set of pointers found by a 64-bit hash: extendible hashing in segments.
 *
 * A directory indexed by the hash's top bits leads to segments of a fixed
 * number of buckets; a bucket keeps one-byte fingerprints, compared all at once
 * with SIMD, beside its pointers. A segment that is full splits in two, so the
 * work of growing is bounded and no operation ever waits for a rehash of
 * everything; sparse sibling segments merge again. After Dash (Lu et al., VLDB
 * 2020) and extendible hashing (Fagin et al., 1979).
 * The table knows nothing of keys: callers compare what the fingerprints let
 * through. It stores the pointer and never frees what it points to; it asks
 * the owner for an item's hash when it splits. One thread at a time. */
#ifndef CORE_TABLE_H
#define CORE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory;

/* The hash of a stored item, for splits: the same as given on insertion. */
typedef uint64_t table_hash_of(const void *item);

struct table {
    struct memory *memory;
    table_hash_of *hash_of;
    size_t count;
    /* private: directory, depth, segments */
};

void table_init(struct table *table, struct memory *memory, table_hash_of *hash_of);
/* Frees the table's own memory, not the items. */
void table_deinit(struct table *table);

/* Every item whose fingerprint fits, one at a time:
 *     struct table_probe probe = table_probe(table, hash);
 *     while ((item = table_probe_next(&probe)) != NULL)
 *         if (it is the one) ...
 * Valid until the table changes. */
struct table_probe;
static inline struct table_probe table_probe(const struct table *table, uint64_t hash);
static inline void *table_probe_next(struct table_probe *probe);

/* Adds an item that is not yet there. */
void table_insert(struct table *table, uint64_t hash, void *item);
/* After table_probe_next returned it: puts another item, of the same hash, in its place. */
static inline void table_probe_replace(struct table_probe *probe, void *item);
/* After table_probe_next returned it: takes the item out. */
void table_probe_remove(struct table *table, struct table_probe *probe);

/* Brings the cache lines that a probe for this hash will read. */
static inline void table_prefetch(const struct table *table, uint64_t hash);

/* One step of SCAN: calls visit for every item of one home bucket and returns
 * the cursor to go on with, 0 when the walk is complete. Cursors stay below
 * 2^TABLE_CURSOR_BITS. Items present during the whole walk are visited at least
 * once, whatever is inserted, removed, split or merged between the steps. */
enum { TABLE_CURSOR_BITS = 40 };
uint64_t table_scan(const struct table *table, uint64_t cursor, void (*visit)(void *context, void *item), void *context);

/* An item chosen with equal chance for all, NULL when empty. random: a
 * function giving 64 uniform bits. */
void *table_random(const struct table *table, uint64_t (*random)(void *context), void *context);

/* Bytes of the table itself. */
size_t table_bytes(const struct table *table);

#endif
