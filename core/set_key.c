#include "core/set_key.h"

#include "core/assert.h"
#include "core/change.h"

bool set_key_read(struct call *call, struct str name, struct set_value *set)
{
    struct entry *entry;

    if (!call_find_read(call, name, VALUE_SET, &entry))
        return false;
    *set = set_value_of(entry);
    return true;
}

bool set_key_open(struct call *call, struct str name, struct set_key *key)
{
    key->name = name;
    if (!call_find_write(call, name, VALUE_SET, &key->entry))
        return false;
    key->keyspace = call_keyspace(call, name);
    key->set = set_value_of(key->entry);
    key->set.memory = keyspace_memory(key->keyspace);
    key->set.config = &call->core->config;
    return true;
}

void set_key_prepare(struct call *call, struct set_key *key, const struct set_member *first, size_t expected)
{
    if (key->entry == NULL)
        key->set = set_value_create_for(key->set.memory, key->set.config, first, expected);
    else
        set_value_expect(&key->set, expected);
}

static void put_back(struct call *call, struct set_key *key)
{
    if (key->entry == NULL)
        key->entry = keyspace_add_value(key->keyspace, call->db, call_key(call, key->name), VALUE_SET,
                                        key->set.encoding, key->set.value);
    else if (key->set.value != entry_value(key->entry) || key->set.encoding != entry_encoding(key->entry))
        entry_set_value(key->entry, key->set.encoding, key->set.value);
}

void set_key_close(struct call *call, struct set_key *key, const char *event, uint64_t changes)
{
    ASSERT(key->set.value != NULL);
    keyspace_changed(key->keyspace, changes);
    put_back(call, key);
    if (changes > 0)
        call_changed(call, EVENT_SET, event, key->name);
    if (set_value_count(&key->set) > 0)
        return;
    call_delete_empty(call, key->name, key->entry);
    key->entry = NULL;
}

bool set_reply_member(void *context, const struct set_member *member)
{
    char digits[NUMBER_TEXT_MAX];

    reply_bulk(context, set_member_text(member, digits));
    return true;
}
