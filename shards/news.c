#include "shards/news.h"

#include "core/memory.h"
#include "shards/push.h"
#include "shards/shard.h"

void *news_create(struct shard *shard, size_t bytes)
{
    struct news *news = memory_alloc_zeroed(&shard->core.memory, bytes);

    memory_recharge(&shard->core.memory, NULL, news);
    return news;
}

void news_take(struct shard *shard, struct news *news)
{
    news->deliver(shard, news);
    memory_recharge(NULL, &shard->core.memory, news);
    memory_free(&shard->core.memory, news);
}

void news_begin(struct shard *shard)
{
    mesh_begin_news(&shard->port);
}

void news_send_to(struct shard *shard, int to, struct news *news)
{
    news->message = (struct message){.kind = MESSAGE_NEWS, .home = (uint16_t)shard->index};
    news->stamp = shard->port.saying;
    mesh_return_now(&shard->port, to, &news->message);
}

void news_end(struct shard *shard)
{
    mesh_end_news(&shard->port);
}

void news_send(struct shard *shard, int to, struct news *news)
{
    news->message.home = (uint16_t)shard->index;
    if (to == shard->index) {
        news_take(shard, news);
        return;
    }
    news_begin(shard);
    news_send_to(shard, to, news);
    news_end(shard);
}

void news_hear(struct shard *shard, struct news *news)
{
    news->message.home = (uint16_t)shard->index;
    if (!mesh_is_held_up(&shard->port)) {
        news_take(shard, news);
        return;
    }
    news->stamp = shard->port.saying;
    news->next = NULL;
    *(shard->own_news ? &shard->last_own_news->next : &shard->own_news) = news;
    shard->last_own_news = news;
}

void news_hear_kept(struct shard *shard)
{
    struct news *news;

    if (__builtin_expect(!shard->own_news, 1))
        return;
    while ((news = shard->own_news) != NULL && news->stamp <= mesh_said(&shard->port, shard->index)) {
        shard->own_news = news->next;
        news_take(shard, news);
    }
}

/* Bytes for one session. */

struct push_news {
    struct news news;
    uint64_t session_id;
    size_t length;
    char bytes[];
};

static void deliver_push(struct shard *shard, struct news *news)
{
    struct push_news *push = (struct push_news *)news;
    struct session *session = sessions_find(&shard->core.sessions, push->session_id);

    if (session)
        push_bytes(shard, session, (struct str){push->bytes, push->length});
}

void news_push(struct shard *shard, int to, uint64_t session_id, struct str bytes)
{
    struct push_news *push = news_create(shard, sizeof *push + bytes.length);

    push->news.deliver = deliver_push;
    push->session_id = session_id;
    push->length = bytes.length;
    str_copy(push->bytes, bytes);
    news_send(shard, to, &push->news);
}
