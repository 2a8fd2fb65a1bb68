#include "core/zset_call.h"

#include "core/change.h"

struct zset_limits zset_limits(const struct call *call)
{
    const struct config *config = &call->core->config;

    return (struct zset_limits){config->zset_max_listpack_entries, config->zset_max_listpack_value};
}

struct zset zset_of_entry(const struct entry *entry)
{
    if (entry == NULL)
        return (struct zset){.value = NULL};
    return (struct zset){.encoding = entry_encoding(entry), .value = entry_value(entry)};
}

bool zset_read(struct call *call, struct str name, struct zset *zset)
{
    struct entry *entry;

    if (!call_find_read(call, name, VALUE_ZSET, &entry))
        return false;
    *zset = zset_of_entry(entry);
    return true;
}

bool zset_key_open(struct call *call, struct str name, struct zset_key *key)
{
    key->name = name;
    key->keyspace = call_keyspace(call, name);
    if (!call_find_write(call, name, VALUE_ZSET, &key->entry))
        return false;
    key->zset = zset_of_entry(key->entry);
    key->zset.memory = keyspace_memory(key->keyspace);
    return true;
}

void zset_key_fill(struct zset_key *key)
{
    if (key->zset.value == NULL)
        key->zset = zset_create(key->zset.memory);
}

static void put_back(struct call *call, struct zset_key *key)
{
    struct zset *zset = &key->zset;

    if (key->entry != NULL)
        entry_set_value(key->entry, zset->encoding, zset->value);
    else if (zset_count(zset) == 0)
        zset_destroy(zset);
    else
        keyspace_add_value(key->keyspace, call->db, call_key(call, key->name), VALUE_ZSET, zset->encoding, zset->value);
}

void zset_key_close(struct call *call, struct zset_key *key, const char *event, uint64_t changes)
{
    bool emptied = key->entry != NULL && zset_count(&key->zset) == 0;

    keyspace_changed(key->keyspace, changes);
    if (key->zset.value == NULL)
        return;
    put_back(call, key);
    if (changes > 0)
        call_changed(call, EVENT_ZSET, event, key->name);
    if (emptied)
        call_delete_empty(call, key->name, key->entry);
}

struct zset zset_result(struct call *call, struct str name)
{
    return zset_create_tree(keyspace_memory(call_keyspace(call, name)));
}

void zset_store(struct call *call, struct str name, const char *event, struct zset *zset)
{
    struct keyspace *keyspace = call_keyspace(call, name);
    struct zset_limits limits = zset_limits(call);
    size_t count = zset_count(zset);

    reply_integer(call->reply, (int64_t)count);
    if (count == 0) {
        zset_destroy(zset);
        call_delete(call, name);
        return;
    }
    zset_settle(zset, &limits);
    keyspace_set_value(keyspace, call->db, call_key(call, name), VALUE_ZSET, zset->encoding, zset->value);
    keyspace_changed(keyspace, 1);
    call_changed(call, EVENT_ZSET, event, name);
}

void zset_reply_header(struct reply *reply, size_t count, bool with_scores)
{
    reply_array(reply, (int64_t)(with_scores && reply->protocol == 2 ? 2 * count : count));
}

void zset_reply_element(struct reply *reply, const struct zset_element *element, bool with_scores)
{
    if (with_scores && reply->protocol == 3)
        reply_array(reply, 2);
    reply_bulk(reply, element->member);
    if (with_scores)
        reply_double(reply, element->score);
}

void zset_reply_ranks(struct reply *reply, const struct zset *zset, size_t first, size_t count, bool down,
                      bool with_scores)
{
    struct zset_element element;
    struct zset_walk walk;

    zset_reply_header(reply, count, with_scores);
    zset_walk_begin(&walk, zset, first, count, down);
    while (zset_walk_next(&walk, &element))
        zset_reply_element(reply, &element, with_scores);
}
