#include "core/hash_table.h"

#include "core/assert.h"
#include "core/hash.h"
#include "core/value.h"

enum {
    INDEX_ITEMS = 16,          /* of the deadlines, freed in the time that one record takes */
    BYTES_AN_ITEM = 16 * 1024, /* returned to the system in that time */
};

static uint64_t record_hash(const void *record)
{
    return hash_keyed(hash_record_parts(record).field);
}

struct hash_table *hash_table_create(struct memory *memory)
{
    struct hash_table *hash = (struct hash_table *)memory_alloc_account(memory, sizeof(*hash));

    table_init(&hash->records, &hash->memory, record_hash);
    bptree_init(&hash->deadlines, &hash->memory, NULL);
    return hash;
}

/* Records */

static inline struct hash_record *match(struct table_probe *probe, struct str field)
{
    struct hash_record *record;

    while ((record = table_probe_next(probe)) != NULL)
        if (str_equal(hash_record_parts(record).field, field))
            break;
    return record;
}

const struct hash_record *hash_table_find(const struct hash_table *hash, struct str field)
{
    struct table_probe probe = table_probe(&hash->records, hash_keyed(field));

    return match(&probe, field);
}

static void index_deadline(struct hash_table *hash, const struct hash_record *record, int64_t deadline_ms)
{
    uint64_t address = (uintptr_t)record;

    if (deadline_ms < 0)
        return;
    bool is_new = bptree_insert(&hash->deadlines, (struct bptree_item){(uint64_t)deadline_ms, address}, &address);
    ASSERT(is_new);
}

static void unindex_deadline(struct hash_table *hash, const struct hash_record *record, int64_t deadline_ms)
{
    uint64_t address = (uintptr_t)record;

    if (deadline_ms < 0)
        return;
    bool was_there = bptree_remove(&hash->deadlines, (uint64_t)deadline_ms, &address);
    ASSERT(was_there);
}

static bool has_passed(int64_t deadline_ms, int64_t now_ms)
{
    return deadline_ms >= 0 && deadline_ms <= now_ms;
}

/* Puts another value and deadline in the place of what the probe has found. Returns the old deadline. */
static int64_t overwrite(struct hash_table *hash, struct table_probe *probe, struct hash_record *old, struct str value,
                         int64_t deadline_ms)
{
    int64_t old_ms = hash_record_parts(old).deadline_ms;

    unindex_deadline(hash, old, old_ms);
    struct hash_record *record = hash_record_store(&hash->memory, old, value, deadline_ms);
    if (record != old)
        table_probe_replace(probe, record);
    index_deadline(hash, record, deadline_ms);
    return old_ms;
}

bool hash_table_put(struct hash_table *hash, struct str field, struct str value, int64_t deadline_ms, int64_t now_ms)
{
    uint64_t key = hash_keyed(field);
    struct table_probe probe = table_probe(&hash->records, key);
    struct hash_record *record = match(&probe, field);

    if (record != NULL)
        return has_passed(overwrite(hash, &probe, record, value, deadline_ms), now_ms);
    record = hash_record_create(&hash->memory, field, value, deadline_ms);
    table_insert(&hash->records, key, record);
    index_deadline(hash, record, deadline_ms);
    return true;
}

static int64_t remove_found(struct hash_table *hash, struct table_probe *probe, struct hash_record *record)
{
    int64_t deadline_ms = hash_record_parts(record).deadline_ms;

    unindex_deadline(hash, record, deadline_ms);
    table_probe_remove(&hash->records, probe);
    memory_free(&hash->memory, record);
    return deadline_ms;
}

bool hash_table_remove(struct hash_table *hash, struct str field, int64_t now_ms)
{
    struct table_probe probe = table_probe(&hash->records, hash_keyed(field));
    struct hash_record *record = match(&probe, field);

    return record != NULL && !has_passed(remove_found(hash, &probe, record), now_ms);
}

/* Deadlines */

size_t hash_table_count_expired(const struct hash_table *hash, int64_t now_ms)
{
    if (hash->deadlines.count == 0)
        return 0;
    return bptree_rank(&hash->deadlines, (uint64_t)now_ms + 1, NULL);
}

