/* Databases as a whole, and walks over their keys. */
#include "core/keyspace_layout.h"

#include "core/hash.h"

enum { RECLAIM_AT_ONCE = 1000 };

static uint64_t item_hash(const void *item)
{
    return hash_keyed(entry_key_inline(item));
}

void keyspace_init_database(struct database *database, struct memory *memory)
{
    table_init(&database->table, memory, item_hash);
    expiry_init(&database->expiry, memory);
    database->walk = (struct database_walk){0};
}

size_t keyspace_count(const struct keyspace *keyspace, int db)
{
    return database_of(keyspace, db)->table.count;
}

size_t keyspace_count_expiring(const struct keyspace *keyspace, int db)
{
    return expiry_count(&database_of(keyspace, db)->expiry);
}

int64_t keyspace_average_ttl_ms(const struct keyspace *keyspace, int db, int64_t now_ms)
{
    return expiry_average_ttl_ms(&database_of(keyspace, db)->expiry, now_ms);
}

void keyspace_swap(struct keyspace *keyspace, int first_db, int second_db)
{
    struct database *first = database_of(keyspace, first_db), *second = database_of(keyspace, second_db);
    struct database kept = *first;

    keyspace->stats.dirty++;
    if (first_db == second_db)
        return;
    keyspace_touch_watched(keyspace, first_db, second_db);
    keyspace_touch_watched(keyspace, second_db, first_db);
    *first = *second;
    *second = kept;
    keyspace_find_next_expiry(keyspace);
    waits_signal_all(&keyspace->waits, first_db);
    waits_signal_all(&keyspace->waits, second_db);
}

size_t keyspace_flush(struct keyspace *keyspace, int db)
{
    struct database *database = database_of(keyspace, db);
    size_t count = database->table.count;

    if (count == 0)
        return 0; /* an empty table and an empty index hold no memory */
    keyspace_touch_watched(keyspace, db, db);
    if (!keyspace->walk || !snapshot_take_database(keyspace, database))
        reclaim_take_database(&keyspace->reclaim, &database->table, &database->expiry);
    keyspace_init_database(database, keyspace->memory);
    keyspace_find_next_expiry(keyspace);
    waits_signal_all(&keyspace->waits, db);
    keyspace->stats.dirty += count;
    return count;
}

size_t keyspace_reclaim(struct keyspace *keyspace, size_t most)
{
    size_t before = keyspace->reclaim.objects, left = reclaim_step(&keyspace->reclaim, most);

    keyspace->stats.freed_later += before - keyspace->reclaim.objects;
    return left + (most > 0 ? tracking_reclaim(&keyspace->tracking) : keyspace->tracking.flushed.count);
}

void keyspace_reclaim_all(struct keyspace *keyspace)
{
    while (keyspace_reclaim(keyspace, RECLAIM_AT_ONCE) > 0)
        continue;
}

size_t keyspace_unfreed_objects(const struct keyspace *keyspace)
{
    return keyspace->reclaim.objects;
}

size_t keyspace_overhead_bytes(const struct keyspace *keyspace, int db)
{
    const struct database *database = database_of(keyspace, db);

    return table_bytes(&database->table) + expiry_bytes(&database->expiry);
}

const struct table *keyspace_table(const struct keyspace *keyspace, int db)
{
    return &database_of(keyspace, db)->table;
}

/* Walking */

struct walk {
    int64_t now_ms;
    void (*visit)(void *context, struct entry *entry);
    void *context;
};

static void visit_live(void *context, void *item)
{
    const struct walk *walk = context;

    if (!has_expired(item, walk->now_ms))
        walk->visit(walk->context, item);
}

uint64_t keyspace_scan(struct keyspace *keyspace, int db, uint64_t cursor, int64_t now_ms,
                       void (*visit)(void *context, struct entry *entry), void *context)
{
    struct walk walk = {now_ms, visit, context};

    return table_scan(&database_of(keyspace, db)->table, cursor, visit_live, &walk);
}

void keyspace_each(struct keyspace *keyspace, int db, int64_t now_ms, void (*visit)(void *context, struct entry *entry),
                   void *context)
{
    uint64_t cursor = 0;

    do
        cursor = keyspace_scan(keyspace, db, cursor, now_ms, visit, context);
    while (cursor != 0);
}

/* The SplitMix64 generator (Steele, Lea, Flood, 2014). */
uint64_t keyspace_random_bits(struct keyspace *keyspace)
{
    uint64_t bits = keyspace->random += 0x9e3779b97f4a7c15;

    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
    return bits ^ bits >> 31;
}

static uint64_t random_bits(void *context)
{
    return keyspace_random_bits(context);
}

struct entry *keyspace_random(struct keyspace *keyspace, int db, int64_t now_ms)
{
    struct entry *entry;

    while ((entry = table_random(&database_of(keyspace, db)->table, random_bits, keyspace)) != NULL) {
        if (!has_expired(entry, now_ms))
            return entry;
        keyspace_expire_entry(keyspace, db, entry);
    }
    return NULL;
}
