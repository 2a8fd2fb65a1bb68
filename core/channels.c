#include "core/channels.h"

#include "core/assert.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/subscriptions.h"

static uint64_t hash_of(const void *item)
{
    return ((const struct channel *)item)->hash;
}

void channels_init(struct channels *channels, struct memory *memory)
{
    *channels = (struct channels){.memory = memory};
    for (int kind = 0; kind < CHANNEL_KINDS; kind++)
        table_init(&channels->names[kind], memory, hash_of);
    table_init(&channels->subscriptions, memory, subscription_hash_of);
}

static void channel_free(struct channels *channels, struct channel *channel)
{
    memory_free(channels->memory, channel->homes);
    memory_free(channels->memory, channel);
}

/* Replicas are not told who else goes when the server stops. */
void channels_deinit(struct channels *channels)
{
    ASSERT(channels->subscriptions.count == 0);
    for (int kind = 0; kind < CHANNEL_KINDS; kind++) {
        struct channel *next;

        for (struct channel *channel = channels->first[kind]; channel; channel = next) {
            next = channel->next;
            channel_free(channels, channel);
        }
        table_deinit(&channels->names[kind]);
    }
    table_deinit(&channels->subscriptions);
}

static struct channel *find(const struct channels *channels, enum channel_kind kind, struct str name, uint64_t hash)
{
    struct table_probe probe = table_probe(&channels->names[kind], hash);
    struct channel *channel;

    while ((channel = table_probe_next(&probe)) != NULL)
        if (str_equal(channel_name(channel), name))
            return channel;
    return NULL;
}

struct channel *channels_find(const struct channels *channels, enum channel_kind kind, struct str name)
{
    return channels->names[kind].count == 0 ? NULL : find(channels, kind, name, hash_keyed(name));
}

static struct channel *add(struct channels *channels, enum channel_kind kind, struct str name, uint64_t hash)
{
    struct channel *channel = memory_alloc(channels->memory, sizeof *channel + name.length);

    *channel = (struct channel){.hash = hash, .kind = kind, .length = name.length, .previous = channels->last[kind]};
    str_copy(channel->name, name);
    *(channel->previous ? &channel->previous->next : &channels->first[kind]) = channel;
    channels->last[kind] = channel;
    table_insert(&channels->names[kind], hash, channel);
    return channel;
}

struct channel *channels_find_or_add(struct channels *channels, enum channel_kind kind, struct str name)
{
    uint64_t hash = hash_keyed(name);
    struct channel *channel = find(channels, kind, name, hash);

    return channel ? channel : add(channels, kind, name, hash);
}

static void take_out(struct table *table, const struct channel *channel)
{
    struct table_probe probe = table_probe(table, channel->hash);
    const struct channel *found;

    while ((found = table_probe_next(&probe)) != channel)
        ASSERT(found);
    table_probe_remove(table, &probe);
}

void channels_remove_if_unused(struct channels *channels, struct channel *channel)
{
    if (channel->subscribers > 0 || channel->first)
        return;
    take_out(&channels->names[channel->kind], channel);
    *(channel->previous ? &channel->previous->next : &channels->first[channel->kind]) = channel->next;
    *(channel->next ? &channel->next->previous : &channels->last[channel->kind]) = channel->previous;
    channel_free(channels, channel);
}

/* Homes are few, and most channels have one. */
static struct channel_home *find_home(const struct channel *channel, int shard)
{
    for (int i = 0; i < channel->home_count; i++)
        if (channel->homes[i].shard == shard)
            return &channel->homes[i];
    return NULL;
}

static struct channel_home *add_home(struct channels *channels, struct channel *channel, int shard)
{
    if (channel->home_count == channel->home_capacity) {
        channel->home_capacity = (uint16_t)(channel->home_capacity ? channel->home_capacity * 2 : 1);
        channel->homes =
            memory_resize(channels->memory, channel->homes, channel->home_capacity * sizeof *channel->homes);
    }
    channel->homes[channel->home_count] = (struct channel_home){.shard = (uint16_t)shard};
    return &channel->homes[channel->home_count++];
}

static void count_in(struct channels *channels, enum channel_kind kind, struct str name, int shard)
{
    struct channel *channel = channels_find_or_add(channels, kind, name);
    struct channel_home *home = find_home(channel, shard);

    if (!home)
        home = add_home(channels, channel, shard);
    home->subscribers++;
    channels->subscribed[kind] += channel->subscribers++ == 0;
}

static void count_out(struct channels *channels, enum channel_kind kind, struct str name, int shard)
{
    struct channel *channel = channels_find(channels, kind, name);
    struct channel_home *home = channel ? find_home(channel, shard) : NULL;

    ASSERT(home && home->subscribers > 0);
    if (--home->subscribers == 0)
        *home = channel->homes[--channel->home_count];
    channels->subscribed[kind] -= --channel->subscribers == 0;
    channels_remove_if_unused(channels, channel);
}

void channels_count(struct channels *channels, enum channel_kind kind, struct str name, int shard, bool subscribes)
{
    if (subscribes)
        count_in(channels, kind, name, shard);
    else
        count_out(channels, kind, name, shard);
}
