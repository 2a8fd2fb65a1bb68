#include "core/stream_value.h"

#include "core/assert.h"
#include "core/stream_keep.h"

static int compare_block(const void *wanted, uint64_t stored)
{
    const struct stream_id *id = wanted;
    const struct stream_block *block = (const void *)(uintptr_t)stored;

    return (id->sequence > block->first.sequence) - (id->sequence < block->first.sequence);
}

static struct stream_block *block_at(const struct bptree_place *place)
{
    const struct bptree_item *item = bptree_get(place);

    return item == NULL ? NULL : stream_payload(item);
}

static struct stream_block *first_block(const struct stream *stream)
{
    struct bptree_place place = bptree_first(&stream->blocks);

    return block_at(&place);
}

static struct stream_block *last_block(const struct stream *stream)
{
    struct bptree_place place = bptree_last(&stream->blocks);

    return block_at(&place);
}

/* The block where an entry of this ID would be: the last that begins at or before it. */
static struct stream_block *block_of(const struct stream *stream, struct stream_id id)
{
    if (stream->last == NULL || stream_id_compare(stream->last->first, id) <= 0)
        return stream->last;
    struct bptree_place place = bptree_seek(&stream->blocks, id.ms, &id);
    struct stream_block *block = block_at(&place);
    if (block != NULL && stream_id_compare(block->first, id) == 0)
        return block;
    bptree_previous(&place);
    return block_at(&place);
}

static struct stream_block *neighbour(const struct stream *stream, const struct stream_block *block, bool before)
{
    if (!before && block == stream->last)
        return NULL;
    struct bptree_place place = bptree_seek(&stream->blocks, block->first.ms, &block->first);
    if (before)
        bptree_previous(&place);
    else
        bptree_next(&place);
    return block_at(&place);
}

static inline void keep(struct stream *stream, enum stream_kept_how how, struct stream_block *block)
{
    if (__builtin_expect(stream->keep != NULL, 0))
        stream_keep_note(stream, how, block);
}

/* Adding */

bool stream_next_id(const struct stream *stream, enum stream_id_choice choice, int64_t now_ms, struct stream_id *id)
{
    struct stream_id next = stream->last_id;

    if (choice == STREAM_ID_GIVEN)
        return stream_id_compare(*id, stream->last_id) > 0;
    if (choice == STREAM_ID_AUTOMATIC)
        *id = (struct stream_id){(uint64_t)now_ms, 0};
    if (id->ms > next.ms) {
        id->sequence = 0;
        return true;
    }
    if (choice == STREAM_ID_SEQUENCE_AUTOMATIC && (id->ms < next.ms || next.sequence == UINT64_MAX))
        return false;
    if (!stream_id_increment(&next))
        return false;
    *id = next;
    return true;
}

size_t stream_pairs_bytes(const struct str *pairs, size_t field_count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < 2 * field_count; i++)
        bytes += pairs[i].length;
    return bytes;
}

static void add_block(struct stream *stream, struct stream_block *block)
{
    ASSERT(stream->last == NULL || stream_id_compare(stream->last->first, block->first) < 0);
    bptree_append(&stream->blocks, (struct bptree_item){block->first.ms, (uintptr_t)block});
    stream->last = block;
}

void stream_append(struct stream *stream, struct stream_id id, const struct str *pairs, size_t field_count,
                   const struct stream_limits *limits)
{
    size_t bytes = stream_pairs_bytes(pairs, field_count);

    ASSERT(stream_id_compare(id, stream->last_id) > 0 && bytes <= LISTPACK_BYTES_MAX);
    if (stream->last != NULL)
        keep(stream, STREAM_KEPT_CHANGED, stream->last);
    if (stream->last == NULL || stream_block_is_full(stream->last, bytes, limits)) {
        if (stream->last != NULL)
            stream_block_close(&stream->memory, stream->last);
        add_block(stream, stream_block_create(&stream->memory, id, pairs, field_count));
        keep(stream, STREAM_KEPT_ADDED, stream->last);
    }
    stream->shape += stream_block_append(&stream->memory, stream->last, id, pairs, field_count, limits);
    stream->last_id = id;
    stream->added += stream->added < INT64_MAX; /* XSETID may have said that it is there */
    if (stream->length++ == 0)
        stream->first_id = id;
}

void stream_append_block(struct stream *stream, struct stream_id first, unsigned char *pack)
{
    add_block(stream, stream_block_adopt(&stream->memory, first, pack));
    stream->length += stream_block_live(stream->last);
}

