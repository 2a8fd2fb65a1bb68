#include "core/rdb_value_types.h"

#include "core/config.h"
#include "core/listpack.h"
#include "core/ziplist.h"

void rdb_loader_init(struct rdb_loader *loader, struct str bytes, struct memory *memory, const struct config *config)
{
    loader->reader = rdb_reader_of(bytes, (size_t)config->proto_max_bulk_len);
    loader->memory = memory;
    loader->config = config;
    loader->is_empty = false;
    buffer_init(&loader->text, memory, NULL, 0);
    buffer_init(&loader->other_text, memory, NULL, 0);
}

void rdb_loader_deinit(struct rdb_loader *loader)
{
    buffer_deinit(&loader->text);
    buffer_deinit(&loader->other_text);
}

bool rdb_read_pack(struct rdb_loader *loader, enum rdb_pack_kind kind, struct rdb_pack *pack)
{
    struct str bytes;

    *pack = (struct rdb_pack){NULL, NULL};
    if (!rdb_read_string(&loader->reader, &loader->text, &bytes))
        return false;
    if (kind == RDB_PACK_LISTPACK)
        pack->pack = listpack_validate(bytes.bytes, bytes.length) ? (const unsigned char *)bytes.bytes : NULL;
    else if (kind == RDB_PACK_ZIPLIST)
        pack->pack = pack->made = ziplist_to_listpack(loader->memory, bytes);
    else
        pack->pack = pack->made = zipmap_to_listpack(loader->memory, bytes);
    return pack->pack != NULL;
}

void rdb_pack_free(struct rdb_loader *loader, struct rdb_pack *pack)
{
    listpack_free(loader->memory, pack->made);
    *pack = (struct rdb_pack){NULL, NULL};
}

static bool read_string(struct rdb_loader *loader, struct rdb_value *value)
{
    *value = (struct rdb_value){.type = VALUE_STRING};
    return rdb_read_string(&loader->reader, &loader->text, &value->string);
}

struct entry *rdb_put_value(struct keyspace *keyspace, int db, struct key key, const struct rdb_value *value,
                            int64_t deadline_ms)
{
    struct entry *entry;

    if (value->value == NULL)
        return keyspace_set_string(keyspace, db, key, value->string, deadline_ms);
    entry = keyspace_add_value(keyspace, db, key, value->type, value->encoding, value->value);
    if (deadline_ms >= 0)
        return keyspace_set_expiry(keyspace, db, entry, deadline_ms);
    keyspace_changed(keyspace, 1);
    return entry;
}

void rdb_note_use(struct entry *entry, const struct config *config, int64_t now_ms, int64_t idle_seconds,
                  int64_t frequency)
{
    bool is_lfu = config_maxmemory_policy_is_lfu(config);

    if (is_lfu && frequency >= 0)
        entry_set_access(entry, access_with_frequency(now_ms, (uint32_t)frequency));
    else if (!is_lfu && idle_seconds >= 0)
        entry_set_access(entry, access_with_idle(now_ms, idle_seconds));
}

void rdb_free_value(struct keyspace *keyspace, const struct rdb_value *value)
{
    if (value->value != NULL)
        keyspace_free_value(keyspace, value->type, value->encoding, value->value);
}

bool rdb_read_value(struct rdb_loader *loader, uint8_t type, struct rdb_value *value)
{
    loader->is_empty = false;
    switch ((enum rdb_type)type) {
    case RDB_STRING:
        return read_string(loader, value);
    case RDB_LIST:
    case RDB_LIST_ZIPLIST:
    case RDB_LIST_QUICKLIST:
    case RDB_LIST_QUICKLIST_2:
        return rdb_read_list(loader, type, value);
    case RDB_SET:
    case RDB_SET_INTSET:
    case RDB_SET_LISTPACK:
        return rdb_read_set(loader, type, value);
    case RDB_ZSET_TEXT:
    case RDB_ZSET:
    case RDB_ZSET_ZIPLIST:
    case RDB_ZSET_LISTPACK:
        return rdb_read_zset(loader, type, value);
    case RDB_HASH:
    case RDB_HASH_ZIPMAP:
    case RDB_HASH_ZIPLIST:
    case RDB_HASH_LISTPACK:
    case RDB_HASH_EXPIRING_EARLY:
    case RDB_HASH_LISTPACK_EXPIRING_EARLY:
    case RDB_HASH_EXPIRING:
    case RDB_HASH_LISTPACK_EXPIRING:
        return rdb_read_hash(loader, type, value);
    case RDB_STREAM:
    case RDB_STREAM_2:
    case RDB_STREAM_3:
        return rdb_read_stream(loader, type, value);
    case RDB_MODULE_EARLY:
    case RDB_MODULE:
        return false;
    }
    return false;
}
