/* XGROUP: consumer groups and their consumers. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/effects.h"
#include "core/stream_args.h"

enum { PENDING_MANY = 256 };

struct group_options {
    bool make_stream;
    int64_t entries_read;
};

static bool parse_entries_read(struct call *call, struct str text, struct group_options *options)
{
    if (!args_integer(call->reply, text, &options->entries_read))
        return false;
    if (options->entries_read >= 0 || options->entries_read == STREAM_READ_UNKNOWN)
        return true;
    reply_error(call->reply, "ERR value for ENTRIESREAD must be positive or -1");
    return false;
}

/* From argv[5] on. */
static bool parse_options(struct call *call, bool creates, struct group_options *options)
{
    *options = (struct group_options){.entries_read = STREAM_READ_UNKNOWN};
    for (int i = 5; i < call->argc; i++) {
        if (creates && arg_is(call->argv[i], "mkstream")) {
            options->make_stream = true;
        } else if (arg_is(call->argv[i], "entriesread") && i + 1 < call->argc) {
            if (!parse_entries_read(call, call->argv[++i], options))
                return false;
        } else {
            stream_args_refuse_subcommand(call, "XGROUP");
            return false;
        }
    }
    return true;
}

static void refuse_absent_key(struct call *call)
{
    reply_error(call->reply,
                "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to "
                "use the MKSTREAM option to create an empty stream automatically.");
}

/* The stream of argv[2] and its group of argv[3]. */
static bool find_group(struct call *call, struct stream **stream, struct stream_group **group)
{
    if (!stream_find_write(call, 2, stream))
        return false;
    if (*stream == NULL) {
        refuse_absent_key(call);
        return false;
    }
    *group = stream_groups_find(&(*stream)->groups, call->argv[3]);
    if (*group != NULL)
        return true;
    reply_error_format(call->reply, "NOGROUP No such consumer group '%.*s' for key name '%.*s'",
                       str_shown_length(call->argv[3]), call->argv[3].bytes, str_shown_length(call->argv[2]),
                       call->argv[2].bytes);
    return false;
}

static void changed(struct call *call, const char *event)
{
    keyspace_changed(call_keyspace(call, call->argv[2]), 1);
    call_written(call, call->argv[2]);
    call_event(call, EVENT_STREAM, event, call->argv[2]);
}

void cmd_xgroup_create(struct call *call)
{
    struct group_options options;
    struct stream_id id = {0, 0};
    struct stream *stream;

    if (!parse_options(call, true, &options) || !stream_find_write(call, 2, &stream))
        return;
    if (stream == NULL && !options.make_stream) {
        refuse_absent_key(call);
        return;
    }
    if (call->argc > 8) {
        stream_args_refuse_subcommand(call, "XGROUP");
        return;
    }
    if (!str_equal(call->argv[4], STR("$"))) {
        if (!stream_args_id(call->reply, call->argv[4], 0, &id))
            return;
    } else if (stream != NULL) {
        id = stream->last_id;
    }
    if (stream == NULL)
        stream = stream_add(call, 2);
    if (stream_groups_find(&stream->groups, call->argv[3]) != NULL) {
        reply_error(call->reply, "BUSYGROUP Consumer Group name already exists");
        return;
    }
    stream_groups_add(&stream->groups, call->argv[3], id, options.entries_read);
    changed(call, "xgroup-create");
    reply_ok(call->reply);
}

void cmd_xgroup_setid(struct call *call)
{
    struct group_options options;
    struct stream_group *group;
    struct stream *stream;

    if (!parse_options(call, false, &options) || !find_group(call, &stream, &group))
        return;
    if (call->argc != 5 && call->argc != 7) {
        stream_args_refuse_subcommand(call, "XGROUP");
        return;
    }
    struct stream_id id = stream->last_id;
    if (!str_equal(call->argv[4], STR("$")) && !stream_id_parse_bound(call->argv[4], 0, &id)) {
        reply_error(call->reply, "ERR Invalid stream ID specified as stream command argument");
        return;
    }
    stream_group_set_last_id(group, id);
    group->entries_read = options.entries_read;
    changed(call, "xgroup-setid");
    reply_ok(call->reply);
}

