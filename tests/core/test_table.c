#include "core/table.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/memory.h"

/* An item knows its hash and, as the model, whether it is in the table. */
struct item {
    uint64_t hash;
    uint32_t visits;
    bool inside;
    bool stayed; /* inside during the whole walk */
};

static uint64_t state;

static uint64_t roll(void *context)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t below(uint64_t limit)
{
    return roll(NULL) % limit;
}

static void seed_dice(void)
{
    const char *given = getenv("SEED");

    state = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("SEED=%llu\n", (unsigned long long)state);
}

static uint64_t hash_of(const void *item)
{
    return ((const struct item *)item)->hash;
}

struct fixture {
    struct memory memory;
    struct table table;
    struct item *items;
    size_t count;
};

/* Hashes are 64 random bits where mask is set, zero elsewhere. */
static struct fixture *fixture_create(size_t count, uint64_t mask)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    seed_dice();
    fixture->items = calloc(count, sizeof *fixture->items);
    fixture->count = count;
    for (size_t i = 0; i < count; i++)
        fixture->items[i].hash = roll(NULL) & mask;
    table_init(&fixture->table, &fixture->memory, hash_of);
    return fixture;
}

static void fixture_destroy(struct fixture *fixture)
{
    table_deinit(&fixture->table);
    cr_assert_eq(fixture->memory.used_bytes, 0);
    free(fixture->items);
    free(fixture);
}

static bool find(struct fixture *fixture, struct item *item, struct table_probe *probe)
{
    void *found;

    *probe = table_probe(&fixture->table, item->hash);
    while ((found = table_probe_next(probe)) != NULL)
        if (found == item)
            return true;
    return false;
}

static void add(struct fixture *fixture, struct item *item)
{
    table_insert(&fixture->table, item->hash, item);
    item->inside = true;
}

static void take(struct fixture *fixture, struct item *item)
{
    struct table_probe probe;

    cr_assert(find(fixture, item, &probe));
    table_probe_remove(&fixture->table, &probe);
    item->inside = item->stayed = false;
}

static void check_all(struct fixture *fixture)
{
    struct table_probe probe;
    size_t inside = 0;

    for (size_t i = 0; i < fixture->count; i++) {
        inside += fixture->items[i].inside;
        cr_assert(find(fixture, &fixture->items[i], &probe) == fixture->items[i].inside, "item %zu", i);
    }
    cr_assert_eq(fixture->table.count, inside);
    cr_assert_eq(table_bytes(&fixture->table), fixture->memory.used_bytes);
}

static void count_visit(void *context, void *item)
{
    ((struct item *)item)->visits++;
}

static size_t walk(struct fixture *fixture)
{
    uint64_t cursor = 0;
    size_t steps = 0;

    for (size_t i = 0; i < fixture->count; i++)
        fixture->items[i].visits = 0;
    do {
        cursor = table_scan(&fixture->table, cursor, count_visit, NULL);
        cr_assert(cursor < 1ull << TABLE_CURSOR_BITS);
        steps++;
    } while (cursor != 0);
    return steps;
}

/* Random insertions and removals; `goal` of a thousand is how full the table tends to be. */
static void churn(struct fixture *fixture, size_t operations, unsigned goal)
{
    for (size_t i = 0; i < operations; i++) {
        struct item *item = &fixture->items[below(fixture->count)];
        bool wanted = below(1000) < goal;

        if (wanted && !item->inside)
            add(fixture, item);
        else if (!wanted && item->inside)
            take(fixture, item);
    }
}

static void churn_through_all_sizes(struct fixture *fixture)
{
    const unsigned goals[] = {5, 100, 500, 1000, 900, 400, 50, 2, 0, 300};

    for (size_t i = 0; i < sizeof goals / sizeof goals[0]; i++) {
        churn(fixture, fixture->count * 3, goals[i]);
        check_all(fixture);
        walk(fixture);
        for (size_t j = 0; j < fixture->count; j++)
            cr_assert_eq(fixture->items[j].visits, fixture->items[j].inside);
    }
    for (size_t i = 0; i < fixture->count; i++)
        if (fixture->items[i].inside)
            take(fixture, &fixture->items[i]);
    cr_assert_eq(table_bytes(&fixture->table), 0);
}

static void model_test(size_t count, uint64_t mask)
{
    struct fixture *fixture = fixture_create(count, mask);

    churn_through_all_sizes(fixture);
    fixture_destroy(fixture);
}

Test(table, agrees_with_a_model_for_random_hashes)
{
    model_test(20000, UINT64_MAX);
}

Test(table, agrees_with_a_model_while_small)
{
    model_test(60, UINT64_MAX);
}

Test(table, agrees_with_a_model_when_all_hashes_are_equal)
{
    model_test(700, 0);
}

