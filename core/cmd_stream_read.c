/* XREAD and XREADGROUP: what came after an ID, of several streams at once, at
 * once or as soon as there is something. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/stream_args.h"
#include "core/stream_read_args.h"
#include "core/stream_record.h"

enum { KEYS_ON_STACK = 8 };

struct read_key {
    struct stream *stream; /* NULL: there is none */
    struct stream_group *group;
    struct stream_id after;
    bool newest; /* ">": what the group has not been given */
};

struct read {
    struct call *call;
    struct stream_read_args args;
    int64_t served; /* keys in the reply */
};

static bool refuse(struct read *read, const char *text)
{
    reply_error(read->call->reply, text);
    return false;
}

/* Keys and IDs */

static bool find_group(struct read *read, struct read_key *key, struct str name)
{
    if (key->stream != NULL)
        key->group = stream_groups_find(&key->stream->groups, read->args.group_name);
    if (key->group != NULL)
        return true;
    reply_error_format(
        read->call->reply, "NOGROUP No such key '%.*s' or consumer group '%.*s' in XREADGROUP with GROUP option",
        str_shown_length(name), name.bytes, str_shown_length(read->args.group_name), read->args.group_name.bytes);
    return false;
}

/* "$": after the last ID; "+": after the one before the last entry, where there is one. */
static struct stream_id after_last(const struct stream *stream, bool with_last)
{
    struct stream_id id;

    if (stream == NULL)
        return (struct stream_id){0, 0};
    if (!with_last || !stream_edge_id(stream, true, &id) || !stream_id_decrement(&id))
        return stream->last_id;
    return id;
}

static bool is_relative(struct str text)
{
    return str_equal(text, STR("$")) || str_equal(text, STR("+"));
}

static bool parse_relative(struct read *read, struct read_key *key, struct str text)
{
    bool with_last = text.bytes[0] == '+';

    if (!read->args.grouped) {
        key->after = after_last(key->stream, with_last);
        return true;
    }
    reply_error_format(read->call->reply,
                       "ERR The %c ID is meaningless in the context of XREADGROUP: you want to read the history of "
                       "this consumer by specifying a proper ID, or use the > ID to get new messages. The %c ID would "
                       "just return an empty result set.",
                       text.bytes[0], text.bytes[0]);
    return false;
}

static bool parse_after(struct read *read, struct read_key *key, struct str text)
{
    if (is_relative(text))
        return parse_relative(read, key, text);
    if (!str_equal(text, STR(">"))) {
        if (!stream_args_id(read->call->reply, text, 0, &key->after))
            return false;
        key->newest = read->args.grouped && stream_id_compare(key->after, stream_id_greatest()) == 0;
        return true;
    }
    key->newest = true;
    return read->args.grouped ||
           refuse(read, "ERR The > ID can be specified only when calling XREADGROUP using the GROUP "
                        "<group> <consumer> option.");
}

static bool find_keys(struct read *read, struct read_key *keys)
{
    const struct str *names = read->call->argv + read->args.first_key;

    for (int i = 0; i < read->args.key_count; i++) {
        keys[i] = (struct read_key){0};
        if (!stream_find_read(read->call, read->args.first_key + i, &keys[i].stream) ||
            (read->args.grouped && !find_group(read, &keys[i], names[i])) ||
            !parse_after(read, &keys[i], names[read->args.key_count + i]))
            return false;
    }
    return true;
}

/* Serving */

static void begin_key(struct read *read, int index)
{
    struct reply *reply = read->call->reply;

    if (reply->protocol == 2)
        reply_array(reply, 2);
    reply_bulk(reply, read->call->argv[read->args.first_key + index]);
    read->served++;
}

static void serve_plain(struct read *read, const struct read_key *key, int index)
{
    struct stream_id first = key->after;
    struct stream_entry entry;

    if (!stream_id_increment(&first))
        return;
    struct stream_range range = stream_range(key->stream, first, stream_id_greatest(), false), from_first = range;
    if (!stream_range_next(&range, &entry))
        return;
    begin_key(read, index);
    reply_stream_range(read->call->reply, &from_first, read->args.count);
}

static void changed(struct read *read, int index, uint64_t count)
{
    keyspace_changed(call_keyspace(read->call, read->call->argv[read->args.first_key + index]), count);
}

static struct str key_name(const struct read *read, int index)
{
    return read->call->argv[read->args.first_key + index];
}

static struct stream_consumer *consumer_of(struct read *read, const struct read_key *key, int index)
{
    struct stream_consumer *consumer = stream_consumer_find(key->group, read->args.consumer_name);

    if (consumer == NULL) {
        consumer = stream_consumer_add(key->group, read->args.consumer_name, read->call->now_ms);
        changed(read, index, 1);
        stream_record_consumer(read->call, key_name(read, index), key->group, consumer);
        call_event(read->call, EVENT_STREAM, "xgroup-createconsumer", read->call->argv[read->args.first_key + index]);
    }
    consumer->seen_ms = read->call->now_ms;
    return consumer;
}

