#include "shards/invalidation.h"

#include <string.h>

#include "core/client_tracking.h"
#include "core/memory.h"
#include "core/resp_write.h"
#include "shards/errand.h"
#include "shards/news.h"
#include "shards/push.h"
#include "shards/shard.h"

/* News of stale keys, for sessions of the shard that they go to. */
struct invalidation {
    struct news news;
    struct stale_keys keys; /* its bulks lie behind the readers */
    size_t reader_count;
    uint64_t readers[]; /* ids */
};

/* The same for one session that is told instead of another. */
struct redirected {
    struct news news;
    uint64_t to, from;
    uint16_t from_home;
    int64_t count;
    size_t length;
    char bulks[];
};

/* To a session: that the one which is told instead has gone. */
struct broken {
    struct news news;
    uint64_t from, redirect;
};

enum { TEXT_ON_STACK = 512 };

/* Pushing. */

static void push_reply(struct shard *shard, struct session *session, struct reply *reply)
{
    if (reply->buffer.length > 0)
        push_bytes(shard, session, buffer_str(&reply->buffer));
    buffer_deinit(&reply->buffer);
}

static void push_stale(struct shard *shard, struct session *session, bool as_message, int64_t count, struct str bulks)
{
    char storage[TEXT_ON_STACK];
    struct reply reply;

    reply_init(&reply, &shard->core.memory, storage, sizeof storage, session->protocol);
    tracking_write_invalidation(&reply, as_message, count, bulks);
    push_reply(shard, session, &reply);
}

/* Redirection. */

static void break_redirect(struct shard *shard, uint64_t from, uint64_t redirect)
{
    struct session *session = sessions_find(&shard->core.sessions, from);
    char storage[TEXT_ON_STACK];
    struct reply reply;

    if (!session || !session->tracking.on || session->tracking.options.redirect != redirect)
        return;
    session->tracking.redirect_broken = true;
    reply_init(&reply, &shard->core.memory, storage, sizeof storage, session->protocol);
    tracking_write_broken(&reply, redirect);
    push_reply(shard, session, &reply);
}

static void deliver_broken(struct shard *shard, struct news *news)
{
    const struct broken *broken = (const struct broken *)news;

    break_redirect(shard, broken->from, broken->redirect);
}

static void report_broken(struct shard *shard, const struct redirected *redirected)
{
    struct broken *broken = news_create(shard, sizeof *broken);

    broken->news.deliver = deliver_broken;
    broken->from = redirected->from;
    broken->redirect = redirected->to;
    news_send(shard, redirected->from_home, &broken->news);
}

static void deliver_redirected(struct shard *shard, struct news *news)
{
    const struct redirected *redirected = (const struct redirected *)news;
    struct session *session = sessions_find(&shard->core.sessions, redirected->to);

    if (session)
        push_stale(shard, session, session_takes_messages_only(session), redirected->count,
                   (struct str){redirected->bulks, redirected->length});
    else
        report_broken(shard, redirected);
}

static void redirect(struct shard *shard, const struct session *session, const struct stale_keys *keys)
{
    const struct client_tracking *tracking = &session->tracking;
    struct redirected *redirected = news_create(shard, sizeof *redirected + keys->bulks.length);

    redirected->news.deliver = deliver_redirected;
    redirected->to = tracking->options.redirect;
    redirected->from = session->id;
    redirected->from_home = (uint16_t)shard->index;
    redirected->count = keys->count;
    redirected->length = keys->bulks.length;
    str_copy(redirected->bulks, keys->bulks);
    news_send(shard, tracking->redirect_home, &redirected->news);
}

/* Home. */

static void tell(struct shard *shard, struct session *session, const struct stale_keys *keys)
{
    const struct client_tracking *tracking = &session->tracking;

    if (tracking->options.redirect)
        redirect(shard, session, keys);
    else
        push_stale(shard, session, false, keys->count, keys->bulks);
}

/* Whether it wants to know, having asked for what it may have asked for since. */
static bool is_wanted(const struct session *session, const struct stale_keys *keys)
{
    const struct client_tracking *tracking = &session->tracking;

    if (!tracking->on || tracking->options.broadcast != keys->broadcast)
        return false;
    return !tracking->options.no_loop || keys->by != session->id;
}

static void deliver(struct shard *shard, struct news *news)
{
    const struct invalidation *invalidation = (const struct invalidation *)news;

    for (size_t i = 0; i < invalidation->reader_count; i++) {
        struct session *session = sessions_find(&shard->core.sessions, invalidation->readers[i]);

        if (session && is_wanted(session, &invalidation->keys))
            tell(shard, session, &invalidation->keys);
    }
}

void invalidation_tell_all(struct shard *shard)
{
    const struct stale_keys all = {.count = -1};

    if (shard->core.sessions.tracking == 0)
        return;
    for (struct session *session = shard->core.sessions.oldest; session; session = session->next)
        if (session->tracking.on)
            tell(shard, session, &all);
}

/* Sending. */

static void send_to(struct shard *shard, const struct stale_keys *keys, const struct tracking_reader *readers,
                    size_t count)
{
    size_t bytes = sizeof(struct invalidation) + count * sizeof(uint64_t);
    struct invalidation *invalidation = news_create(shard, bytes + keys->bulks.length);
    char *bulks = (char *)invalidation + bytes;

    invalidation->news.deliver = deliver;
    invalidation->keys = *keys;
    invalidation->keys.bulks.bytes = bulks;
    str_copy(bulks, keys->bulks);
    invalidation->reader_count = count;
    for (size_t i = 0; i < count; i++)
        invalidation->readers[i] = readers[i].id;
    news_send(shard, readers[0].home, &invalidation->news);
}

void invalidation_send(struct shard *shard, const struct stale_keys *keys, const struct tracking_reader *readers,
                       size_t count)
{
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && readers[end].home == readers[first].home;)
            end++;
        send_to(shard, keys, readers + first, end - first);
    }
}

/* Prefixes that are left. */

struct leave {
    struct errand errand;
    struct shard *shard;
    struct tracking_order order; /* its names lie behind it */
};

/* Where that was the last prefix, the keyspace, which may be lent, is told when a key next changes. */
static void forget(struct shard *shard, const struct tracking_order *order)
{
    tracking_order_undo(order, &shard->core.broadcasts);
}

static void take_leave(struct completion *completion)
{
    struct leave *leave = (struct leave *)((char *)completion - offsetof(struct leave, errand.completion));
    struct shard *shard = leave->shard;

    forget(shard, &leave->order);
    memory_recharge(NULL, &shard->core.memory, leave);
    memory_free(&shard->core.memory, leave);
}

static void send_leave(struct shard *shard, int to, const struct tracking_order *order)
{
    struct leave *leave = memory_alloc(&shard->core.memory, offsetof(struct leave, order) + order->bytes);

    memory_recharge(&shard->core.memory, NULL, leave);
    leave->shard = shard->group->shards[to];
    leave->errand.completion = (struct completion){.done = take_leave};
    memcpy(&leave->order, order, order->bytes);
    errand_send(shard, to, &leave->errand);
}

void invalidation_leave(struct shard *shard)
{
    struct tracking_order *order;

    while ((order = sessions_take_left(&shard->core.sessions)) != NULL) {
        for (int to = 0; to < shard->group->count; to++)
            if (to != shard->index)
                send_leave(shard, to, order);
        forget(shard, order);
        memory_recharge(NULL, &shard->core.memory, order);
        memory_free(&shard->core.memory, order);
    }
}
