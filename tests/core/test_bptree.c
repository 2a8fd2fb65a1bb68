#include "core/bptree.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/memory.h"

static uint64_t state;

static uint64_t below(uint64_t limit)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % limit;
}

/* The model is a sorted array. Payloads are separate blocks, freed when their
 * item leaves, so that a sanitizer sees a comparison with one that has left. */
struct fixture {
    struct memory memory;
    struct bptree tree;
    struct bptree_item *items;
    size_t count;
    uint64_t orders, ties; /* how many different ones are drawn */
    bool plain;            /* the payload is the tie itself, not a block */
};

static int compare_blocks(const void *wanted, uint64_t stored)
{
    uint32_t of_wanted = *(const uint32_t *)wanted, of_stored = *(const uint32_t *)(uintptr_t)stored;

    return (of_wanted > of_stored) - (of_wanted < of_stored);
}

static struct fixture *fixture_create(uint64_t orders, uint64_t ties)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *given = getenv("SEED");

    state = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("SEED=%llu\n", (unsigned long long)state);
    fixture->items = calloc(100000, sizeof *fixture->items);
    fixture->orders = orders;
    fixture->ties = ties;
    bptree_init(&fixture->tree, &fixture->memory, compare_blocks);
    return fixture;
}

static struct fixture *fixture_create_plain(uint64_t orders, uint64_t ties)
{
    struct fixture *fixture = fixture_create(orders, ties);

    fixture->plain = true;
    bptree_init(&fixture->tree, &fixture->memory, NULL);
    return fixture;
}

static uint64_t payload_of(const struct fixture *fixture, uint64_t tie)
{
    if (fixture->plain)
        return tie;
    uint32_t *block = malloc(sizeof *block);
    *block = (uint32_t)tie;
    return (uintptr_t)block;
}

static void payload_free(const struct fixture *fixture, uint64_t payload)
{
    if (!fixture->plain)
        free((void *)(uintptr_t)payload);
}

/* What the tree's functions are given as `wanted` to mean this payload. */
static const void *wanted_of(const struct fixture *fixture, const uint64_t *payload)
{
    return fixture->plain ? (const void *)payload : (const void *)(uintptr_t)*payload;
}

static int compare_to(const struct fixture *fixture, uint64_t order, const void *wanted, struct bptree_item item)
{
    if (order != item.order)
        return order < item.order ? -1 : 1;
    if (wanted == NULL)
        return -1;
    if (!fixture->plain)
        return compare_blocks(wanted, item.payload);
    uint64_t payload = *(const uint64_t *)wanted;
    return (payload > item.payload) - (payload < item.payload);
}