/* What is pending for the consumer, whether or not the entry is still there. */
static void serve_history(struct read *read, const struct read_key *key, struct stream_consumer *consumer, int index)
{
    struct reply *reply = read->call->reply;
    size_t mark = reply_mark(reply);
    struct stream_id first = key->after;
    struct stream_entry entry;
    uint64_t written = 0;

    if (!stream_id_increment(&first))
        first = stream_id_greatest();
    struct bptree_place place = stream_pending_seek(&consumer->pending, first);
    for (struct stream_pending *pending; (pending = stream_pending_at(&place)) != NULL; bptree_next(&place)) {
        if (read->args.count > 0 && written == read->args.count)
            break;
        written++;
        if (!stream_find(key->stream, pending->id, &entry)) {
            reply_array(reply, 2);
            reply_stream_id(reply, pending->id);
            reply_null_array(reply);
            continue;
        }
        reply_stream_entry(reply, &entry);
        stream_pending_set_time(key->group, pending, read->call->now_ms);
        pending->deliveries++;
        stream_record_pending(read->call, key_name(read, index), key->group, pending);
    }
    reply_array_at(reply, mark, (int64_t)written);
}

/* An entry; where the command claims, with the time since its last delivery and the number of deliveries. */
static void reply_delivery(struct read *read, const struct stream_entry *entry, int64_t idle_ms, uint64_t deliveries)
{
    struct reply *reply = read->call->reply;

    reply_array(reply, read->args.claim_ms == STREAM_READ_NO_CLAIM ? 2 : 4);
    reply_stream_entry_parts(reply, entry);
    if (read->args.claim_ms == STREAM_READ_NO_CLAIM)
        return;
    reply_integer(reply, idle_ms);
    reply_integer(reply, (int64_t)deliveries);
}

/* A new entry becomes pending; one that is already, because the group was set back, changes hands. */
static void deliver(struct read *read, const struct read_key *key, struct stream_consumer *consumer,
                    const struct stream_range *range, const struct stream_entry *entry, int index)
{
    int64_t now_ms = read->call->now_ms;

    stream_group_advance(key->stream, key->group, range, entry->id);
    if (read->args.no_ack)
        return;
    struct stream_pending *pending = stream_pending_find(key->group, entry->id);
    if (pending == NULL) {
        pending = stream_pending_add(key->group, consumer, entry->id, now_ms);
    } else {
        stream_pending_assign(pending, consumer);
        stream_pending_set_time(key->group, pending, now_ms);
        pending->deliveries = 1;
    }
    consumer->active_ms = now_ms;
    stream_record_pending(read->call, key_name(read, index), key->group, pending);
}

/* The pending entry that has waited longest, of those from this place on that are idle enough and still in the stream.
 */
static struct stream_pending *next_claimable(struct read *read, const struct read_key *key, struct bptree_place *place,
                                             struct stream_entry *entry)
{
    for (struct stream_pending *pending; (pending = stream_pending_at(place)) != NULL; bptree_next(place)) {
        if (read->call->now_ms - pending->delivered_ms < read->args.claim_ms)
            return NULL;
        if (stream_find(key->stream, pending->id, entry))
            return pending;
    }
    return NULL;
}

static bool has_claimable(struct read *read, const struct read_key *key)
{
    struct stream_entry entry;

    if (read->args.claim_ms == STREAM_READ_NO_CLAIM)
        return false;
    stream_group_keep_times(key->group);
    struct bptree_place place = bptree_first(&key->group->by_time);
    return next_claimable(read, key, &place, &entry) != NULL;
}

/* Those that can be claimed, at most read->args.count of them (0: all): a block of the core's, or NULL. */
static struct stream_pending **collect_claimable(struct read *read, const struct read_key *key, size_t *count)
{
    struct bptree_place place = bptree_first(&key->group->by_time);
    struct stream_pending **claimable = NULL, *pending;
    struct stream_entry entry;
    size_t room = 0;

    for (*count = 0; read->args.count == 0 || *count < read->args.count; bptree_next(&place)) {
        pending = next_claimable(read, key, &place, &entry);
        if (pending == NULL)
            break;
        if (*count == room) {
            room = 2 * room + 16;
            claimable = memory_resize(&read->call->core->memory, claimable, room * sizeof *claimable);
        }
        claimable[(*count)++] = pending;
    }
    return claimable;
}

/* Claimed entries change their place in the order of time, so all are collected before the first. Returns how many. */
static uint64_t serve_claimed(struct read *read, const struct read_key *key, struct stream_consumer *consumer,
                              int index)
{
    int64_t now_ms = read->call->now_ms;
    struct stream_entry entry;
    size_t count;
    struct stream_pending **claimable = collect_claimable(read, key, &count);

    for (size_t i = 0; i < count; i++) {
        struct stream_pending *pending = claimable[i];

        if (!stream_find(key->stream, pending->id, &entry))
            continue;
        reply_delivery(read, &entry, now_ms - pending->delivered_ms, pending->deliveries);
        stream_pending_assign(pending, consumer);
        stream_pending_set_time(key->group, pending, now_ms);
        pending->deliveries++;
        consumer->active_ms = now_ms;
        stream_record_pending(read->call, key_name(read, index), key->group, pending);
    }
    memory_free(&read->call->core->memory, claimable);
    return count;
}