Test(table, agrees_with_a_model_when_low_bits_are_equal)
{
    model_test(5000, ~0xffffffffull);
}

Test(table, agrees_with_a_model_when_high_bits_are_equal)
{
    model_test(3000, 0xffffff);
}

Test(table, agrees_with_a_model_when_fingerprints_are_equal)
{
    model_test(5000, ~0xff0000ull);
}

Test(table, agrees_with_a_model_when_few_homes_are_used)
{
    model_test(8000, ~0x3ffull << 6 | 0x0f);
}

Test(table, a_probe_gives_every_item_of_a_hash_once)
{
    struct fixture *fixture = fixture_create(500, 0);
    struct table_probe probe = table_probe(&fixture->table, 0);
    struct item *item;

    for (size_t i = 0; i < fixture->count; i++)
        add(fixture, &fixture->items[i]);
    probe = table_probe(&fixture->table, 0);
    while ((item = table_probe_next(&probe)) != NULL)
        item->visits++;
    for (size_t i = 0; i < fixture->count; i++)
        cr_assert_eq(fixture->items[i].visits, 1);
    fixture_destroy(fixture);
}

Test(table, replace_puts_another_item_in_the_place)
{
    struct fixture *fixture = fixture_create(100, UINT64_MAX);
    struct table_probe probe;

    for (size_t i = 0; i < 50; i++)
        add(fixture, &fixture->items[i]);
    for (size_t i = 0; i < 50; i++) {
        struct item *old = &fixture->items[i], *new = &fixture->items[i + 50];

        new->hash = old->hash;
        cr_assert(find(fixture, old, &probe));
        table_probe_replace(&probe, new);
        old->inside = false;
        new->inside = true;
    }
    check_all(fixture);
    fixture_destroy(fixture);
}

Test(table, an_empty_table_finds_and_walks_nothing)
{
    struct fixture *fixture = fixture_create(1, UINT64_MAX);

    check_all(fixture);
    cr_assert_eq(walk(fixture), 1);
    cr_assert(table_random(&fixture->table, roll, NULL) == NULL);
    cr_assert_eq(table_bytes(&fixture->table), 0);
    table_prefetch(&fixture->table, 1);
    cr_assert(table_prefetch_item(&fixture->table, 1));
    table_prefetch_elsewhere(&fixture->table, 1);
    fixture_destroy(fixture);
}

/* Which is what the third step is for. */
Test(table, the_second_step_of_prefetching_tells_which_items_are_not_in_their_home)
{
    struct fixture *fixture = fixture_create(20000, UINT64_MAX);
    size_t elsewhere = 0;

    for (size_t i = 0; i < fixture->count; i++)
        add(fixture, &fixture->items[i]);
    for (size_t i = 0; i < fixture->count; i++) {
        struct item *item = &fixture->items[i];
        struct table_probe probe;

        cr_assert(find(fixture, item, &probe));
        cr_assert_eq(table_prefetch_item(&fixture->table, item->hash), probe.at == probe.home);
        table_prefetch_elsewhere(&fixture->table, item->hash);
        elsewhere += probe.at != probe.home;
    }
    cr_assert_gt(elsewhere, fixture->count / 50);
    cr_assert_lt(elsewhere, fixture->count / 4);
    fixture_destroy(fixture);
}

/* Walks while the table grows, shrinks or both; who stayed must be seen. */
static void walk_amid_churn(struct fixture *fixture, unsigned goal, size_t churn_per_step)
{
    uint64_t cursor = 0;
    size_t steps = 0;

    for (size_t i = 0; i < fixture->count; i++) {
        fixture->items[i].visits = 0;
        fixture->items[i].stayed = fixture->items[i].inside;
    }
    do {
        cursor = table_scan(&fixture->table, cursor, count_visit, NULL);
        churn(fixture, churn_per_step, goal);
        cr_assert(++steps < 100000);
    } while (cursor != 0);
    for (size_t i = 0; i < fixture->count; i++)
        cr_assert(!fixture->items[i].stayed || fixture->items[i].visits > 0, "item %zu of hash %llx missed", i,
                  (unsigned long long)fixture->items[i].hash);
}

static void walks_test(size_t count, uint64_t mask)
{
    struct fixture *fixture = fixture_create(count, mask);

    for (int round = 0; round < 60; round++) {
        static const unsigned goals[] = {0, 20, 100, 500, 900, 1000};
        size_t per_step = below(2) ? below(20) : below(count / 8);

        churn(fixture, below(count * 2), goals[below(6)]);
        walk_amid_churn(fixture, goals[below(6)], per_step);
    }
    fixture_destroy(fixture);
}

Test(table, a_walk_sees_what_stays_amid_splits_and_merges)
{
    walks_test(20000, UINT64_MAX);
}

Test(table, a_walk_sees_what_stays_in_a_small_table)
{
    walks_test(200, UINT64_MAX);
}

