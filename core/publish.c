#include "core/publish.h"

#include "core/core.h"
#include "core/memory.h"
#include "core/resp_write.h"
#include "core/subscriptions.h"

void publishing_init(struct publishing *publishing, struct memory *memory)
{
    *publishing = (struct publishing){0};
    buffer_init(&publishing->own, memory, NULL, 0);
    buffer_init(&publishing->text, memory, NULL, 0);
}

struct publication *publishing_take(struct publishing *publishing)
{
    struct publication *publication = publishing->first;

    if (publication)
        publishing->first = publication->next;
    return publication;
}

void publishing_clear(struct publishing *publishing)
{
    struct publication *publication;

    while ((publication = publishing_take(publishing)) != NULL)
        memory_free(publishing->own.memory, publication);
}

void publishing_deinit(struct publishing *publishing)
{
    publishing_clear(publishing);
    buffer_deinit(&publishing->own);
    buffer_deinit(&publishing->text);
}

/* Here. */

/* A message to the subscribers of one name, as they get it: written once, for the first of them. */
struct delivery {
    struct core *core;
    struct message_text text;
    int from;
    uint64_t cause;
    enum publish_whom whom;
};

static void write_text(const struct delivery *delivery, const struct channel *channel)
{
    static const char *const words[CHANNEL_KINDS] = {"message", "pmessage", "smessage"};
    struct publishing *publishing = &delivery->core->publishing;
    struct reply reply = {.buffer = publishing->text, .protocol = 3};

    reply.buffer.length = 0;
    reply_push(&reply, channel->kind == CHANNEL_PATTERN ? 4 : 3);
    reply_bulk(&reply, str_from(words[channel->kind]));
    if (channel->kind == CHANNEL_PATTERN)
        reply_bulk(&reply, channel_name(channel));
    reply_bulk(&reply, delivery->text.channel);
    reply_bulk(&reply, delivery->text.message);
    publishing->text = reply.buffer;
}

static void deliver(const struct delivery *delivery, struct session *session)
{
    struct publishing *publishing = &delivery->core->publishing;

    publishing->text.bytes[0] = session->protocol == 3 ? '>' : '*'; /* all that differs */
    if (session->id == delivery->cause) {
        publishing->own_session = session->id;
        buffer_append_str(&publishing->own, buffer_str(&publishing->text));
        return;
    }
    session_push(&delivery->core->sessions, session, subscriptions_place(session, delivery->from),
                 buffer_str(&publishing->text));
}

static void deliver_to_cause(const struct delivery *delivery, const struct channel *channel)
{
    struct session *session = sessions_find(&delivery->core->sessions, delivery->cause);
    const struct subscription *subscription =
        session ? subscriptions_find(&delivery->core->channels, session, channel) : NULL;

    if (!subscription || !subscription_hears(subscription, delivery->from))
        return;
    write_text(delivery, channel);
    deliver(delivery, session);
}

static void deliver_to(const struct delivery *delivery, const struct channel *channel)
{
    bool written = false, spares_cause = delivery->whom == PUBLISH_TO_OTHERS;

    if (delivery->whom == PUBLISH_TO_CAUSE) {
        deliver_to_cause(delivery, channel);
        return;
    }
    for (const struct subscription *subscription = channel->first; subscription; subscription = subscription->next) {
        struct session *session = subscription->session;

        if ((spares_cause && session->id == delivery->cause) || !subscription_hears(subscription, delivery->from))
            continue;
        if (!written)
            write_text(delivery, channel);
        written = true;
        deliver(delivery, session);
    }
}

void publish_here(struct core *core, enum channel_kind kind, struct message_text text, int from, uint64_t cause,
                  enum publish_whom whom)
{
    const struct delivery delivery = {core, text, from, cause, whom};
    const struct channel *channel = channels_find(&core->channels, kind, text.channel);

    if (channel)
        deliver_to(&delivery, channel);
    if (kind == CHANNEL_SHARD)
        return;
    for (channel = core->channels.first[CHANNEL_PATTERN]; channel; channel = channel->next)
        if (channel->first && str_glob_match(channel_name(channel), text.channel, false))
            deliver_to(&delivery, channel);
}

/* Everywhere. */

static int64_t count(const struct channel *channel, struct channel_shards *shards)
{
    for (int i = 0; i < channel->home_count; i++)
        channel_shards_add(shards, channel->homes[i].shard);
    return channel->subscribers;
}

static int64_t count_receivers(const struct channels *channels, enum channel_kind kind, struct str name,
                               struct channel_shards *shards)
{
    const struct channel *channel = channels_find(channels, kind, name);
    int64_t receivers = channel ? count(channel, shards) : 0;

    if (kind == CHANNEL_SHARD)
        return receivers;
    for (channel = channels->first[CHANNEL_PATTERN]; channel; channel = channel->next)
        if (channel->subscribers > 0 && str_glob_match(channel_name(channel), name, false))
            receivers += count(channel, shards);
    return receivers;
}

static bool is_here_alone(const struct channel_shards *shards, int here)
{
    struct channel_shards others = *shards;

    channel_shards_remove(&others, here);
    for (int i = 0; i < CHANNEL_SHARD_WORDS; i++)
        if (others.words[i])
            return false;
    return true;
}

static void queue(struct core *core, enum channel_kind kind, struct message_text text, const struct channel_shards *to,
                  uint64_t cause, bool cause_has_heard)
{
    struct publishing *publishing = &core->publishing;
    struct publication *publication =
        memory_alloc(&core->memory, sizeof *publication + text.channel.length + text.message.length);

    *publication = (struct publication){.kind = kind,
                                        .to = *to,
                                        .cause = cause,
                                        .cause_has_heard = cause_has_heard,
                                        .channel_length = text.channel.length,
                                        .message_length = text.message.length};
    str_copy(publication->bytes, text.channel);
    str_copy(publication->bytes + text.channel.length, text.message);
    *(publishing->first ? &publishing->last->next : &publishing->first) = publication;
    publishing->last = publication;
}

static bool listens_here(const struct core *core, uint64_t cause)
{
    const struct session *session = cause ? sessions_find(&core->sessions, cause) : NULL;

    return session && subscriptions_total(&session->subscriptions) > 0;
}

int64_t publish_message(struct core *core, enum channel_kind kind, struct message_text text, uint64_t cause)
{
    struct channel_shards shards = {0};
    int64_t receivers = count_receivers(&core->channels, kind, text.channel, &shards);

    if (receivers == 0)
        return 0;
    if (core->undo.keyspace) {
        queue(core, kind, text, &shards, cause, false);
    } else if (is_here_alone(&shards, core->index)) {
        publish_here(core, kind, text, core->index, cause, PUBLISH_TO_ALL);
    } else {
        bool cause_listens = listens_here(core, cause);

        if (cause_listens) /* the next command of its transaction may end its subscription */
            publish_here(core, kind, text, core->index, cause, PUBLISH_TO_CAUSE);
        queue(core, kind, text, &shards, cause, cause_listens);
    }
    return receivers;
}
