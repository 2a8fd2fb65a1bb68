#include "core/stream_group.h"

#include "core/assert.h"

/* Orders */

static int compare_pending(const void *wanted, uint64_t stored)
{
    const struct stream_id *id = wanted;
    const struct stream_pending *pending = (const void *)(uintptr_t)stored;

    return (id->sequence > pending->id.sequence) - (id->sequence < pending->id.sequence);
}

static int compare_id(const void *wanted, uint64_t stored)
{
    const struct stream_pending *pending = (const void *)(uintptr_t)stored;

    return stream_id_compare(*(const struct stream_id *)wanted, pending->id);
}

static int compare_group(const void *wanted, uint64_t stored)
{
    return str_compare(*(const struct str *)wanted, stream_group_name((const void *)(uintptr_t)stored));
}

static int compare_consumer(const void *wanted, uint64_t stored)
{
    return str_compare(*(const struct str *)wanted, stream_consumer_name((const void *)(uintptr_t)stored));
}

/* The first eight bytes, so that most names are told apart without reading them where they lie. */
static uint64_t name_order(struct str name)
{
    uint64_t order = 0;

    for (size_t i = 0; i < sizeof order; i++)
        order = order << 8 | (i < name.length ? (unsigned char)name.bytes[i] : 0);
    return order;
}

/* Unsigned order is numeric order. */
static uint64_t time_order(int64_t ms)
{
    return (uint64_t)ms ^ (uint64_t)1 << 63;
}

static void *find_named(const struct bptree *tree, struct str name)
{
    uint64_t order = name_order(name);
    struct bptree_place place = bptree_seek(tree, order, &name);
    const struct bptree_item *item = bptree_get(&place);

    if (item == NULL || item->order != order || tree->tie(&name, item->payload) != 0)
        return NULL;
    return stream_payload(item);
}

static void insert_named(struct bptree *tree, struct str name, void *payload)
{
    struct bptree_item item = {name_order(name), (uintptr_t)payload};
    bool is_new = bptree_insert(tree, item, &name);

    ASSERT(is_new);
}

static void remove_item(struct bptree *tree, uint64_t order, const void *wanted)
{
    bool was_there = bptree_remove(tree, order, wanted);

    ASSERT(was_there);
}

/* Groups */

void stream_groups_init(struct bptree *groups, struct memory *memory)
{
    bptree_init(groups, memory, compare_group);
}

struct stream_group *stream_groups_find(const struct bptree *groups, struct str name)
{
    return find_named(groups, name);
}

struct stream_group *stream_groups_add(struct bptree *groups, struct str name, struct stream_id last_id,
                                       int64_t entries_read)
{
    struct stream_group *group = (void *)memory_alloc_account(groups->memory, sizeof *group + name.length);

    group->last_id = last_id;
    group->entries_read = entries_read;
    bptree_init(&group->pending, &group->memory, compare_pending);
    bptree_init(&group->by_time, &group->memory, compare_id);
    bptree_init(&group->consumers, &group->memory, compare_consumer);
    group->name_length = name.length;
    str_copy(group->name, name);
    insert_named(groups, name, group);
    return group;
}

static void free_pending(void *context, struct bptree_item item)
{
    memory_free(context, (void *)(uintptr_t)item.payload);
}

static struct stream_consumer *last_consumer(const struct stream_group *group)
{
    struct bptree_place place = bptree_last(&group->consumers);

    return stream_payload(bptree_get(&place));
}

/* Consumers go first: their trees only point to pending entries. Returns how many of `most` are left. */
static size_t drain_consumers(struct stream_group *group, size_t most)
{
    while (most > 0 && group->consumers.count > 0) {
        struct stream_consumer *consumer = last_consumer(group);
        size_t before = consumer->pending.count, freed = before - bptree_drain(&consumer->pending, most, NULL, NULL);

        most -= freed < most ? freed : most;
        if (consumer->pending.count > 0 || most == 0)
            continue;
        bptree_deinit(&consumer->pending);
        bptree_take_rank(&group->consumers, group->consumers.count - 1);
        memory_free(&group->memory, consumer);
        most--;
    }
    return most;
}

