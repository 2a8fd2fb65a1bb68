/* XCLAIM and XAUTOCLAIM: what is pending goes to another consumer. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/stream_args.h"
#include "core/stream_record.h"

static struct stream_consumer *consumer_of(struct call *call, struct stream_group *group, struct str name)
{
    struct stream_consumer *consumer = stream_consumer_find(group, name);

    if (consumer == NULL) {
        consumer = stream_consumer_add(group, name, call_clock_ms(call));
        stream_changed(call, 1);
        stream_record_consumer(call, call->argv[1], group, consumer);
        call_event(call, EVENT_STREAM, "xgroup-createconsumer", call->argv[1]);
    }
    consumer->seen_ms = call_clock_ms(call);
    return consumer;
}

static int64_t idle_ms(const struct call *call, const struct stream_pending *pending)
{
    return call->now_ms - pending->delivered_ms;
}

/* What a claim does */

struct claim {
    int64_t min_idle_ms;
    int64_t delivered_ms; /* what the entries' time is set to */
    int64_t deliveries;   /* and the number of deliveries; -1: one more */
    bool force, only_ids;
    struct stream_id last_id; /* XCLAIM: the group has read at least up to this one */
};

static bool parse_min_idle(struct call *call, const char *error, struct claim *claim)
{
    if (!args_integer_in(call->reply, call->argv[4], INT64_MIN, INT64_MAX, error, &claim->min_idle_ms))
        return false;
    if (claim->min_idle_ms < 0)
        claim->min_idle_ms = 0;
    return true;
}

static bool is_idle_enough(const struct call *call, const struct claim *claim, const struct stream_pending *pending)
{
    return claim->min_idle_ms == 0 || idle_ms(call, pending) >= claim->min_idle_ms;
}

/* The consumer has it now, and the reply gets the entry. */
static void take_over(struct call *call, const struct claim *claim, struct stream_group *group,
                      struct stream_consumer *consumer, struct stream_pending *pending,
                      const struct stream_entry *entry)
{
    stream_pending_assign(pending, consumer);
    stream_pending_set_time(group, pending, claim->delivered_ms);
    if (claim->deliveries >= 0)
        pending->deliveries = (uint64_t)claim->deliveries;
    else if (!claim->only_ids)
        pending->deliveries++;
    consumer->active_ms = call_is_replayed(call) ? claim->delivered_ms : call->now_ms;
    if (claim->only_ids)
        reply_stream_id(call->reply, pending->id);
    else
        reply_stream_entry(call->reply, entry);
    stream_changed(call, 1);
    stream_record_pending(call, call->argv[1], group, pending);
}

/* XCLAIM */

static bool parse_option_number(struct call *call, int at, const char *error, int64_t *value)
{
    return args_integer_in(call->reply, call->argv[at], INT64_MIN, INT64_MAX, error, value);
}

/* The option at argv[*at], which ends at its last argument. */
static bool parse_claim_option(struct call *call, int *at, struct claim *claim)
{
    struct str word = call->argv[*at];
    bool has_more = *at + 1 < call->argc;
    int64_t idle;

    if (arg_is(word, "force")) {
        claim->force = true;
        return true;
    }
    if (arg_is(word, "justid")) {
        claim->only_ids = true;
        return true;
    }
    if (arg_is(word, "idle") && has_more) {
        if (!parse_option_number(call, ++*at, "ERR Invalid IDLE option argument for XCLAIM", &idle))
            return false;
        if (__builtin_sub_overflow(call_clock_ms(call), idle, &claim->delivered_ms))
            claim->delivered_ms = -1;
        return true;
    }
    if (arg_is(word, "time") && has_more)
        return parse_option_number(call, ++*at, "ERR Invalid TIME option argument for XCLAIM", &claim->delivered_ms);
    if (arg_is(word, "retrycount") && has_more)
        return parse_option_number(call, ++*at, "ERR Invalid RETRYCOUNT option argument for XCLAIM",
                                   &claim->deliveries);
    if (arg_is(word, "lastid") && has_more)
        return stream_args_id(call->reply, call->argv[++*at], 0, &claim->last_id);
    reply_error_format(call->reply, "ERR Unrecognized XCLAIM option '%.*s'", str_shown_length(word), word.bytes);
    return false;
}

/* IDs from argv[5] on, as far as there are such, then options. *end: behind the last ID. A time that is none is now. */
static bool parse_claim(struct call *call, struct claim *claim, int *end)
{
    struct stream_id id;

    *claim = (struct claim){.delivered_ms = -1, .deliveries = -1};
    if (!parse_min_idle(call, "ERR Invalid min-idle-time argument for XCLAIM", claim))
        return false;
    for (*end = 5; *end < call->argc && stream_id_parse(call->argv[*end], 0, &id);)
        ++*end;
    for (int i = *end; i < call->argc; i++)
        if (!parse_claim_option(call, &i, claim))
            return false;
    if (claim->delivered_ms < 0 || (claim->delivered_ms > call->now_ms && !call_is_replayed(call)))
        claim->delivered_ms = call_clock_ms(call);
    return true;
}

/* True: it is in the reply. A pending entry that the stream no longer has is pending no more. */
static bool claim_one(struct call *call, const struct claim *claim, const struct stream *stream,
                      struct stream_group *group, struct stream_consumer *consumer, struct stream_id id)
{
    struct stream_pending *pending = stream_pending_find(group, id);
    struct stream_entry entry;

