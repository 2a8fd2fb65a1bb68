#include "core/tracking.h"

#include "core/idset.h"
#include "core/memory.h"
#include "core/named_key.h"

enum { READERS_AT_ONCE = 64 };
static const uint32_t NO_NUMBER = UINT32_MAX;

struct tracked_key {
    struct named_key named;
    struct idset *many; /* of its readers' numbers; NULL: there is only the first */
    uint32_t first;
    char name[];
};

struct tracking_reader_entry {
    struct tracking_reader reader;
    uint32_t number;
    size_t keys; /* that it has read */
};

static void reclaim_all(struct tracking *tracking);

static uint64_t hash_of_id(uint64_t id)
{
    uint64_t bits = id * 0x9e3779b97f4a7c15;

    return bits ^ bits >> 32;
}

static uint64_t hash_of_reader(const void *item)
{
    return hash_of_id(((const struct tracking_reader_entry *)item)->reader.id);
}

void tracking_init(struct tracking *tracking, struct memory *memory)
{
    *tracking = (struct tracking){.memory = memory, .free_number = NO_NUMBER};
    named_keys_init(&tracking->keys, memory);
    named_keys_init(&tracking->flushed, memory);
    table_init(&tracking->readers, memory, hash_of_reader);
}

void tracking_deinit(struct tracking *tracking)
{
    tracking_flush(tracking);
    reclaim_all(tracking);
    table_deinit(&tracking->flushed);
    table_deinit(&tracking->keys);
    table_deinit(&tracking->readers);
    memory_free(tracking->memory, tracking->numbers);
}

/* Readers. A free number's place holds the next free one's. */

static uint32_t take_number(struct tracking *tracking)
{
    uint32_t number = tracking->free_number;

    if (number != NO_NUMBER) {
        tracking->free_number = (uint32_t)(uintptr_t)tracking->numbers[number];
        return number;
    }
    if (tracking->number_count == tracking->number_capacity) {
        tracking->number_capacity = tracking->number_capacity ? tracking->number_capacity * 2 : 16;
        tracking->numbers =
            memory_resize(tracking->memory, tracking->numbers, tracking->number_capacity * sizeof *tracking->numbers);
    }
    return tracking->number_count++;
}

static struct tracking_reader_entry *find_reader(const struct tracking *tracking, uint64_t id)
{
    struct table_probe probe = table_probe(&tracking->readers, hash_of_id(id));
    struct tracking_reader_entry *entry;

    while ((entry = table_probe_next(&probe)) != NULL)
        if (entry->reader.id == id)
            return entry;
    return NULL;
}

static struct tracking_reader_entry *find_or_add_reader(struct tracking *tracking, struct tracking_reader reader)
{
    struct tracking_reader_entry *entry = find_reader(tracking, reader.id);

    if (entry)
        return entry;
    entry = memory_alloc(tracking->memory, sizeof *entry);
    *entry = (struct tracking_reader_entry){.reader = reader, .number = take_number(tracking)};
    tracking->numbers[entry->number] = entry;
    table_insert(&tracking->readers, hash_of_id(reader.id), entry);
    return entry;
}

static void remove_reader(struct tracking *tracking, struct tracking_reader_entry *entry)
{
    struct table_probe probe = table_probe(&tracking->readers, hash_of_reader(entry));

    while (table_probe_next(&probe) != entry)
        continue;
    table_probe_remove(&tracking->readers, &probe);
    tracking->numbers[entry->number] = (void *)(uintptr_t)tracking->free_number;
    tracking->free_number = entry->number;
    memory_free(tracking->memory, entry);
}

/* Keys. */

struct tracked_key *tracking_find(const struct tracking *tracking, struct str name, uint64_t hash)
{
    return named_keys_find(&tracking->keys, 0, name, hash);
}

struct tracked_key *tracking_random(const struct tracking *tracking, uint64_t (*random)(void *context), void *context)
{
    return table_random(&tracking->keys, random, context);
}

struct str tracked_key_name(const struct tracked_key *key)
{
    return key->named.name;
}