/* Returns how many of `most` are left. */
static size_t drain_tree(struct bptree *tree, size_t most, bptree_drop *drop)
{
    size_t before = tree->count;

    if (most == 0 || before == 0)
        return most;
    size_t freed = before - bptree_drain(tree, most, drop, tree->memory);
    return freed < most ? most - freed : 0;
}

size_t stream_groups_drain_last(struct bptree *groups, size_t most)
{
    struct bptree_place place = bptree_last(groups);
    struct stream_group *group = stream_payload(bptree_get(&place));

    most = drain_consumers(group, most);
    most = drain_tree(&group->by_time, most, NULL);
    most = drain_tree(&group->pending, most, free_pending);
    if (most == 0 || stream_group_items(group) > 0)
        return 0;
    bptree_deinit(&group->consumers);
    bptree_deinit(&group->by_time);
    bptree_deinit(&group->pending);
    bptree_take_rank(groups, groups->count - 1);
    memory_free(&group->memory, group);
    return most - 1;
}

size_t stream_group_items(const struct stream_group *group)
{
    return group->consumers.count + 2 * group->pending.count + group->by_time.count;
}

void stream_groups_move(struct bptree *from, struct stream_group *group, struct bptree *to)
{
    struct str name = stream_group_name(group);

    remove_item(from, name_order(name), &name);
    memory_move_account(&group->memory, to->memory);
    insert_named(to, name, group);
}

/* Copying */

static void copy_consumer(struct stream_group *to, const struct stream_consumer *from)
{
    struct stream_consumer *consumer = stream_consumer_add(to, stream_consumer_name(from), from->seen_ms);
    struct bptree_place place = bptree_first(&from->pending);

    consumer->active_ms = from->active_ms;
    for (const struct stream_pending *pending; (pending = stream_pending_at(&place)) != NULL; bptree_next(&place))
        stream_pending_add(to, consumer, pending->id, pending->delivered_ms)->deliveries = pending->deliveries;
}

/* In place of the group, or in another stream. but_one may be NULL. */
static void copy_group(struct bptree *to, const struct stream_group *group, const struct stream_consumer *but_one)
{
    struct stream_group *copy = stream_groups_add(to, stream_group_name(group), group->last_id, group->entries_read);
    struct bptree_place place = bptree_first(&group->consumers);

    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place))
        if (stream_payload(item) != but_one)
            copy_consumer(copy, stream_payload(item));
    if (group->is_timed)
        stream_group_keep_times(copy);
}

void stream_groups_copy(struct bptree *to, const struct bptree *from)
{
    struct bptree_place place = bptree_first(from);

    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place))
        copy_group(to, stream_payload(item), NULL);
}

void stream_groups_move_consumer(struct bptree *from, struct stream_group *group,
                                 const struct stream_consumer *consumer, struct bptree *to)
{
    stream_groups_move(from, group, to);
    copy_group(from, group, consumer);
}

/* Consumers */

struct stream_consumer *stream_consumer_find(const struct stream_group *group, struct str name)
{
    return find_named(&group->consumers, name);
}

struct stream_consumer *stream_consumer_add(struct stream_group *group, struct str name, int64_t now_ms)
{
    struct stream_consumer *consumer = memory_alloc(&group->memory, sizeof *consumer + name.length);

    bptree_init(&consumer->pending, &group->memory, compare_pending);
    consumer->seen_ms = now_ms;
    consumer->active_ms = -1;
    consumer->name_length = name.length;
    str_copy(consumer->name, name);
    insert_named(&group->consumers, name, consumer);
    return consumer;
}

void stream_consumer_remove(struct stream_group *group, struct stream_consumer *consumer)
{
    struct str name = stream_consumer_name(consumer);
    struct bptree_place place = bptree_first(&consumer->pending);

    for (struct stream_pending *pending; (pending = stream_pending_at(&place)) != NULL; bptree_next(&place)) {
        remove_item(&group->pending, pending->id.ms, &pending->id);
        if (group->is_timed)
            remove_item(&group->by_time, time_order(pending->delivered_ms), &pending->id);
    }
    bptree_drain(&consumer->pending, SIZE_MAX, free_pending, &group->memory);
    bptree_deinit(&consumer->pending);
    remove_item(&group->consumers, name_order(name), &name);
    memory_free(&group->memory, consumer);
}

