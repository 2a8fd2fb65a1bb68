/* Streams: their entries, one in a command; the counts, by XSETID; each group with its consumers and what is pending
 * there. When consumers were last seen is not said. */
#include "core/resp_command.h"
#include "core/value_commands.h"

#include "core/buffer.h"
#include "core/entry.h"
#include "core/stream_value.h"

static struct str id_text(char text[static STREAM_ID_TEXT_MAX], struct stream_id id)
{
    return (struct str){text, stream_id_format(text, id)};
}

static struct str number(char digits[static NUMBER_TEXT_MAX], int64_t value)
{
    return (struct str){digits, number_format_integer(digits, value)};
}

/* XCLAIM forgets what is not there. */
static bool is_pending_there(const struct stream *stream, const struct stream_group *group)
{
    struct bptree_place place = bptree_first(&group->pending);
    struct stream_entry entry;

    for (const struct stream_pending *pending; (pending = stream_pending_at(&place)) != NULL; bptree_next(&place))
        if (!stream_find(stream, pending->id, &entry))
            return false;
    return true;
}

bool value_commands_can_say_stream(const struct entry *entry)
{
    const struct stream *stream = entry_value(entry);
    struct bptree_place place = bptree_first(&stream->groups);

    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place))
        if (!is_pending_there(stream, stream_payload(item)))
            return false;
    return true;
}

/* Entries */

static void append_entry(struct buffer *out, struct str key, const struct stream_entry *entry)
{
    struct stream_fields fields = stream_fields(entry);
    struct listpack_value name, value;
    char id[STREAM_ID_TEXT_MAX], digits[NUMBER_TEXT_MAX];

    resp_command_begin(out, 3 + 2 * entry->field_count);
    resp_command_argument(out, STR("XADD"));
    resp_command_argument(out, key);
    resp_command_argument(out, id_text(id, entry->id));
    while (stream_fields_next(&fields, &name, &value)) {
        resp_command_argument(out, listpack_text(name, digits));
        resp_command_argument(out, listpack_text(value, digits));
    }
}

/* Whether there may be more. */
static bool append_entries(struct value_commands *commands, struct buffer *out, const struct stream *stream)
{
    struct stream_range range =
        stream_range(stream, (struct stream_id){commands->next, commands->next_low}, stream->last_id, false);
    struct stream_entry entry;

    for (int i = 0; i < VALUE_COMMANDS_ITEMS; i++) {
        if (!stream_range_next(&range, &entry))
            return false;
        append_entry(out, entry_key(commands->entry), &entry);
        if (!stream_id_increment(&entry.id))
            return false;
        commands->next = entry.id.ms;
        commands->next_low = entry.id.sequence;
    }
    return true;
}

/* Counts */

static void append_counts(struct buffer *out, struct str key, const struct stream *stream)
{
    char last[STREAM_ID_TEXT_MAX], deleted[STREAM_ID_TEXT_MAX], added[NUMBER_TEXT_MAX];

    if (stream->length == 0) /* there is no other way to make an empty one without a group */
        RESP_COMMAND_APPEND(out, STR("XADD"), key, STR("MAXLEN"), STR("0"), STR("0-1"), STR("x"), STR("y"));
    RESP_COMMAND_APPEND(out, STR("XSETID"), key, id_text(last, stream->last_id), STR("ENTRIESADDED"),
                        number(added, (int64_t)stream->added), STR("MAXDELETEDID"),
                        id_text(deleted, stream->max_deleted_id));
}

/* Groups */

static void append_consumers(struct buffer *out, struct str key, const struct stream_group *group)
{
    struct bptree_place place = bptree_first(&group->consumers);

    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place))
        RESP_COMMAND_APPEND(out, STR("XGROUP"), STR("CREATECONSUMER"), key, stream_group_name(group),
                            stream_consumer_name(stream_payload(item)));
}

static void append_pending(struct buffer *out, struct str key, const struct stream_group *group)
{
    struct bptree_place place = bptree_first(&group->pending);
    char id[STREAM_ID_TEXT_MAX], time[NUMBER_TEXT_MAX], deliveries[NUMBER_TEXT_MAX];

    for (const struct stream_pending *pending; (pending = stream_pending_at(&place)) != NULL; bptree_next(&place))
        RESP_COMMAND_APPEND(out, STR("XCLAIM"), key, stream_group_name(group), stream_consumer_name(pending->consumer),
                            STR("0"), id_text(id, pending->id), STR("TIME"), number(time, pending->delivered_ms),
                            STR("RETRYCOUNT"), number(deliveries, (int64_t)pending->deliveries), STR("JUSTID"),
                            STR("FORCE"));
}

static void append_group(struct buffer *out, struct str key, const struct stream_group *group)
{
    char id[STREAM_ID_TEXT_MAX], read[NUMBER_TEXT_MAX];

    RESP_COMMAND_APPEND(out, STR("XGROUP"), STR("CREATE"), key, stream_group_name(group), id_text(id, group->last_id),
                        STR("ENTRIESREAD"), number(read, group->entries_read));
    append_consumers(out, key, group);
    append_pending(out, key, group);
}

/* The group of that rank. Whether another follows. */
static bool step_group(struct value_commands *commands, struct buffer *out)
{
    const struct stream *stream = entry_value(commands->entry);
    struct bptree_place place = bptree_at_rank(&stream->groups, commands->next++);

    append_group(out, entry_key(commands->entry), stream_payload(bptree_get(&place)));
    return commands->next < stream->groups.count;
}

bool value_commands_step_stream(struct value_commands *commands, struct buffer *out)
{
    const struct stream *stream = entry_value(commands->entry);

    if (append_entries(commands, out, stream))
        return true;
    append_counts(out, entry_key(commands->entry), stream);
    commands->next = 0;
    commands->step = step_group;
    return stream->groups.count > 0;
}
