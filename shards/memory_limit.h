/* maxmemory: what all shards use together is held to one limit.
 *
 * Each shard says once a turn how much it uses, and adds up what all have said: no
 * shard takes part in another's counting. So long as the sum is below the limit a shard
 * may use so much more before it looks again (core.memory_mark); a comparison tells,
 * before a command is executed and after. Above the limit all data is to shrink by what is too
 * much, to equal parts: the shards that hold more than that evict, each in proportion to
 * what it has beyond; where those have nothing that may go, the others do. What clients
 * take counts, but not as their shard's data. A shard evicts from its own keyspace alone,
 * for a bounded time a turn (maxmemory-eviction-tenacity), and goes on in its next turn;
 * the shards that are to evict and sleep are woken. What was flushed or deleted and is
 * not freed yet goes before any key does.
 *
 * As in Redis a command that may need memory is refused only when no shard has
 * anything left to evict; one that is executed may exceed the limit. But those who have
 * something to evict may be kept from it, by a long command or by what else the machine does: a shard that has
 * nothing then refuses what would go beyond by more than a sixteenth of the limit, 16 MB at least. */
#ifndef SHARDS_MEMORY_LIMIT_H
#define SHARDS_MEMORY_LIMIT_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/eviction.h"
#include "core/str.h"
#include "shards/spsc.h"

struct request;
struct shard;

/* What one shard says of itself, to all: relaxed, as each is a figure by itself. */
struct memory_share {
    alignas(CACHE_LINE) _Atomic(size_t) used_bytes;
    _Atomic(size_t) data_bytes; /* of them, in its keyspace */
    _Atomic(bool) can_shrink;   /* it has something to free or to evict */
    /* See client_limit.h. */
    _Atomic(size_t) clients_bytes;  /* buffers of all its clients */
    _Atomic(size_t) largest_client; /* and one more, of the largest that may be closed; 0: it has not looked */
};

/* One shard's. */
struct memory_limit {
    struct eviction eviction;
    size_t most_bytes;   /* of data, since memory was given back */
    size_t last_bytes;   /* in the last turn */
    bool gives_back;     /* much is being freed */
    uint64_t limit_seen; /* maxmemory when it was last looked at */
    uint64_t turn;       /* in which `until_ns` was set */
    int64_t until_ns;    /* monotonic: so long this turn may evict */
    int64_t looked_us;   /* monotonic, of the turn in which it last looked */
    bool tight;          /* little is left: it looks each turn */
    size_t goal_bytes;   /* to be freed, as of the last look */
    size_t least_bytes;  /* that all used since the limit is exceeded, or was set; at least the limit */
    size_t least_limit;  /* that limit */
    bool unfinished;     /* the next turn evicts more */
};

/* Whether a turn is wanted that nothing else asks for: something is to be evicted, or to be given back now that no more
 * is freed. */
static inline bool memory_limit_has_work(const struct memory_limit *limit)
{
    return limit->unfinished || limit->gives_back;
}

/* Looks at what all use, and says so in core.out_of_memory and core.memory_mark. True: this shard is to evict, and may:
 * it is not parked. To be called where core.memory_mark is passed, behind what has been executed. */
MUST_USE bool memory_limit_look(struct shard *shard);
/* Evicts, as far as there is time; after a look that said so. */
void memory_limit_shrink(struct shard *shard);

/* Where core.memory_mark is passed: core.out_of_memory is as it should be, before anything is executed that asks. */
void memory_limit_refresh(struct shard *shard);
/* The same for a request that is about to be run. False: it is not to be run, and the reply says so. */
MUST_USE bool memory_limit_admits(struct shard *shard, struct request *request);

/* Once a turn: says what this shard uses, and gives back what was freed in a crowd. True as memory_limit_look. */
MUST_USE bool memory_limit_turn(struct shard *shard);

#endif
