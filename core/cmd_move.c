/* Keys that get another name or another database. The two places may belong to
 * two shards: then this runs in a gather, and each key is asked for in its own
 * keyspace. */
#include "core/handlers.h"

#include <limits.h>

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"

struct place {
    struct keyspace *keyspace;
    int db;
    struct key key;
};

static struct place place_of(const struct call *call, int db, struct str name)
{
    return (struct place){call_keyspace(call, name), db, call_key(call, name)};
}

static struct entry *place_find(const struct call *call, const struct place *place)
{
    return keyspace_find(place->keyspace, place->db, place->key, call->now_ms);
}

static void place_move(struct call *call, const struct place *from, const struct place *to, const char *from_event,
                       const char *to_event)
{
    keyspace_move(from->keyspace, from->db, from->key, to->keyspace, to->db, to->key);
    call_changed_in(call, from->db, EVENT_GENERIC, from_event, from->key.name);
    call_changed_in(call, to->db, EVENT_GENERIC, to_event, to->key.name);
}

static void place_rename(struct call *call, const struct place *from, const struct place *to)
{
    place_move(call, from, to, "rename_from", "rename_to");
}

/* The number of a database other commands could SELECT. False: answered. */
static bool parse_db(struct call *call, struct str text, int *db)
{
    int64_t value;

    if (!args_integer_in(call->reply, text, INT_MIN, INT_MAX, NULL, &value))
        return false;
    if (value < 0 || value >= call->core->config.databases) {
        reply_error(call->reply, "ERR DB index is out of range");
        return false;
    }
    *db = (int)value;
    return true;
}

static void same_object_error(struct call *call)
{
    reply_error(call->reply, "ERR source and destination objects are the same");
}

/* False: there is no such source, and that has been answered. */
static bool rename_places(struct call *call, struct place *from, struct place *to)
{
    *from = place_of(call, call->db, call->argv[1]);
    *to = place_of(call, call->db, call->argv[2]);
    if (place_find(call, from) != NULL)
        return true;
    reply_error(call->reply, "ERR no such key");
    return false;
}

void cmd_rename(struct call *call)
{
    struct place from, to;

    if (!rename_places(call, &from, &to))
        return;
    if (!str_equal(from.key.name, to.key.name))
        place_rename(call, &from, &to);
    reply_ok(call->reply);
}

void cmd_renamenx(struct call *call)
{
    struct place from, to;

    if (!rename_places(call, &from, &to))
        return;
    bool free = place_find(call, &to) == NULL; /* a key renamed to itself is not */
    if (free)
        place_rename(call, &from, &to);
    reply_integer(call->reply, free);
}

void cmd_move(struct call *call)
{
    int db;

    if (!parse_db(call, call->argv[2], &db))
        return;
    if (db == call->db) {
        same_object_error(call);
        return;
    }
    struct place from = place_of(call, call->db, call->argv[1]), to = place_of(call, db, call->argv[1]);
    bool possible = place_find(call, &from) != NULL && place_find(call, &to) == NULL;
    if (possible)
        place_move(call, &from, &to, "move_from", "move_to");
    reply_integer(call->reply, possible);
}

struct copy_options {
    int db;
    bool replace;
};

static bool parse_copy_options(struct call *call, struct copy_options *options)
{
    *options = (struct copy_options){.db = call->db};
    for (int i = 3; i < call->argc; i++) {
        if (arg_is(call->argv[i], "replace")) {
            options->replace = true;
        } else if (arg_is(call->argv[i], "db") && i + 1 < call->argc) {
            if (!parse_db(call, call->argv[++i], &options->db))
                return false;
        } else {
            args_syntax_error(call->reply);
            return false;
        }
    }
    return true;
}

void cmd_copy(struct call *call)
{
    struct copy_options options;

    if (!parse_copy_options(call, &options))
        return;
    if (options.db == call->db && str_equal(call->argv[1], call->argv[2])) {
        same_object_error(call);
        return;
    }
    struct place from = place_of(call, call->db, call->argv[1]), to = place_of(call, options.db, call->argv[2]);
    bool blocked = place_find(call, &to) != NULL && !options.replace;
    struct entry *entry = call_find_source(call, call->argv[1]);
    bool possible = entry != NULL && !blocked;
    if (possible) {
        keyspace_copy(from.keyspace, from.db, entry, to.keyspace, to.db, to.key);
        call_changed_in(call, to.db, EVENT_GENERIC, "copy_to", to.key.name);
    }
    reply_integer(call->reply, possible);
}
