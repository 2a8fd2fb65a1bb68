#include "core/eviction.h"

#include <string.h>

#include "core/access.h"
#include "core/assert.h"
#include "core/config.h"
#include "core/keyspace.h"

/* More would find hardly better ones: of 256 the best is among the oldest hundredth nine times out of ten. */
enum { SAMPLES_MOST = 256, COUNTER_MAX = 255 };

static bool is_volatile_only(int policy)
{
    return policy <= CONFIG_POLICY_VOLATILE_TTL;
}

_Static_assert(CONFIG_POLICY_VOLATILE_LRU == 0 && CONFIG_POLICY_VOLATILE_TTL == 3 && CONFIG_POLICY_ALLKEYS_LRU == 4,
               "is_volatile_only compares numbers");

bool eviction_is_possible(const struct keyspace *keyspace, const struct config *config)
{
    int policy = config->maxmemory_policy;

    if (policy == CONFIG_POLICY_NOEVICTION)
        return false;
    for (int db = 0; db < keyspace_database_count(keyspace); db++)
        if (keyspace_has_evictable(keyspace, db, is_volatile_only(policy)))
            return true;
    return false;
}

/* The pool. */

static uint32_t score_of(const struct entry *entry, const struct config *config, int64_t now_ms)
{
    if (config_maxmemory_policy_is_lfu(config))
        return COUNTER_MAX - access_frequency(entry_access(entry), now_ms, config->lfu_decay_time);
    return (uint32_t)access_idle_seconds(entry_access(entry), now_ms);
}

static void remove_at(struct eviction *eviction, int at)
{
    eviction->count--;
    memmove(&eviction->pool[at], &eviction->pool[at + 1], (size_t)(eviction->count - at) * sizeof eviction->pool[0]);
}

/* It may have been sampled before, and used since. */
static void forget(struct eviction *eviction, const struct eviction_candidate *candidate)
{
    for (int i = 0; i < eviction->count; i++)
        if (eviction->pool[i].hash == candidate->hash && eviction->pool[i].db == candidate->db) {
            remove_at(eviction, i);
            return;
        }
}

/* A full pool lets its worst go for a better one. */
static void offer(struct eviction *eviction, struct eviction_candidate candidate)
{
    int at;

    forget(eviction, &candidate);
    if (eviction->count == EVICTION_POOL) {
        if (candidate.score <= eviction->pool[0].score)
            return;
        remove_at(eviction, 0);
    }
    for (at = eviction->count++; at > 0 && eviction->pool[at - 1].score > candidate.score; at--)
        eviction->pool[at] = eviction->pool[at - 1];
    eviction->pool[at] = candidate;
}

static void sample(struct eviction *eviction, struct keyspace *keyspace, int db, const struct config *config,
                   int64_t now_ms)
{
    struct entry *entries[SAMPLES_MOST];
    int wanted = config->maxmemory_samples < SAMPLES_MOST ? config->maxmemory_samples : SAMPLES_MOST;
    size_t count = keyspace_sample(keyspace, db, is_volatile_only(config->maxmemory_policy), entries, (size_t)wanted);

    for (size_t i = 0; i < count; i++)
        offer(eviction, (struct eviction_candidate){.hash = keyspace_hash(entry_key(entries[i])),
                                                    .score = score_of(entries[i], config, now_ms),
                                                    .db = db});
}

static void sample_all(struct eviction *eviction, struct keyspace *keyspace, const struct config *config,
                       int64_t now_ms)
{
    bool volatile_only = is_volatile_only(config->maxmemory_policy);

    if (eviction->policy != config->maxmemory_policy)
        eviction->count = 0;
    eviction->policy = config->maxmemory_policy;
    for (int db = 0; db < keyspace_database_count(keyspace); db++)
        if (keyspace_has_evictable(keyspace, db, volatile_only))
            sample(eviction, keyspace, db, config, now_ms);
}

/* NULL: it has gone, is not to be evicted any more, or has been used since. */
static struct entry *entry_of(const struct eviction_candidate *candidate, struct keyspace *keyspace,
                              const struct config *config, int64_t now_ms)
{
    struct entry *entry = keyspace_find_by_hash(keyspace, candidate->db, candidate->hash);

    if (!entry || (is_volatile_only(config->maxmemory_policy) && entry_expiry_ms(entry) < 0))
        return NULL;
    return score_of(entry, config, now_ms) >= candidate->score ? entry : NULL;
}

/* Each round either finds one or empties the pool, so that the next round's samples are all in it: it ends. */
static void evict_best(struct eviction *eviction, struct keyspace *keyspace, const struct config *config,
                       int64_t now_ms)
{
    for (;;) {
        sample_all(eviction, keyspace, config, now_ms);
        while (eviction->count > 0) {
            struct eviction_candidate best = eviction->pool[--eviction->count];
            struct entry *entry = entry_of(&best, keyspace, config, now_ms);

            if (entry) {
                keyspace_evict(keyspace, best.db, entry, now_ms);
                return;
            }
        }
    }
}

/* The other policies. */

static void evict_first_to_expire(struct keyspace *keyspace, int64_t now_ms)
{
    struct entry *first = NULL;
    int first_db = 0;

    for (int db = 0; db < keyspace_database_count(keyspace); db++) {
        struct entry *entry = keyspace_first_to_expire(keyspace, db);

        if (!entry || (first && entry_expiry_ms(entry) >= entry_expiry_ms(first)))
            continue;
        first = entry;
        first_db = db;
    }
    ASSERT(first != NULL);
    keyspace_evict(keyspace, first_db, first, now_ms);
}

static void evict_any(struct eviction *eviction, struct keyspace *keyspace, bool volatile_only, int64_t now_ms)
{
    struct entry *entry;
    int db;

    do {
        db = eviction->next_db % keyspace_database_count(keyspace);
        eviction->next_db = db + 1;
    } while (!keyspace_has_evictable(keyspace, db, volatile_only));
    size_t found = keyspace_sample(keyspace, db, volatile_only, &entry, 1);
    ASSERT(found == 1);
    keyspace_evict(keyspace, db, entry, now_ms);
}

bool eviction_step(struct eviction *eviction, struct keyspace *keyspace, const struct config *config, int64_t now_ms)
{
    int policy = config->maxmemory_policy;

    if (!eviction_is_possible(keyspace, config))
        return false;
    if (policy == CONFIG_POLICY_VOLATILE_TTL)
        evict_first_to_expire(keyspace, now_ms);
    else if (policy == CONFIG_POLICY_VOLATILE_RANDOM || policy == CONFIG_POLICY_ALLKEYS_RANDOM)
        evict_any(eviction, keyspace, is_volatile_only(policy), now_ms);
    else
        evict_best(eviction, keyspace, config, now_ms);
    return true;
}