int64_t hash_table_next_deadline_ms(const struct hash_table *hash)
{
    if (hash->deadlines.count == 0)
        return -1;

    struct bptree_place first = bptree_first(&hash->deadlines);
    return (int64_t)bptree_get(&first)->order;
}

static void remove_record(struct hash_table *hash, struct hash_record *record)
{
    struct table_probe probe = table_probe(&hash->records, record_hash(record));
    void *item;

    while ((item = table_probe_next(&probe)) != record)
        ASSERT(item != NULL);
    remove_found(hash, &probe, record);
}

static size_t expire(struct memory *memory, void **value, int64_t now_ms, size_t most, bool *emptied)
{
    struct hash_table *hash = *value;
    size_t count = hash_table_count_expired(hash, now_ms);

    if (count > most)
        count = most;
    for (size_t done = 0; done < count; done++) {
        struct bptree_place first = bptree_first(&hash->deadlines);

        remove_record(hash, (struct hash_record *)(uintptr_t)bptree_get(&first)->payload);
    }
    *emptied = hash->records.count == 0;
    return count;
}

static void each_due(const void *value, int64_t now_ms, size_t most, void (*visit)(void *context, struct str name),
                     void *context)
{
    const struct hash_table *hash = value;
    struct bptree_place place = bptree_first(&hash->deadlines);
    const struct bptree_item *item;

    while (most-- > 0 && (item = bptree_get(&place)) != NULL && item->order <= (uint64_t)now_ms) {
        visit(context, hash_record_parts((const struct hash_record *)(uintptr_t)item->payload).field);
        bptree_next(&place);
    }
}

static int64_t next_deadline_ms(const void *value)
{
    return hash_table_next_deadline_ms(value);
}

/* As a whole */

static void add_copy(void *context, void *item)
{
    struct hash_record_parts parts = hash_record_parts(item);
    struct hash_table *copy = context;
    struct hash_record *record = hash_record_create(&copy->memory, parts.field, parts.value, parts.deadline_ms);

    table_insert(&copy->records, hash_keyed(parts.field), record);
    index_deadline(copy, record, parts.deadline_ms);
}

static void *copy_table(struct memory *memory, const void *value)
{
    const struct hash_table *hash = value;
    struct hash_table *copy = hash_table_create(memory);
    uint64_t cursor = 0;

    do
        cursor = table_scan(&hash->records, cursor, add_copy, copy);
    while (cursor != 0);
    return copy;
}

static size_t items(const void *value)
{
    const struct hash_table *hash = value;

    return 1 + hash->records.count + hash->memory.used_bytes / BYTES_AN_ITEM;
}

static void free_record(void *context, void *record)
{
    struct hash_table *hash = context;

    hash->left--;
    memory_free(&hash->memory, record);
}

/* Frees records of one bucket after another; nothing of the table may be asked for in between. */
static void drain_records(struct hash_table *hash, size_t most)
{
    size_t before = hash->memory.used_bytes, left = hash->left, done = 0;

    do {
        hash->drain_cursor = table_drain(&hash->records, hash->drain_cursor, free_record, hash);
        done = left - hash->left + (before - hash->memory.used_bytes) / BYTES_AN_ITEM;
    } while (hash->drain_cursor != 0 && done < most);
}

static size_t drain(struct memory *memory, void *value, size_t most)
{
    struct hash_table *hash = value;
    size_t indexed = hash->deadlines.count;

    if (hash->drain_cursor == 0 && hash->left == 0)
        hash->left = hash->records.count;
    if (indexed > 0) {
        bptree_drain(&hash->deadlines, most > SIZE_MAX / INDEX_ITEMS ? SIZE_MAX : most * INDEX_ITEMS, NULL, NULL);
        return 1 + hash->left + hash->deadlines.count / INDEX_ITEMS;
    }
    drain_records(hash, most);
    if (hash->drain_cursor != 0)
        return 1 + hash->left + hash->memory.used_bytes / BYTES_AN_ITEM;
    memory_free(&hash->memory, hash);
    return 0;
}

const struct value_kind hash_table_kind = {
    .name = "hashtable",
    .real_name = "hashtable",
    .copy = copy_table,
    .bytes = value_account_bytes,
    .items = items,
    .drain = drain,
    .rehome = value_account_rehome,
    .next_deadline_ms = next_deadline_ms,
    .each_due = each_due,
    .expire = expire,
};