/* Removing */

static void remove_block(struct stream *stream, struct stream_block *block)
{
    bool was_there = bptree_remove(&stream->blocks, block->first.ms, &block->first);

    ASSERT(was_there);
    stream->last = last_block(stream);
    if (__builtin_expect(stream->keep != NULL, 0))
        stream_keep_note(stream, STREAM_KEPT_TAKEN, block);
    else
        stream_block_destroy(&stream->memory, block);
    stream->shape++;
}

/* Whether all of a block is to go. */
static bool covers_block(const struct stream *stream, const struct stream_trim *trim, const struct stream_block *block)
{
    struct stream_cursor cursor;
    struct stream_entry entry;

    if (!trim->by_id)
        return stream->length - stream_block_live(block) >= trim->max_length;
    cursor = stream_cursor_end(block);
    return stream_cursor_previous(&cursor, &entry) && stream_id_compare(entry.id, trim->min_id) < 0;
}

/* Whether the groups have no say in what goes, nor are to hear of it. */
static bool leaves_groups(const struct stream *stream, const struct stream_trim *trim)
{
    return trim->references < STREAM_REFERENCES_DELETE || stream->groups.count == 0;
}

/* False: the entry stays. */
static bool let_go(struct stream *stream, const struct stream_trim *trim, struct stream_id id)
{
    if (trim->references == STREAM_REFERENCES_ACKED)
        return !stream_is_referenced(stream, id);
    if (trim->references == STREAM_REFERENCES_DELETE)
        stream_forget(stream, id);
    return true;
}

/* Flags entries of a block, from its first on; returns how many. */
static uint64_t trim_within(struct stream *stream, const struct stream_trim *trim, struct stream_block *block)
{
    struct stream_cursor cursor = stream_cursor_first(block);
    struct stream_entry entry;
    uint64_t removed = 0;

    while (stream_cursor_next(&cursor, &entry)) {
        if (trim->by_id ? stream_id_compare(entry.id, trim->min_id) >= 0 : stream->length <= trim->max_length)
            break;
        if (entry.deleted || !let_go(stream, trim, entry.id))
            continue;
        size_t offset = cursor.at == NULL ? 0 : listpack_bytes(block->pack) - (size_t)(cursor.at - block->pack);
        keep(stream, STREAM_KEPT_CHANGED, block);
        uint64_t live = stream_block_delete(&stream->memory, block, &entry);
        stream->length--;
        stream->shape++;
        removed++;
        if (live == 0) {
            remove_block(stream, block);
            break;
        }
        bool ended = cursor.at == NULL;
        cursor = stream_cursor_first(block);
        cursor.at = ended ? NULL : block->pack + listpack_bytes(block->pack) - offset;
    }
    return removed;
}

/* Returns how many entries went. */
static uint64_t trim_block(struct stream *stream, const struct stream_trim *trim, struct stream_block *block,
                           bool whole)
{
    uint64_t live = stream_block_live(block);

    if (!whole || !leaves_groups(stream, trim))
        return trim_within(stream, trim, block);
    remove_block(stream, block);
    stream->length -= live;
    return live;
}

/* Whether nothing from this block on is to go. */
static bool ends_at(const struct stream *stream, const struct stream_trim *trim, const struct stream_block *block)
{
    if (!trim->by_id && stream->length <= trim->max_length)
        return true;
    return trim->references == STREAM_REFERENCES_ACKED && !stream_is_given(stream, block->first);
}

static uint64_t trim_blocks(struct stream *stream, const struct stream_trim *trim)
{
    struct stream_block *block = first_block(stream), *next;
    uint64_t removed = 0;

    for (; block != NULL && !ends_at(stream, trim, block); block = next) {
        bool whole = covers_block(stream, trim, block);

        if (trim->limit > 0 && removed + stream_block_live(block) > trim->limit)
            break;
        if (!whole && trim->approximate)
            break;
        next = whole || !trim->by_id ? neighbour(stream, block, false) : NULL;
        removed += trim_block(stream, trim, block, whole);
    }
    return removed;
}

uint64_t stream_trim(struct stream *stream, const struct stream_trim *trim)
{
    uint64_t removed = trim_blocks(stream, trim);

    if (removed > 0)
        stream_edge_id(stream, false, &stream->first_id);
    return removed;
}

enum { PART_BLOCKS = 256 }; /* so many are freed at once */

