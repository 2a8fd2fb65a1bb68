#include "core/subscriptions.h"

#include "core/assert.h"
#include "core/call.h"
#include "core/command.h"
#include "core/memory.h"

/* One subscription. */

static uint64_t hash(const struct session *session, const struct channel *channel)
{
    return (channel->hash ^ session->id) * UINT64_C(0x9e3779b97f4a7c15);
}

uint64_t subscription_hash_of(const void *item)
{
    const struct subscription *subscription = item;

    return hash(subscription->session, subscription->channel);
}

static struct table_probe probe_for(const struct channels *channels, const struct session *session,
                                    const struct channel *channel, struct subscription **found)
{
    struct table_probe probe = table_probe(&channels->subscriptions, hash(session, channel));

    while ((*found = table_probe_next(&probe)) != NULL)
        if ((*found)->session == session && (*found)->channel == channel)
            break;
    return probe;
}

struct subscription *subscriptions_find(const struct channels *channels, const struct session *session,
                                        const struct channel *channel)
{
    struct subscription *found;

    probe_for(channels, session, channel, &found);
    return found;
}

static struct subscription *add(struct channels *channels, struct session *session, struct channel *channel)
{
    struct subscriptions *subscriptions = &session->subscriptions;
    struct subscription *subscription = memory_alloc(channels->memory, sizeof *subscription);

    *subscription = (struct subscription){
        .channel = channel, .session = session, .previous = channel->last, .previous_of_session = subscriptions->last};
    *(channel->last ? &channel->last->next : &channel->first) = subscription;
    channel->last = subscription;
    *(subscriptions->last ? &subscriptions->last->next_of_session : &subscriptions->first) = subscription;
    subscriptions->last = subscription;
    table_insert(&channels->subscriptions, hash(session, channel), subscription);
    return subscription;
}

static void unlink_from_session(struct subscription *subscription)
{
    struct subscriptions *subscriptions = &subscription->session->subscriptions;
    struct subscription *previous = subscription->previous_of_session, *next = subscription->next_of_session;

    *(previous ? &previous->next_of_session : &subscriptions->first) = next;
    *(next ? &next->previous_of_session : &subscriptions->last) = previous;
}

static void remove_subscription(struct channels *channels, struct subscription *subscription)
{
    struct channel *channel = subscription->channel;
    struct subscription *previous = subscription->previous, *next = subscription->next, *found;
    struct table_probe probe = probe_for(channels, subscription->session, channel, &found);

    ASSERT(found == subscription);
    table_probe_remove(&channels->subscriptions, &probe);
    *(previous ? &previous->next : &channel->first) = next;
    *(next ? &next->previous : &channel->last) = previous;
    unlink_from_session(subscription);
    memory_free(channels->memory, subscription);
    channels_remove_if_unused(channels, channel);
}

/* Changes. */

static struct subscription_change *change_create(struct channels *channels, struct session *session, int home,
                                                 const struct command *command, size_t most)
{
    struct subscription_change *change =
        memory_alloc(channels->memory, sizeof *change + most * sizeof change->steps[0]);

    *change = (struct subscription_change){
        .session = session,
        .place = session->pushes.admitted,
        .header = {.kind = command_channel_kind(command),
                   .subscribes = command->pubsub & PUBSUB_SUBSCRIBES,
                   .home = (uint16_t)home},
    };
    return change;
}

/* Adds the subscription to the change, and turns it. */
static void add_step(struct subscription_change *change, struct subscription *subscription)
{
    struct subscription_step *step = &change->steps[change->count++];

    *step = (struct subscription_step){.subscription = subscription, .change = change};
    *(subscription->last_step ? &subscription->last_step->next : &subscription->first_step) = step;
    subscription->last_step = step;
    subscription->wanted = change->header.subscribes;
    if (subscription->wanted)
        change->session->subscriptions.counts[change->header.kind]++;
    else
        change->session->subscriptions.counts[change->header.kind]--;
}

static void subscribe(struct channels *channels, struct subscription_change *change, struct str name)
{
    struct channel *channel = channels_find_or_add(channels, change->header.kind, name);
    struct subscription *subscription = subscriptions_find(channels, change->session, channel);

    if (!subscription)
        subscription = add(channels, change->session, channel);
    if (!subscription->wanted)
        add_step(change, subscription);
}

static void unsubscribe(struct channels *channels, struct subscription_change *change, struct str name)
{
    const struct channel *channel = channels_find(channels, change->header.kind, name);
    struct subscription *subscription = channel ? subscriptions_find(channels, change->session, channel) : NULL;

    if (subscription && subscription->wanted)
        add_step(change, subscription);
}

/* Answers. */

/* Channels and patterns are counted together, shard channels by themselves. */
static uint32_t count_to_tell(const struct subscriptions *subscriptions, enum channel_kind kind)
{
    if (kind == CHANNEL_SHARD)
        return subscriptions->counts[CHANNEL_SHARD];
    return subscriptions->counts[CHANNEL_PLAIN] + subscriptions->counts[CHANNEL_PATTERN];
}

