/* XINFO: what a stream, its groups and their consumers are like. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/stream_args.h"

enum { COUNT_DEFAULT = 10 };

static void pair_integer(struct reply *reply, const char *name, int64_t value)
{
    reply_bulk(reply, str_from(name));
    reply_integer(reply, value);
}

static void pair_id(struct reply *reply, const char *name, struct stream_id id)
{
    reply_bulk(reply, str_from(name));
    reply_stream_id(reply, id);
}

static void pair_name(struct reply *reply, struct str name)
{
    reply_bulk(reply, STR("name"));
    reply_bulk(reply, name);
}

/* A number, or null where it is not known. */
static void pair_known(struct reply *reply, const char *name, bool known, int64_t value)
{
    reply_bulk(reply, str_from(name));
    if (known)
        reply_integer(reply, value);
    else
        reply_null(reply);
}

static void pair_progress(struct reply *reply, const struct stream *stream, const struct stream_group *group)
{
    int64_t lag;
    bool known = stream_group_lag(stream, group, &lag);

    pair_known(reply, "entries-read", group->entries_read != STREAM_READ_UNKNOWN, group->entries_read);
    pair_known(reply, "lag", known, lag);
}

/* The stream of argv[2]; NULL: there is none, and that has been answered. */
static struct stream *find_stream(struct call *call)
{
    struct stream *stream;

    if (!stream_find_read(call, 2, &stream))
        return NULL;
    if (stream == NULL)
        reply_error(call->reply, "ERR no such key");
    return stream;
}

/* XINFO STREAM */

struct detail {
    bool full;
    int64_t count; /* of entries and pending entries each; 0: all */
};

static void pair_edge(struct reply *reply, const char *name, const struct stream *stream, bool last)
{
    struct stream_range range = stream_range(stream, (struct stream_id){0, 0}, stream_id_greatest(), last);
    struct stream_entry entry;

    reply_bulk(reply, str_from(name));
    if (stream_range_next(&range, &entry))
        reply_stream_entry(reply, &entry);
    else
        reply_null(reply);
}

/* Up to `count` pending entries of a group, or of a consumer, whose name they then need not have. */
static void pair_pending(struct reply *reply, const struct bptree *tree, bool with_consumer, int64_t count)
{
    struct bptree_place place = bptree_first(tree);
    int64_t length = count == 0 || (size_t)count > tree->count ? (int64_t)tree->count : count;

    pair_integer(reply, "pel-count", (int64_t)tree->count);
    reply_bulk(reply, STR("pending"));
    reply_array(reply, length);
    for (; length > 0; length--, bptree_next(&place)) {
        const struct stream_pending *pending = stream_pending_at(&place);

        reply_array(reply, 3 + with_consumer);
        reply_stream_id(reply, pending->id);
        if (with_consumer)
            reply_bulk(reply, stream_consumer_name(pending->consumer));
        reply_integer(reply, pending->delivered_ms);
        reply_integer(reply, (int64_t)pending->deliveries);
    }
}

static void reply_full_consumer(struct reply *reply, const struct stream_consumer *consumer, int64_t count)
{
    reply_map(reply, 5);
    pair_name(reply, stream_consumer_name(consumer));
    pair_integer(reply, "seen-time", consumer->seen_ms);
    pair_integer(reply, "active-time", consumer->active_ms);
    pair_pending(reply, &consumer->pending, false, count);
}

static void reply_full_group(struct reply *reply, const struct stream *stream, const struct stream_group *group,
                             int64_t count)
{
    struct bptree_place place = bptree_first(&group->consumers);

    reply_map(reply, 7);
    pair_name(reply, stream_group_name(group));
    pair_id(reply, "last-delivered-id", group->last_id);
    pair_progress(reply, stream, group);
    pair_pending(reply, &group->pending, true, count);
    reply_bulk(reply, STR("consumers"));
    reply_array(reply, (int64_t)group->consumers.count);
    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place))
        reply_full_consumer(reply, stream_payload(item), count);
}

static void pair_full_groups(struct reply *reply, const struct stream *stream, int64_t count)
{
    struct bptree_place place = bptree_first(&stream->groups);

    reply_bulk(reply, STR("groups"));
    reply_array(reply, (int64_t)stream->groups.count);
    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place))
        reply_full_group(reply, stream, stream_payload(item), count);
}

