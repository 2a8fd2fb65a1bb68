/* Lists: elements one after the other, or in nodes that are packs. */
#include "core/rdb_value_types.h"

#include "core/list_value.h"

struct loading {
    struct rdb_loader *loader;
    struct list_loading list;
};

static bool read_element(struct loading *loading)
{
    struct rdb_loader *loader = loading->loader;
    struct str text;

    if (!rdb_read_string(&loader->reader, &loader->text, &text))
        return false;
    list_load_text(&loading->list, text);
    return true;
}

/* An empty pack is no harm: some versions of Redis wrote such. */
static bool read_pack(struct loading *loading, enum rdb_pack_kind kind)
{
    struct rdb_pack pack;

    if (!rdb_read_pack(loading->loader, kind, &pack))
        return false;
    list_load_pack(&loading->list, pack.pack);
    rdb_pack_free(loading->loader, &pack);
    return true;
}

static bool read_node(struct loading *loading)
{
    uint64_t kind;

    if (!rdb_read_length(&loading->loader->reader, &kind))
        return false;
    if (kind == RDB_NODE_PLAIN)
        return read_element(loading);
    return kind == RDB_NODE_PACKED && read_pack(loading, RDB_PACK_LISTPACK);
}

static bool read_part(struct loading *loading, enum rdb_type type)
{
    if (type == RDB_LIST)
        return read_element(loading);
    return type == RDB_LIST_QUICKLIST_2 ? read_node(loading) : read_pack(loading, RDB_PACK_ZIPLIST);
}

static bool read_parts(struct loading *loading, enum rdb_type type)
{
    uint64_t count = 1;

    if (type != RDB_LIST_ZIPLIST && !rdb_read_count(&loading->loader->reader, &count))
        return false;
    for (; count > 0; count--)
        if (!read_part(loading, type))
            return false;
    loading->loader->is_empty = list_load_count(&loading->list) == 0;
    return !loading->loader->is_empty;
}

bool rdb_read_list(struct rdb_loader *loader, enum rdb_type type, struct rdb_value *value)
{
    struct loading loading = {.loader = loader};
    bool read;

    list_load_begin(&loading.list, loader->memory, loader->config);
    read = read_parts(&loading, type);
    *value = (struct rdb_value){.type = VALUE_LIST};
    value->value = list_load_end(&loading.list, &value->encoding);
    if (!read)
        value_destroy(value_kind_of(VALUE_LIST, value->encoding), loader->memory, value->value);
    return read;
}
