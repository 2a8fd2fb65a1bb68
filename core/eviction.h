/* Which key goes when memory is short: Redis's eight policies over one keyspace.
 *
 * LRU and LFU are approximate. Each step samples a few keys (maxmemory-samples) of
 * every database and offers them to a pool of the 16 best candidates so far, from
 * which the best one goes. A candidate is remembered by its hash, and looked at again
 * when its turn comes: it may have gone, or have been used since. By deadline
 * (volatile-ttl) the choice is exact.
 * Belongs to its keyspace's shard. */
#ifndef CORE_EVICTION_H
#define CORE_EVICTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct keyspace;

enum { EVICTION_POOL = 16 };

struct eviction_candidate {
    uint64_t hash;  /* of the key */
    uint32_t score; /* the higher, the sooner it goes */
    int db;
};

/* All zeros: nothing sampled yet. */
struct eviction {
    struct eviction_candidate pool[EVICTION_POOL]; /* by rising score */
    int count;
    int policy;  /* by which they were scored */
    int next_db; /* of the random policies, which take the databases in turn */
};

/* Whether the policy leaves anything in the keyspace that may be evicted. */
bool eviction_is_possible(const struct keyspace *keyspace, const struct config *config);

/* Evicts one key. False: there is none that may be. */
bool eviction_step(struct eviction *eviction, struct keyspace *keyspace, const struct config *config, int64_t now_ms);

#endif