/* name.bytes NULL: there was none. */
static void answer(struct reply *reply, const struct command *command, const struct session *session, struct str name)
{
    reply_push(reply, 3);
    reply_bulk(reply, str_from(command->name));
    if (name.bytes)
        reply_bulk(reply, name);
    else
        reply_null(reply);
    reply_integer(reply, count_to_tell(&session->subscriptions, command_channel_kind(command)));
}

static void plan_named(struct channels *channels, struct subscription_change *change, const struct command *command,
                       const struct str *argv, int argc, struct reply *reply)
{
    for (int i = 1; i < argc; i++) {
        if (change->header.subscribes)
            subscribe(channels, change, argv[i]);
        else
            unsubscribe(channels, change, argv[i]);
        answer(reply, command, change->session, argv[i]);
    }
}

static void plan_all(struct subscription_change *change, const struct command *command, struct reply *reply)
{
    struct subscription *subscription = change->session->subscriptions.first;

    for (; subscription; subscription = subscription->next_of_session) {
        if (!subscription->wanted || subscription->channel->kind != change->header.kind)
            continue;
        add_step(change, subscription);
        answer(reply, command, change->session, channel_name(subscription->channel));
    }
    if (change->count == 0)
        answer(reply, command, change->session, (struct str){0});
}

struct subscription_change *subscriptions_plan(struct channels *channels, struct session *session, int home,
                                               const struct command *command, const struct str *argv, int argc,
                                               struct reply *reply)
{
    struct subscriptions *subscriptions = &session->subscriptions;

    subscriptions->change_ahead = false;

    size_t most = argc > 1 ? (size_t)argc - 1 : subscriptions->counts[command_channel_kind(command)];
    struct subscription_change *change = change_create(channels, session, home, command, most);

    if (argc > 1)
        plan_named(channels, change, command, argv, argc, reply);
    else
        plan_all(change, command, reply);
    if (change->count == 0) {
        memory_free(channels->memory, change);
        return NULL;
    }
    *(subscriptions->last_change ? &subscriptions->last_change->next : &subscriptions->first_change) = change;
    subscriptions->last_change = change;
    session->stays = true;
    return change;
}

#define LEAVE(kind_bits)                                                                                               \
    {                                                                                                                  \
        .name = "leave", .route = ROUTE_LOCAL, .flags = CMD_ALLOW_BUSY,                                                \
        .pubsub = PUBSUB_UNSUBSCRIBES | PUBSUB_LEAVES | (kind_bits)                                                    \
    }

const struct command *subscriptions_leave(enum channel_kind kind)
{
    static const struct command leave[CHANNEL_KINDS] = {LEAVE(0), LEAVE(PUBSUB_PATTERNS), LEAVE(PUBSUB_SHARDED)};

    return &leave[kind];
}

/* Under way. */

void subscription_change_arguments(const struct subscription_change *change, struct str *argv)
{
    argv[0] = (struct str){(const char *)&change->header, sizeof change->header};
    for (int i = 0; i < change->count; i++)
        argv[1 + i] = channel_name(change->steps[i].subscription->channel);
}

static void count_part(struct call *call)
{
    struct subscription_header header;

    ASSERT(call->argv[0].length == sizeof header);
    memcpy(&header, call->argv[0].bytes, sizeof header);
    for (int i = 1; i < call->argc; i++)
        channels_count(&call->core->channels, header.kind, call->argv[i], header.home, header.subscribes);
}

const struct command subscription_part = {.name = "subscription", .run = count_part, .route = ROUTE_SCATTER};

/* The change is the first that its subscriptions are in. */
static void settle(struct channels *channels, struct subscription_change *change)
{
    for (int i = 0; i < change->count; i++) {
        struct subscription *subscription = change->steps[i].subscription;

        ASSERT(subscription->first_step == &change->steps[i]);
        subscription->active = change->header.subscribes;
        subscription->first_step = change->steps[i].next;
        if (subscription->first_step)
            continue;
        subscription->last_step = NULL;
        if (!subscription->active)
            remove_subscription(channels, subscription);
    }
}

void subscription_change_end(struct channels *channels, struct subscription_change *change)
{
    struct subscriptions *subscriptions = &change->session->subscriptions;

    change->ended = true;
    while ((change = subscriptions->first_change) != NULL && change->ended) {
        settle(channels, change);
        subscriptions->first_change = change->next;
        if (!change->next)
            subscriptions->last_change = NULL;
        memory_free(channels->memory, change);
    }
}

uint64_t subscriptions_place(const struct session *session, int shard)
{
    const struct subscription_change *change = session->subscriptions.first_change;

    for (; change; change = change->next)
        if (!change->ended && !channel_shards_has(&change->home, shard))
            return change->place - 1;
    return session->pushes.admitted - session->subscriptions.change_ahead;
}
