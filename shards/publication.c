#include "shards/publication.h"

#include "core/memory.h"
#include "shards/news.h"
#include "shards/shard.h"

/* The place of a request in its connection's pipeline. */
struct cause {
    bool known;
    uint16_t place;
};

struct publication_news {
    struct news news;
    enum channel_kind kind;
    struct cause cause;
    uint64_t cause_session;
    bool cause_has_heard;
    size_t channel_length, message_length;
    char bytes[];
};

/* Of what was executed by that shard. */
static uint64_t place_of(const struct session *session, int from, struct cause cause)
{
    const struct pushes *pushes = &session->pushes;
    uint64_t behind = pushes->admitted, most = subscriptions_place(session, from);

    if (cause.known)
        behind -= (uint16_t)(behind - cause.place);
    if (pushes->last && pushes->last->behind > behind)
        behind = pushes->last->behind;
    return behind < most ? behind : most;
}

static void push_own(struct shard *shard, int from, struct cause cause)
{
    struct publishing *publishing = &shard->core.publishing;
    struct session *session = sessions_find(&shard->core.sessions, publishing->own_session);

    if (session)
        session_push(&shard->core.sessions, session, place_of(session, from, cause), buffer_str(&publishing->own));
    publishing->own.length = 0;
}

static void deliver(struct shard *shard, struct news *news)
{
    const struct publication_news *it = (const struct publication_news *)news;
    struct message_text text = {{it->bytes, it->channel_length}, {it->bytes + it->channel_length, it->message_length}};

    publish_here(&shard->core, it->kind, text, news->message.home, it->cause_session,
                 it->cause_has_heard ? PUBLISH_TO_OTHERS : PUBLISH_TO_ALL);
    if (shard->core.publishing.own.length > 0)
        push_own(shard, news->message.home, it->cause);
}

static struct news *news_of(struct shard *shard, const struct publication *publication, struct cause cause)
{
    size_t length = publication->channel_length + publication->message_length;
    struct publication_news *news = news_create(shard, sizeof *news + length);

    news->news.deliver = deliver;
    news->kind = publication->kind;
    news->cause = cause;
    news->cause_session = publication->cause;
    news->cause_has_heard = publication->cause_has_heard;
    news->channel_length = publication->channel_length;
    news->message_length = publication->message_length;
    str_copy(news->bytes, (struct str){publication->bytes, length});
    return &news->news;
}

static void send_publication(struct shard *shard, const struct publication *publication, struct cause cause)
{
    news_begin(shard);
    for (int word = 0; word < CHANNEL_SHARD_WORDS; word++)
        for (uint64_t left = publication->to.words[word]; left; left &= left - 1) {
            int to = word * 64 + __builtin_ctzll(left);

            if (to != shard->index)
                news_send_to(shard, to, news_of(shard, publication, cause));
        }
    news_end(shard);
    if (channel_shards_has(&publication->to, shard->index))
        news_hear(shard, news_of(shard, publication, cause));
}

void publication_send(struct shard *shard, const struct request *request)
{
    struct publishing *publishing = &shard->core.publishing;
    struct cause cause = {request != NULL, request ? request->place : 0};
    struct publication *publication;

    if (publishing->own.length > 0)
        push_own(shard, shard->index, cause);
    while ((publication = publishing_take(publishing)) != NULL) {
        send_publication(shard, publication, cause);
        memory_free(&shard->core.memory, publication);
    }
}
