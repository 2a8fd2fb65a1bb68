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

static void pop_rank(struct fixture *fixture, size_t rank)
{
    struct bptree_item item = bptree_take_rank(&fixture->tree, rank);

    cr_assert(item.order == fixture->items[rank].order && item.payload == fixture->items[rank].payload);
    payload_free(fixture, item.payload);
    memmove(&fixture->items[rank], &fixture->items[rank + 1], (--fixture->count - rank) * sizeof item);
}

/* Where a removal of ranks stands in the model. */
struct removal {
    struct fixture *fixture;
    size_t rank;
};

static void free_dropped(void *context, struct bptree_item item)
{
    struct removal *removal = context;
    const struct bptree_item *expected = &removal->fixture->items[removal->rank++];

    cr_assert(item.order == expected->order && item.payload == expected->payload);
    payload_free(removal->fixture, item.payload);
}

static void remove_ranks(struct fixture *fixture, size_t first, size_t count)
{
    struct removal removal = {fixture, first};
    size_t there = first >= fixture->count ? 0 : fixture->count - first;

    there = there < count ? there : count;
    cr_assert_eq(bptree_remove_ranks(&fixture->tree, first, count, free_dropped, &removal), there);
    cr_assert_eq(removal.rank, first + there);
    if (there == 0)
        return;
    fixture->count -= there;
    memmove(&fixture->items[first], &fixture->items[first + there], (fixture->count - first) * sizeof *fixture->items);
}

