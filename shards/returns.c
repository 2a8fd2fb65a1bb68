#include "shards/returns.h"

#include "core/assert.h"
#include "core/memory.h"
#include "shards/errand.h"
#include "shards/gather.h"
#include "shards/news.h"
#include "shards/shard.h"
#include "shards/simulate.h"

enum {
    AHEAD = 9,
    AHEAD_LONG = 4 /* how far ahead of its turn an answer is prefetched, and what of it is in no request */
};

static void take_request(struct shard *shard, struct request *request)
{
    request->reply.buffer.memory = &shard->core.memory;
    if (request->reply.buffer.heap)
        memory_recharge(NULL, &shard->core.memory, request->reply.buffer.bytes);
    shard_finish(shard, request);
}

static void take(struct shard *shard, struct message *message)
{
    switch (message->kind) {
    case MESSAGE_REQUEST:
        take_request(shard, (struct request *)message);
        break;
    case MESSAGE_GATHER:
        gather_free(shard, (struct gather *)message);
        break;
    case MESSAGE_ERRAND: {
        struct completion *completion = &((struct errand *)message)->completion;

        completion->done(completion);
        break;
    }
    case MESSAGE_NEWS:
        news_take(shard, (struct news *)message);
        break;
    default:
        ASSERT(false);
    }
}

static void prefetch(const struct shard *shard, int source, uint32_t places)
{
    const struct message *ahead = mesh_return_ahead(&shard->port, source, places);

    if (ahead)
        request_prefetch_answer((const struct request *)ahead);
}

static void prefetch_long(const struct shard *shard, int source)
{
    const struct message *ahead = mesh_return_ahead(&shard->port, source, AHEAD_LONG);

    if (ahead && ahead->kind == MESSAGE_REQUEST)
        request_prefetch_long_answer((const struct request *)ahead);
}

static const struct news *news_at_head(const struct shard *shard, int source)
{
    const struct message *head = mesh_return_ahead(&shard->port, source, 0);

    if (!head || head->kind != MESSAGE_NEWS || simulate_fault(FAULT_NEWS_BY_RING))
        return NULL;
    return (const struct news *)head;
}

/* All of a ring that is known to be there, as far as the first news. True: that is there. */
static bool take_until_news(struct shard *shard, int source)
{
    for (uint32_t places = 0; places < AHEAD; places++)
        prefetch(shard, source, places);
    while (!news_at_head(shard, source)) {
        struct message *message = mesh_next_return(&shard->port, source);

        if (!message)
            return false;
        prefetch(shard, source, AHEAD - 1);
        prefetch_long(shard, source);
        take(shard, message);
    }
    return true;
}

/* The news at the head, if it may be heard as far as was known at the last look. */
static const struct news *heard_next(const struct shard *shard, int source)
{
    const struct news *news = source == shard->index ? NULL : news_at_head(shard, source);

    return news && news->stamp <= shard->returns[source].said ? news : NULL;
}

/* Looks what has come since. True: there are news that may be heard. */
static bool look(struct shard *shard, int source)
{
    struct returns_look *look = &shard->returns[source];

    look->at = ++shard->returns_looks;
    if (!mesh_collect_returns(&shard->port, source) || !take_until_news(shard, source))
        return false;
    look->said = mesh_said(&shard->port, source);
    return heard_next(shard, source) != NULL;
}

/* The source whose news is the next; -1: there are none. */
static int choose(const struct shard *shard)
{
    uint64_t lowest = UINT64_MAX;
    int chosen = -1;

    for (int source = 0; source < shard->group->count; source++) {
        const struct news *news = heard_next(shard, source);

        if (news && news->stamp < lowest) {
            lowest = news->stamp;
            chosen = source;
        }
    }
    return chosen;
}

/* Looks at each ring that shows none and was last looked at before that source was. True: one has some now. */
static bool look_at_others(struct shard *shard, int chosen)
{
    bool found = false;

    for (int source = 0; source < shard->group->count; source++)
        if (source != shard->index && !heard_next(shard, source) &&
            shard->returns[source].at < shard->returns[chosen].at)
            found |= look(shard, source);
    return found;
}

static void take_news(struct shard *shard)
{
    int source;

    while ((source = choose(shard)) >= 0) {
        if (look_at_others(shard, source))
            continue;
        take(shard, mesh_next_return(&shard->port, source));
        take_until_news(shard, source);
    }
}

void returns_take(struct shard *shard)
{
    bool news = false;

    news_hear_kept(shard); /* nobody else's before: they may be of who has heard ours */
    for (int source = 0; source < shard->group->count; source++)
        if (source != shard->index)
            news |= look(shard, source);
    if (news)
        take_news(shard);
}
