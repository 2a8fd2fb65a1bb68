/* What eviction needs of a keyspace. */
#include "core/keyspace_layout.h"

#include "core/hash.h"
#include "core/prefetch.h"

bool keyspace_has_evictable(const struct keyspace *keyspace, int db, bool volatile_only)
{
    const struct database *database = database_of(keyspace, db);

    return volatile_only ? expiry_count(&database->expiry) > 0 : database->table.count > 0;
}

/* Neighbours in the index are of one age, and so no sample. */
static size_t sample_volatile(struct keyspace *keyspace, const struct expiry *expiry, struct entry **entries,
                              size_t most)
{
    size_t count = expiry_count(expiry), wanted = count < most ? count : most;

    for (size_t i = 0; i < wanted; i++) {
        uint64_t rank = (uint64_t)((unsigned __int128)keyspace_random_bits(keyspace) * count >> 64);

        entries[i] = expiry_at(expiry, rank);
    }
    return wanted;
}

size_t keyspace_sample(struct keyspace *keyspace, int db, bool volatile_only, struct entry **entries, size_t most)
{
    const struct database *database = database_of(keyspace, db);
    size_t count;

    if (volatile_only)
        count = sample_volatile(keyspace, &database->expiry, entries, most);
    else
        count = table_sample(&database->table, keyspace_random_bits(keyspace), (void **)entries, most);
    for (size_t i = 0; i < count; i++)
        prefetch_to_read(entries[i]);
    return count;
}

struct entry *keyspace_first_to_expire(const struct keyspace *keyspace, int db)
{
    const struct expiry *expiry = &database_of(keyspace, db)->expiry;

    return expiry_count(expiry) > 0 ? expiry_at(expiry, 0) : NULL;
}

struct entry *keyspace_find_by_hash(const struct keyspace *keyspace, int db, uint64_t hash)
{
    struct table_probe probe = table_probe(&database_of(keyspace, db)->table, hash);
    struct entry *entry;

    while ((entry = table_probe_next(&probe)) != NULL)
        if (hash_keyed(entry_key_inline(entry)) == hash)
            break;
    return entry;
}

/* Those who hear of it copy the name. */
static void tell_evicted(struct keyspace *keyspace, int db, const struct entry *entry)
{
    struct str argv[] = {STR("DEL"), entry_key_inline(entry)};

    keyspace_tell_expired(keyspace, db, argv[1]);
    keyspace_event(keyspace, db, EVENT_EVICTED, "evicted", argv[1]);
    if (keyspace_is_journaled(keyspace))
        keyspace_journal_gone(keyspace, db, argv, 2);
}

void keyspace_evict(struct keyspace *keyspace, int db, struct entry *entry, int64_t now_ms)
{
    ASSERT(keyspace->undo == NULL);
    if (has_expired(entry, now_ms)) {
        keyspace_expire_entry(keyspace, db, entry);
    } else {
        tell_evicted(keyspace, db, entry);
        keyspace_delete_entry(keyspace, db, entry);
        keyspace->stats.evicted++;
    }
    journal_end_unit(&keyspace->journal);
}