/* Pending entries */

struct bptree_place stream_pending_seek(const struct bptree *pending, struct stream_id id)
{
    return bptree_seek(pending, id.ms, &id);
}

struct stream_pending *stream_pending_at(const struct bptree_place *place)
{
    const struct bptree_item *item = bptree_get(place);

    return item == NULL ? NULL : stream_payload(item);
}

struct stream_pending *stream_pending_find(const struct stream_group *group, struct stream_id id)
{
    struct bptree_place place = stream_pending_seek(&group->pending, id);
    struct stream_pending *pending = stream_pending_at(&place);

    return pending != NULL && stream_id_compare(pending->id, id) == 0 ? pending : NULL;
}

/* Entries are mostly delivered in order: those that come last need no search. */
static void insert_pending(struct bptree *tree, struct stream_pending *pending)
{
    struct bptree_item item = {pending->id.ms, (uintptr_t)pending};
    struct bptree_place place = bptree_last(tree);
    const struct stream_pending *last = stream_pending_at(&place);

    if (last == NULL || stream_id_compare(last->id, pending->id) < 0) {
        bptree_append(tree, item);
        return;
    }
    bool is_new = bptree_insert(tree, item, &pending->id);
    ASSERT(is_new);
}

static void insert_timed(struct stream_group *group, struct stream_pending *pending)
{
    struct bptree_item item = {time_order(pending->delivered_ms), (uintptr_t)pending};
    bool is_new = bptree_insert(&group->by_time, item, &pending->id);

    ASSERT(is_new);
}

struct stream_pending *stream_pending_add(struct stream_group *group, struct stream_consumer *consumer,
                                          struct stream_id id, int64_t delivered_ms)
{
    struct stream_pending *pending = memory_alloc(&group->memory, sizeof *pending);

    *pending = (struct stream_pending){id, consumer, delivered_ms, 1};
    insert_pending(&group->pending, pending);
    insert_pending(&consumer->pending, pending);
    if (group->is_timed)
        insert_timed(group, pending);
    return pending;
}

void stream_pending_remove(struct stream_group *group, struct stream_pending *pending)
{
    remove_item(&group->pending, pending->id.ms, &pending->id);
    remove_item(&pending->consumer->pending, pending->id.ms, &pending->id);
    if (group->is_timed)
        remove_item(&group->by_time, time_order(pending->delivered_ms), &pending->id);
    memory_free(&group->memory, pending);
}

void stream_pending_assign(struct stream_pending *pending, struct stream_consumer *consumer)
{
    if (pending->consumer == consumer)
        return;
    remove_item(&pending->consumer->pending, pending->id.ms, &pending->id);
    pending->consumer = consumer;
    insert_pending(&consumer->pending, pending);
}

void stream_pending_set_time(struct stream_group *group, struct stream_pending *pending, int64_t delivered_ms)
{
    if (!group->is_timed) {
        pending->delivered_ms = delivered_ms;
        return;
    }
    remove_item(&group->by_time, time_order(pending->delivered_ms), &pending->id);
    pending->delivered_ms = delivered_ms;
    insert_timed(group, pending);
}

void stream_group_keep_times(struct stream_group *group)
{
    struct bptree_place place = bptree_first(&group->pending);

    if (group->is_timed)
        return;
    group->is_timed = true;
    for (struct stream_pending *pending; (pending = stream_pending_at(&place)) != NULL; bptree_next(&place))
        insert_timed(group, pending);
}

const struct stream_pending *stream_group_next_delivered(const struct stream_group *group, int64_t ms)
{
    struct bptree_place place;

    if (ms == INT64_MAX)
        return NULL;
    place = bptree_seek(&group->by_time, time_order(ms + 1), &(struct stream_id){0, 0});
    return stream_pending_at(&place);
}
