/* Deadlines of keys and of items of values: which of all databases comes next, and the removal of those that have
 * come. */
#include "core/keyspace_layout.h"

void keyspace_find_next_expiry(struct keyspace *keyspace)
{
    keyspace->next_expiry_ms = INT64_MAX;
    for (int db = 0; db < keyspace->database_count; db++) {
        int64_t next_ms = expiry_next_ms(&keyspace->databases[db].expiry);

        if (next_ms >= keyspace->next_expiry_ms)
            continue;
        keyspace->next_expiry_ms = next_ms;
        keyspace->next_expiry_db = db;
    }
}

void keyspace_change_index(struct keyspace *keyspace, int db, struct expiry_item old, struct expiry_item now)
{
    expiry_replace(&keyspace->databases[db].expiry, old, now);
    if (expiry_item_ms(old) == keyspace->next_expiry_ms) {
        keyspace_find_next_expiry(keyspace);
    } else if (expiry_item_ms(now) < keyspace->next_expiry_ms) {
        keyspace->next_expiry_ms = expiry_item_ms(now);
        keyspace->next_expiry_db = db;
    }
}

void keyspace_items_changed(struct keyspace *keyspace, int db, struct entry *entry, int64_t old_items_ms)
{
    struct expiry_item now = keyspace_expiry_item(entry), old = now;

    old.items_ms = old_items_ms;
    keyspace_reindex(keyspace, db, old, now);
}

struct gone_items {
    struct keyspace *keyspace;
    int db;
    struct str key;
};

static void journal_gone_item(void *context, struct str name)
{
    const struct gone_items *gone = context;
    struct str argv[] = {STR("HDEL"), gone->key, name};

    keyspace_journal_gone(gone->keyspace, gone->db, argv, 3);
}

/* Before they go, which the undo of a script and the journal may have to know of. */
static void note_items_gone(struct keyspace *keyspace, int db, struct entry *entry, int64_t now_ms, size_t most)
{
    struct gone_items gone = {keyspace, db, entry_key_inline(entry)};

    if (keyspace->undo != NULL)
        undo_items(keyspace->undo, db, entry);
    if (keyspace_is_journaled(keyspace))
        entry_kind(entry)->each_due(entry_owned(entry), now_ms, most, journal_gone_item, &gone);
}

/* *emptied: the key went with the last. */
static size_t expire_items(struct keyspace *keyspace, int db, struct entry *entry, int64_t now_ms, size_t most,
                           bool *emptied)
{
    note_items_gone(keyspace, db, entry, now_ms, most);

    int64_t old_ms = keyspace_items_deadline(entry);
    void *value = entry_owned(entry);
    if (__builtin_expect(keyspace->walk != NULL, 0))
        snapshot_before_change(keyspace, db, entry);
    size_t count = entry_kind(entry)->expire(keyspace->memory, &value, now_ms, most, emptied);

    entry_set_word(entry, (uintptr_t)value);
    keyspace_items_changed(keyspace, db, entry, old_ms);
    keyspace_event(keyspace, db, EVENT_HASH, "hexpired", entry_key_inline(entry));
    keyspace_tell_expired(keyspace, db, entry_key_inline(entry));
    if (*emptied) {
        keyspace_event(keyspace, db, EVENT_GENERIC, "del", entry_key_inline(entry));
        keyspace_delete_entry(keyspace, db, entry);
    }
    keyspace->stats.expired_items += count;
    return count;
}

bool keyspace_expire_items(struct keyspace *keyspace, int db, struct entry *entry, int64_t now_ms)
{
    int64_t next_ms = keyspace_items_deadline(entry);
    bool emptied = false;

    if (next_ms >= 0 && next_ms <= now_ms)
        expire_items(keyspace, db, entry, now_ms, SIZE_MAX, &emptied);
    return !emptied;
}

/* The first of all deadlines, which has come: of a key, or of items of its value. */
static size_t expire_first(struct keyspace *keyspace, int64_t now_ms, size_t most)
{
    int db = keyspace->next_expiry_db;
    struct entry *entry = expiry_first(&database_of(keyspace, db)->expiry);
    bool emptied = false;

    if (!has_expired(entry, now_ms))
        return expire_items(keyspace, db, entry, now_ms, most, &emptied);
    keyspace_expire_entry(keyspace, db, entry);
    return 1;
}

size_t keyspace_expire(struct keyspace *keyspace, int64_t now_ms, size_t most)
{
    size_t expired = 0;

    while (keyspace->active_expiry && expired < most && keyspace->next_expiry_ms <= now_ms) {
        expired += expire_first(keyspace, now_ms, most - expired);
        journal_end_unit(&keyspace->journal);
    }
    return expired;
}

int64_t keyspace_next_expiry_ms(const struct keyspace *keyspace)
{
    return keyspace->active_expiry ? keyspace->next_expiry_ms : INT64_MAX;
}

void keyspace_set_active_expiry(struct keyspace *keyspace, bool active)
{
    keyspace->active_expiry = active;
}