Test(table, a_walk_sees_what_stays_when_prefixes_are_few)
{
    walks_test(10000, UINT64_MAX << 60 | 0xffffffff);
}

/* Splits may bring items again; shrinking and merging must not. */
Test(table, a_walk_amid_merges_visits_nobody_twice)
{
    struct fixture *fixture = fixture_create(20000, UINT64_MAX);

    for (int round = 0; round < 10; round++) {
        churn(fixture, fixture->count * 5, 1000);
        walk_amid_churn(fixture, 0, below(400));
        for (size_t i = 0; i < fixture->count; i++)
            cr_assert(fixture->items[i].visits <= 1);
    }
    fixture_destroy(fixture);
}

Test(table, hostile_cursors_are_harmless)
{
    struct fixture *fixture = fixture_create(3000, UINT64_MAX);

    for (size_t i = 0; i < fixture->count; i++)
        add(fixture, &fixture->items[i]);
    for (int i = 0; i < 100000; i++) {
        uint64_t next = table_scan(&fixture->table, roll(NULL) >> below(64), count_visit, NULL);
        cr_assert(next < 1ull << TABLE_CURSOR_BITS);
    }
    fixture_destroy(fixture);
}

/* Chi-squared over all items: its mean is count - 1, its deviation sqrt(2 count). */
static void uniform_test(struct fixture *fixture)
{
    size_t draws = fixture->table.count * 50;
    double sum = 0, expected = 50;

    for (size_t i = 0; i < fixture->count; i++)
        fixture->items[i].visits = 0;
    for (size_t i = 0; i < draws; i++)
        ((struct item *)table_random(&fixture->table, roll, NULL))->visits++;
    for (size_t i = 0; i < fixture->count; i++) {
        double off = fixture->items[i].visits - (fixture->items[i].inside ? expected : 0);
        cr_assert(fixture->items[i].inside || fixture->items[i].visits == 0);
        sum += off * off / expected;
    }
    double degrees = (double)fixture->table.count - 1, excess = sum - degrees;
    cr_assert(excess * excess < 36 * 2 * (degrees + 1), "chi-squared %f of %f", sum, degrees);
}

Test(table, random_items_are_uniform)
{
    struct fixture *fixture = fixture_create(4000, UINT64_MAX);

    add(fixture, &fixture->items[7]);
    uniform_test(fixture);
    churn(fixture, 8000, 1000);
    uniform_test(fixture);
    churn(fixture, 12000, 30);
    uniform_test(fixture);
    fixture_destroy(fixture);
}

Test(table, random_items_are_uniform_when_hashes_crowd)
{
    struct fixture *fixture = fixture_create(3000, UINT64_MAX);

    for (size_t i = 0; i < 2500; i++)
        fixture->items[i].hash >>= 8;
    churn(fixture, 12000, 900);
    uniform_test(fixture);
    fixture_destroy(fixture);
}

Test(table, memory_stays_below_twelve_bytes_an_item_while_it_grows)
{
    struct fixture *fixture = fixture_create(300000, UINT64_MAX);
    double sum = 0;
    size_t samples = 0;

    for (size_t i = 0; i < fixture->count; i++) {
        add(fixture, &fixture->items[i]);
        if (i < 10000 || i % 1000 != 0)
            continue;
        sum += (double)table_bytes(&fixture->table) / (double)(i + 1);
        samples++;
    }
    cr_assert_lt(sum / (double)samples, 12);
    fixture_destroy(fixture);
}

Test(table, ten_items_take_less_than_a_kilobyte)
{
    struct fixture *fixture = fixture_create(10, UINT64_MAX);

    for (size_t i = 0; i < fixture->count; i++)
        add(fixture, &fixture->items[i]);
    cr_assert_lt(sizeof fixture->table + table_bytes(&fixture->table), 1024);
    fixture_destroy(fixture);
}

/* No split separates these items: the directory must not double for each try. */
Test(table, equal_prefixes_do_not_blow_up_the_directory)
{
    struct fixture *fixture = fixture_create(4000, 0xffffff);

    for (size_t i = 0; i < fixture->count; i++)
        add(fixture, &fixture->items[i]);
    cr_assert_lt(table_bytes(&fixture->table), 20 * fixture->count);
    fixture_destroy(fixture);
}

Test(table, memory_returns_as_items_leave)
{
    struct fixture *fixture = fixture_create(50000, UINT64_MAX);

    for (size_t i = 0; i < fixture->count; i++)
        add(fixture, &fixture->items[i]);
    for (size_t i = 100; i < fixture->count; i++)
        take(fixture, &fixture->items[i]);
    cr_assert_lt(table_bytes(&fixture->table), 2800);
    check_all(fixture);
    fixture_destroy(fixture);
}
