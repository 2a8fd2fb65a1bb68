/* Adding to a stream, its length, trimming, and setting its counters. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/stream_args.h"
#include "core/stream_record.h"
#include "core/stream_trim_args.h"

static const char id_exhausted[] = "ERR The stream has exhausted the last possible ID, unable to add more items";
static const char id_too_small[] = "ERR The ID specified in XADD is equal or smaller than the target stream top item";

/* Whether the arguments behind the options are names and values, and the ID is one that an entry may have. */
static bool check_new_entry(struct call *call, const struct stream_trim_args *args)
{
    int count = call->argc - args->end;

    if (count < 2 || count % 2 == 1) {
        reply_error(call->reply, "ERR wrong number of arguments for 'xadd' command");
        return false;
    }
    if (args->choice != STREAM_ID_GIVEN || !stream_id_is_zero(args->id))
        return true;
    reply_error(call->reply, "ERR The ID specified in XADD must be greater than 0-0");
    return false;
}

/* NULL: one is made. */
static bool choose_id(struct call *call, const struct stream *stream, struct stream_trim_args *args)
{
    static const struct stream empty;

    if (stream == NULL)
        stream = &empty;
    if (stream_id_compare(stream->last_id, stream_id_greatest()) == 0)
        reply_error(call->reply, id_exhausted);
    else if (!stream_next_id(stream, args->choice, call->now_ms, &args->id))
        reply_error(call->reply, id_too_small);
    else if (stream_pairs_bytes(call->argv + args->end, (size_t)(call->argc - args->end) / 2) > LISTPACK_BYTES_MAX)
        reply_error(call->reply, "ERR Elements are too large to be stored");
    else
        return true;
    return false;
}

/* Of the stream at argv[1], which may be another one afterwards. Returns how many entries went. */
static uint64_t trim_stream(struct call *call, struct stream **at, const struct stream_trim *trim)
{
    struct keyspace *keyspace = call_keyspace(call, call->argv[1]);
    struct stream *stream = *at;
    uint64_t before = stream->length;
    struct stream *rest = stream_part(stream, trim);

    if (rest == NULL)
        return stream_trim(stream, trim);
    struct entry *entry = keyspace_find(keyspace, call->db, call_key(call, call->argv[1]), call->now_ms);
    entry_set_value(entry, ENCODING_STREAM, rest);
    keyspace_free_value(keyspace, VALUE_STREAM, ENCODING_STREAM, stream);
    stream_trim(rest, trim);
    *at = rest;
    return before - rest->length;
}

void cmd_xadd(struct call *call)
{
    const struct config *config = &call->core->config;
    struct stream_limits limits = {(uint64_t)config->stream_node_max_bytes, (uint64_t)config->stream_node_max_entries};
    struct stream_trim_args args;
    struct stream *stream;

    if (!stream_trim_args_of_xadd(call, &args) || !check_new_entry(call, &args) || !stream_find_write(call, 1, &stream))
        return;
    if (stream == NULL && args.no_create) {
        reply_null(call->reply);
        return;
    }
    if (!choose_id(call, stream, &args))
        return;
    if (stream == NULL)
        stream = stream_add(call, 1);
    stream_append(stream, args.id, call->argv + args.end, (size_t)(call->argc - args.end) / 2, &limits);
    reply_stream_id(call->reply, args.id);
    call_changed(call, EVENT_STREAM, "xadd", call->argv[1]);
    uint64_t removed = args.trims ? trim_stream(call, &stream, &args.trim) : 0;
    if (removed > 0)
        call_event(call, EVENT_STREAM, "xtrim", call->argv[1]);
    stream_record_added(call, stream, &args, removed);
    stream_changed(call, 1);
    keyspace_signal(call_keyspace(call, call->argv[1]), call->db, call->argv[1]);
}

void cmd_xlen(struct call *call)
{
    struct stream *stream;

    if (!stream_find_read(call, 1, &stream))
        return;
    reply_integer(call->reply, stream == NULL ? 0 : (int64_t)stream->length);
}

void cmd_xtrim(struct call *call)
{
    struct stream_trim_args args;
    struct stream *stream;
    uint64_t removed = 0;

    if (!stream_trim_args_of_xtrim(call, &args) || !stream_find_write(call, 1, &stream))
        return;
    if (stream != NULL)
        removed = trim_stream(call, &stream, &args.trim);
    stream_changed(call, removed);
    if (removed > 0) {
        call_changed(call, EVENT_STREAM, "xtrim", call->argv[1]);
        stream_record_trimmed(call, stream, &args.trim);
    }
    reply_integer(call->reply, (int64_t)removed);
}

/* XSETID */

struct counters {
    struct stream_id last_id, max_deleted_id;
    int64_t added; /* -1: stays */
};

static bool parse_added(struct call *call, struct str text, struct counters *counters)
{
    if (!args_integer(call->reply, text, &counters->added))
        return false;
    if (counters->added >= 0)
        return true;
    reply_error(call->reply, "ERR entries_added must be positive");
    return false;
}

static bool parse_max_deleted(struct call *call, struct str text, struct counters *counters)
{
    if (!stream_args_id(call->reply, text, 0, &counters->max_deleted_id))
        return false;
    if (stream_id_compare(counters->last_id, counters->max_deleted_id) >= 0)
        return true;
    reply_error(call->reply, "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
    return false;
}

static bool parse_counters(struct call *call, struct counters *counters)
{
    *counters = (struct counters){.added = -1};
    if (!stream_args_id(call->reply, call->argv[2], 0, &counters->last_id))
        return false;
    for (int i = 3; i < call->argc; i += 2) {
        bool has_more = i + 1 < call->argc, added = has_more && arg_is(call->argv[i], "entriesadded");

        if (!added && !(has_more && arg_is(call->argv[i], "maxdeletedid"))) {
            args_syntax_error(call->reply);
            return false;
        }
        if (added ? !parse_added(call, call->argv[i + 1], counters)
                  : !parse_max_deleted(call, call->argv[i + 1], counters))
            return false;
    }
    return true;
}

/* NULL, or what is wrong with them. */
static const char *check_counters(const struct stream *stream, const struct counters *counters)
{
    struct stream_id greatest;

    if (stream_id_compare(counters->last_id, stream->max_deleted_id) < 0)
        return "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
    if (!stream_edge_id(stream, true, &greatest))
        return NULL;
    if (stream_id_compare(counters->last_id, greatest) < 0)
        return "ERR The ID specified in XSETID is smaller than the target stream top item";
    if (counters->added != -1 && stream->length > (uint64_t)counters->added)
        return "ERR The entries_added specified in XSETID is smaller than the target stream length";
    return NULL;
}

void cmd_xsetid(struct call *call)
{
    struct counters counters;
    struct stream *stream;

    if (!parse_counters(call, &counters) || !stream_find_write(call, 1, &stream))
        return;
    const char *error = stream == NULL ? "ERR no such key" : check_counters(stream, &counters);
    if (error != NULL) {
        reply_error(call->reply, error);
        return;
    }
    stream->last_id = counters.last_id;
    if (counters.added != -1)
        stream->added = (uint64_t)counters.added;
    if (!stream_id_is_zero(counters.max_deleted_id))
        stream->max_deleted_id = counters.max_deleted_id;
    stream_changed(call, 1);
    call_event(call, EVENT_STREAM, "xsetid", call->argv[1]);
    reply_ok(call->reply);
}
