/* The subscriptions of a shard's connections, and how they change.
 *
 * SUBSCRIBE and its kin are planned where the connection is, in the order of its
 * requests: which names are new, and what is answered. Where anything changes, a
 * part of the change goes to every shard, all with one stamp, and is counted there
 * (subscription_part). As each part comes home, behind what that shard had published before
 * and before what it publishes afterwards, the change holds for what comes from there; so
 * each message is heard exactly once or not at all, as the stamps have it, and a push
 * lies between the right replies (subscriptions_place).
 * Belongs to the shard's thread. */
#ifndef CORE_SUBSCRIPTIONS_H
#define CORE_SUBSCRIPTIONS_H

#include <stdint.h>

#include "core/channels.h"

struct command;
struct reply;
struct session;
struct subscription_change;

struct subscription {
    struct channel *channel;
    struct session *session;
    struct subscription *previous, *next;                       /* of the channel, on this shard */
    struct subscription *previous_of_session, *next_of_session; /* first come first */
    struct subscription_step *first_step, *last_step;           /* changes that are not home from everywhere */
    bool active;                                                /* before these */
    bool wanted;                                                /* after these */
};

/* What a session embeds. */
struct subscriptions {
    struct subscription *first, *last;
    uint32_t counts[CHANNEL_KINDS];                         /* that are wanted */
    struct subscription_change *first_change, *last_change; /* under way, in the order of the requests */
    bool change_ahead; /* the last request that was admitted is to be planned, or is an EXEC with such a command */
};

/* One subscription in one change. */
struct subscription_step {
    struct subscription *subscription;
    const struct subscription_change *change;
    struct subscription_step *next; /* of the subscription */
};

/* What a part begins with. */
struct subscription_header {
    uint8_t kind;
    bool subscribes;
    uint16_t home;
};

struct subscription_change {
    struct subscription_change *next;
    struct session *session;
    uint64_t place; /* of its request among all of the connection */
    struct subscription_header header;
    struct channel_shards home; /* whose parts are back */
    bool ended;                 /* all are */
    int count;
    struct subscription_step steps[];
};

static inline uint32_t subscriptions_total(const struct subscriptions *subscriptions)
{
    return subscriptions->counts[CHANNEL_PLAIN] + subscriptions->counts[CHANNEL_PATTERN] +
           subscriptions->counts[CHANNEL_SHARD];
}

/* Plans the change that the command asks for, and writes the whole answer. The request is the last that was admitted.
 * NULL: nothing changes. home: the shard's index. */
struct subscription_change *subscriptions_plan(struct channels *channels, struct session *session, int home,
                                               const struct command *command, const struct str *argv, int argc,
                                               struct reply *reply);

/* What ends a session's subscriptions of one kind when it ends: a command without arguments, of which clients know
 * nothing. */
const struct command *subscriptions_leave(enum channel_kind kind);

/* The arguments of the part that goes to every shard: 1 + change->count of them, which live as long as the change. */
void subscription_change_arguments(const struct subscription_change *change, struct str *argv);
/* Counts the change in the directory of the shard that runs it. */
extern const struct command subscription_part;

static inline void subscription_change_came_home(struct subscription_change *change, int shard)
{
    channel_shards_add(&change->home, shard);
}
/* All parts are home, or it has been executed on all shards at once. The change is freed when those before it have
 * ended, too. */
void subscription_change_end(struct channels *channels, struct subscription_change *change);

/* Whether what that shard publishes is to be heard. */
static inline bool subscription_hears(const struct subscription *subscription, int shard)
{
    bool hears = subscription->active;

    for (const struct subscription_step *step = subscription->first_step; step; step = step->next)
        if (step->change->ended || channel_shards_has(&step->change->home, shard))
            hears = step->change->header.subscribes;
    return hears;
}

/* Behind how many requests a push of what came from that shard belongs. */
uint64_t subscriptions_place(const struct session *session, int shard);

/* The session's subscription to the channel; NULL: it has none. */
struct subscription *subscriptions_find(const struct channels *channels, const struct session *session,
                                        const struct channel *channel);

uint64_t subscription_hash_of(const void *item);

#endif