static struct tracked_key *add_key(struct tracking *tracking, struct str name, uint64_t hash)
{
    struct tracked_key *key = memory_alloc(tracking->memory, sizeof *key + name.length);

    *key = (struct tracked_key){.named = {{key->name, name.length}, hash, 0}, .first = NO_NUMBER};
    str_copy(key->name, name);
    named_keys_add(&tracking->keys, &key->named);
    return key;
}

/* False: it is there. */
static bool add_number(struct tracking *tracking, struct tracked_key *key, uint32_t number)
{
    if (key->many)
        return idset_add(key->many, number);
    if (key->first == number)
        return false;
    if (key->first == NO_NUMBER) {
        key->first = number;
        return true;
    }
    key->many = idset_create(tracking->memory);
    return idset_add(key->many, key->first) && idset_add(key->many, number);
}

void tracking_remember(struct tracking *tracking, struct str name, uint64_t hash, struct tracking_reader reader)
{
    struct tracking_reader_entry *entry = find_or_add_reader(tracking, reader);
    struct tracked_key *key = tracking_find(tracking, name, hash);

    if (!key)
        key = add_key(tracking, name, hash);
    if (!add_number(tracking, key, entry->number))
        return;
    entry->keys++;
    tracking->items++;
}

typedef void visit_reader(void *context, struct tracking_reader reader);

static void forget_number(struct tracking *tracking, uint32_t number, visit_reader *visit, void *context)
{
    struct tracking_reader_entry *entry = tracking->numbers[number];

    visit(context, entry->reader);
    tracking->items--;
    if (--entry->keys == 0)
        remove_reader(tracking, entry);
}

static void forget_numbers(struct tracking *tracking, const struct idset *numbers, visit_reader *visit, void *context)
{
    uint32_t some[READERS_AT_ONCE];
    uint64_t from = 0;
    size_t count;

    do {
        count = idset_read(numbers, from, some, READERS_AT_ONCE);
        for (size_t i = 0; i < count; i++)
            forget_number(tracking, some[i], visit, context);
        from = count > 0 ? (uint64_t)some[count - 1] + 1 : 0;
    } while (count == READERS_AT_ONCE);
}

void tracking_forget(struct tracking *tracking, struct tracked_key *key, visit_reader *visit, void *context)
{
    named_keys_remove(&tracking->keys, &key->named);
    if (key->many) {
        forget_numbers(tracking, key->many, visit, context);
        idset_destroy(key->many);
    } else {
        forget_number(tracking, key->first, visit, context);
    }
    memory_free(tracking->memory, key);
}

/* All at once. */

static void free_key(void *context, void *item)
{
    struct tracking *tracking = context;
    struct tracked_key *key = item;

    if (key->many)
        idset_destroy(key->many);
    memory_free(tracking->memory, key);
}

size_t tracking_reclaim(struct tracking *tracking)
{
    if (tracking->flushed.count == 0)
        return 0;
    tracking->flushed_cursor = table_drain(&tracking->flushed, tracking->flushed_cursor, free_key, tracking);
    return tracking->flushed.count;
}

static void reclaim_all(struct tracking *tracking)
{
    while (tracking_reclaim(tracking) > 0)
        continue;
}

static void free_reader(void *context, void *item)
{
    memory_free(((struct tracking *)context)->memory, item);
}

static void drain_readers(struct tracking *tracking)
{
    uint64_t cursor = 0;

    if (tracking->readers.count == 0)
        return;
    do
        cursor = table_drain(&tracking->readers, cursor, free_reader, tracking);
    while (cursor);
}

void tracking_flush(struct tracking *tracking)
{
    struct memory *memory = tracking->memory;

    if (tracking_is_empty(tracking))
        return;
    reclaim_all(tracking); /* of a flush before this one: seldom is anything left */
    table_deinit(&tracking->flushed);
    drain_readers(tracking);
    table_deinit(&tracking->readers);
    memory_free(memory, tracking->numbers);

    struct table keys = tracking->keys;
    tracking_init(tracking, memory);
    tracking->flushed = keys;
}
