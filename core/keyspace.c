/* An entry is pointed to by its database's table and, when it expires, by the
 * expiry index. Whatever may move it passes through here, and ends with both
 * pointing to where it is. */
#include "core/keyspace_layout.h"

#include "core/entry_build.h"
#include "core/hash.h"
#include "core/memory.h"

enum { KEEP_EXPIRY = -2 };

void keyspace_hash_seed(const uint8_t secret[static 32])
{
    hash_seed(secret);
}

void keyspace_hash_each(const struct str *keys, int step, int count, uint64_t *hashes)
{
    hash_keyed_each(keys, step, count, hashes);
}

uint64_t keyspace_hash(struct str key)
{
    return hash_keyed(key);
}

struct keyspace *keyspace_create(struct memory *memory, int databases)
{
    struct keyspace *keyspace;

    ASSERT(databases > 0 && hash_is_seeded());
    keyspace = memory_alloc(memory, sizeof(*keyspace) + (size_t)databases * sizeof(struct database));
    *keyspace = (struct keyspace){
        .memory = memory,
        .random = keyspace_hash(STR("random")),
        .active_expiry = true,
        .next_expiry_ms = INT64_MAX,
        .database_count = databases,
    };
    changes_init(&keyspace->changes, memory);
    reclaim_init(&keyspace->reclaim, memory);
    waits_init(&keyspace->waits, memory);
    watches_init(&keyspace->watches, memory);
    tracking_init(&keyspace->tracking, memory);
    journal_init(&keyspace->journal, memory);
    for (int db = 0; db < databases; db++)
        keyspace_init_database(&keyspace->databases[db], memory);
    return keyspace;
}

void keyspace_destroy(struct keyspace *keyspace)
{
    if (keyspace->walk)
        snapshot_walk_abandon(keyspace);
    for (int db = 0; db < keyspace->database_count; db++)
        keyspace_flush(keyspace, db);
    keyspace_reclaim_all(keyspace);
    waits_deinit(&keyspace->waits);
    watches_deinit(&keyspace->watches);
    tracking_deinit(&keyspace->tracking);
    journal_deinit(&keyspace->journal);
    changes_deinit(&keyspace->changes);
    memory_free(keyspace->memory, keyspace);
}

int keyspace_database_count(const struct keyspace *keyspace)
{
    return keyspace->database_count;
}

struct keyspace_stats *keyspace_stats(struct keyspace *keyspace)
{
    return &keyspace->stats;
}

struct memory *keyspace_memory(struct keyspace *keyspace)
{
    return keyspace->memory;
}

static const struct expiry_item not_indexed = {-1, NULL, -1};

/* Who waits for keys */

struct waits *keyspace_waits(struct keyspace *keyspace)
{
    return &keyspace->waits;
}

static __attribute__((noinline)) void signal_waiters(struct keyspace *keyspace, int db, struct str name)
{
    waits_signal(&keyspace->waits, db, name, keyspace_hash(name));
}

void keyspace_signal(struct keyspace *keyspace, int db, struct str name)
{
    if (__builtin_expect(!waits_is_empty(&keyspace->waits), 0))
        signal_waiters(keyspace, db, name);
}

/* Finding and removing */

/* In line with its loop, whoever calls it: a probe in registers saves 30 instructions. */
static inline __attribute__((always_inline)) struct entry *match(struct table_probe *probe, struct str name)
{
    struct entry *entry;

    while ((entry = table_probe_next(probe)) != NULL)
        if (entry_name_equal(entry_key_inline(entry), name))
            break;
    return entry;
}

/* An entry that nothing points to any more. */
static inline void let_go(struct keyspace *keyspace, int db, struct entry *entry)
{
    if (__builtin_expect(keyspace->walk != NULL, 0) && snapshot_take_entry(keyspace, db, entry))
        return;
    if (__builtin_expect(keyspace->undo != NULL, 0))
        undo_removed(keyspace->undo, db, entry);
    else
        reclaim_take_entry(&keyspace->reclaim, entry);
}

/* Takes what the probe has found out of table and index. */
static void unlink_entry(struct keyspace *keyspace, int db, struct table_probe *probe, struct entry *entry)
{
    table_probe_remove(&keyspace->databases[db].table, probe);
    keyspace_reindex(keyspace, db, keyspace_expiry_item(entry), not_indexed);
    keyspace_signal(keyspace, db, entry_key_inline(entry));
}

static void remove_entry(struct keyspace *keyspace, int db, struct table_probe *probe, struct entry *entry)
{
    unlink_entry(keyspace, db, probe, entry);
    let_go(keyspace, db, entry);
}