/* How many blocks at the end stay, in whole or in part, if less than `most`; else any number from `most` on. */
static size_t count_staying(const struct stream *stream, const struct stream_trim *trim, size_t most)
{
    struct bptree_place place = bptree_last(&stream->blocks);
    const struct stream_block *block;
    uint64_t entries = 0;
    size_t count = 0;

    for (; count < most && (block = block_at(&place)) != NULL; count++, bptree_previous(&place)) {
        if (trim->by_id ? covers_block(stream, trim, block) : entries >= trim->max_length)
            break;
        entries += stream_block_live(block);
    }
    return count;
}

static void move_blocks(struct stream *from, size_t first, struct stream *to)
{
    struct bptree_place place = bptree_at_rank(&from->blocks, first);
    size_t count = from->blocks.count - first;

    for (struct stream_block *block; (block = block_at(&place)) != NULL; bptree_next(&place)) {
        memory_recharge(&from->memory, &to->memory, block);
        memory_recharge(&from->memory, &to->memory, block->pack);
        add_block(to, block);
        to->length += stream_block_live(block);
    }
    bptree_remove_ranks(&from->blocks, first, count, NULL, NULL);
}

static void move_groups(struct stream *from, struct stream *to)
{
    while (from->groups.count > 0) {
        struct bptree_place place = bptree_last(&from->groups);

        stream_groups_move(&from->groups, stream_payload(bptree_get(&place)), &to->groups);
    }
}

struct stream *stream_part(struct stream *stream, const struct stream_trim *trim)
{
    size_t half = stream->blocks.count / 2;

    if (half < PART_BLOCKS || stream->keep != NULL || trim->limit > 0 || stream->groups.count > half ||
        !leaves_groups(stream, trim))
        return NULL;
    size_t staying = count_staying(stream, trim, half);
    if (staying >= half)
        return NULL;
    struct stream *rest = stream_create(stream->memory.parent);
    move_blocks(stream, stream->blocks.count - staying, rest);
    move_groups(stream, rest);
    rest->added = stream->added;
    rest->last_id = stream->last_id;
    rest->max_deleted_id = stream->max_deleted_id;
    rest->shape = stream->shape + 1; /* where the groups stand is to be found anew */
    stream_edge_id(rest, false, &rest->first_id);
    return rest;
}

bool stream_delete(struct stream *stream, struct stream_id id)
{
    struct stream_entry entry;

    if (!stream_find(stream, id, &entry))
        return false;
    struct stream_block *block = block_of(stream, id);
    keep(stream, STREAM_KEPT_CHANGED, block);
    if (stream_block_delete(&stream->memory, block, &entry) == 0)
        remove_block(stream, block);
    stream->length--;
    stream->shape++;
    if (stream_id_compare(id, stream->max_deleted_id) > 0)
        stream->max_deleted_id = id;
    if (stream->length == 0 || stream_id_compare(id, stream->first_id) == 0)
        stream_edge_id(stream, false, &stream->first_id);
    return true;
}

/* Reading */

struct stream_range stream_range(const struct stream *stream, struct stream_id first, struct stream_id last,
                                 bool reverse)
{
    struct stream_range range = {.stream = stream, .first = first, .last = last, .reverse = reverse};

    range.block = block_of(stream, reverse ? last : first);
    if (range.block == NULL && !reverse)
        range.block = first_block(stream);
    if (range.block != NULL)
        range.cursor = reverse ? stream_cursor_end(range.block) : stream_cursor_first(range.block);
    return range;
}

/* The next entry of the block, deleted or not. */
static bool step(struct stream_range *range, struct stream_entry *entry)
{
    return range->reverse ? stream_cursor_previous(&range->cursor, entry) : stream_cursor_next(&range->cursor, entry);
}

/* To the next block. A cursor at the end of the last one stays there, where more entries will come. */
static bool enter_neighbour(struct stream_range *range)
{
    const struct stream_block *next = neighbour(range->stream, range->block, range->reverse);

    if (next == NULL)
        return false;
    range->block = next;
    range->cursor = range->reverse ? stream_cursor_end(next) : stream_cursor_first(next);
    return true;
}

/* Only a live entry outside the range ends it: deleted ones may be out of order. */
bool stream_range_next(struct stream_range *range, struct stream_entry *entry)
{
    while (range->block != NULL) {
        if (!step(range, entry)) {
            if (!enter_neighbour(range))
                return false;
            continue;
        }
        if (entry->deleted)
            continue;
        int to_first = stream_id_compare(entry->id, range->first), to_last = stream_id_compare(entry->id, range->last);
        if (to_first >= 0 && to_last <= 0)
            return true;
        if (range->reverse ? to_first < 0 : to_last > 0)
            range->block = NULL;
    }
    return false;
}

