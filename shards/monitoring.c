#include "shards/monitoring.h"

#include "core/call.h"
#include "core/memory.h"
#include "shards/errand.h"
#include "shards/news.h"
#include "shards/push.h"
#include "shards/scatter.h"
#include "shards/shard.h"

/* Notes. */

void monitoring_begin(struct call *call, const struct request *request)
{
    if (!monitors_watch(&call->core->monitors))
        return;
    call->peer = request->origin->peer;
    if (!request->part)
        monitor_note_begin(call);
}

/* One part speaks for all, with all arguments. */
static void note_whole(const struct call *part, const struct request *request)
{
    const struct request *whole = scatter_whole(request);
    struct call call = *part;

    if (!whole)
        return;
    call.argv = whole->argv;
    call.argc = whole->argc;
    monitor_note_end(&call);
}

/* What a script has done is taken back, and it comes again. */
static void take_back(const struct call *call)
{
    call->core->monitors.lines.length = 0;
}

void monitoring_end(const struct call *call, const struct request *request)
{
    if (!monitors_watch(&call->core->monitors))
        return;
    if (call->out_of_reach)
        take_back(call);
    else if (request->part)
        note_whole(call, request);
    else
        monitor_note_end(call);
}

void monitoring_note(struct shard *shard, struct request *request)
{
    struct call call;

    if (!monitors_watch(&shard->core.monitors))
        return;
    shard_prepare_call(&call, shard, request, NULL);
    monitoring_begin(&call, request);
    monitoring_end(&call, request);
}

/* Who has stopped watching. */

struct farewell {
    struct errand errand;
    struct shard *to;
    uint64_t session_id, serial;
};

static void take_farewell(struct completion *completion)
{
    struct farewell *farewell = (struct farewell *)((char *)completion - offsetof(struct farewell, errand.completion));
    struct shard *shard = farewell->to;

    monitors_remove(&shard->core.monitors, farewell->session_id, farewell->serial);
    memory_recharge(NULL, &shard->core.memory, farewell);
    memory_free(&shard->core.memory, farewell);
}

static void say_farewell(struct shard *shard, int to, uint64_t session_id, uint64_t serial)
{
    struct farewell *farewell;

    if (to == shard->index) {
        monitors_remove(&shard->core.monitors, session_id, serial);
        return;
    }
    farewell = memory_alloc_zeroed(&shard->core.memory, sizeof *farewell);
    memory_recharge(&shard->core.memory, NULL, farewell);
    farewell->errand.completion.done = take_farewell;
    farewell->to = shard->group->shards[to];
    farewell->session_id = session_id;
    farewell->serial = serial;
    errand_send(shard, to, &farewell->errand);
}

/* Lines. */

struct lines_news {
    struct news news;
    uint64_t session_id, serial;
    size_t length;
    char bytes[];
};

static void deliver_lines(struct shard *shard, struct news *news)
{
    struct lines_news *lines = (struct lines_news *)news;
    struct session *session = sessions_find(&shard->core.sessions, lines->session_id);

    if (session && session->monitoring)
        push_bytes(shard, session, (struct str){lines->bytes, lines->length});
    else
        say_farewell(shard, news->message.home, lines->session_id, lines->serial);
}

static void send_to(struct shard *shard, struct monitor monitor, struct str bytes)
{
    struct lines_news *lines = news_create(shard, sizeof *lines + bytes.length);

    lines->news.deliver = deliver_lines;
    lines->session_id = monitor.session_id;
    lines->serial = monitor.serial;
    lines->length = bytes.length;
    str_copy(lines->bytes, bytes);
    news_send(shard, monitor.home, &lines->news);
}

/* From the last to the first: who has stopped watching is replaced by the last. */
void monitoring_send(struct shard *shard)
{
    struct monitors *monitors = &shard->core.monitors;

    for (int i = monitors->count - 1; i >= 0; i--)
        send_to(shard, monitors->entries[i], buffer_str(&monitors->lines));
    monitors->lines.length = 0;
}