static struct entry *take(struct keyspace *keyspace, int db, struct key key)
{
    struct table_probe probe = table_probe(&database_of(keyspace, db)->table, key.hash);
    struct entry *entry = match(&probe, key.name);

    ASSERT(entry != NULL);
    unlink_entry(keyspace, db, &probe, entry);
    return entry;
}

void keyspace_delete_entry(struct keyspace *keyspace, int db, struct entry *entry)
{
    struct entry *taken = take(keyspace, db, key_of(entry_key_inline(entry)));

    ASSERT(taken == entry);
    let_go(keyspace, db, entry);
}

/* Those who hear of it copy the name. */
static void tell_expired(struct keyspace *keyspace, int db, struct entry *entry)
{
    struct str argv[] = {STR("DEL"), entry_key_inline(entry)};

    keyspace_event(keyspace, db, EVENT_EXPIRED, "expired", argv[1]);
    keyspace_tell_expired(keyspace, db, argv[1]);
    if (keyspace_is_journaled(keyspace))
        keyspace_journal_gone(keyspace, db, argv, 2);
}

/* Not inline, as what it calls would cost the caller that finds its key a frame. */
__attribute__((noinline)) void keyspace_expire_entry(struct keyspace *keyspace, int db, struct entry *entry)
{
    tell_expired(keyspace, db, entry);
    keyspace_delete_entry(keyspace, db, entry);
    keyspace->stats.expired++;
}

struct entry *keyspace_find_hashed(struct keyspace *keyspace, int db, struct str name, uint64_t hash, int64_t now_ms)
{
    struct table_probe probe = table_probe(&database_of(keyspace, db)->table, hash);
    struct entry *entry = match(&probe, name);

    if (entry == NULL || !has_expired(entry, now_ms))
        return entry;
    keyspace_expire_entry(keyspace, db, entry);
    return NULL;
}

bool keyspace_delete(struct keyspace *keyspace, int db, struct key key, int64_t now_ms)
{
    struct table_probe probe = table_probe(&database_of(keyspace, db)->table, key.hash);
    struct entry *entry = match(&probe, key.name);

    if (entry == NULL)
        return false;
    bool expired = has_expired(entry, now_ms);
    if (expired)
        tell_expired(keyspace, db, entry);
    remove_entry(keyspace, db, &probe, entry);
    keyspace->stats.expired += expired;
    keyspace->stats.dirty += !expired;
    return !expired;
}

/* Strings */

static __attribute__((noinline)) struct entry *add(struct keyspace *keyspace, int db, uint64_t hash,
                                                   struct entry *entry)
{
    keyspace_mark_saved(keyspace, entry);
    table_insert(&database_of(keyspace, db)->table, hash, entry);
    keyspace_reindex(keyspace, db, not_indexed, keyspace_expiry_item(entry));
    keyspace_signal(keyspace, db, entry_key_inline(entry));
    keyspace_event(keyspace, db, EVENT_NEW, "new", entry_key_inline(entry));
    if (__builtin_expect(keyspace->undo != NULL, 0))
        undo_added(keyspace->undo, db, entry);
    return entry;
}

static struct entry *fresh(const struct keyspace *keyspace, struct entry *entry)
{
    entry->access = keyspace->fresh_access;
    return entry;
}

static __attribute__((noinline)) struct entry *create(struct keyspace *keyspace, struct str name,
                                                      const struct entry_content *content, int64_t expiry_ms)
{
    return fresh(keyspace, entry_create(keyspace->memory, name, content, expiry_ms));
}

/* A write is an access too; a counter goes on counting. */
static void freshen(const struct keyspace *keyspace, struct entry *entry)
{
    if (keyspace->access_policy == ACCESS_LRU)
        entry->access = keyspace->fresh_access;
}

/* Puts another entry of the same name in the place of what the probe has found, which is done with. */
static struct entry *replace(struct keyspace *keyspace, int db, struct table_probe *probe, struct entry *old,
                             struct entry *entry)
{
    entry->access = old->access;
    keyspace_mark_saved(keyspace, entry);
    table_probe_replace(probe, entry);
    keyspace_reindex(keyspace, db, keyspace_expiry_item(old), keyspace_expiry_item(entry));
    freshen(keyspace, entry);
    let_go(keyspace, db, old);
    keyspace_signal(keyspace, db, entry_key_inline(entry));
    return entry;
}

/* Stores what does not fit into the entry as it is. The probe is passed by value so that store's can be in registers.
 */
