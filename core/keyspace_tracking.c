/* Who hears of changes: those who watch keys, those who keep what they have read, and the journal. */
#include "core/keyspace_layout.h"

const struct tracking *keyspace_tracking(const struct keyspace *keyspace)
{
    return &keyspace->tracking;
}

enum { FORGOTTEN_AT_ONCE = 16 }; /* where the limit has been lowered */

static void note_tracked(struct keyspace *keyspace)
{
    changes_heed(&keyspace->changes, CHANGES_TRACKED, !tracking_is_empty(&keyspace->tracking));
}

static void add_reader(void *context, struct tracking_reader reader)
{
    changes_add_stale_reader(context, reader);
}

static void forget(struct keyspace *keyspace, struct tracked_key *key, uint64_t by)
{
    changes_add_stale(&keyspace->changes, tracked_key_name(key), by);
    tracking_forget(&keyspace->tracking, key, add_reader, &keyspace->changes);
    note_tracked(keyspace);
}

void keyspace_tell_listeners(struct keyspace *keyspace, int db, struct str name, uint64_t by)
{
    if (keyspace->undo != NULL) {
        undo_touched(keyspace->undo, db, name, by);
        return;
    }
    uint64_t hash = keyspace_hash(name);
    struct tracked_key *key = tracking_find(&keyspace->tracking, name, hash);
    watches_touch(&keyspace->watches, db, name, hash);
    if (key)
        forget(keyspace, key, by);
    if (keyspace->changes.heeded & CHANGES_BROADCAST)
        changes_add_touched(&keyspace->changes, name, by);
}

void keyspace_tell_touch(struct keyspace *keyspace, int db, struct str name, uint64_t by)
{
    if (keyspace_is_journaled(keyspace))
        changes_add_written(&keyspace->changes, db, name);
    if (keyspace->changes.heeded & CHANGES_LISTENERS)
        keyspace_tell_listeners(keyspace, db, name, by);
}

void keyspace_tell_expired(struct keyspace *keyspace, int db, struct str name)
{
    if (keyspace->changes.heeded & CHANGES_LISTENERS)
        keyspace_tell_listeners(keyspace, db, name, 0);
}

void keyspace_journal_gone(struct keyspace *keyspace, int db, const struct str *argv, int argc)
{
    journal_add(&keyspace->journal, db, argv, argc);
    changes_add_mark(&keyspace->changes, CHANGE_GONE);
}

void keyspace_set_journaled(struct keyspace *keyspace, bool journaled)
{
    ASSERT(keyspace->journal.unit_records == 0);
    changes_heed(&keyspace->changes, CHANGES_JOURNALED, journaled);
}

struct journal *keyspace_journal(struct keyspace *keyspace)
{
    return &keyspace->journal;
}

static uint64_t random_bits(void *context)
{
    return keyspace_random_bits(context);
}

void keyspace_remember(struct keyspace *keyspace, struct key key, struct tracking_reader reader, uint64_t most)
{
    struct tracking *tracking = &keyspace->tracking;
    bool is_limited = most > 0 && keyspace->undo == NULL; /* what is told then may be taken back */

    tracking_remember(tracking, key.name, key.hash, reader);
    for (int i = 0; i < FORGOTTEN_AT_ONCE && is_limited && tracking->keys.count > most; i++)
        forget(keyspace, tracking_random(tracking, random_bits, keyspace), 0);
    note_tracked(keyspace);
}

void keyspace_tell_flush(struct keyspace *keyspace, uint64_t by)
{
    tracking_flush(&keyspace->tracking);
    note_tracked(keyspace);
    changes_add_flushed(&keyspace->changes, by);
}
