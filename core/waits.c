#include "core/waits.h"

#include "core/assert.h"
#include "core/memory.h"

/* Databases share one table. */
static uint64_t hash_in(int db, uint64_t hash)
{
    return hash ^ (uint64_t)db * 0x9e3779b97f4a7c15u;
}

static uint64_t hash_of(const void *item)
{
    const struct waits_key *key = item;

    return hash_in(key->db, key->hash);
}

void waits_init(struct waits *waits, struct memory *memory)
{
    *waits = (struct waits){.memory = memory};
    table_init(&waits->keys, memory, hash_of);
}

void waits_deinit(struct waits *waits)
{
    ASSERT(waits_is_empty(waits));
    table_deinit(&waits->keys);
}

static struct waits_key *find(const struct waits *waits, int db, struct str name, uint64_t hash)
{
    struct table_probe probe = table_probe(&waits->keys, hash_in(db, hash));
    struct waits_key *key;

    while ((key = table_probe_next(&probe)) != NULL)
        if (key->db == db && str_equal((struct str){key->name, key->length}, name))
            return key;
    return NULL;
}

static struct waits_key *add_key(struct waits *waits, int db, struct str name, uint64_t hash)
{
    struct waits_key *key = memory_alloc(waits->memory, sizeof *key + name.length);

    *key = (struct waits_key){.hash = hash, .db = db, .length = name.length};
    str_copy(key->name, name);
    table_insert(&waits->keys, hash_in(db, hash), key);
    return key;
}

static void remove_if_unused(struct waits *waits, struct waits_key *key)
{
    struct table_probe probe = table_probe(&waits->keys, hash_of(key));

    if (key->first || key->signalled || key->taken)
        return;
    while (table_probe_next(&probe) != key)
        continue;
    table_probe_remove(&waits->keys, &probe);
    memory_free(waits->memory, key);
}

struct waits_ticket *waits_add(struct waits *waits, int db, struct str name, uint64_t hash, void *waiter,
                               bool any_change)
{
    struct waits_key *key = find(waits, db, name, hash);

    if (!key)
        key = add_key(waits, db, name, hash);
    if (key->last && key->last->waiter == waiter)
        return NULL;

    struct waits_ticket *ticket = memory_alloc(waits->memory, sizeof *ticket);

    *ticket = (struct waits_ticket){
        .previous = key->last, .key = key, .waiter = waiter, .tried = key->changes, .any_change = any_change};
    *(key->last ? &key->last->next : &key->first) = ticket;
    key->last = ticket;
    key->any_changes += any_change;
    return ticket;
}

void waits_remove(struct waits *waits, struct waits_ticket *ticket)
{
    struct waits_key *key = ticket->key;

    *(ticket->previous ? &ticket->previous->next : &key->first) = ticket->next;
    *(ticket->next ? &ticket->next->previous : &key->last) = ticket->previous;
    key->any_changes -= ticket->any_change;
    memory_free(waits->memory, ticket);
    remove_if_unused(waits, key);
}

void waits_resume(struct waits *waits, struct waits_key *key)
{
    if (key->signalled || !key->first)
        return;
    key->signalled = true;
    key->next_signalled = NULL;
    *(waits->signalled ? &waits->last_signalled->next_signalled : &waits->signalled) = key;
    waits->last_signalled = key;
}

static void signal_key(struct waits *waits, struct waits_key *key)
{
    key->changes++;
    waits_resume(waits, key);
}

void waits_signal(struct waits *waits, int db, struct str name, uint64_t hash)
{
    struct waits_key *key = waits_is_empty(waits) ? NULL : find(waits, db, name, hash);

    if (key)
        signal_key(waits, key);
}

struct signal_all {
    struct waits *waits;
    int db;
};

static void visit(void *context, void *item)
{
    const struct signal_all *all = context;

    if (((struct waits_key *)item)->db == all->db)
        signal_key(all->waits, item);
}

void waits_signal_all(struct waits *waits, int db)
{
    struct signal_all all = {waits, db};
    uint64_t cursor = 0;

    if (waits_is_empty(waits))
        return;
    do
        cursor = table_scan(&waits->keys, cursor, visit, &all);
    while (cursor);
}

struct waits_key *waits_take(struct waits *waits)
{
    struct waits_key *key = waits->signalled;

    if (!key)
        return NULL;
    waits->signalled = key->next_signalled;
    key->signalled = false;
    key->taken = true;
    return key;
}

void waits_release(struct waits *waits, struct waits_key *key)
{
    key->taken = false;
    remove_if_unused(waits, key);
}
