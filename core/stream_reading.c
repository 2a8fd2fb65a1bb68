/* How far a stream's groups have read, and what they still refer to.
 *
 * entries_read counts along all entries that were ever added. It stays exact
 * as long as no entry was deleted out of the middle of what lies ahead; where
 * one was, it is known only at the ends of the stream, and unknown between. */
#include "core/stream_value.h"

struct stream_range stream_group_range(const struct stream *stream, const struct stream_group *group)
{
    struct stream_range range = {.stream = stream, .last = stream_id_greatest(), .first = group->last_id};

    if (!stream_id_increment(&range.first)) {
        range.block = NULL;
        return range;
    }
    if (group->block == NULL || group->shape != stream->shape)
        return stream_range(stream, range.first, range.last, false);
    range.block = group->block;
    range.cursor = stream_cursor_first(range.block);
    const unsigned char *at = range.block->pack + group->offset;
    range.cursor.at = *at == LISTPACK_END ? NULL : at;
    return range;
}

/* Whether an entry was deleted at or after this ID, with entries of the stream before it. */
static bool has_gap_from(const struct stream *stream, struct stream_id id)
{
    if (stream->length == 0 || stream_id_is_zero(stream->max_deleted_id))
        return false;
    if (stream_id_compare(stream->first_id, stream->max_deleted_id) > 0)
        return false;
    return stream_id_compare(id, stream->max_deleted_id) <= 0;
}

int64_t stream_added_until(const struct stream *stream, struct stream_id id)
{
    int to_last = stream_id_compare(id, stream->last_id), to_first = stream_id_compare(id, stream->first_id);

    if (stream->added == 0)
        return 0;
    if (stream->length == 0 && to_last <= 0)
        return (int64_t)stream->added;
    if (!stream_id_is_zero(id) && stream_id_compare(id, stream->max_deleted_id) < 0)
        return STREAM_READ_UNKNOWN;
    if (to_last >= 0)
        return to_last == 0 ? (int64_t)stream->added : STREAM_READ_UNKNOWN;
    if (!stream_id_is_zero(stream->max_deleted_id) && stream_id_compare(stream->max_deleted_id, stream->first_id) >= 0)
        return STREAM_READ_UNKNOWN;
    if (to_first > 0)
        return STREAM_READ_UNKNOWN;
    return (int64_t)(stream->added - stream->length) + (to_first == 0);
}

/* The counter goes along as long as the group stands within the stream and nothing is missing ahead. */
static void count_read(const struct stream *stream, struct stream_group *group, struct stream_id id)
{
    bool exact = group->entries_read != STREAM_READ_UNKNOWN &&
                 stream_id_compare(group->last_id, stream->first_id) >= 0 && !has_gap_from(stream, group->last_id);

    if (exact)
        group->entries_read += group->entries_read < INT64_MAX; /* XGROUP SETID may have said that it is there */
    else if (stream->added > 0)
        group->entries_read = stream_added_until(stream, id);
}

void stream_group_advance(struct stream *stream, struct stream_group *group, const struct stream_range *range,
                          struct stream_id id)
{
    const struct stream_block *block = range->block;
    const unsigned char *at = range->cursor.at;

    count_read(stream, group, id);
    group->last_id = id;
    group->block = block;
    group->offset = at == NULL ? listpack_bytes(block->pack) - 1 : (size_t)(at - block->pack);
    group->shape = stream->shape;
}

void stream_group_set_last_id(struct stream_group *group, struct stream_id id)
{
    group->last_id = id;
    group->block = NULL;
}

bool stream_group_lag(const struct stream *stream, const struct stream_group *group, int64_t *lag)
{
    int64_t read = group->entries_read;

    *lag = 0;
    if (stream->added == 0 || stream->length == 0)
        return true;
    if (stream_id_compare(group->last_id, stream->first_id) < 0 &&
        stream_id_compare(stream->max_deleted_id, stream->first_id) < 0) {
        *lag = (int64_t)stream->length;
        return true;
    }
    if (read == STREAM_READ_UNKNOWN || has_gap_from(stream, group->last_id))
        read = stream_added_until(stream, group->last_id);
    *lag = (int64_t)(stream->added - (uint64_t)read);
    return read != STREAM_READ_UNKNOWN;
}

bool stream_is_given(const struct stream *stream, struct stream_id id)
{
    struct bptree_place place = bptree_first(&stream->groups);

    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place)) {
        const struct stream_group *group = stream_payload(item);

        if (stream_id_compare(group->last_id, id) < 0)
            return false;
    }
    return true;
}

bool stream_is_referenced(const struct stream *stream, struct stream_id id)
{
    struct bptree_place place = bptree_first(&stream->groups);

    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place)) {
        const struct stream_group *group = stream_payload(item);

        if (stream_id_compare(group->last_id, id) < 0 || stream_pending_find(group, id) != NULL)
            return true;
    }
    return false;
}

size_t stream_forget(struct stream *stream, struct stream_id id)
{
    struct bptree_place place = bptree_first(&stream->groups);
    size_t removed = 0;

    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place)) {
        struct stream_group *group = stream_payload(item);
        struct stream_pending *pending = stream_pending_find(group, id);

        if (pending != NULL) {
            stream_pending_remove(group, pending);
            removed++;
        }
    }
    return removed;
}
