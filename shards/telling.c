#include "shards/telling.h"

#include <stdlib.h>

#include "core/broadcasts.h"
#include "core/changes.h"
#include "core/events.h"
#include "core/keyspace.h"
#include "core/memory.h"
#include "shards/invalidation.h"
#include "shards/shard.h"

/* Who have read the key. */

static int by_home(const void *a, const void *b)
{
    return ((const struct tracking_reader *)a)->home - ((const struct tracking_reader *)b)->home;
}

static void send_stale(struct shard *shard, const struct change *change, const struct tracking_reader *readers)
{
    char storage[512];
    struct reply bulk;

    reply_init(&bulk, &shard->core.memory, storage, sizeof storage, 3);
    reply_bulk(&bulk, change->key);

    struct stale_keys keys = {.count = 1, .bulks = buffer_str(&bulk.buffer), .by = change->by};

    invalidation_send(shard, &keys, readers, change->reader_count);
    buffer_deinit(&bulk.buffer);
}

static void tell_readers(struct shard *shard, const struct change *change)
{
    size_t bytes = change->reader_count * sizeof(struct tracking_reader);
    struct tracking_reader *readers = memory_alloc(&shard->core.memory, bytes);

    for (uint32_t i = 0; i < change->reader_count; i++)
        readers[i] = change_reader(change, i);
    qsort(readers, change->reader_count, sizeof *readers, by_home);
    send_stale(shard, change, readers);
    memory_free(&shard->core.memory, readers);
}

/* Those who cache by prefixes: what a command has changed they get at once. */

static void tell_collected(struct shard *shard)
{
    struct broadcast *broadcast;

    while ((broadcast = broadcasts_take(&shard->core.broadcasts)) != NULL) {
        struct stale_keys keys = {.count = (int64_t)broadcast->key_count,
                                  .bulks = buffer_str(&broadcast->keys),
                                  .by = broadcast->by,
                                  .broadcast = true};

        invalidation_send(shard, &keys, broadcast->readers, broadcast->count);
        broadcast_clear(broadcast);
    }
}

static void collect(struct shard *shard, const struct change *change)
{
    if (broadcasts_is_empty(&shard->core.broadcasts)) {
        core_heed_broadcasts(&shard->core);
        return;
    }
    if (broadcasts_collect(&shard->core.broadcasts, change->key, change->by))
        return;
    tell_collected(shard);

    bool collected = broadcasts_collect(&shard->core.broadcasts, change->key, change->by);
    (void)collected;
}

static void tell(struct shard *shard, const struct change *change)
{
    switch (change->kind) {
    case CHANGE_EVENT:
    case CHANGE_WRITTEN:
    case CHANGE_RECORDED:
    case CHANGE_GONE:
        return;
    case CHANGE_STALE:
        tell_readers(shard, change);
        return;
    case CHANGE_TOUCHED:
        collect(shard, change);
        return;
    case CHANGE_FLUSHED:
        invalidation_tell_all(shard);
        return;
    }
}

void telling_run(struct shard *shard, uint64_t cause)
{
    struct changes *changes = keyspace_changes(shard->core.keyspace);
    struct change change;
    size_t at = 0;

    if (!changes->others) {
        changes_clear(changes);
        return;
    }
    events_publish(&shard->core, cause);
    while (changes_next(changes, &at, &change))
        tell(shard, &change);
    tell_collected(shard);
    changes_clear(changes);
}
