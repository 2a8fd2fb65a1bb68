/* Who watches keys of a keyspace, and what of that is more than one key's change. */
#include "core/keyspace_layout.h"

struct watch *keyspace_watch(struct keyspace *keyspace, int db, struct key key, struct watcher *watcher, int64_t now_ms)
{
    (void)keyspace_find(keyspace, db, key, now_ms); /* what had expired is no change to come */
    changes_heed(&keyspace->changes, CHANGES_WATCHED, true);
    return watches_add(&keyspace->watches, db, key.name, key.hash, watcher);
}

void keyspace_unwatch(struct keyspace *keyspace, struct watch *watch)
{
    watches_remove(&keyspace->watches, watch);
    if (watches_is_empty(&keyspace->watches))
        changes_heed(&keyspace->changes, CHANGES_WATCHED, false);
}

size_t keyspace_watched_count(const struct keyspace *keyspace)
{
    return keyspace->watches.keys.count;
}

struct in_databases {
    const struct database *first, *second;
};

static bool is_in(const struct database *database, const struct named_key *key)
{
    struct table_probe probe = table_probe(&database->table, key->hash);
    struct entry *entry;

    while ((entry = table_probe_next(&probe)) != NULL)
        if (str_equal(entry_key_inline(entry), key->name))
            return true;
    return false;
}

static bool is_in_either(const void *context, const struct named_key *key)
{
    const struct in_databases *in = context;

    return is_in(in->first, key) || is_in(in->second, key);
}

void keyspace_touch_watched(struct keyspace *keyspace, int db, int other_db)
{
    struct in_databases in = {database_of(keyspace, db), database_of(keyspace, other_db)};

    if (!watches_is_empty(&keyspace->watches))
        watches_touch_some(&keyspace->watches, db, is_in_either, &in);
}
