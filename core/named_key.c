#include "core/named_key.h"

static uint64_t hash_in(int db, uint64_t hash)
{
    return hash ^ (uint64_t)db * 0x9e3779b97f4a7c15u;
}

static uint64_t hash_of(const void *item)
{
    const struct named_key *key = item;

    return hash_in(key->db, key->hash);
}

void named_keys_init(struct table *table, struct memory *memory)
{
    table_init(table, memory, hash_of);
}

void *named_keys_find(const struct table *table, int db, struct str name, uint64_t hash)
{
    struct table_probe probe = table_probe(table, hash_in(db, hash));
    struct named_key *key;

    while ((key = table_probe_next(&probe)) != NULL)
        if (key->db == db && str_equal(key->name, name))
            return key;
    return NULL;
}

void named_keys_add(struct table *table, struct named_key *key)
{
    table_insert(table, hash_of(key), key);
}

void named_keys_remove(struct table *table, struct named_key *key)
{
    struct table_probe probe = table_probe(table, hash_of(key));

    while (table_probe_next(&probe) != key)
        continue;
    table_probe_remove(table, &probe);
}

struct each {
    int db;
    void (*visit)(void *context, struct named_key *key);
    void *context;
};

static void visit(void *context, void *item)
{
    const struct each *each = context;
    struct named_key *key = item;

    if (key->db == each->db)
        each->visit(each->context, key);
}

void named_keys_each(const struct table *table, int db, void (*visit_key)(void *context, struct named_key *key),
                     void *context)
{
    struct each each = {db, visit_key, context};
    uint64_t cursor = 0;

    if (table->count == 0)
        return;
    do
        cursor = table_scan(table, cursor, visit, &each);
    while (cursor);
}
