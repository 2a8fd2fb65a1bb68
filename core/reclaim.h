/* What a keyspace has let go of and not yet freed.
 *
 * Freeing a million keys, a list of a million elements or a gigabyte at once
 * would stall the shard. So a flushed database and the large value of a deleted
 * key are moved here in no time, out of every command's sight, and freed in
 * bounded slices. They stay charged to the keyspace's memory until then. */
#ifndef CORE_RECLAIM_H
#define CORE_RECLAIM_H

#include <stddef.h>

struct detached_database;
struct detached_value;
struct entry;
struct expiry;
struct memory;
struct table;
struct value_kind;

struct reclaim {
    struct memory *memory;
    struct detached_database *databases; /* the one that is freed now is the first */
    struct detached_value *values;       /* the same; they go before any database */
    size_t left;                         /* keys, and items of values, yet to be freed */
    size_t objects;                      /* the same, but a value counts as one, and with its key as one */
};

static inline void reclaim_init(struct reclaim *reclaim, struct memory *memory)
{
    *reclaim = (struct reclaim){.memory = memory};
}

/* Takes the contents of both, which are left uninitialized. */
void reclaim_take_database(struct reclaim *reclaim, struct table *table, struct expiry *expiry);
/* Frees the entry, now but for a large value. Nothing points to it any more. */
void reclaim_take_entry(struct reclaim *reclaim, struct entry *entry);
/* The same for a value that no entry holds. */
void reclaim_take_value(struct reclaim *reclaim, const struct value_kind *kind, void *value);

/* Frees about `most` keys or items, or as much memory as costs the same time; returns what is left. */
size_t reclaim_step(struct reclaim *reclaim, size_t most);

#endif
