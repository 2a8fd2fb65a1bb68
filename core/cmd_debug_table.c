/* DEBUG HTSTATS, HTSTATS-KEY: how full hash tables are, those of a database and the one of a value. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/hash_table.h"
#include "core/idset.h"
#include "core/set_large.h"
#include "core/table.h"
#include "core/zset_tree.h"

static void append_segments(struct buffer *text, const struct table *table)
{
    buffer_append_format(text, " segments: %zu\n", table_segment_count(table));
    buffer_append_format(text, " bytes of segments and directory: %zu\n", table_bytes(table));
}

static void append_average(struct buffer *text, size_t bytes, size_t count)
{
    if (count > 0)
        buffer_append_format(text, " bytes per element: %.2f\n", (double)bytes / (double)count);
}

static void append_database(struct buffer *text, const struct keyspace *keyspace, int db)
{
    const struct table *table = keyspace_table(keyspace, db);
    size_t bytes = keyspace_overhead_bytes(keyspace, db);

    buffer_append_format(text, " number of elements: %zu\n", table->count);
    buffer_append_format(text, " elements that expire: %zu\n", keyspace_count_expiring(keyspace, db));
    append_segments(text, table);
    buffer_append_format(text, " bytes of the expiry index: %zu\n", bytes - table_bytes(table));
    append_average(text, bytes, table->count);
}

static void append_databases(struct buffer *text, const struct call *call, int db)
{
    struct keyspaces all = call_keyspaces(call);

    for (int i = 0; i < all.count; i++) {
        buffer_append_format(text, "[Table of shard %d]\n", i);
        append_database(text, all.items[i], db);
    }
}

void cmd_debug_htstats(struct call *call)
{
    struct buffer text;
    int64_t db;

    if (!args_integer(call->reply, call->argv[2], &db))
        return;
    if (db < 0 || db >= keyspace_database_count(call->core->keyspace)) {
        reply_error(call->reply, "ERR Out of range database");
        return;
    }
    buffer_init(&text, &call->core->memory, NULL, 0);
    append_databases(&text, call, (int)db);
    reply_verbatim(call->reply, buffer_str(&text), "txt");
    buffer_deinit(&text);
}

/* What a large value's items are found by. */
struct found_by {
    const struct table *table; /* NULL: by none */
    const struct idset *ids;   /* of a set's members those that are integers; else NULL */
};

static struct found_by found_by(const struct entry *entry)
{
    const void *value = entry_has_value(entry) ? entry_value(entry) : NULL;
    enum value_encoding encoding = entry_encoding(entry);

    if (entry_type(entry) == VALUE_ZSET && encoding == ENCODING_TREE)
        return (struct found_by){&((const struct zset_tree *)value)->members, NULL};
    if (entry_type(entry) == VALUE_HASH && encoding == ENCODING_TABLE)
        return (struct found_by){&((const struct hash_table *)value)->records, NULL};
    if (encoding == ENCODING_TABLE || encoding == ENCODING_ROARING)
        return (struct found_by){&((const struct set_large *)value)->strings, ((const struct set_large *)value)->ids};
    return (struct found_by){NULL, NULL};
}

static void reply_figures(struct call *call, struct found_by found_by)
{
    struct buffer text;

    buffer_init(&text, &call->core->memory, NULL, 0);
    buffer_append_format(&text, "[Table of the value]\n");
    buffer_append_format(&text, " number of elements: %zu\n", found_by.table->count);
    append_segments(&text, found_by.table);
    append_average(&text, table_bytes(found_by.table), found_by.table->count);
    if (found_by.ids)
        buffer_append_format(&text, " integers beside the table: %zu\n", idset_count(found_by.ids));
    reply_verbatim(call->reply, buffer_str(&text), "txt");
    buffer_deinit(&text);
}

void cmd_debug_htstats_key(struct call *call)
{
    const struct entry *entry = call_find_any(call, call->argv[2], false);

    if (!entry) {
        reply_error(call->reply, "ERR no such key");
        return;
    }
    struct found_by table = found_by(entry);
    if (table.table)
        reply_figures(call, table);
    else
        reply_error(call->reply, "ERR The value stored at the specified key is not represented using an hash table");
}