/* A stream to which a group goes that is to be freed. */
static struct stream *begin_to_free(struct call *call)
{
    return stream_create(keyspace_memory(call_keyspace(call, call->argv[2])));
}

/* With as much as is pending: in slices. */
static void free_later(struct call *call, struct stream *stream)
{
    keyspace_free_value(call_keyspace(call, call->argv[2]), VALUE_STREAM, ENCODING_STREAM, stream);
}

static void remove_group(struct call *call, struct stream *stream, struct stream_group *group)
{
    struct stream *freed = begin_to_free(call);

    stream_groups_move(&stream->groups, group, &freed->groups);
    free_later(call, freed);
}

void cmd_xgroup_destroy(struct call *call)
{
    struct stream *stream;

    if (!stream_find_write(call, 2, &stream))
        return;
    if (stream == NULL) {
        refuse_absent_key(call);
        return;
    }
    struct stream_group *group = stream_groups_find(&stream->groups, call->argv[3]);
    if (group != NULL) {
        remove_group(call, stream, group);
        changed(call, "xgroup-destroy");
        keyspace_signal(call_keyspace(call, call->argv[2]), call->db, call->argv[2]);
    }
    reply_integer(call->reply, group != NULL);
}

void cmd_xgroup_createconsumer(struct call *call)
{
    struct stream_group *group;
    struct stream *stream;

    if (!find_group(call, &stream, &group))
        return;
    bool is_new = stream_consumer_find(group, call->argv[4]) == NULL;
    if (is_new) {
        stream_consumer_add(group, call->argv[4], call_clock_ms(call));
        changed(call, "xgroup-createconsumer");
    }
    reply_integer(call->reply, is_new);
}

/* What is pending for it is taken out of the group one by one, unless it is the most of what the group has: then the
 * rest is copied, and the group freed later. */
static void remove_consumer(struct call *call, struct stream *stream, struct stream_group *group,
                            struct stream_consumer *consumer)
{
    size_t pending = consumer->pending.count, others = group->pending.count - pending + group->consumers.count;
    struct stream *freed;

    if (pending < PENDING_MANY || pending < others) {
        stream_consumer_remove(group, consumer);
        return;
    }
    freed = begin_to_free(call);
    stream_groups_move_consumer(&stream->groups, group, consumer, &freed->groups);
    free_later(call, freed);
}

void cmd_xgroup_delconsumer(struct call *call)
{
    struct stream_group *group;
    struct stream *stream;
    int64_t pending = 0;

    if (!find_group(call, &stream, &group))
        return;
    struct stream_consumer *consumer = stream_consumer_find(group, call->argv[4]);
    if (consumer != NULL) {
        pending = (int64_t)consumer->pending.count;
        remove_consumer(call, stream, group, consumer);
        changed(call, "xgroup-delconsumer");
    }
    reply_integer(call->reply, pending);
}

void cmd_xgroup_help(struct call *call)
{
    static const char *const lines[] = {
        "CREATE <key> <groupname> <id|$> [option]",
        "    Create a new consumer group. Options are:",
        "    * MKSTREAM",
        "      Create the empty stream if it does not exist.",
        "    * ENTRIESREAD entries_read",
        "      Set the group's entries_read counter (internal use).",
        "CREATECONSUMER <key> <groupname> <consumer>",
        "    Create a new consumer in the specified group.",
        "DELCONSUMER <key> <groupname> <consumer>",
        "    Remove the specified consumer.",
        "DESTROY <key> <groupname>",
        "    Remove the specified group.",
        "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
        "    Set the current group ID and entries_read counter.",
        NULL,
    };

    args_help(call, lines);
}
