#include "core/rdb_stream_pending.h"

#include <endian.h>

#include "core/memory.h"

enum { ENTRY_BYTES_MIN = RDB_RAW_ID_BYTES + 8 + 1 };

static bool read_id(struct rdb_reader *reader, struct stream_id *id)
{
    uint64_t raw[2];
    struct str bytes;

    if (!rdb_read_bytes(reader, sizeof raw, &bytes))
        return false;
    memcpy(raw, bytes.bytes, sizeof raw);
    *id = (struct stream_id){be64toh(raw[0]), be64toh(raw[1])};
    return true;
}

static bool read_entries(const struct rdb_pending *pending, struct rdb_reader *reader)
{
    for (size_t i = 0; i < pending->count; i++) {
        struct rdb_pending_entry *entry = &pending->entries[i];

        if (!read_id(reader, &entry->id) || !rdb_read_time_ms(reader, &entry->delivered_ms) ||
            entry->delivered_ms < 0 || !rdb_read_length(reader, &entry->deliveries))
            return false;
        if (i > 0 && stream_id_compare(entry[-1].id, entry->id) >= 0)
            return false;
    }
    return true;
}

bool rdb_pending_read(struct rdb_pending *pending, struct rdb_reader *reader, struct memory *memory)
{
    uint64_t count;

    if (!rdb_read_length(reader, &count) || count > rdb_left(reader) / ENTRY_BYTES_MIN)
        return false;
    *pending = (struct rdb_pending){.memory = memory, .count = count};
    if (count > 0)
        pending->entries = memory_alloc(memory, count * sizeof *pending->entries);
    if (read_entries(pending, reader))
        return true;
    rdb_pending_free(pending);
    return false;
}

void rdb_pending_free(struct rdb_pending *pending)
{
    memory_free(pending->memory, pending->entries);
}

static const struct rdb_pending_entry *find(const struct rdb_pending *pending, struct stream_id id)
{
    size_t first = 0, end = pending->count;

    while (first < end) {
        size_t middle = first + (end - first) / 2;
        int order = stream_id_compare(id, pending->entries[middle].id);

        if (order == 0)
            return &pending->entries[middle];
        if (order < 0)
            end = middle;
        else
            first = middle + 1;
    }
    return NULL;
}

bool rdb_pending_assign(const struct rdb_pending *pending, struct rdb_reader *reader, struct stream_group *group,
                        struct stream_consumer *consumer)
{
    const struct rdb_pending_entry *entry;
    struct stream_id id;

    if (!read_id(reader, &id) || (entry = find(pending, id)) == NULL || stream_pending_find(group, id) != NULL)
        return false;
    stream_pending_add(group, consumer, id, entry->delivered_ms)->deliveries = entry->deliveries;
    return true;
}