static __attribute__((noinline)) struct entry *store_anew(struct keyspace *keyspace, int db, struct table_probe probe,
                                                          struct entry *old, const struct entry_content *content,
                                                          int64_t expiry_ms)
{
    struct expiry_item old_item = keyspace_expiry_item(old);

    if (entry_has_value_inline(old))
        return replace(keyspace, db, &probe, old, create(keyspace, entry_key_inline(old), content, expiry_ms));

    struct entry *entry = entry_store(keyspace->memory, old, content, expiry_ms);
    if (entry != old)
        table_probe_replace(&probe, entry);
    keyspace_reindex(keyspace, db, old_item, keyspace_expiry_item(entry));
    freshen(keyspace, entry);
    return entry;
}

static struct entry *store(struct keyspace *keyspace, int db, struct key key, const struct entry_content *content,
                           int64_t expiry_ms)
{
    struct table_probe probe = table_probe(&database_of(keyspace, db)->table, key.hash);
    struct entry *entry = match(&probe, key.name);

    keyspace->stats.dirty++;
    if (entry == NULL)
        return add(keyspace, db, key.hash, create(keyspace, key.name, content, expiry_ms < 0 ? -1 : expiry_ms));

    struct expiry_item old_item = keyspace_expiry_item(entry);
    if (expiry_ms == KEEP_EXPIRY)
        expiry_ms = old_item.deadline_ms;
    if (!entry_overwrite(entry, content, expiry_ms))
        return store_anew(keyspace, db, probe, entry, content, expiry_ms);
    keyspace_reindex(keyspace, db, old_item, keyspace_expiry_item(entry));
    freshen(keyspace, entry);
    return entry;
}

struct entry *keyspace_set_string(struct keyspace *keyspace, int db, struct key key, struct str value,
                                  int64_t expiry_ms)
{
    struct entry_content content = entry_content_text(value);

    ASSERT(expiry_ms >= -1);
    return store(keyspace, db, key, &content, expiry_ms);
}

struct entry *keyspace_set_string_keep_expiry(struct keyspace *keyspace, int db, struct key key, struct str value)
{
    struct entry_content content = entry_content_text(value);

    return store(keyspace, db, key, &content, KEEP_EXPIRY);
}

struct entry *keyspace_set_integer(struct keyspace *keyspace, int db, struct key key, int64_t value)
{
    struct entry_content content = entry_content_integer(value);

    return store(keyspace, db, key, &content, KEEP_EXPIRY);
}

struct entry *keyspace_set_bytes(struct keyspace *keyspace, int db, struct key key, struct str value)
{
    struct entry_content content = entry_content_bytes(value);

    return store(keyspace, db, key, &content, KEEP_EXPIRY);
}

/* Values of other types */

struct entry *keyspace_add_value(struct keyspace *keyspace, int db, struct key key, enum value_type type,
                                 enum value_encoding encoding, void *value)
{
    struct table_probe probe = table_probe(&database_of(keyspace, db)->table, key.hash);
    struct entry *entry = entry_create_value(keyspace->memory, key.name, type, encoding, value);

    ASSERT(match(&probe, key.name) == NULL);
    return add(keyspace, db, key.hash, fresh(keyspace, entry));
}

struct entry *keyspace_set_value(struct keyspace *keyspace, int db, struct key key, enum value_type type,
                                 enum value_encoding encoding, void *value)
{
    struct table_probe probe = table_probe(&database_of(keyspace, db)->table, key.hash);
    struct entry *old = match(&probe, key.name);
    struct entry *entry = entry_create_value(keyspace->memory, key.name, type, encoding, value);

    return old ? replace(keyspace, db, &probe, old, entry) : add(keyspace, db, key.hash, fresh(keyspace, entry));
}

void keyspace_free_value(struct keyspace *keyspace, enum value_type type, enum value_encoding encoding, void *value)
{
    reclaim_take_value(&keyspace->reclaim, value_kind_of(type, encoding), value);
}

/* Changing in place */

/* Lets table and index point to an entry that was `old` and may lie elsewhere
 * now. `old` is only compared with: its bytes may be gone. */
static void repoint(struct keyspace *keyspace, int db, uint64_t hash, struct expiry_item old, struct entry *entry)
{
    if (old.entry != entry) {
        struct table_probe probe = table_probe(&database_of(keyspace, db)->table, hash);
        const void *item;

        while ((item = table_probe_next(&probe)) != old.entry)
            ASSERT(item != NULL);
        table_probe_replace(&probe, entry);
    }
    keyspace_reindex(keyspace, db, old, keyspace_expiry_item(entry));
}

struct entry *keyspace_put_value(struct keyspace *keyspace, int db, struct entry *entry, enum value_encoding encoding,
                                 void *value)
{
    struct expiry_item old = {entry_expiry_inline(entry), entry, -1};

    entry = entry_store_value(keyspace->memory, entry, encoding, value);
    repoint(keyspace, db, old.entry == entry ? 0 : keyspace_hash(entry_key_inline(entry)), old, entry);
    return entry;
}

