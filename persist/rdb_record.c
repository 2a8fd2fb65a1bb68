#include "persist/rdb_record.h"

#include "core/rdb_value.h"

enum outcome { READ, EMPTY, MALFORMED };

static enum outcome read_value(const struct rdb_record *record, struct rdb_loader *loader, struct keyspace *keyspace,
                               struct rdb_value *value)
{
    loader->reader = rdb_reader_of(record->value, RDB_RECORD_STRING_MOST);
    bool is_read = rdb_read_value(loader, record->type, value), is_whole = rdb_left(&loader->reader) == 0;

    if (is_read && is_whole)
        return READ;
    if (is_read)
        rdb_free_value(keyspace, value);
    return loader->is_empty && is_whole ? EMPTY : MALFORMED;
}

const char *rdb_record_put(const struct rdb_record *record, struct rdb_loader *loader, struct keyspace *keyspace,
                           int64_t now_ms, struct entry **entry)
{
    struct key key = key_of(record->name);
    struct rdb_value value;

    *entry = NULL;
    if (record->db >= keyspace_database_count(keyspace))
        return "there are not as many databases";
    if (keyspace_find(keyspace, record->db, key, RDB_BEFORE_ALL_MS) != NULL)
        return "the key is there twice";
    enum outcome outcome = read_value(record, loader, keyspace, &value);
    if (outcome != READ)
        return outcome == EMPTY ? NULL : "the value is malformed";
    *entry = rdb_put_value(keyspace, record->db, key, &value, record->deadline_ms);
    rdb_note_use(*entry, loader->config, now_ms, record->idle_seconds, record->frequency);
    return NULL;
}
