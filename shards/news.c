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

void news_send(struct shard *shard, int to, struct news *news)
{
    news->message = (struct message){.kind = MESSAGE_NEWS, .home = (uint16_t)shard->index};
    news->stamp = mesh_executing_stamp(&shard->port);
    if (to == shard->index)
        news_take(shard, news);
    else
        mesh_return_now(&shard->port, to, &news->message);
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