struct entry *keyspace_resize_raw(struct keyspace *keyspace, int db, struct key key, struct entry *entry, size_t length,
                                  char **bytes)
{
    keyspace->stats.dirty++;
    if (entry == NULL) {
        struct entry_content empty = entry_content_bytes(STR(""));

        entry = entry_resize_raw(keyspace->memory, create(keyspace, key.name, &empty, -1), length);
        add(keyspace, db, key.hash, entry);
    } else {
        struct expiry_item old = keyspace_expiry_item(entry);

        entry = entry_resize_raw(keyspace->memory, entry, length);
        repoint(keyspace, db, key.hash, old, entry);
        freshen(keyspace, entry);
    }
    *bytes = entry_raw_bytes(entry);
    return entry;
}

struct entry *keyspace_set_expiry(struct keyspace *keyspace, int db, struct entry *entry, int64_t expiry_ms)
{
    struct expiry_item old = keyspace_expiry_item(entry);

    ASSERT(expiry_ms >= -1);
    if (__builtin_expect(keyspace->walk != NULL, 0))
        snapshot_before_change(keyspace, db, entry);
    if (__builtin_expect(keyspace->undo != NULL, 0))
        undo_expiry(keyspace->undo, db, entry);
    keyspace->stats.dirty++;
    entry = entry_store_expiry(keyspace->memory, entry, expiry_ms);
    repoint(keyspace, db, old.entry == entry ? 0 : keyspace_hash(entry_key_inline(entry)), old, entry);
    return entry;
}

/* Moving and copying */

void keyspace_put_entry(struct keyspace *keyspace, int db, struct key key, struct entry *entry)
{
    struct table_probe probe = table_probe(&database_of(keyspace, db)->table, key.hash);
    struct entry *replaced = match(&probe, key.name);

    keyspace->stats.dirty++;
    if (replaced != NULL)
        remove_entry(keyspace, db, &probe, replaced);
    add(keyspace, db, key.hash, entry);
}

/* What each of the two undos takes back concerns its own keyspace alone, so that nobody need know which goes first. */
static void move_copy(struct keyspace *from, int from_db, struct key source, struct keyspace *to, int to_db,
                      struct key target)
{
    struct entry *entry = keyspace_find(from, from_db, source, INT64_MIN);

    ASSERT(entry != NULL);
    keyspace_copy(from, from_db, entry, to, to_db, target);
    keyspace_delete_entry(from, from_db, entry);
}

void keyspace_move(struct keyspace *from, int from_db, struct key source, struct keyspace *to, int to_db,
                   struct key target)
{
    bool same_name = str_equal(source.name, target.name);
    struct entry *entry;

    if (from == to && from_db == to_db && same_name)
        return;
    if (__builtin_expect(from->undo != NULL && from != to, 0)) {
        move_copy(from, from_db, source, to, to_db, target);
        return;
    }
    entry = take(from, from_db, source);
    if (__builtin_expect(from->walk != NULL, 0))
        snapshot_before_change(from, from_db, entry);
    entry_recharge(from->memory, to->memory, entry);
    if (!same_name)
        entry = entry_rename(to->memory, entry, target.name);
    keyspace_put_entry(to, to_db, target, entry);
    if (__builtin_expect(to->undo != NULL, 0))
        undo_moved(to->undo, from_db, source, to_db, target);
}

void keyspace_copy(struct keyspace *from, int from_db, struct entry *source, struct keyspace *to, int to_db,
                   struct key target)
{
    if (from == to && from_db == to_db && str_equal(entry_key_inline(source), target.name))
        return;
    keyspace_put_entry(to, to_db, target, entry_create_copy(to->memory, target.name, source));
}

/* What the shard lends */

void keyspace_prefetch(const struct keyspace *keyspace, int db, uint64_t hash)
{
    table_prefetch(&database_of(keyspace, db)->table, hash);
}

bool keyspace_prefetch_entry(const struct keyspace *keyspace, int db, uint64_t hash)
{
    return table_prefetch_item(&database_of(keyspace, db)->table, hash);
}

void keyspace_prefetch_elsewhere(const struct keyspace *keyspace, int db, uint64_t hash)
{
    table_prefetch_elsewhere(&database_of(keyspace, db)->table, hash);
}

void keyspace_set_access(struct keyspace *keyspace, enum access_policy policy, int64_t now_ms)
{
    keyspace->access_policy = policy;
    keyspace->fresh_access = access_fresh(policy, now_ms);
}
