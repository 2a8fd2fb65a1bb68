/* Streams, laid out as rdb_value_write_stream.c says. The first layout lacks
 * what came later: first and deleted IDs, and what was added and read; the third
 * has when each consumer was active, behind when it was seen. */
#include "core/rdb_value_types.h"

#include <endian.h>

#include "core/rdb_stream_pending.h"
#include "core/stream_value.h"

struct loading {
    struct rdb_loader *loader;
    struct rdb_reader *reader; /* the loader's */
    enum rdb_type type;
    struct stream *stream;
};

static bool read_id(struct rdb_reader *reader, struct stream_id *id)
{
    return rdb_read_length(reader, &id->ms) && rdb_read_length(reader, &id->sequence);
}

/* How many there are of what takes at least so many bytes each; may be none. */
static bool read_bounded(struct rdb_reader *reader, size_t least_bytes, uint64_t *count)
{
    return rdb_read_length(reader, count) && *count <= rdb_left(reader) / least_bytes;
}

/* Blocks */

/* Whether the live entries rise, from above the last ID, which becomes that of the last of them, and from the block's
 * first on. */
static bool entries_rise(const struct stream_block *block, bool is_first, struct stream_id *last)
{
    struct stream_cursor cursor = stream_cursor_first(block);
    struct stream_entry entry;

    if (!is_first && stream_id_compare(block->first, *last) <= 0)
        return false;
    for (bool any = false; stream_cursor_next(&cursor, &entry);) {
        if (entry.deleted)
            continue;
        if (stream_id_compare(entry.id, any ? *last : block->first) < (any ? 1 : 0))
            return false;
        *last = entry.id;
        any = true;
    }
    return true;
}

static bool read_first_id(struct loading *loading, struct stream_id *id)
{
    struct str bytes;
    uint64_t raw[2];

    if (!rdb_read_string(loading->reader, &loading->loader->text, &bytes) || bytes.length != sizeof raw)
        return false;
    memcpy(raw, bytes.bytes, sizeof raw);
    *id = (struct stream_id){be64toh(raw[0]), be64toh(raw[1])};
    return true;
}

static bool read_block(struct loading *loading, bool is_first, struct stream_id *last)
{
    struct stream *stream = loading->stream;
    struct stream_block block;
    struct rdb_pack pack;
    uint64_t live;

    if (!read_first_id(loading, &block.first) || !rdb_read_pack(loading->loader, RDB_PACK_LISTPACK, &pack) ||
        !stream_block_validate(pack.pack, &live) || live == 0)
        return false;
    block.pack = (unsigned char *)pack.pack;
    if (!entries_rise(&block, is_first, last))
        return false;
    stream_append_block(stream, block.first, listpack_copy(&stream->memory, pack.pack));
    return true;
}

static bool read_blocks(struct loading *loading, struct stream_id *last)
{
    uint64_t count;

    if (!read_bounded(loading->reader, 1, &count))
        return false;
    for (uint64_t i = 0; i < count; i++)
        if (!read_block(loading, i == 0, last))
            return false;
    return true;
}

/* The stream itself. last: of the live entries. */
static bool read_counts(struct loading *loading, struct stream_id last)
{
    struct stream *stream = loading->stream;
    struct stream_id first;
    uint64_t length;

    if (!rdb_read_length(loading->reader, &length) || length != stream->length ||
        !read_id(loading->reader, &stream->last_id) || stream_id_compare(stream->last_id, last) < 0)
        return false;
    stream->added = length;
    stream_edge_id(stream, false, &stream->first_id);
    if (loading->type == RDB_STREAM)
        return true;
    return read_id(loading->reader, &first) && read_id(loading->reader, &stream->max_deleted_id) &&
           rdb_read_length(loading->reader, &stream->added) && stream->added >= length && stream->added <= INT64_MAX;
}

/* Groups */

static bool read_consumer(struct loading *loading, struct stream_group *group, struct rdb_pending *unowned)
{
    struct rdb_loader *loader = loading->loader;
    int64_t seen_ms, active_ms;
    struct str name;
    uint64_t count;

    if (!rdb_read_string(loading->reader, &loader->text, &name) || stream_consumer_find(group, name) != NULL ||
        !rdb_read_time_ms(loading->reader, &seen_ms) || seen_ms < 0)
        return false;
    active_ms = seen_ms; /* the best guess where it is not known */
    if (loading->type == RDB_STREAM_3 && (!rdb_read_time_ms(loading->reader, &active_ms) || active_ms < -1))
        return false;
    struct stream_consumer *consumer = stream_consumer_add(group, name, seen_ms);
    consumer->active_ms = active_ms;
    if (!read_bounded(loading->reader, RDB_RAW_ID_BYTES, &count))
        return false;
    for (; count > 0; count--)
        if (!rdb_pending_assign(unowned, loading->reader, group, consumer))
            return false;
    return true;
}

/* Every pending entry has a consumer. */
static bool read_consumers(struct loading *loading, struct stream_group *group, struct rdb_pending *unowned)
{
    uint64_t count;

    if (!read_bounded(loading->reader, 1, &count))
        return false;
    for (; count > 0; count--)
        if (!read_consumer(loading, group, unowned))
            return false;
    return group->pending.count == unowned->count;
}

static bool read_entries_read(struct loading *loading, struct stream_group *group)
{
    uint64_t number;

    if (loading->type == RDB_STREAM) {
        group->entries_read = stream_added_until(loading->stream, group->last_id);
        return true;
    }
    if (!rdb_read_length(loading->reader, &number))
        return false;
    group->entries_read = (int64_t)number;
    return group->entries_read >= STREAM_READ_UNKNOWN;
}

static bool read_group(struct loading *loading)
{
    struct stream *stream = loading->stream;
    struct rdb_pending unowned;
    struct stream_id last;
    struct str name;

    if (!rdb_read_string(loading->reader, &loading->loader->text, &name) ||
        stream_groups_find(&stream->groups, name) != NULL || !read_id(loading->reader, &last))
        return false;
    struct stream_group *group = stream_groups_add(&stream->groups, name, last, 0);
    if (!read_entries_read(loading, group) || !rdb_pending_read(&unowned, loading->reader, loading->loader->memory))
        return false;
    bool read = read_consumers(loading, group, &unowned);
    rdb_pending_free(&unowned);
    return read;
}

static bool read_groups(struct loading *loading)
{
    uint64_t count;

    if (!read_bounded(loading->reader, 1, &count))
        return false;
    for (; count > 0; count--)
        if (!read_group(loading))
            return false;
    return true;
}

bool rdb_read_stream(struct rdb_loader *loader, enum rdb_type type, struct rdb_value *value)
{
    struct loading loading = {loader, &loader->reader, type, stream_create(loader->memory)};
    struct stream_id last = {0, 0};

    if (!read_blocks(&loading, &last) || !read_counts(&loading, last) || !read_groups(&loading)) {
        stream_destroy(loader->memory, loading.stream);
        return false;
    }
    *value = (struct rdb_value){VALUE_STREAM, ENCODING_STREAM, .value = loading.stream};
    return true;
}
