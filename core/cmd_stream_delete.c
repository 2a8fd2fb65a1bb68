/* Deleting and acknowledging entries: XDEL, XACK, and XDELEX and XACKDEL, which
 * say what becomes of the groups' references to what they delete. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/stream_args.h"

enum outcome { OUTCOME_ABSENT = -1, OUTCOME_DELETED = 1, OUTCOME_REFERENCED = 2 };

/* An ID that has been looked at before. */
static struct stream_id id_of(struct str text)
{
    struct stream_id id = {0, 0};

    if (!stream_id_parse(text, 0, &id))
        id = (struct stream_id){0, 0};
    return id;
}

static void changed(struct call *call, uint64_t changes)
{
    stream_changed(call, changes);
    if (changes > 0)
        call_changed(call, EVENT_STREAM, "xdel", call->argv[1]);
}

void cmd_xdel(struct call *call)
{
    struct stream *stream;
    int64_t deleted = 0;

    if (!stream_find_write(call, 1, &stream))
        return;
    if (stream != NULL) {
        if (!stream_args_are_ids(call, 2))
            return;
        for (int i = 2; i < call->argc; i++)
            deleted += stream_delete(stream, id_of(call->argv[i]));
        changed(call, (uint64_t)deleted);
    }
    reply_integer(call->reply, deleted);
}

static bool acknowledge(struct stream_group *group, struct stream_id id)
{
    struct stream_pending *pending = stream_pending_find(group, id);

    if (pending == NULL)
        return false;
    stream_pending_remove(group, pending);
    return true;
}

void cmd_xack(struct call *call)
{
    struct stream_group *group = NULL;
    struct stream *stream;
    int64_t acknowledged = 0;

    if (!stream_find_read(call, 1, &stream))
        return;
    if (stream != NULL)
        group = stream_groups_find(&stream->groups, call->argv[2]);
    if (group != NULL) {
        if (!stream_args_are_ids(call, 3))
            return;
        for (int i = 3; i < call->argc; i++)
            acknowledged += acknowledge(group, id_of(call->argv[i]));
        stream_changed(call, (uint64_t)acknowledged);
    }
    reply_integer(call->reply, acknowledged);
}

/* XDELEX, XACKDEL */

struct deletion {
    enum stream_references references;
    int first, count; /* of the IDs in argv */
};

static bool refuse(struct call *call, const char *text)
{
    reply_error(call->reply, text);
    return false;
}

/* IDS, the number of them, and they themselves, from argv[at] on. */
static bool parse_ids(struct call *call, int at, struct deletion *deletion)
{
    int64_t count;

    if (!args_integer_in(call->reply, call->argv[at + 1], 1, INT64_MAX, "ERR Number of IDs must be a positive integer",
                         &count))
        return false;
    if (count > call->argc - at - 2)
        return refuse(call, "ERR The `numids` parameter must match the number of arguments");
    deletion->first = at + 2;
    deletion->count = (int)count;
    return true;
}

static bool parse_deletion(struct call *call, int at, struct deletion *deletion)
{
    struct stream_id id;

    *deletion = (struct deletion){0};
    while (at < call->argc) {
        enum stream_references references = stream_args_references(call->argv[at]);

        if (references != STREAM_REFERENCES_UNSAID && deletion->references == STREAM_REFERENCES_UNSAID) {
            deletion->references = references;
            at++;
        } else if (arg_is(call->argv[at], "ids") && at + 1 < call->argc && deletion->count == 0) {
            if (!parse_ids(call, at, deletion))
                return false;
            at = deletion->first + deletion->count;
        } else {
            return refuse(call, "ERR syntax error");
        }
    }
    if (deletion->count == 0)
        return refuse(call, "ERR syntax error");
    for (int i = 0; i < deletion->count; i++)
        if (!stream_args_id(call->reply, call->argv[deletion->first + i], 0, &id))
            return false;
    return true;
}

static void reply_absent(struct call *call, const struct deletion *deletion)
{
    reply_array(call->reply, deletion->count);
    for (int i = 0; i < deletion->count; i++)
        reply_integer(call->reply, OUTCOME_ABSENT);
}

/* XDELEX of one ID. *changes: by what it changed. References to what is not there go as well. */
static enum outcome delete_entry(struct stream *stream, struct stream_id id, enum stream_references references,
                                 uint64_t *changes)
{
    struct stream_entry entry;
    bool is_there = stream_find(stream, id, &entry);

    if (is_there && references == STREAM_REFERENCES_ACKED && stream_is_referenced(stream, id))
        return OUTCOME_REFERENCED;
    if (references == STREAM_REFERENCES_DELETE)
        *changes += stream_forget(stream, id);
    if (!is_there)
        return OUTCOME_ABSENT;
    *changes += stream_delete(stream, id);
    return OUTCOME_DELETED;
}

void cmd_xdelex(struct call *call)
{
    struct deletion deletion;
    struct stream *stream;
    uint64_t changes = 0;

    if (!parse_deletion(call, 2, &deletion) || !stream_find_write(call, 1, &stream))
        return;
    if (stream == NULL) {
        reply_absent(call, &deletion);
        return;
    }
    reply_array(call->reply, deletion.count);
    for (int i = 0; i < deletion.count; i++) {
        struct stream_id id = id_of(call->argv[deletion.first + i]);

        reply_integer(call->reply, delete_entry(stream, id, deletion.references, &changes));
    }
    changed(call, changes);
}

/* XACKDEL of one ID: what was pending has been acknowledged, whether or not the entry is still there to be deleted. */
static enum outcome acknowledge_entry(struct stream *stream, struct stream_group *group, struct stream_id id,
                                      enum stream_references references, uint64_t *changes)
{
    if (!acknowledge(group, id))
        return OUTCOME_ABSENT;
    ++*changes;
    enum outcome outcome = delete_entry(stream, id, references, changes);
    return outcome == OUTCOME_REFERENCED ? OUTCOME_REFERENCED : OUTCOME_DELETED;
}

void cmd_xackdel(struct call *call)
{
    struct stream_group *group = NULL;
    struct deletion deletion;
    struct stream *stream;
    uint64_t changes = 0;

    if (!parse_deletion(call, 3, &deletion) || !stream_find_write(call, 1, &stream))
        return;
    if (stream != NULL)
        group = stream_groups_find(&stream->groups, call->argv[2]);
    if (group == NULL) {
        reply_absent(call, &deletion);
        return;
    }
    reply_array(call->reply, deletion.count);
    for (int i = 0; i < deletion.count; i++) {
        struct stream_id id = id_of(call->argv[deletion.first + i]);

        reply_integer(call->reply, acknowledge_entry(stream, group, id, deletion.references, &changes));
    }
    changed(call, changes);
}