/* "FULL [COUNT count]" from argv[3] on. */
static bool parse_detail(struct call *call, struct detail *detail)
{
    *detail = (struct detail){.full = call->argc > 3, .count = COUNT_DEFAULT};
    if (!detail->full)
        return true;
    bool fits = (call->argc == 4 || call->argc == 6) && arg_is(call->argv[3], "full") &&
                (call->argc == 4 || arg_is(call->argv[4], "count"));
    if (!fits) {
        stream_args_refuse_subcommand(call, "XINFO");
        return false;
    }
    if (call->argc == 6 && !args_integer(call->reply, call->argv[5], &detail->count))
        return false;
    if (detail->count < 0)
        detail->count = COUNT_DEFAULT;
    return true;
}

/* A radix tree over as many blocks has about that many nodes: theirs, and one or two above. */
static int64_t radix_tree_nodes(size_t blocks)
{
    return blocks == 0 ? 1 : blocks == 1 ? 2 : (int64_t)blocks + 2;
}

void cmd_xinfo_stream(struct call *call)
{
    struct stream *stream = find_stream(call);
    struct reply *reply = call->reply;
    struct detail detail;

    if (stream == NULL || !parse_detail(call, &detail))
        return;
    reply_map(reply, detail.full ? 9 : 10);
    pair_integer(reply, "length", (int64_t)stream->length);
    pair_integer(reply, "radix-tree-keys", (int64_t)stream->blocks.count);
    pair_integer(reply, "radix-tree-nodes", radix_tree_nodes(stream->blocks.count));
    pair_id(reply, "last-generated-id", stream->last_id);
    pair_id(reply, "max-deleted-entry-id", stream->max_deleted_id);
    pair_integer(reply, "entries-added", (int64_t)stream->added);
    pair_id(reply, "recorded-first-entry-id", stream->first_id);
    if (detail.full) {
        struct stream_range range = stream_range(stream, (struct stream_id){0, 0}, stream_id_greatest(), false);

        reply_bulk(reply, STR("entries"));
        reply_stream_range(reply, &range, (uint64_t)detail.count);
        pair_full_groups(reply, stream, detail.count);
        return;
    }
    pair_integer(reply, "groups", (int64_t)stream->groups.count);
    pair_edge(reply, "first-entry", stream, false);
    pair_edge(reply, "last-entry", stream, true);
}

/* XINFO GROUPS, XINFO CONSUMERS */

void cmd_xinfo_groups(struct call *call)
{
    const struct stream *stream = find_stream(call);
    struct reply *reply = call->reply;

    if (stream == NULL)
        return;
    struct bptree_place place = bptree_first(&stream->groups);
    reply_array(reply, (int64_t)stream->groups.count);
    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place)) {
        const struct stream_group *group = stream_payload(item);

        reply_map(reply, 6);
        pair_name(reply, stream_group_name(group));
        pair_integer(reply, "consumers", (int64_t)group->consumers.count);
        pair_integer(reply, "pending", (int64_t)group->pending.count);
        pair_id(reply, "last-delivered-id", group->last_id);
        pair_progress(reply, stream, group);
    }
}

static void reply_consumer(struct call *call, const struct stream_consumer *consumer)
{
    int64_t idle_ms = call->now_ms - consumer->seen_ms;
    int64_t inactive_ms = consumer->active_ms == -1 ? -1 : call->now_ms - consumer->active_ms;

    reply_map(call->reply, 4);
    pair_name(call->reply, stream_consumer_name(consumer));
    pair_integer(call->reply, "pending", (int64_t)consumer->pending.count);
    pair_integer(call->reply, "idle", idle_ms < 0 ? 0 : idle_ms);
    pair_integer(call->reply, "inactive", inactive_ms);
}

void cmd_xinfo_consumers(struct call *call)
{
    const struct stream *stream = find_stream(call);
    struct str key = call->argv[2], name = call->argv[3];

    if (stream == NULL)
        return;
    const struct stream_group *group = stream_groups_find(&stream->groups, name);
    if (group == NULL) {
        reply_error_format(call->reply, "NOGROUP No such consumer group '%.*s' for key name '%.*s'",
                           str_shown_length(name), name.bytes, str_shown_length(key), key.bytes);
        return;
    }
    struct bptree_place place = bptree_first(&group->consumers);
    reply_array(call->reply, (int64_t)group->consumers.count);
    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place))
        reply_consumer(call, stream_payload(item));
}

void cmd_xinfo_help(struct call *call)
{
    static const char *const lines[] = {
        "CONSUMERS <key> <groupname>",
        "    Show consumers of <groupname>.",
        "GROUPS <key>",
        "    Show the stream consumer groups.",
        "STREAM <key> [FULL [COUNT <count>]",
        "    Show information about the stream.",
        NULL,
    };

    args_help(call, lines);
}