static void append(struct fixture *fixture, uint64_t order, uint64_t tie)
{
    struct bptree_item item = {order, payload_of(fixture, tie)};

    bptree_append(&fixture->tree, item);
    fixture->items[fixture->count++] = item;
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
        size_t found_rank;

        cr_assert_eq(bptree_rank(&fixture->tree, order, wanted), rank);
        check_place(fixture, place, rank);
        place = bptree_seek_ranked(&fixture->tree, order, wanted, &found_rank);
        cr_assert_eq(found_rank, rank);
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
        else if (fixture->count > 0 && below(2) == 0)
            take_rank(fixture, below(fixture->count));
        else if (fixture->count > 0)
            pop_rank(fixture, below(fixture->count));
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

Test(bptree, a_tree_of_four_levels_agrees_with_the_model)
{
    struct fixture *fixture = fixture_create_plain(800000, 5);

    for (uint64_t i = 0; i < 80000; i++)
        append(fixture, i * 10, 0);
    cr_assert_eq(fixture->tree.height, 4);
    churn(fixture, 4000, 700);
    while (fixture->count > 1000) {
        check_walks(fixture);
        remove_ranks(fixture, below(fixture->count), below(20000));
        churn(fixture, 200, 500);
    }
    fixture_destroy(fixture);
}

static double bytes_per_item(const struct fixture *fixture)
{
    return (double)bptree_bytes(&fixture->tree) / (double)fixture->count;
}

static void insert_at_random(struct fixture *fixture, size_t count)
{
    while (fixture->count < count)
        insert(fixture, below(1ull << 60), 0);
}

/* 16 bytes of an item, a thirtieth for the leaf's header and another for the branch to it. */
Test(bptree, appending_fills_the_leaves)
{
    struct fixture *fixture = fixture_create_plain(1, 1);

    for (uint64_t i = 0; i < 50000; i++)
        if (i % 3 == 0)
            append(fixture, i, 0);
        else
            insert(fixture, i, 0);
    cr_assert_lt(bytes_per_item(fixture), 17.3);
    check_walks(fixture);
    check_searches(fixture);
    fixture_destroy(fixture);
}

Test(bptree, random_insertion_fills_the_leaves_by_nine_tenths)
{
    struct fixture *fixture = fixture_create_plain(1ull << 60, 1);

    insert_at_random(fixture, 40000);
    cr_assert_lt(bytes_per_item(fixture), 18.7);
    fixture_destroy(fixture);
}

Test(bptree, random_removal_keeps_the_leaves_three_quarters_full)
{
    struct fixture *fixture = fixture_create_plain(1ull << 60, 1);

    insert_at_random(fixture, 20000);
    for (size_t count = 16000; count >= 4000; count -= 4000) {
        while (fixture->count > count)
            take_rank(fixture, below(fixture->count));
        cr_assert_lt(bytes_per_item(fixture), 22.7, "%zu: %f", count, bytes_per_item(fixture));
    }
    insert_at_random(fixture, 20000);
    cr_assert_lt(bytes_per_item(fixture), 20, "%f", bytes_per_item(fixture));
    fixture_destroy(fixture);
}

/* As a set does whose members come and go. */
Test(bptree, replacing_items_keeps_the_leaves_full)
{
    struct fixture *fixture = fixture_create_plain(1ull << 60, 1);

    insert_at_random(fixture, 10000);
    for (int i = 0; i < 40000; i++) {
        pop_rank(fixture, below(fixture->count));
        insert_at_random(fixture, 10000);
    }
    check_walks(fixture);
    cr_assert_lt(bytes_per_item(fixture), 20, "%f", bytes_per_item(fixture));
    fixture_destroy(fixture);
}

Test(bptree, removes_ranges_of_ranks_and_tells_every_item)
{
    for (int round = 0; round < 12; round++) {
        struct fixture *fixture = fixture_create(1ull << 40, 3);

        for (size_t i = 0; i < 6000; i++)
            insert(fixture, below(fixture->orders), 0);
        remove_ranks(fixture, fixture->count, 5);
        remove_ranks(fixture, 0, 0);
        while (fixture->count > 0) {
            remove_ranks(fixture, below(fixture->count + 1), below(2) ? below(200) : below(4000));
            insert(fixture, below(fixture->orders), 0);
            if (below(10) == 0)
                check_walks(fixture);
            if (below(8) == 0)
                remove_ranks(fixture, below(fixture->count), SIZE_MAX);
        }
        fixture_destroy(fixture);
    }
}

Test(bptree, pops_from_both_ends)
{
    for (int ends = 0; ends < 3; ends++) {
        struct fixture *fixture = fixture_create(1ull << 40, 3);

        for (size_t i = 0; i < 10000; i++)
            insert(fixture, below(fixture->orders), 0);
        while (fixture->count > 0) {
            bool first = ends == 2 ? below(2) : ends == 0;

            pop_rank(fixture, first ? 0 : fixture->count - 1);
            if (fixture->count % 1000 == 0)
                check_walks(fixture);
            if (below(20) == 0)
                insert(fixture, first ? 0 : fixture->orders, below(1000));
        }
        fixture_destroy(fixture);
    }
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
    cr_assert_lt(bptree_bytes(&fixture->tree), bytes + 4096);
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

/* A stream's IDs are (milliseconds, sequence). A tree by blocks is ordered by
 * the milliseconds of a block's first ID; the block knows the sequence. What
 * is wanted is an ID, what is stored a block. */
struct id {
    uint64_t ms, sequence;
};

struct block {
    struct id first;
    struct id last;
};

static int compare_id_to_block(const void *wanted, uint64_t stored)
{
    const struct id *id = wanted;
    const struct block *block = (const void *)(uintptr_t)stored;

    return (id->sequence > block->first.sequence) - (id->sequence < block->first.sequence);
}

/* The block in which the ID is, or would be: the last that does not begin after it. */
static const struct block *block_of(const struct bptree *tree, struct id id)
{
    struct bptree_place place = bptree_seek(tree, id.ms, &id);
    const struct bptree_item *item = bptree_get(&place);

    if (item == NULL || item->order != id.ms || compare_id_to_block(&id, item->payload) != 0) {
        bptree_previous(&place);
        item = bptree_get(&place);
    }
    return item == NULL ? NULL : (const void *)(uintptr_t)item->payload;
}

static struct id id_after(struct id id)
{
    if (below(20) > 0)
        return (struct id){id.ms, id.sequence + 1 + below(3)};
    return (struct id){id.ms + 1 + below(3), below(3)};
}

static bool is_below(struct id left, struct id right)
{
    return left.ms != right.ms ? left.ms < right.ms : left.sequence < right.sequence;
}

Test(bptree, an_id_of_128_bits_finds_the_block_it_is_in)
{
    enum { BLOCKS = 3000 };
    struct fixture *fixture = fixture_create(1, 1);
    struct bptree tree;
    struct block *blocks = calloc(BLOCKS, sizeof *blocks);
    struct id id = {5, 0};

    bptree_init(&tree, &fixture->memory, compare_id_to_block);
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i].first = blocks[i].last = id = id_after(id);
        for (uint64_t more = below(6); more > 0; more--)
            blocks[i].last = id = id_after(id);
        struct bptree_item item = {blocks[i].first.ms, (uintptr_t)&blocks[i]};
        if (i % 2 == 0)
            bptree_append(&tree, item);
        else
            cr_assert(bptree_insert(&tree, item, &blocks[i].first));
        cr_assert_not(bptree_insert(&tree, item, &blocks[i].first));
    }
    cr_assert(block_of(&tree, (struct id){4, UINT64_MAX}) == NULL);
    for (size_t i = 0; i < BLOCKS; i++) {
        struct id before = blocks[i].first;

        cr_assert(block_of(&tree, blocks[i].first) == &blocks[i]);
        cr_assert(block_of(&tree, blocks[i].last) == &blocks[i]);
        before.sequence--;
        if (i > 0 && before.sequence != UINT64_MAX && !is_below(before, blocks[i - 1].last))
            cr_assert(block_of(&tree, before) == &blocks[i - 1]);
        cr_assert_eq(bptree_rank(&tree, blocks[i].first.ms, &blocks[i].first), i);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        cr_assert(bptree_remove(&tree, blocks[i].first.ms, &blocks[i].first));
    cr_assert_eq(tree.count, 0);
    free(blocks);
    fixture_destroy(fixture);
}