struct stream_fields stream_fields(const struct stream_entry *entry)
{
    bool own_names = entry->names == NULL;

    return (struct stream_fields){
        .name = own_names ? entry->values : entry->names,
        .value = own_names ? NULL : entry->values,
        .left = entry->field_count,
        .own_names = own_names,
    };
}

bool stream_fields_next(struct stream_fields *fields, struct listpack_value *name, struct listpack_value *value)
{
    if (fields->left == 0)
        return false;
    fields->left--;
    *name = listpack_get(fields->name);
    fields->name += listpack_element_bytes(fields->name);
    const unsigned char **at = fields->own_names ? &fields->name : &fields->value;
    *value = listpack_get(*at);
    *at += listpack_element_bytes(*at);
    return true;
}

bool stream_find(const struct stream *stream, struct stream_id id, struct stream_entry *entry)
{
    const struct stream_block *block = block_of(stream, id);

    if (block == NULL)
        return false;
    struct stream_cursor cursor = stream_cursor_first(block);
    while (stream_cursor_next(&cursor, entry))
        if (!entry->deleted && stream_id_compare(entry->id, id) == 0)
            return true;
    return false;
}

bool stream_edge_id(const struct stream *stream, bool last, struct stream_id *id)
{
    struct stream_range range = stream_range(stream, (struct stream_id){0, 0}, stream_id_greatest(), last);
    struct stream_entry entry;
    bool found = stream_range_next(&range, &entry);

    *id = found ? entry.id : (struct stream_id){0, 0};
    return found;
}

/* To the keyspace */

enum { GROUP_ITEM_BYTES = 48, PAGE_BYTES = 16 * 1024 };

struct stream *stream_create(struct memory *memory)
{
    struct stream *stream = (struct stream *)(void *)memory_alloc_account(memory, sizeof *stream);

    memory_init(&stream->group_memory, &stream->memory);
    bptree_init(&stream->blocks, &stream->memory, compare_block);
    stream_groups_init(&stream->groups, &stream->group_memory);
    return stream;
}

static size_t stream_items(const void *value)
{
    const struct stream *stream = value;

    return 1 + stream->blocks.count + stream->memory.used_bytes / PAGE_BYTES +
           stream->group_memory.used_bytes / GROUP_ITEM_BYTES;
}

/* Returns how many of `most` are left. */
static size_t drain_blocks(struct stream *stream, size_t most)
{
    while (most > 0 && stream->blocks.count > 0) {
        struct stream_block *block = last_block(stream);
        size_t cost = 1 + listpack_bytes(block->pack) / PAGE_BYTES;

        bptree_take_rank(&stream->blocks, stream->blocks.count - 1);
        stream_block_destroy(&stream->memory, block);
        most -= cost < most ? cost : most;
    }
    return most;
}

static size_t stream_drain(struct memory *memory, void *value, size_t most)
{
    struct stream *stream = value;

    most = drain_blocks(stream, most);
    while (most > 0 && stream->groups.count > 0)
        most = stream_groups_drain_last(&stream->groups, most);
    if (most == 0)
        return stream_items(stream);
    bptree_deinit(&stream->blocks);
    bptree_deinit(&stream->groups);
    memory_free(&stream->memory, stream);
    return 0;
}

void stream_destroy(struct memory *memory, struct stream *stream)
{
    value_destroy(&stream_kind, memory, stream);
}

static void copy_blocks(struct stream *to, const struct stream *from)
{
    struct bptree_place place = bptree_first(&from->blocks);

    for (const struct stream_block *block; (block = block_at(&place)) != NULL; bptree_next(&place))
        stream_append_block(to, block->first, listpack_copy(&to->memory, block->pack));
}

static void *stream_copy(struct memory *memory, const void *value)
{
    const struct stream *stream = value;
    struct stream *copy = stream_create(memory);

    copy_blocks(copy, stream);
    stream_groups_copy(&copy->groups, &stream->groups);
    copy->added = stream->added;
    copy->first_id = stream->first_id;
    copy->last_id = stream->last_id;
    copy->max_deleted_id = stream->max_deleted_id;
    return copy;
}

const struct value_kind stream_kind = {
    .name = "stream",
    .real_name = "stream",
    .copy = stream_copy,
    .bytes = value_account_bytes,
    .items = stream_items,
    .drain = stream_drain,
    .rehome = value_account_rehome,
};