    if (!stream_find(stream, id, &entry)) {
        if (pending != NULL) {
            stream_pending_remove(group, pending);
            stream_changed(call, 1);
            stream_record_forgotten(call, call->argv[1], group, id);
        }
        return false;
    }
    if (pending == NULL && claim->force)
        pending = stream_pending_add(group, consumer, id, call->now_ms);
    else if (pending == NULL || !is_idle_enough(call, claim, pending))
        return false;
    take_over(call, claim, group, consumer, pending, &entry);
    return true;
}

static void move_group(struct call *call, struct stream_group *group, struct stream_id last_id)
{
    stream_group_set_last_id(group, last_id);
    stream_record_position(call, call->argv[1], group);
}

void cmd_xclaim(struct call *call)
{
    struct stream *stream;
    struct claim claim;
    int end;

    if (!stream_find_read(call, 1, &stream))
        return;
    struct stream_group *group = stream_find_group(call, stream);
    if (group == NULL || !parse_claim(call, &claim, &end))
        return;
    bool moves_on = stream_id_compare(claim.last_id, group->last_id) > 0;
    if (moves_on)
        move_group(call, group, claim.last_id);
    struct stream_consumer *consumer = consumer_of(call, group, call->argv[3]);
    size_t mark = reply_mark(call->reply);
    int64_t claimed = 0;
    for (int i = 5; i < end; i++) {
        struct stream_id id;

        if (stream_id_parse(call->argv[i], 0, &id))
            claimed += claim_one(call, &claim, stream, group, consumer, id);
    }
    if (moves_on && claimed == 0)
        stream_changed(call, 1);
    reply_array_at(call->reply, mark, claimed);
}

/* XAUTOCLAIM */

enum { COUNT_DEFAULT = 100, LOOKED_AT_EACH = 10 }; /* pending entries that are looked at for each that may be claimed */

struct scan {
    struct stream_id at; /* the next pending entry is the first not below it */
    int64_t count;       /* that may yet be claimed or removed */
    int64_t looks;       /* at pending entries that may yet be taken */
    int64_t claimed, removed;
};

static bool parse_scan(struct call *call, struct claim *claim, struct scan *scan)
{
    *claim = (struct claim){.delivered_ms = call_clock_ms(call), .deliveries = -1};
    *scan = (struct scan){.count = COUNT_DEFAULT};
    if (!parse_min_idle(call, "ERR Invalid min-idle-time argument for XAUTOCLAIM", claim) ||
        !stream_args_range_first(call->reply, call->argv[5], &scan->at))
        return false;
    for (int i = 6; i < call->argc; i++) {
        if (arg_is(call->argv[i], "count") && i + 1 < call->argc) {
            if (!args_integer_in(call->reply, call->argv[++i], 1, INT64_MAX / (int64_t)sizeof(struct stream_id),
                                 "ERR COUNT must be > 0", &scan->count))
                return false;
        } else if (arg_is(call->argv[i], "justid")) {
            claim->only_ids = true;
        } else {
            args_syntax_error(call->reply);
            return false;
        }
    }
    scan->looks = scan->count * LOOKED_AT_EACH;
    return true;
}

/* Pending entries whose entries are gone go too, and their IDs to `removed`. */
static void scan_pending(struct call *call, const struct claim *claim, const struct stream *stream,
                         struct stream_group *group, struct stream_consumer *consumer, struct scan *scan,
                         struct reply *removed)
{
    struct bptree_place place = stream_pending_seek(&group->pending, scan->at);
    struct stream_pending *pending;
    struct stream_entry entry;

    while (scan->looks > 0 && scan->count > 0 && (pending = stream_pending_at(&place)) != NULL) {
        scan->looks--;
        scan->at = pending->id;
        if (!stream_find(stream, pending->id, &entry)) {
            reply_stream_id(removed, pending->id);
            stream_pending_remove(group, pending);
            stream_changed(call, 1);
            stream_record_forgotten(call, call->argv[1], group, scan->at);
            place = stream_pending_seek(&group->pending, scan->at);
            scan->removed++;
            scan->count--;
            continue;
        }
        if (is_idle_enough(call, claim, pending)) {
            take_over(call, claim, group, consumer, pending, &entry);
            scan->claimed++;
            scan->count--;
        }
        bptree_next(&place);
    }
    pending = stream_pending_at(&place);
    scan->at = pending == NULL ? (struct stream_id){0, 0} : pending->id;
}

/* Where to go on comes first in the reply and is known last: the parts are written aside. */
static void reply_scan(struct call *call, const struct claim *claim, const struct stream *stream,
                       struct stream_group *group, struct stream_consumer *consumer, struct scan *scan)
{
    struct reply *reply = call->reply, claimed, removed;

    reply_init(&claimed, &call->core->memory, NULL, 0, reply->protocol);
    reply_init(&removed, &call->core->memory, NULL, 0, reply->protocol);
    call->reply = &claimed;
    scan_pending(call, claim, stream, group, consumer, scan, &removed);
    call->reply = reply;
    reply_array(reply, 3);
    reply_stream_id(reply, scan->at);
    reply_array(reply, scan->claimed);
    reply_raw(reply, buffer_str(&claimed.buffer));
    reply_array(reply, scan->removed);
    reply_raw(reply, buffer_str(&removed.buffer));
    buffer_deinit(&claimed.buffer);
    buffer_deinit(&removed.buffer);
}

void cmd_xautoclaim(struct call *call)
{
    struct stream *stream;
    struct claim claim;
    struct scan scan;

    if (!parse_scan(call, &claim, &scan) || !stream_find_read(call, 1, &stream))
        return;
    struct stream_group *group = stream_find_group(call, stream);
    if (group != NULL)
        reply_scan(call, &claim, stream, group, consumer_of(call, group, call->argv[3]), &scan);
}