static void serve_newest(struct read *read, const struct read_key *key, struct stream_consumer *consumer, int index)
{
    struct stream_range range = stream_group_range(key->stream, key->group);
    bool claims = has_claimable(read, key);
    struct stream_entry entry;
    uint64_t written = 0;
    bool is_new = stream_range_next(&range, &entry), moves_on = false;

    if (!is_new && !claims)
        return;
    begin_key(read, index);
    size_t mark = reply_mark(read->call->reply);
    if (claims)
        written = serve_claimed(read, key, consumer, index);
    for (; is_new && (read->args.count == 0 || written < read->args.count); written++) {
        reply_delivery(read, &entry, 0, 0);
        deliver(read, key, consumer, &range, &entry, index);
        moves_on = true;
        is_new = stream_range_next(&range, &entry);
    }
    reply_array_at(read->call->reply, mark, (int64_t)written);
    if (moves_on)
        stream_record_position(read->call, key_name(read, index), key->group);
    changed(read, index, 1);
}

static void serve_group(struct read *read, const struct read_key *key, int index)
{
    struct stream_consumer *consumer = consumer_of(read, key, index);

    if (key->newest) {
        serve_newest(read, key, consumer, index);
        return;
    }
    begin_key(read, index);
    serve_history(read, key, consumer, index);
    changed(read, index, 1);
}

/* Redis looks each key up here once more, and tells of one that is not there twice. */
static void serve(struct read *read, const struct read_key *keys)
{
    struct reply *reply = read->call->reply;
    size_t mark = reply_mark(reply);

    for (int i = 0; i < read->args.key_count; i++) {
        if (keys[i].stream == NULL) {
            call_event(read->call, EVENT_MISSED, "keymiss", read->call->argv[read->args.first_key + i]);
            continue;
        }
        if (read->args.grouped)
            serve_group(read, &keys[i], i);
        else
            serve_plain(read, &keys[i], i);
    }
    if (read->served == 0)
        return;
    if (reply->protocol == 2)
        reply_array_at(reply, mark, read->served);
    else
        reply_map_at(reply, mark, read->served);
}

/* When the next pending entry will have been idle for long enough; INT64_MAX: never. */
static int64_t next_claim_ms(const struct read *read, const struct read_key *keys)
{
    int64_t first_ms = INT64_MAX, due_ms;

    for (int i = 0; i < read->args.key_count && read->args.claim_ms != STREAM_READ_NO_CLAIM; i++) {
        const struct stream_pending *next =
            stream_group_next_delivered(keys[i].group, read->call->now_ms - read->args.claim_ms);

        if (next != NULL && !__builtin_add_overflow(next->delivered_ms, read->args.claim_ms, &due_ms) &&
            due_ms < first_ms)
            first_ms = due_ms;
    }
    return first_ms;
}

/* What is relative to the end of a stream is so to its end now, not when there is something. */
static bool wait_for_more(struct read *read, const struct read_key *keys)
{
    struct call *call = read->call;
    int first_id = read->args.first_key + read->args.key_count;
    char text[STREAM_ID_TEXT_MAX];

    if (read->args.block_ms == STREAM_READ_NO_BLOCK || !call_block(call, VALUE_STREAM, read->args.block_ms))
        return false;
    call->wait->any_change = read->args.grouped;
    call->wait->again_ms = next_claim_ms(read, keys);
    for (int i = 0; i < read->args.key_count; i++)
        if (is_relative(call->argv[first_id + i]))
            call_rewrite(call, first_id + i, (struct str){text, stream_id_format(text, keys[i].after)});
    return true;
}

static void read_streams(struct read *read, struct read_key *keys)
{
    if (!find_keys(read, keys))
        return;
    serve(read, keys);
    if (read->served == 0 && !wait_for_more(read, keys))
        reply_null_array(read->call->reply);
}

static void read_command(struct call *call, bool grouped)
{
    struct read read = {.call = call};
    struct read_key on_stack[KEYS_ON_STACK], *keys = on_stack;

    if (!stream_read_args_parse(call, grouped, &read.args))
        return;
    if (read.args.key_count > KEYS_ON_STACK)
        keys = memory_alloc(&call->core->memory, (size_t)read.args.key_count * sizeof *keys);
    read_streams(&read, keys);
    if (keys != on_stack)
        memory_free(&call->core->memory, keys);
}

void cmd_xread(struct call *call)
{
    read_command(call, false);
}

void cmd_xreadgroup(struct call *call)
{
    read_command(call, true);
}
