#include "core/stream_args.h"

#include "core/args.h"
#include "core/effects.h"
#include "core/call.h"

static bool refuse_id(struct reply *reply)
{
    reply_error(reply, "ERR Invalid stream ID specified as stream command argument");
    return false;
}

bool stream_args_id(struct reply *reply, struct str text, uint64_t missing_sequence, struct stream_id *id)
{
    return stream_id_parse(text, missing_sequence, id) || refuse_id(reply);
}

enum stream_references stream_args_references(struct str word)
{
    if (arg_is(word, "keepref"))
        return STREAM_REFERENCES_KEEP;
    if (arg_is(word, "delref"))
        return STREAM_REFERENCES_DELETE;
    return arg_is(word, "acked") ? STREAM_REFERENCES_ACKED : STREAM_REFERENCES_UNSAID;
}

bool stream_args_are_ids(struct call *call, int first)
{
    struct stream_id id;

    for (int i = first; i < call->argc; i++)
        if (!stream_args_id(call->reply, call->argv[i], 0, &id))
            return false;
    return true;
}

static bool parse_end(struct reply *reply, struct str text, uint64_t missing_sequence, struct stream_id *id,
                      bool *exclusive)
{
    *exclusive = text.length > 1 && text.bytes[0] == '(';
    if (*exclusive)
        return stream_args_id(reply, (struct str){text.bytes + 1, text.length - 1}, missing_sequence, id);
    return stream_id_parse_bound(text, missing_sequence, id) || refuse_id(reply);
}

bool stream_args_range_first(struct reply *reply, struct str text, struct stream_id *id)
{
    bool exclusive;

    if (!parse_end(reply, text, 0, id, &exclusive))
        return false;
    if (!exclusive || stream_id_increment(id))
        return true;
    reply_error(reply, "ERR invalid start ID for the interval");
    return false;
}

bool stream_args_range_last(struct reply *reply, struct str text, struct stream_id *id)
{
    bool exclusive;

    if (!parse_end(reply, text, UINT64_MAX, id, &exclusive))
        return false;
    if (!exclusive || stream_id_decrement(id))
        return true;
    reply_error(reply, "ERR invalid end ID for the interval");
    return false;
}

void stream_args_refuse_subcommand(struct call *call, const char *container)
{
    struct str name = call->argv[1];

    reply_error_format(call->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s HELP.",
                       str_quoted_length(name), name.bytes, container);
}

/* Keys */

bool stream_find_read(struct call *call, int index, struct stream **stream)
{
    struct entry *entry;

    if (!call_find_read(call, call->argv[index], VALUE_STREAM, &entry))
        return false;
    *stream = entry == NULL ? NULL : entry_value(entry);
    return true;
}

bool stream_find_write(struct call *call, int index, struct stream **stream)
{
    struct entry *entry;

    if (!call_find_write(call, call->argv[index], VALUE_STREAM, &entry))
        return false;
    *stream = entry == NULL ? NULL : entry_value(entry);
    return true;
}

struct stream_group *stream_find_group(struct call *call, struct stream *stream)
{
    struct str key = call->argv[1], name = call->argv[2];
    struct stream_group *group = stream == NULL ? NULL : stream_groups_find(&stream->groups, name);

    if (group == NULL)
        reply_error_format(call->reply, "NOGROUP No such key '%.*s' or consumer group '%.*s'", str_shown_length(key),
                           key.bytes, str_shown_length(name), name.bytes);
    return group;
}

struct stream *stream_add(struct call *call, int index)
{
    struct str name = call->argv[index];
    struct keyspace *keyspace = call_keyspace(call, name);
    struct stream *stream = stream_create(keyspace_memory(keyspace));

    keyspace_add_value(keyspace, call->db, call_key(call, name), VALUE_STREAM, ENCODING_STREAM, stream);
    return stream;
}

void stream_changed(struct call *call, uint64_t count)
{
    keyspace_changed(call_keyspace(call, call->argv[1]), count);
    if (count > 0)
        call_written(call, call->argv[1]);
}

/* Replies */

void reply_stream_id(struct reply *reply, struct stream_id id)
{
    char text[STREAM_ID_TEXT_MAX];

    reply_bulk(reply, (struct str){text, stream_id_format(text, id)});
}

void reply_stream_entry_parts(struct reply *reply, const struct stream_entry *entry)
{
    struct stream_fields fields = stream_fields(entry);
    struct listpack_value name, value;
    char digits[NUMBER_TEXT_MAX];

    reply_stream_id(reply, entry->id);
    reply_array(reply, 2 * (int64_t)entry->field_count);
    while (stream_fields_next(&fields, &name, &value)) {
        reply_bulk(reply, listpack_text(name, digits));
        reply_bulk(reply, listpack_text(value, digits));
    }
}

void reply_stream_entry(struct reply *reply, const struct stream_entry *entry)
{
    reply_array(reply, 2);
    reply_stream_entry_parts(reply, entry);
}

void reply_stream_range(struct reply *reply, struct stream_range *range, uint64_t count)
{
    size_t mark = reply_mark(reply);
    struct stream_entry entry;
    int64_t written = 0;

    while ((count == 0 || (uint64_t)written < count) && stream_range_next(range, &entry)) {
        reply_stream_entry(reply, &entry);
        written++;
    }
    reply_array_at(reply, mark, written);
}
