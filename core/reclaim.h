/* What a keyspace has let go of and not yet freed.
 *
 * Freeing a million keys or a gigabyte at once would stall the shard. So a
 * flushed database and the block of a large deleted string are moved here in
 * no time, out of every command's sight, and freed in bounded slices. They stay
 * charged to the keyspace's memory until then. */
#ifndef CORE_RECLAIM_H
#define CORE_RECLAIM_H

#include <stddef.h>

struct detached;
struct entry;
struct expiry;
struct memory;
struct table;

struct reclaim {
    struct memory *memory;
    struct detached *databases; /* the one that is freed now is the first */
    struct doomed *blocks;      /* a list through the blocks' own bytes */
    size_t left;                /* keys and blocks yet to be freed */
};

static inline void reclaim_init(struct reclaim *reclaim, struct memory *memory)
{
    *reclaim = (struct reclaim){.memory = memory};
}

/* Takes the contents of both, which are left uninitialized. */
void reclaim_take_database(struct reclaim *reclaim, struct table *table, struct expiry *expiry);
/* Frees the entry, now but for a large block. Nothing points to it any more. */
void reclaim_take_entry(struct reclaim *reclaim, struct entry *entry);

/* Frees about `most` keys, or as much memory as costs the same time; returns what is left. */
size_t reclaim_step(struct reclaim *reclaim, size_t most);

#endif
