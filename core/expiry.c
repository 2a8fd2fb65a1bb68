#include "core/expiry.h"

#include "core/assert.h"

void expiry_init(struct expiry *expiry, struct memory *memory)
{
    *expiry = (struct expiry){.sum_ms = 0};
    bptree_init(&expiry->keys, memory, NULL);
    bptree_init(&expiry->items, memory, NULL);
}

void expiry_deinit(struct expiry *expiry)
{
    bptree_deinit(&expiry->keys);
    bptree_deinit(&expiry->items);
}

size_t expiry_drain(struct expiry *expiry, size_t most)
{
    struct bptree *tree = expiry->keys.count > 0 ? &expiry->keys : &expiry->items;

    bptree_drain(tree, most, NULL, NULL);
    return expiry->keys.count + expiry->items.count;
}

static void take_out(struct bptree *tree, int64_t deadline_ms, uint64_t address)
{
    bool was_there = bptree_remove(tree, (uint64_t)deadline_ms, &address);

    ASSERT(was_there);
}

static void put_in(struct bptree *tree, int64_t deadline_ms, uint64_t address)
{
    bool is_new = bptree_insert(tree, (struct bptree_item){(uint64_t)deadline_ms, address}, &address);

    ASSERT(is_new);
}

static void replace_key(struct expiry *expiry, struct expiry_item old, struct expiry_item now)
{
    if (old.deadline_ms == now.deadline_ms && old.entry == now.entry)
        return;
    if (old.deadline_ms >= 0) {
        take_out(&expiry->keys, old.deadline_ms, (uintptr_t)old.entry);
        expiry->sum_ms -= (uint64_t)old.deadline_ms;
    }
    if (now.deadline_ms >= 0) {
        put_in(&expiry->keys, now.deadline_ms, (uintptr_t)now.entry);
        expiry->sum_ms += (uint64_t)now.deadline_ms;
    }
}

static void replace_items(struct expiry *expiry, struct expiry_item old, struct expiry_item now)
{
    if (old.items_ms == now.items_ms && old.entry == now.entry)
        return;
    if (old.items_ms >= 0)
        take_out(&expiry->items, old.items_ms, (uintptr_t)old.entry);
    if (now.items_ms >= 0)
        put_in(&expiry->items, now.items_ms, (uintptr_t)now.entry);
}

void expiry_replace(struct expiry *expiry, struct expiry_item old, struct expiry_item now)
{
    ASSERT(old.deadline_ms >= -1 && now.deadline_ms >= -1 && old.items_ms >= -1 && now.items_ms >= -1);
    replace_key(expiry, old, now);
    replace_items(expiry, old, now);
}

static const struct bptree_item *first_of(const struct bptree *tree)
{
    struct bptree_place first = bptree_first(tree);

    return bptree_get(&first);
}

/* NULL when there is none. */
static const struct bptree_item *earliest(const struct expiry *expiry)
{
    const struct bptree_item *key = first_of(&expiry->keys), *item = first_of(&expiry->items);

    if (key == NULL || item == NULL)
        return key ? key : item;
    return key->order <= item->order ? key : item;
}

int64_t expiry_next_ms(const struct expiry *expiry)
{
    const struct bptree_item *first = earliest(expiry);

    return first ? (int64_t)first->order : INT64_MAX;
}

struct entry *expiry_first(const struct expiry *expiry)
{
    const struct bptree_item *first = earliest(expiry);

    ASSERT(first != NULL);
    return (struct entry *)(uintptr_t)first->payload;
}

struct entry *expiry_at(const struct expiry *expiry, size_t rank)
{
    struct bptree_place place = bptree_at_rank(&expiry->keys, rank);
    const struct bptree_item *item = bptree_get(&place);

    ASSERT(item != NULL);
    return (struct entry *)(uintptr_t)item->payload;
}

size_t expiry_count(const struct expiry *expiry)
{
    return expiry->keys.count;
}

size_t expiry_count_items(const struct expiry *expiry)
{
    return expiry->items.count;
}

int64_t expiry_average_ttl_ms(const struct expiry *expiry, int64_t now_ms)
{
    if (expiry->keys.count == 0)
        return 0;

    int64_t average_ms = (int64_t)(expiry->sum_ms / expiry->keys.count);
    return average_ms > now_ms ? average_ms - now_ms : 0;
}

size_t expiry_bytes(const struct expiry *expiry)
{
    return bptree_bytes(&expiry->keys) + bptree_bytes(&expiry->items);
}
