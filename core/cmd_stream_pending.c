/* XPENDING: what has been delivered and not acknowledged. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/stream_args.h"

static int64_t idle_ms(const struct call *call, const struct stream_pending *pending)
{
    return call->now_ms - pending->delivered_ms;
}

struct pending_range {
    struct stream_id first, last;
    int64_t min_idle_ms;
    int64_t count;
    int consumer; /* in argv; 0: of the whole group */
};

static bool parse_pending_range(struct call *call, struct pending_range *range)
{
    int at = 3;

    *range = (struct pending_range){0};
    if (arg_is(call->argv[3], "idle")) {
        if (!args_integer(call->reply, call->argv[4], &range->min_idle_ms))
            return false;
        if (call->argc < 8) {
            args_syntax_error(call->reply);
            return false;
        }
        at = 5;
    }
    if (!args_integer(call->reply, call->argv[at + 2], &range->count) ||
        !stream_args_range_first(call->reply, call->argv[at], &range->first) ||
        !stream_args_range_last(call->reply, call->argv[at + 1], &range->last))
        return false;
    range->consumer = at + 3 < call->argc ? at + 3 : 0;
    return true;
}

static void reply_consumers(struct reply *reply, const struct stream_group *group)
{
    struct bptree_place place = bptree_first(&group->consumers);
    size_t mark = reply_mark(reply);
    int64_t count = 0;

    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place)) {
        const struct stream_consumer *consumer = stream_payload(item);

        if (consumer->pending.count == 0)
            continue;
        reply_array(reply, 2);
        reply_bulk(reply, stream_consumer_name(consumer));
        reply_bulk_integer(reply, (int64_t)consumer->pending.count);
        count++;
    }
    reply_array_at(reply, mark, count);
}

static void reply_summary(struct reply *reply, const struct stream_group *group)
{
    struct bptree_place first = bptree_first(&group->pending), last = bptree_last(&group->pending);

    reply_array(reply, 4);
    reply_integer(reply, (int64_t)group->pending.count);
    if (group->pending.count == 0) {
        reply_null(reply);
        reply_null(reply);
        reply_null_array(reply);
        return;
    }
    reply_stream_id(reply, stream_pending_at(&first)->id);
    reply_stream_id(reply, stream_pending_at(&last)->id);
    reply_consumers(reply, group);
}

static void reply_pending_range(struct call *call, const struct pending_range *range, const struct bptree *tree)
{
    struct bptree_place place = stream_pending_seek(tree, range->first);
    size_t mark = reply_mark(call->reply);
    int64_t written = 0;

    for (; written < range->count; bptree_next(&place)) {
        const struct stream_pending *pending = stream_pending_at(&place);

        if (pending == NULL || stream_id_compare(pending->id, range->last) > 0)
            break;
        if (range->min_idle_ms != 0 && idle_ms(call, pending) < range->min_idle_ms)
            continue;
        reply_array(call->reply, 4);
        reply_stream_id(call->reply, pending->id);
        reply_bulk(call->reply, stream_consumer_name(pending->consumer));
        reply_integer(call->reply, idle_ms(call, pending) < 0 ? 0 : idle_ms(call, pending));
        reply_integer(call->reply, (int64_t)pending->deliveries);
        written++;
    }
    reply_array_at(call->reply, mark, written);
}

void cmd_xpending(struct call *call)
{
    struct pending_range range;
    struct stream *stream;
    bool summary = call->argc == 3;

    if (!summary && (call->argc < 6 || call->argc > 9)) {
        args_syntax_error(call->reply);
        return;
    }
    if ((!summary && !parse_pending_range(call, &range)) || !stream_find_read(call, 1, &stream))
        return;
    const struct stream_group *group = stream_find_group(call, stream);
    if (group == NULL)
        return;
    if (summary) {
        reply_summary(call->reply, group);
        return;
    }
    if (range.consumer == 0) {
        reply_pending_range(call, &range, &group->pending);
        return;
    }
    const struct stream_consumer *consumer = stream_consumer_find(group, call->argv[range.consumer]);
    if (consumer == NULL)
        reply_array(call->reply, 0);
    else
        reply_pending_range(call, &range, &consumer->pending);
}
