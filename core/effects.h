/* What goes to the journals of the keyspaces that a command has changed.
 *
 * A command that has changed something is recorded as it was called, in the journal of
 * the keyspace that has its keys. Two kinds are not:
 *   - Where the command would do something else at another time or place, its handler says
 *     what to record instead (call_record). Then nothing else of that command is.
 *   - Where its keys belong to several keyspaces, each key that has changed is recorded as it is
 *     now, in its own keyspace's journal.
 * What was removed because its time had come is recorded then and there, before the command. Commands within a
 * transaction or a script are recorded one by one, and the outer one is not.
 * Where a keyspace is not journaled, a handler that asks first does no more than that. */
#ifndef CORE_EFFECTS_H
#define CORE_EFFECTS_H

#include "core/call.h"
#include "core/changes.h"
#include "core/journal.h"

static inline bool call_is_journaled(const struct call *call, struct str key)
{
    return __builtin_expect(keyspace_is_journaled(call_keyspace(call, key)), 0);
}

/* These do nothing where the key's keyspace is not journaled. */

/* The command has changed the key, and those who watch or cache it need not know. */
static inline void call_written(const struct call *call, struct str key)
{
    struct keyspace *keyspace = call_keyspace(call, key);

    if (__builtin_expect(keyspace_is_journaled(keyspace), 0))
        changes_add_written(keyspace_changes(keyspace), call->db, key);
}
/* This has been done to the key, in that database. */
void call_record_in(const struct call *call, int db, struct str key, const struct str *argv, int argc);
static inline void call_record(const struct call *call, struct str key, const struct str *argv, int argc)
{
    call_record_in(call, call->db, key, argv, argc);
}
#define CALL_RECORD(call, key, ...)                                                                                    \
    call_record(call, key, (const struct str[]){__VA_ARGS__},                                                          \
                sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))
/* The key is now as it is, whatever it was before. */
void call_record_state(const struct call *call, int db, struct str key);
/* For what runs on each shard by itself: as it was called, for this one. In no database: db JOURNAL_NO_DATABASE. */
void call_record_part(const struct call *call, int db);
/* Likewise, for what is about whole databases on all shards, whether or not this one has keys there. */
void call_record_whole(const struct call *call, int db);

/* In no database, and for all shards, which this command has in reach. */
void call_record_everywhere(const struct call *call, const struct str *argv, int argc);

/* The command has been run: by whoever ran it, before anything else is. */
void effects_find(const struct call *call);
static inline void effects_end(const struct call *call)
{
    if (__builtin_expect(changes_has_unjournaled(keyspace_changes(call->core->keyspace)->queue), 0))
        effects_find(call);
}

#endif
