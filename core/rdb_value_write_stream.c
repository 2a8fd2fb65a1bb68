/* Streams:
 *
 *     blocks | each: its first ID, as a string | its pack
 *     length | last ID | first ID | greatest deleted ID | entries ever added
 *     groups | each: name | last ID | entries read | pending | consumers
 *     pending: count | each: ID | delivered at | deliveries
 *     consumers: count | each: name | seen at | count of its pending | their IDs
 *
 * IDs are two lengths, but for those of blocks and pending entries: 16 bytes,
 * big-endian. When a consumer was active has no place before version 11. */
#include "core/rdb_value_types.h"

#include <endian.h>

#include "core/rdb_write.h"
#include "core/stream_value.h"

struct raw_id {
    uint64_t ms, sequence; /* big-endian */
};

static struct raw_id raw_id(struct stream_id id)
{
    return (struct raw_id){htobe64(id.ms), htobe64(id.sequence)};
}

static void write_id(struct rdb_writer *writer, struct stream_id id)
{
    rdb_write_length(writer, id.ms);
    rdb_write_length(writer, id.sequence);
}

static void write_raw_id(struct rdb_writer *writer, struct stream_id id)
{
    struct raw_id raw = raw_id(id);

    buffer_append(writer->buffer, &raw, sizeof raw);
}

static void write_block(struct rdb_writer *writer, const struct stream_block *block)
{
    struct raw_id first = raw_id(block->first);

    rdb_write_string(writer, (struct str){(const char *)&first, sizeof first});
    rdb_write_pack(writer, block->pack);
}

static void write_counts(struct rdb_writer *writer, const struct stream *stream)
{
    rdb_write_length(writer, stream->length);
    write_id(writer, stream->last_id);
    write_id(writer, stream->first_id);
    write_id(writer, stream->max_deleted_id);
    rdb_write_length(writer, stream->added);
    rdb_write_length(writer, stream->groups.count);
}

static void write_pending(struct rdb_writer *writer, const struct stream_group *group)
{
    struct bptree_place place = bptree_first(&group->pending);

    rdb_write_length(writer, group->pending.count);
    for (const struct stream_pending *pending; (pending = stream_pending_at(&place)) != NULL; bptree_next(&place)) {
        write_raw_id(writer, pending->id);
        rdb_write_time_ms(writer, pending->delivered_ms);
        rdb_write_length(writer, pending->deliveries);
    }
}

static void write_consumer(struct rdb_writer *writer, const struct stream_consumer *consumer)
{
    struct bptree_place place = bptree_first(&consumer->pending);

    rdb_write_string(writer, stream_consumer_name(consumer));
    rdb_write_time_ms(writer, consumer->seen_ms);
    rdb_write_length(writer, consumer->pending.count);
    for (const struct stream_pending *pending; (pending = stream_pending_at(&place)) != NULL; bptree_next(&place))
        write_raw_id(writer, pending->id);
}

static void write_group(struct rdb_writer *writer, const struct stream_group *group)
{
    struct bptree_place place = bptree_first(&group->consumers);

    rdb_write_string(writer, stream_group_name(group));
    write_id(writer, group->last_id);
    rdb_write_length(writer, (uint64_t)group->entries_read);
    write_pending(writer, group);
    rdb_write_length(writer, group->consumers.count);
    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place))
        write_consumer(writer, stream_payload(item));
}

void rdb_begin_stream(struct rdb_writer *writer, const struct entry *entry)
{
    const struct stream *stream = entry_value(entry);

    rdb_write_length(writer, stream->blocks.count);
}

/* The payload of that rank. */
static const void *payload_at(const struct bptree *tree, size_t rank)
{
    struct bptree_place place = bptree_at_rank(tree, rank);

    return stream_payload(bptree_get(&place));
}

/* Steps: each block, the counts, each group. */
bool rdb_step_stream(struct rdb_writer *writer, struct rdb_value_steps *steps)
{
    const struct stream *stream = entry_value(steps->entry);
    size_t blocks = stream->blocks.count, at = steps->next++;

    if (at < blocks)
        write_block(writer, payload_at(&stream->blocks, at));
    else if (at == blocks)
        write_counts(writer, stream);
    else
        write_group(writer, payload_at(&stream->groups, at - blocks - 1));
    return at < blocks + stream->groups.count;
}
