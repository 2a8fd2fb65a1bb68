#include "core/waits.h"

#include "core/assert.h"
#include "core/memory.h"

void waits_init(struct waits *waits, struct memory *memory)
{
    *waits = (struct waits){.memory = memory};
    named_keys_init(&waits->keys, memory);
}

void waits_deinit(struct waits *waits)
{
    ASSERT(waits_is_empty(waits));
    table_deinit(&waits->keys);
}

static struct waits_key *add_key(struct waits *waits, int db, struct str name, uint64_t hash)
{
    struct waits_key *key = memory_alloc(waits->memory, sizeof *key + name.length);

    *key = (struct waits_key){.named = {{key->name, name.length}, hash, db}};
    str_copy(key->name, name);
    named_keys_add(&waits->keys, &key->named);
    return key;
}

static void remove_if_unused(struct waits *waits, struct waits_key *key)
{
    if (key->first || key->signalled || key->taken)
        return;
    named_keys_remove(&waits->keys, &key->named);
    memory_free(waits->memory, key);
}

struct waits_ticket *waits_add(struct waits *waits, int db, struct str name, uint64_t hash, void *waiter,
                               bool any_change)
{
    struct waits_key *key = named_keys_find(&waits->keys, db, name, hash);

    if (!key)
        key = add_key(waits, db, name, hash);
    if (key->last && key->last->waiter == waiter)
        return NULL;

    struct waits_ticket *ticket = memory_alloc(waits->memory, sizeof *ticket);

    *ticket = (struct waits_ticket){
        .previous = key->last, .key = key, .waiter = waiter, .tried = key->changes, .any_change = any_change};
    *(key->last ? &key->last->next : &key->first) = ticket;
    key->last = ticket;
    waits->any_changes += any_change && key->any_changes++ == 0;
    return ticket;
}

void waits_remove(struct waits *waits, struct waits_ticket *ticket)
{
    struct waits_key *key = ticket->key;

    *(ticket->previous ? &ticket->previous->next : &key->first) = ticket->next;
    *(ticket->next ? &ticket->next->previous : &key->last) = ticket->previous;
    waits->any_changes -= ticket->any_change && --key->any_changes == 0;
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
    struct waits_key *key = waits_is_empty(waits) ? NULL : named_keys_find(&waits->keys, db, name, hash);

    if (key)
        signal_key(waits, key);
}

static void signal_named(void *waits, struct named_key *named)
{
    signal_key(waits, (struct waits_key *)named);
}

void waits_signal_all(struct waits *waits, int db)
{
    named_keys_each(&waits->keys, db, signal_named, waits);
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
