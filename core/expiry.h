/* Which key dies next: one database's entries by deadline.
 *
 * An index over (deadline, address of the entry), so an entry that moves has to
 * be told of. It knows nothing of what an entry is. Belongs to its keyspace. */
#ifndef CORE_EXPIRY_H
#define CORE_EXPIRY_H

#include "core/bptree.h"

struct entry;

struct expiry {
    struct bptree tree;
    unsigned __int128 sum_ms; /* of all deadlines, for their average */
};

/* deadline_ms -1: not in the index. */
struct expiry_item {
    int64_t deadline_ms;
    const void *entry;
};

void expiry_init(struct expiry *expiry, struct memory *memory);
void expiry_deinit(struct expiry *expiry);
/* Takes the index apart: drops about `most` entries and returns how many are left.
 * Once begun, only this and expiry_deinit may be called. */
size_t expiry_drain(struct expiry *expiry, size_t most);

/* Takes `old` out and puts `now` in; either may be absent. */
void expiry_replace(struct expiry *expiry, struct expiry_item old, struct expiry_item now);

/* The earliest deadline, INT64_MAX when there is none. */
int64_t expiry_next_ms(const struct expiry *expiry);
/* The entry with that deadline; there must be one. */
struct entry *expiry_first(const struct expiry *expiry);

size_t expiry_count(const struct expiry *expiry);
/* From now to the average deadline, 0 when that has passed or there is none. */
int64_t expiry_average_ttl_ms(const struct expiry *expiry, int64_t now_ms);
size_t expiry_bytes(const struct expiry *expiry);

#endif
