/* CLIENT TRACKING BCAST: who caches whatever begins with some prefix.
 *
 * Every shard has this directory, and all are replicas of each other, so whoever
 * executes a command finds whom to tell. What has changed is collected under the
 * prefixes that it begins with, as bulk strings, until all that a command
 * changed is known; then each key is told once, and prefixes and keys in their order, as Redis
 * does. Belongs to the shard's thread. */
#ifndef CORE_BROADCASTS_H
#define CORE_BROADCASTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/named_key.h"
#include "core/tracking_reader.h"

struct broadcast {
    struct named_key prefix;
    struct tracking_reader *readers; /* by home, then by id */
    size_t count, capacity;
    struct buffer keys; /* collected: RESP bulk strings */
    size_t key_count;
    uint64_t by; /* who changed them */
    char bytes[];
};

struct broadcasts {
    struct memory *memory;
    struct table prefixes;
    struct broadcast_length {
        size_t length;
        size_t prefixes; /* that are so long */
    } * lengths;         /* rising */
    size_t length_count, length_capacity;
    struct broadcast **collected; /* those that keys have been collected for */
    size_t collected_count, collected_capacity;
    size_t taken; /* of the collected ones, which then have an order */
};

void broadcasts_init(struct broadcasts *broadcasts, struct memory *memory);
void broadcasts_deinit(struct broadcasts *broadcasts);

static inline bool broadcasts_is_empty(const struct broadcasts *broadcasts)
{
    return broadcasts->prefixes.count == 0;
}

/* A reader that comes again does so by a later generation. Removing does nothing to a later one: the two may reach a
 * shard in either order. */
void broadcasts_add(struct broadcasts *broadcasts, struct str prefix, struct tracking_reader reader);
void broadcasts_remove(struct broadcasts *broadcasts, struct str prefix, struct tracking_reader reader);

/* Collects a key for all whose prefix it begins with. False: keys that somebody else changed have to be taken first. */
MUST_USE bool broadcasts_collect(struct broadcasts *broadcasts, struct str key, uint64_t by);
/* The next for whom there are keys, each of them once, until broadcast_clear; NULL: that was all. */
struct broadcast *broadcasts_take(struct broadcasts *broadcasts);
void broadcast_clear(struct broadcast *broadcast);

#endif
