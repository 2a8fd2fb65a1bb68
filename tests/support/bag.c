#include "tests/support/bag.h"

#include "core/assert.h"

struct bag_node {
    struct bag_node *next; /* the one added before */
    uint64_t number;
};

void bag_add(struct bag *bag, uint64_t number)
{
    struct bag_node *node = memory_alloc(&bag->memory, sizeof(*node));

    *node = (struct bag_node){bag->first, number};
    bag->first = node;
    bag->count++;
}

struct bag *bag_create(struct memory *memory, uint64_t first, size_t count)
{
    struct bag *bag = (struct bag *)memory_alloc_account(memory, sizeof(*bag));

    for (size_t at = 0; at < count; at++)
        bag_add(bag, first + at);
    return bag;
}

bool bag_holds(const struct bag *bag, uint64_t first, size_t count)
{
    const struct bag_node *node = bag->first;

    for (size_t at = count; at > 0; at--, node = node->next)
        if (node == NULL || node->number != first + at - 1)
            return false;
    return node == NULL && bag->count == count;
}

static void *bag_copy(struct memory *memory, const void *value)
{
    const struct bag *bag = value;

    return bag_create(memory, bag->count > 0 ? bag->first->number - (bag->count - 1) : 0, bag->count);
}

static size_t bag_items(const void *value)
{
    return ((const struct bag *)value)->count;
}

static size_t bag_drain(struct memory *memory, void *value, size_t most)
{
    struct bag *bag = value;

    ASSERT(most > 0 && bag->memory.parent == memory);
    for (; most > 0 && bag->count > 0; most--, bag->count--) {
        struct bag_node *node = bag->first;

        bag->first = node->next;
        memory_free(&bag->memory, node);
    }
    if (bag->count > 0)
        return bag->count;
    memory_free(&bag->memory, bag);
    return 0;
}

/* Its own encoding's name depends on what it holds. */
static const char *bag_name(const void *value)
{
    return ((const struct bag *)value)->count > 100 ? "sack" : "pouch";
}

const struct value_kind bag_kind = {
    .name_of = bag_name,
    .real_name = "bag",
    .copy = bag_copy,
    .bytes = value_account_bytes,
    .items = bag_items,
    .drain = bag_drain,
    .rehome = value_account_rehome,
};

void bag_register(void)
{
    value_kinds[BAG_TYPE][BAG_ENCODING] = &bag_kind;
}
