#include "core/expiry.h"

#include "core/assert.h"

void expiry_init(struct expiry *expiry, struct memory *memory)
{
    *expiry = (struct expiry){.sum_ms = 0};
    bptree_init(&expiry->tree, memory, NULL);
}

void expiry_deinit(struct expiry *expiry)
{
    bptree_deinit(&expiry->tree);
}

size_t expiry_drain(struct expiry *expiry, size_t most)
{
    return bptree_drain(&expiry->tree, most, NULL, NULL);
}

static void take_out(struct expiry *expiry, struct expiry_item item)
{
    uint64_t address = (uintptr_t)item.entry;
    bool was_there = bptree_remove(&expiry->tree, (uint64_t)item.deadline_ms, &address);

    ASSERT(was_there);
    expiry->sum_ms -= (uint64_t)item.deadline_ms;
}

static void put_in(struct expiry *expiry, struct expiry_item item)
{
    uint64_t address = (uintptr_t)item.entry;
    bool is_new = bptree_insert(&expiry->tree, (struct bptree_item){(uint64_t)item.deadline_ms, address}, &address);

    ASSERT(is_new);
    expiry->sum_ms += (uint64_t)item.deadline_ms;
}

void expiry_replace(struct expiry *expiry, struct expiry_item old, struct expiry_item now)
{
    ASSERT(old.deadline_ms >= -1 && now.deadline_ms >= -1);
    if (old.deadline_ms == now.deadline_ms && old.entry == now.entry)
        return;
    if (old.deadline_ms >= 0)
        take_out(expiry, old);
    if (now.deadline_ms >= 0)
        put_in(expiry, now);
}

int64_t expiry_next_ms(const struct expiry *expiry)
{
    if (expiry->tree.count == 0)
        return INT64_MAX;

    struct bptree_place first = bptree_first(&expiry->tree);
    return (int64_t)bptree_get(&first)->order;
}

struct entry *expiry_first(const struct expiry *expiry)
{
    struct bptree_place first = bptree_first(&expiry->tree);
    const struct bptree_item *item = bptree_get(&first);

    ASSERT(item != NULL);
    return (struct entry *)(uintptr_t)item->payload;
}

size_t expiry_count(const struct expiry *expiry)
{
    return expiry->tree.count;
}

int64_t expiry_average_ttl_ms(const struct expiry *expiry, int64_t now_ms)
{
    if (expiry->tree.count == 0)
        return 0;

    int64_t average_ms = (int64_t)(expiry->sum_ms / expiry->tree.count);
    return average_ms > now_ms ? average_ms - now_ms : 0;
}

size_t expiry_bytes(const struct expiry *expiry)
{
    return bptree_bytes(&expiry->tree);
}
