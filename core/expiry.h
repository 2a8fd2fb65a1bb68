/* Which key dies next: one database's entries by deadline.
 *
 * Two indexes over (deadline, address of the entry), so an entry that moves has to
 * be told of: one of the keys' own deadlines, one of the earliest deadline among
 * the items of a value (the fields of a hash). It knows nothing of what an entry
 * is. Belongs to its keyspace. */
#ifndef CORE_EXPIRY_H
#define CORE_EXPIRY_H

#include "core/bptree.h"

struct entry;

struct expiry {
    struct bptree keys, items;
    unsigned __int128 sum_ms; /* of all deadlines of keys, for their average */
};

/* Either deadline -1: not in that index. */
struct expiry_item {
    int64_t deadline_ms;
    const void *entry;
    int64_t items_ms;
};

/* A deadline may be INT64_MAX itself, so expiry_item_ms does not tell. */
static inline bool expiry_item_is_indexed(struct expiry_item item)
{
    return item.deadline_ms >= 0 || item.items_ms >= 0;
}

/* The earlier of the two, INT64_MAX where there is none: unsigned, none is the latest. */
static inline int64_t expiry_item_ms(struct expiry_item item)
{
    uint64_t key = (uint64_t)item.deadline_ms, items = (uint64_t)item.items_ms, earlier = key < items ? key : items;

    return earlier == UINT64_MAX ? INT64_MAX : (int64_t)earlier;
}

void expiry_init(struct expiry *expiry, struct memory *memory);
void expiry_deinit(struct expiry *expiry);
/* Takes the indexes apart: drops about `most` entries and returns how many are left.
 * Once begun, only this and expiry_deinit may be called. */
size_t expiry_drain(struct expiry *expiry, size_t most);

/* Takes `old` out and puts `now` in; either may be absent. */
void expiry_replace(struct expiry *expiry, struct expiry_item old, struct expiry_item now);

/* The earliest deadline, INT64_MAX when there is none. */
int64_t expiry_next_ms(const struct expiry *expiry);
/* The entry with that deadline; there must be one. */
struct entry *expiry_first(const struct expiry *expiry);

/* The key that is the rank-th to die by its own deadline, 0 the first; there are more than `rank`. */
struct entry *expiry_at(const struct expiry *expiry, size_t rank);

/* Of keys with a deadline of their own; of those with items that have one. */
size_t expiry_count(const struct expiry *expiry);
size_t expiry_count_items(const struct expiry *expiry);
/* From now to the average deadline of the keys, 0 when that has passed or there is none. */
int64_t expiry_average_ttl_ms(const struct expiry *expiry, int64_t now_ms);
size_t expiry_bytes(const struct expiry *expiry);

#endif
