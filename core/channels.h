/* Who subscribes to what: channels, patterns and shard channels.
 *
 * Every shard has such a directory, and all are replicas of each other: how many
 * subscribers each name has, and on which shards their connections are. They change at one stamp on
 * all shards, so whoever publishes counts in its own. The subscriptions
 * themselves (subscriptions.h) are listed where the connections are.
 * A name is there while anybody counts or is listed. Belongs to the shard's thread. */
#ifndef CORE_CHANNELS_H
#define CORE_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/table.h"

struct subscription;

enum channel_kind { CHANNEL_PLAIN, CHANNEL_PATTERN, CHANNEL_SHARD, CHANNEL_KINDS };

/* A set of shards. */
enum { CHANNEL_SHARD_WORDS = CONFIG_SHARDS_MAX / 64 };
struct channel_shards {
    uint64_t words[CHANNEL_SHARD_WORDS];
};

static inline void channel_shards_add(struct channel_shards *shards, int shard)
{
    shards->words[shard / 64] |= UINT64_C(1) << (shard % 64);
}

static inline void channel_shards_remove(struct channel_shards *shards, int shard)
{
    shards->words[shard / 64] &= ~(UINT64_C(1) << (shard % 64));
}

static inline bool channel_shards_has(const struct channel_shards *shards, int shard)
{
    return shards->words[shard / 64] >> (shard % 64) & 1;
}

struct channel_home {
    uint16_t shard;
    uint32_t subscribers;
};

struct channel {
    uint64_t hash;
    struct channel *previous, *next; /* of its kind */
    enum channel_kind kind;
    uint32_t subscribers;       /* on all shards */
    struct channel_home *homes; /* where they are */
    uint16_t home_count, home_capacity;
    struct subscription *first, *last; /* of this shard's connections, those included that are on their way */
    size_t length;
    char name[];
};

struct channels {
    struct memory *memory;
    struct table names[CHANNEL_KINDS];
    struct channel *first[CHANNEL_KINDS], *last[CHANNEL_KINDS];
    size_t subscribed[CHANNEL_KINDS]; /* names that have subscribers */
    struct table subscriptions;       /* of this shard's connections, see subscriptions.h */
};

void channels_init(struct channels *channels, struct memory *memory);
void channels_deinit(struct channels *channels);

static inline struct str channel_name(const struct channel *channel)
{
    return (struct str){channel->name, channel->length};
}

/* NULL: nobody subscribes to it. */
struct channel *channels_find(const struct channels *channels, enum channel_kind kind, struct str name);
struct channel *channels_find_or_add(struct channels *channels, enum channel_kind kind, struct str name);
/* Frees the channel if it has neither subscribers nor subscriptions. */
void channels_remove_if_unused(struct channels *channels, struct channel *channel);

/* A connection of that shard has subscribed to the name, or does so no longer. */
void channels_count(struct channels *channels, enum channel_kind kind, struct str name, int shard, bool subscribes);

#endif
