/* CLIENT TRACKING: which keys of a keyspace clients have read and may have kept.
 *
 * A key stays until it changes: then its readers are told, and have to read it again to be
 * told of its next change. Databases are not distinguished, as the readers are told a
 * name alone. A reader has a small number for as long as it has read any key; a
 * key's readers are one such number or a set of them.
 * Belongs to the keyspace, and to whom that belongs to. */
#ifndef CORE_TRACKING_H
#define CORE_TRACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"
#include "core/table.h"
#include "core/tracking_reader.h"

struct memory;
struct tracked_key;
struct tracking_reader_entry;

struct tracking {
    struct memory *memory;
    struct table keys;
    struct table readers;                   /* by id */
    struct tracking_reader_entry **numbers; /* readers by number; free ones are a list */
    uint32_t number_count, number_capacity, free_number;
    size_t items;         /* keys, as often as they have readers */
    struct table flushed; /* keys that are to be freed */
    uint64_t flushed_cursor;
};

void tracking_init(struct tracking *tracking, struct memory *memory);
void tracking_deinit(struct tracking *tracking);

static inline bool tracking_is_empty(const struct tracking *tracking)
{
    return tracking->keys.count == 0;
}

/* The reader has read the key, or its absence. hash: the key's in the keyspace. */
void tracking_remember(struct tracking *tracking, struct str name, uint64_t hash, struct tracking_reader reader);

/* NULL: nobody has read it. */
struct tracked_key *tracking_find(const struct tracking *tracking, struct str name, uint64_t hash);
/* Any key; there is one. */
struct tracked_key *tracking_random(const struct tracking *tracking, uint64_t (*random)(void *context), void *context);
struct str tracked_key_name(const struct tracked_key *key);
/* Takes the key out, with who has read it; visit may not look at the tracking. */
void tracking_forget(struct tracking *tracking, struct tracked_key *key,
                     void (*visit)(void *context, struct tracking_reader reader), void *context);
/* Takes all out; the keys are freed by tracking_reclaim. */
void tracking_flush(struct tracking *tracking);
/* Frees some of them. Returns how many are left. */
size_t tracking_reclaim(struct tracking *tracking);

#endif