static size_t model_rank(const struct fixture *fixture, uint64_t order, const void *wanted)
{
    size_t first = 0, end = fixture->count;

    while (first < end) {
        size_t middle = first + (end - first) / 2;

        if (compare_to(fixture, order, wanted, fixture->items[middle]) > 0)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static bool model_has(const struct fixture *fixture, size_t rank, uint64_t order, const void *wanted)
{
    return rank < fixture->count && compare_to(fixture, order, wanted, fixture->items[rank]) == 0;
}

static void insert(struct fixture *fixture, uint64_t order, uint64_t tie)
{
    uint64_t payload = payload_of(fixture, tie);
    const void *wanted = wanted_of(fixture, &payload);
    struct bptree_item item = {order, payload};
    size_t rank = model_rank(fixture, order, wanted);
    bool is_new = !model_has(fixture, rank, order, wanted);

    cr_assert_eq(bptree_insert(&fixture->tree, item, wanted), is_new);
    if (!is_new) {
        payload_free(fixture, payload);
        return;
    }
    memmove(&fixture->items[rank + 1], &fixture->items[rank], (fixture->count++ - rank) * sizeof item);
    fixture->items[rank] = item;
}

static void take_rank(struct fixture *fixture, size_t rank)
{
    struct bptree_item item = fixture->items[rank];

    cr_assert(bptree_remove(&fixture->tree, item.order, wanted_of(fixture, &item.payload)));
    cr_assert_not(bptree_remove(&fixture->tree, item.order, wanted_of(fixture, &item.payload)));
    payload_free(fixture, item.payload);
    memmove(&fixture->items[rank], &fixture->items[rank + 1], (--fixture->count - rank) * sizeof item);
}

static void replace_rank(struct fixture *fixture, size_t rank)
{
    struct bptree_item *item = &fixture->items[rank];
    uint64_t old = item->payload, new = fixture->plain ? old : payload_of(fixture, *(uint32_t *)(uintptr_t)old);

    cr_assert(bptree_replace(&fixture->tree, item->order, wanted_of(fixture, &old), new));
    payload_free(fixture, old);
    item->payload = new;
}

static void fixture_destroy(struct fixture *fixture)
{
    while (fixture->count > 0)
        payload_free(fixture, fixture->items[--fixture->count].payload);
    bptree_deinit(&fixture->tree);
    cr_assert_eq(fixture->memory.used_bytes, 0);
    free(fixture->items);
    free(fixture);
}

static void check_place(const struct fixture *fixture, struct bptree_place place, size_t rank)
{
    const struct bptree_item *item = bptree_get(&place);

    if (rank >= fixture->count) {
        cr_assert(item == NULL, "rank %zu of %zu", rank, fixture->count);
        return;
    }
    cr_assert(item != NULL && item->payload == fixture->items[rank].payload, "rank %zu of %zu", rank, fixture->count);
    cr_assert_eq(item->order, fixture->items[rank].order);
}

static void check_walks(struct fixture *fixture)
{
    struct bptree_place place = bptree_first(&fixture->tree);

    cr_assert_eq(fixture->tree.count, fixture->count);
    cr_assert_eq(bptree_bytes(&fixture->tree), fixture->memory.used_bytes);
    for (size_t rank = 0; rank <= fixture->count; rank++, bptree_next(&place))
        check_place(fixture, place, rank);
    bptree_next(&place);
    bptree_previous(&place);
    check_place(fixture, place, fixture->count - 1);
    place = bptree_last(&fixture->tree);
    for (size_t rank = fixture->count; rank-- > 0; bptree_previous(&place))
        check_place(fixture, place, rank);
    cr_assert(bptree_get(&place) == NULL);
    bptree_previous(&place);
    bptree_next(&place);
    check_place(fixture, place, 0);
}

static void check_searches(struct fixture *fixture)
{
    for (size_t rank = 0; rank <= fixture->count + 1; rank++)
        check_place(fixture, bptree_at_rank(&fixture->tree, rank), rank);
    struct bptree_place far = bptree_at_rank(&fixture->tree, SIZE_MAX);
    bptree_previous(&far);
    check_place(fixture, far, fixture->count - 1);
    for (int i = 0; i < 300; i++) {
        uint64_t order = below(fixture->orders + 2), payload = payload_of(fixture, below(fixture->ties + 1));
        const void *wanted = below(3) ? wanted_of(fixture, &payload) : NULL;
        size_t rank = model_rank(fixture, order, wanted);
        struct bptree_place place = bptree_seek(&fixture->tree, order, wanted);

        cr_assert_eq(bptree_rank(&fixture->tree, order, wanted), rank);
        check_place(fixture, place, rank);
        bptree_previous(&place);
        if (rank > 0)
            check_place(fixture, place, rank - 1);
        payload_free(fixture, payload);
    }
}

/* `goal` of a thousand operations insert, the others remove or replace. */
static void churn(struct fixture *fixture, size_t operations, unsigned goal)
{
    for (size_t i = 0; i < operations; i++) {
        if (below(1000) < goal)
            insert(fixture, below(fixture->orders), below(fixture->ties));
        else if (fixture->count > 0)
            take_rank(fixture, below(fixture->count));
        if (fixture->count > 0)
            replace_rank(fixture, below(fixture->count));
    }
    check_walks(fixture);
    check_searches(fixture);
}

static void model_test(struct fixture *fixture, size_t operations)
{
    const unsigned goals[] = {900, 500, 100, 1000, 400, 700, 50, 600};

    for (size_t i = 0; i < sizeof goals / sizeof goals[0]; i++)
        churn(fixture, operations, goals[i]);
    while (fixture->count > 0)
        take_rank(fixture, below(fixture->count));
    check_walks(fixture);
    cr_assert_eq(bptree_bytes(&fixture->tree), 0);
    fixture_destroy(fixture);
}

Test(bptree, agrees_with_a_model_for_different_orders)
{
    model_test(fixture_create(1ull << 40, 3), 6000);
}

Test(bptree, agrees_with_a_model_for_many_ties)
{
    model_test(fixture_create(20, 500), 6000);
}

Test(bptree, agrees_with_a_model_when_all_orders_are_equal)
{
    model_test(fixture_create(1, 20000), 6000);
}

Test(bptree, agrees_with_a_model_when_few_items_differ)
{
    model_test(fixture_create(10, 10), 3000);
}

Test(bptree, agrees_with_a_model_by_plain_payloads)
{
    model_test(fixture_create_plain(50, 1000), 6000);
}

Test(bptree, finds_the_extreme_orders)
{
    struct fixture *fixture = fixture_create_plain(1, 1);

    for (uint64_t i = 0; i < 100; i++) {
        insert(fixture, UINT64_MAX, UINT64_MAX - i);
        insert(fixture, 0, i);
    }
    check_walks(fixture);
    cr_assert_eq(bptree_rank(&fixture->tree, UINT64_MAX, &(uint64_t){UINT64_MAX}), 199);
    cr_assert_eq(bptree_rank(&fixture->tree, 0, NULL), 0);
    fixture_destroy(fixture);
}

Test(bptree, an_empty_tree_has_no_places)
{
    struct fixture *fixture = fixture_create_plain(1, 1);
    struct bptree_place place = bptree_seek(&fixture->tree, 5, NULL);

    cr_assert(bptree_get(&place) == NULL);
    cr_assert_not(bptree_remove(&fixture->tree, 5, &(uint64_t){5}));
    cr_assert_not(bptree_replace(&fixture->tree, 5, &(uint64_t){5}, 5));
    cr_assert_eq(bptree_rank(&fixture->tree, 5, NULL), 0);
    bptree_next(&place);
    bptree_previous(&place);
    cr_assert(bptree_get(&place) == NULL);
    check_walks(fixture);
    fixture_destroy(fixture);
}

static double bytes_per_item(const struct fixture *fixture)
{
    return (double)bptree_bytes(&fixture->tree) / (double)fixture->count;
}

/* 16 bytes of an item over the fill, and a fifteenth of it for the inner nodes. */
Test(bptree, appending_fills_the_leaves)
{
    struct fixture *fixture = fixture_create_plain(1, 1);

    for (uint64_t i = 0; i < 50000; i++)
        insert(fixture, i, 0);
    cr_assert_lt(bytes_per_item(fixture), 18.5);
    check_walks(fixture);
    fixture_destroy(fixture);
}

Test(bptree, random_insertion_fills_the_leaves_by_three_quarters)
{
    struct fixture *fixture = fixture_create_plain(1ull << 60, 1);

    for (uint64_t i = 0; i < 20000; i++)
        insert(fixture, below(1ull << 60), 0);
    cr_assert_lt(bytes_per_item(fixture), 16 / 0.75 * 512 / 480 * 1.1);
    fixture_destroy(fixture);
}

/* As timers do: rising deadlines, the lowest leave. */
Test(bptree, a_queue_keeps_its_size)
{
    struct fixture *fixture = fixture_create_plain(1, 1);

    for (uint64_t i = 0; i < 2000; i++)
        insert(fixture, i, 0);
    size_t bytes = bptree_bytes(&fixture->tree);
    for (uint64_t i = 2000; i < 30000; i++) {
        insert(fixture, i, 0);
        take_rank(fixture, 0);
    }
    check_walks(fixture);
    cr_assert_lt(bptree_bytes(&fixture->tree), bytes + 2048);
    fixture_destroy(fixture);
}

Test(bptree, memory_returns_as_items_leave)
{
    struct fixture *fixture = fixture_create_plain(1ull << 60, 1);

    for (uint64_t i = 0; i < 20000; i++)
        insert(fixture, below(1ull << 60), 0);
    while (fixture->count > 100)
        take_rank(fixture, below(fixture->count));
    cr_assert_lt(bptree_bytes(&fixture->tree), 100 * 60);
    check_walks(fixture);
    fixture_destroy(fixture);
}
