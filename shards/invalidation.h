/* CLIENT TRACKING: telling clients that keys which they may have kept have changed.
 *
 * Invalidations are news (news.h), one for each shard that has such clients. There a client gets its own behind
 * all that it has been admitted and not been answered: so behind the answer that it has kept. Where another
 * client is to be told instead, they go on to the shard of that one. */
#ifndef SHARDS_INVALIDATION_H
#define SHARDS_INVALIDATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"
#include "core/tracking_reader.h"

struct shard;

struct stale_keys {
    int64_t count;    /* -1: all keys */
    struct str bulks; /* RESP bulk strings */
    uint64_t by;      /* whose command changed them, 0: nobody's */
    bool broadcast;   /* for those who cache by prefixes; else for those who have read them */
};

/* Tells the readers, whose homes rise. */
void invalidation_send(struct shard *shard, const struct stale_keys *keys, const struct tracking_reader *readers,
                       size_t count);
/* Tells all clients of this shard that track at all. */
void invalidation_tell_all(struct shard *shard);

/* Has all shards forget the prefixes that sessions of this shard have left. */
void invalidation_leave(struct shard *shard);

#endif
