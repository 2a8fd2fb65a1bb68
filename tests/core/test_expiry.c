#include "core/expiry.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/memory.h"
#include "tests/support/dice.h"

/* Entries are only addresses here. */
enum { ENTRIES = 300 };
static char addresses[ENTRIES];

struct fixture {
    struct memory memory;
    struct expiry expiry;
    int64_t deadlines[ENTRIES]; /* -1: not in the index */
};

static struct expiry_item item(const struct fixture *fixture, size_t entry)
{
    return (struct expiry_item){fixture->deadlines[entry], &addresses[entry], -1};
}

static void start(struct fixture *fixture)
{
    *fixture = (struct fixture){.memory = {0}};
    memset(fixture->deadlines, 0xff, sizeof(fixture->deadlines));
    expiry_init(&fixture->expiry, &fixture->memory);
}

static void stop(struct fixture *fixture)
{
    expiry_deinit(&fixture->expiry);
    cr_assert_eq(fixture->memory.used_bytes, 0);
}

static void set(struct fixture *fixture, size_t entry, int64_t deadline_ms)
{
    struct expiry_item old = item(fixture, entry);

    fixture->deadlines[entry] = deadline_ms;
    expiry_replace(&fixture->expiry, old, item(fixture, entry));
}

static void check(const struct fixture *fixture, int64_t now_ms)
{
    int64_t next = INT64_MAX, sum = 0;
    size_t count = 0;

    for (size_t entry = 0; entry < ENTRIES; entry++) {
        if (fixture->deadlines[entry] < 0)
            continue;
        count++;
        sum += fixture->deadlines[entry];
        if (fixture->deadlines[entry] < next)
            next = fixture->deadlines[entry];
    }
    int64_t average = count ? sum / (int64_t)count - now_ms : 0;
    cr_assert_eq(expiry_count(&fixture->expiry), count);
    cr_assert_eq(expiry_next_ms(&fixture->expiry), next);
    cr_assert_eq(expiry_average_ttl_ms(&fixture->expiry, now_ms), average > 0 ? average : 0);
    if (count > 0)
        cr_assert_eq(fixture->deadlines[(const char *)expiry_first(&fixture->expiry) - addresses], next);
}

Test(expiry, an_empty_index_has_no_deadline)
{
    struct fixture fixture;

    start(&fixture);
    check(&fixture, 0);
    stop(&fixture);
}

Test(expiry, deadlines_up_to_the_largest_are_kept_and_averaged)
{
    struct fixture fixture;

    start(&fixture);
    set(&fixture, 0, INT64_MAX);
    set(&fixture, 1, INT64_MAX);
    set(&fixture, 2, INT64_MAX);
    cr_assert_eq(expiry_next_ms(&fixture.expiry), INT64_MAX);
    cr_assert_eq(expiry_average_ttl_ms(&fixture.expiry, 1), INT64_MAX - 1);
    set(&fixture, 3, 0);
    cr_assert_eq(expiry_next_ms(&fixture.expiry), 0);
    stop(&fixture);
}

Test(expiry, random_changes_keep_the_earliest_first)
{
    struct fixture fixture;

    dice_seed();
    start(&fixture);
    for (int round = 0; round < 20000; round++) {
        size_t entry = dice_below(ENTRIES);

        set(&fixture, entry, dice_below(3) == 0 ? -1 : (int64_t)dice_below(100));
        check(&fixture, 30);
    }
    stop(&fixture);
}

Test(expiry, an_entry_that_moves_keeps_its_deadline)
{
    struct fixture fixture;

    start(&fixture);
    for (size_t entry = 0; entry < 10; entry++)
        set(&fixture, entry, 5);
    fixture.deadlines[20] = 5;
    expiry_replace(&fixture.expiry, item(&fixture, 3), item(&fixture, 20));
    fixture.deadlines[3] = -1;
    for (size_t entry = 0; entry < ENTRIES; entry++)
        set(&fixture, entry, -1);
    check(&fixture, 0);
    stop(&fixture);
}

static struct expiry_item both(size_t entry, int64_t deadline_ms, int64_t items_ms)
{
    return (struct expiry_item){deadline_ms, &addresses[entry], items_ms};
}

Test(expiry, items_of_values_stand_beside_the_keys)
{
    struct fixture fixture;
    struct expiry *expiry = &fixture.expiry;

    start(&fixture);
    expiry_replace(expiry, both(0, -1, -1), both(0, 50, 20));
    expiry_replace(expiry, both(1, -1, -1), both(1, -1, 30));
    cr_assert_eq(expiry_next_ms(expiry), 20);
    cr_assert_eq((const char *)expiry_first(expiry), &addresses[0]);
    cr_assert_eq(expiry_count(expiry), 1);
    cr_assert_eq(expiry_count_items(expiry), 2);
    cr_assert_eq(expiry_average_ttl_ms(expiry, 0), 50);
    expiry_replace(expiry, both(0, 50, 20), both(0, 50, -1));
    cr_assert_eq(expiry_next_ms(expiry), 30);
    cr_assert_eq((const char *)expiry_first(expiry), &addresses[1]);
    expiry_replace(expiry, both(1, -1, 30), both(2, -1, 30));
    cr_assert_eq((const char *)expiry_first(expiry), &addresses[2]);
    expiry_replace(expiry, both(2, -1, 30), both(2, -1, 60));
    cr_assert_eq(expiry_next_ms(expiry), 50);
    cr_assert_eq(expiry_item_ms(both(0, -1, 7)), 7);
    cr_assert_eq(expiry_item_ms(both(0, 5, 7)), 5);
    cr_assert_eq(expiry_item_ms(both(0, -1, -1)), INT64_MAX);
    while (expiry_drain(expiry, 1) > 0)
        continue;
    stop(&fixture);
}
