#include "core/hash_access.h"

#include "core/change.h"
#include "core/listpack.h"

static inline void open_entry(struct call *call, struct hash_access *access)
{
    const struct entry *entry = access->entry;

    if (entry == NULL)
        return;
    access->hash = (struct hash){
        .encoding = entry_encoding(entry),
        .value = entry_value(entry),
        .now_ms = call->now_ms,
        .config = &call->core->config,
    };
}

bool hash_open_read(struct call *call, struct hash_access *access)
{
    if (!call_find_read(call, call->argv[1], VALUE_HASH, &access->entry))
        return false;
    open_entry(call, access);
    return true;
}

/* What happens to fields is to be journaled as it happens: those whose time has come go before the command. */
static void expire_due(struct call *call, struct hash_access *access)
{
    struct keyspace *keyspace = call_keyspace(call, call->argv[1]);

    if (access->entry && keyspace_is_journaled(keyspace) &&
        !keyspace_expire_items(keyspace, call->db, access->entry, call->now_ms))
        access->entry = NULL;
}

bool hash_open_write(struct call *call, struct hash_access *access)
{
    if (!call_find_write(call, call->argv[1], VALUE_HASH, &access->entry))
        return false;
    expire_due(call, access);
    open_entry(call, access);
    access->indexed_ms = access->entry ? hash_next_deadline_ms(&access->hash) : -1;
    access->hash.holder = access->entry && entry_holds_value(access->entry) ? access->entry : NULL;
    access->hash.memory = keyspace_memory(call_keyspace(call, call->argv[1]));
    return true;
}

void hash_begin(struct call *call, struct hash_access *access)
{
    if (access->entry == NULL)
        hash_create(&access->hash, access->hash.memory, &call->core->config, call->now_ms);
}

static void add(struct call *call, struct keyspace *keyspace, const struct hash *hash)
{
    struct str name = call->argv[1];

    if (hash_is_empty(hash))
        keyspace_free_value(keyspace, VALUE_HASH, hash->encoding, hash->value);
    else
        keyspace_add_value(keyspace, call->db, call_key(call, name), VALUE_HASH, hash->encoding, hash->value);
}

static void put_back(struct call *call, struct keyspace *keyspace, struct hash_access *access)
{
    const struct hash *hash = &access->hash;

    if (hash->encoding == ENCODING_LISTPACK || entry_holds_value(access->entry)) {
        access->entry = keyspace_put_value(keyspace, call->db, access->entry, hash->encoding, hash->value);
        return;
    }
    entry_set_value(access->entry, hash->encoding, hash->value); /* the same address may be another value's by now */
    if (access->indexed_ms >= 0 || hash_next_deadline_ms(hash) >= 0)
        keyspace_items_changed(keyspace, call->db, access->entry, access->indexed_ms);
}

void hash_close_with(struct call *call, struct hash_access *access, const char *event, const char *second,
                     uint64_t changes)
{
    struct str name = call->argv[1];
    struct keyspace *keyspace = call_keyspace(call, name);
    bool emptied = hash_is_empty(&access->hash);

    keyspace_changed(keyspace, changes);
    if (access->entry == NULL)
        add(call, keyspace, &access->hash);
    else
        put_back(call, keyspace, access);
    if (changes > 0)
        call_changed(call, EVENT_HASH, event, name);
    if (changes > 0 && second != NULL)
        call_event(call, EVENT_HASH, second, name);
    if (access->entry != NULL && emptied)
        call_delete_empty(call, name, access->entry);
}
