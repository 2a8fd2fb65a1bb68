#include "core/idset.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/memory.h"
#include "tests/support/dice.h"

/* The model is a bit for each value of four windows of 2^17 values: two containers and the border
 * between them. The windows lie at the ends and in the middle of all values. */
enum { WINDOW = 1 << 17, WINDOWS = 4, VALUES = WINDOW * WINDOWS };

static const uint32_t starts[WINDOWS] = {0, 5u << 16, 0x80000000u, UINT32_MAX - WINDOW + 1};

struct fixture {
    struct memory memory;
    struct idset *set;
    bool *has; /* by place */
};

static uint32_t value_of(size_t place)
{
    return starts[place / WINDOW] + (uint32_t)(place % WINDOW);
}

static struct fixture *fixture_create(void)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    fixture->has = calloc(VALUES, sizeof *fixture->has);
    fixture->set = idset_create(&fixture->memory);
    return fixture;
}

static void fixture_destroy(struct fixture *fixture)
{
    idset_destroy(fixture->set);
    cr_assert_eq(fixture->memory.used_bytes, 0);
    free(fixture->has);
    free(fixture);
}

static void add(struct fixture *fixture, size_t place)
{
    cr_assert_eq(idset_add(fixture->set, value_of(place)), !fixture->has[place]);
    fixture->has[place] = true;
}

static void take(struct fixture *fixture, size_t place)
{
    cr_assert_eq(idset_remove(fixture->set, value_of(place)), fixture->has[place]);
    fixture->has[place] = false;
}

static void check_value(const struct fixture *fixture, size_t place, size_t rank)
{
    uint32_t value = value_of(place), found;

    cr_assert_eq(idset_contains(fixture->set, value), fixture->has[place]);
    cr_assert_eq(idset_rank(fixture->set, value), rank);
    if (!fixture->has[place])
        return;
    cr_assert_eq(idset_at(fixture->set, rank), value);
    cr_assert(idset_next_member(fixture->set, value, &found) && found == value);
}

/* Every member in order, in pieces, and some places looked up one by one. */
static void check(const struct fixture *fixture)
{
    uint32_t values[1000], lowest = 0, highest = 0;
    size_t have = 0, at = 0, rank = 0;
    uint64_t from = 0;

    for (size_t place = 0; place < VALUES; place++) {
        if (place % 9973 == 0)
            check_value(fixture, place, rank);
        if (!fixture->has[place])
            continue;
        if (at == have) {
            have = idset_read(fixture->set, from, values, 1 + dice_below(1000));
            at = 0;
        }
        cr_assert(at < have && values[at] == value_of(place), "place %zu", place);
        from = (uint64_t)values[at++] + 1;
        lowest = rank++ == 0 ? value_of(place) : lowest;
        highest = value_of(place);
    }
    cr_assert_eq(idset_read(fixture->set, from, values, 1), 0);
    cr_assert_eq(idset_count(fixture->set), rank);
    cr_assert_eq(idset_bytes(fixture->set), fixture->memory.used_bytes);
    if (rank > 0)
        cr_assert(idset_minimum(fixture->set) == lowest && idset_maximum(fixture->set) == highest);
}

/* Two places of one window, or of the whole model, the lower one first. */
static void draw_range(size_t *first, size_t *last)
{
    size_t length = (size_t)dice_below(2) ? 100 : WINDOW, a, b;

    a = dice_below(VALUES);
    b = a + dice_below(length);
    *first = a;
    *last = b / WINDOW == a / WINDOW ? b : a / WINDOW * WINDOW + WINDOW - 1;
}

static size_t model_count(const struct fixture *fixture, size_t first, size_t last)
{
    size_t count = 0;

    for (; first <= last; first++)
        count += fixture->has[first];
    return count;
}

static void change_range(struct fixture *fixture)
{
    size_t first, last, kind = dice_below(3);

    draw_range(&first, &last);
    cr_assert_eq(idset_count_range(fixture->set, value_of(first), value_of(last)), model_count(fixture, first, last));
    (kind == 0   ? idset_add_range
     : kind == 1 ? idset_remove_range
                 : idset_flip_range)(fixture->set, value_of(first), value_of(last));
    for (size_t place = first; place <= last; place++)
        fixture->has[place] = kind == 0 || (kind == 2 && !fixture->has[place]);
    cr_assert_eq(idset_count_range(fixture->set, value_of(first), value_of(last)), model_count(fixture, first, last));
}

/* The next places from one on that are as wanted, in the same window. */
static void check_next(const struct fixture *fixture)
{
    size_t place = dice_below(VALUES), member = place, gap = place;
    uint32_t value;

    while (member / WINDOW == place / WINDOW && !fixture->has[member])
        member++;
    while (gap / WINDOW == place / WINDOW && fixture->has[gap])
        gap++;
    if (member / WINDOW == place / WINDOW)
        cr_assert(idset_next_member(fixture->set, value_of(place), &value) && value == value_of(member));
    bool is_there = idset_next_gap(fixture->set, value_of(place), &value);
    if (gap / WINDOW == place / WINDOW)
        cr_assert(is_there && value == value_of(gap));
    else if (place / WINDOW == WINDOWS - 1)
        cr_assert_not(is_there);
    else
        cr_assert(is_there && value == value_of(gap - 1) + 1);
}

/* Single values around one place, so that containers fill and empty. */
static void change_values(struct fixture *fixture)
{
    size_t around = dice_below(VALUES - 20000), steps = dice_below(8000);
    unsigned goal = (unsigned)dice_below(11), stride = 1 + (unsigned)dice_below(3);

    for (size_t step = 0; step < steps; step++) {
        size_t place = around + dice_below(20000) / stride * stride;

        if (dice_below(10) < goal)
            add(fixture, place);
        else
            take(fixture, place);
    }
}

static void churn(struct fixture *fixture, int steps)
{
    for (int step = 0; step < steps; step++) {
        if (dice_below(3) > 0)
            change_values(fixture);
        else
            change_range(fixture);
        if (dice_below(10) == 0)
            idset_optimize(fixture->set);
        check_next(fixture);
        cr_assert_eq(idset_bytes(fixture->set), fixture->memory.used_bytes);
    }
}

Test(idset, agrees_with_a_model)
{
    dice_seed();
    for (int round = 0; round < 6; round++) {
        struct fixture *fixture = fixture_create();

        for (int i = 0; i < 4; i++) {
            churn(fixture, 15);
            check(fixture);
        }
        fixture_destroy(fixture);
    }
}

Test(idset, emptied_value_by_value_it_is_as_new)
{
    struct fixture *fixture = fixture_create();
    size_t empty = idset_bytes(fixture->set);

    dice_seed();
    churn(fixture, 20);
    for (size_t place = 0; place < VALUES; place++)
        take(fixture, place);
    check(fixture);
    cr_assert_leq(idset_bytes(fixture->set), empty + 256);
    fixture_destroy(fixture);
}

Test(idset, the_copy_and_the_original_live_apart)
{
    struct fixture *fixture = fixture_create();

    dice_seed();
    churn(fixture, 10);
    struct idset *copy = idset_copy(&fixture->memory, fixture->set);
    cr_assert(idset_equal(copy, fixture->set));
    idset_flip_range(copy, 0, UINT32_MAX);
    cr_assert_not(idset_equal(copy, fixture->set));
    cr_assert_eq(idset_count(copy), (1ull << 32) - idset_count(fixture->set));
    idset_destroy(copy);
    check(fixture);
    fixture_destroy(fixture);
}

static void check_algebra(struct fixture **fixtures, size_t count)
{
    const struct idset *sets[4];
    struct fixture *results[4] = {fixture_create(), fixture_create(), fixture_create(), fixture_create()};
    struct idset *(*operations[4])(struct memory *, const struct idset *const *, size_t) = {idset_and, idset_or,
                                                                                            idset_xor, idset_andnot};
    for (size_t i = 0; i < count; i++)
        sets[i] = fixtures[i]->set;
    for (size_t place = 0; place < VALUES; place++) {
        size_t members = 0;

        for (size_t i = 0; i < count; i++)
            members += fixtures[i]->has[place];
        results[0]->has[place] = members == count;
        results[1]->has[place] = members > 0;
        results[2]->has[place] = members % 2;
        results[3]->has[place] = members == 1 && fixtures[0]->has[place];
    }
    for (int i = 0; i < 4; i++) {
        idset_destroy(results[i]->set);
        results[i]->set = operations[i](&results[i]->memory, sets, count);
        check(results[i]);
        uint64_t common = idset_count(results[0]->set);
        cr_assert_eq(idset_and_count(sets, count, UINT64_MAX), common);
        cr_assert_eq(idset_and_count(sets, count, common / 2), common / 2);
    }
    for (int i = 0; i < 4; i++)
        fixture_destroy(results[i]);
}

Test(idset, algebra_agrees_with_a_model)
{
    dice_seed();
    for (int round = 0; round < 12; round++) {
        struct fixture *fixtures[4];
        size_t count = 1 + dice_below(4);

        for (size_t i = 0; i < count; i++) {
            fixtures[i] = fixture_create();
            churn(fixtures[i], (int)dice_below(40));
        }
        check_algebra(fixtures, count);
        for (size_t i = 0; i < count; i++)
            fixture_destroy(fixtures[i]);
    }
}

static double ms_of_union(uint32_t second_key, uint32_t step)
{
    enum { CONTAINERS = 30000 };
    struct memory memory = {0};
    struct idset *one = idset_create(&memory), *other = idset_create(&memory);
    double best = 1e9;

    for (uint32_t i = 0; i < CONTAINERS; i++) {
        idset_add(one, i * step << 16);
        idset_add(other, (second_key + i * step) << 16);
    }
    for (int round = 0; round < 3; round++) {
        clock_t start = clock();
        struct idset *both = idset_or(&memory, (const struct idset *const[]){one, other}, 2);
        double ms = (double)(clock() - start) * 1000 / CLOCKS_PER_SEC;

        best = ms < best ? ms : best;
        cr_assert_eq(idset_count(both), 2 * CONTAINERS);
        idset_destroy(both);
    }
    idset_destroy(one);
    idset_destroy(other);
    return best;
}

/* It was 20 times as slow when every container was put between others. */
Test(idset, a_union_of_interleaved_parts_takes_as_long_as_one_of_parts_apart)
{
    double apart = ms_of_union(30000, 1), interleaved = ms_of_union(1, 2);

    cr_assert_lt(interleaved, 4 * apart + 1, "%.1f ms instead of %.1f", interleaved, apart);
}

Test(idset, a_random_million_takes_less_than_three_bytes_a_member)
{
    const uint32_t spreads[] = {2000000, 5000000, 20000000};

    dice_seed();
    for (int i = 0; i < 3; i++) {
        struct memory memory = {0};
        struct idset *set = idset_create(&memory);

        while (idset_count(set) < 1000000)
            idset_add(set, (uint32_t)dice_below(spreads[i]));
        cr_assert_lt(memory.used_bytes, 3000000, "%zu bytes", memory.used_bytes);
        idset_destroy(set);
        cr_assert_eq(memory.used_bytes, 0);
    }
}

Test(idset, a_single_high_value_takes_little)
{
    struct memory memory = {0};
    struct idset *set = idset_create(&memory);

    idset_add(set, UINT32_MAX);
    cr_assert_lt(memory.used_bytes, 256);
    idset_destroy(set);
}

Test(idset, memory_returns_as_values_leave)
{
    struct memory memory = {0};
    struct idset *set = idset_create(&memory);

    for (uint32_t value = 0; value < 4000; value++)
        idset_add(set, value * 16);
    for (uint32_t key = 0; key < 1000; key++)
        idset_add(set, key << 16);
    cr_assert_gt(memory.used_bytes, 40000);
    for (uint32_t key = 1; key < 1000; key++)
        idset_remove(set, key << 16);
    for (uint32_t value = 10; value < 4000; value++)
        idset_remove(set, value * 16);
    cr_assert_eq(idset_count(set), 10);
    cr_assert_lt(memory.used_bytes, 1500);
    idset_destroy(set);
    cr_assert_eq(memory.used_bytes, 0);
}

/* A list of runs would grow to 128 KiB. */
Test(idset, a_full_range_with_every_other_value_taken_is_a_bitmap)
{
    struct memory memory = {0};
    struct idset *set = idset_create(&memory);

    idset_add_range(set, 0, 65535);
    cr_assert_lt(memory.used_bytes, 256);
    for (uint32_t value = 0; value < 65536; value += 2)
        cr_assert(idset_remove(set, value));
    cr_assert_lt(memory.used_bytes, 12 * 1024); /* mimalloc's class for 8 KiB that are aligned is one of 10 */
    idset_destroy(set);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(idset, all_values_fit)
{
    struct memory memory = {0};
    struct idset *set = idset_create(&memory);
    uint32_t value;

    idset_add_range(set, 0, UINT32_MAX);
    cr_assert_eq(idset_count(set), 1ull << 32);
    cr_assert_eq(idset_at(set, UINT32_MAX), UINT32_MAX);
    cr_assert_eq(idset_rank(set, UINT32_MAX), UINT32_MAX);
    cr_assert_not(idset_next_gap(set, 0, &value));
    cr_assert(idset_remove(set, 70000));
    cr_assert(idset_next_gap(set, 0, &value) && value == 70000);
    idset_remove_range(set, 0, UINT32_MAX);
    cr_assert_eq(idset_count(set), 0);
    cr_assert_not(idset_next_member(set, 0, &value));
    idset_destroy(set);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(idset, moves_to_another_account_as_a_whole)
{
    struct memory memory = {0}, other = {0};
    struct idset *set = idset_create(&memory);

    for (uint32_t value = 0; value < 100000; value += 3)
        idset_add(set, value * 100);
    size_t bytes = memory.used_bytes;
    memory_move_account((struct memory *)set, &other);
    cr_assert(memory.used_bytes == 0 && other.used_bytes == bytes && idset_bytes(set) == bytes);
    idset_destroy(set);
    cr_assert_eq(other.used_bytes, 0);
}

Test(idset, is_drained_in_slices_or_in_part)
{
    for (int rounds = 0; rounds <= 300; rounds += 100) {
        struct memory memory = {0};
        struct idset *set = idset_create(&memory);
        size_t left = 2000;

        for (uint32_t key = 0; key < left; key++)
            idset_add(set, key << 16);
        cr_assert_eq(idset_containers(set), left);
        for (int round = 0; round < rounds; round++) {
            size_t expected = left > 10 ? left - 10 : 0;
            left = idset_drain(set, 10);
            cr_assert_eq(left, expected);
            if (left == 0)
                break;
        }
        if (left > 0)
            idset_destroy(set);
        cr_assert_eq(memory.used_bytes, 0);
    }
}

static uint64_t random_bits(void *context)
{
    return dice_bits();
}

/* Members lie in containers of all three types, of very different sizes, and many with one alone. */
Test(idset, every_member_is_drawn_as_often)
{
    enum { GROUPS = 4, DRAWS = 40000 };
    static const double sizes[GROUPS] = {6000, 1000, 500, 100};
    struct memory memory = {0};
    struct idset *set = idset_create(&memory);
    int times[GROUPS] = {0};

    dice_seed();
    for (uint32_t i = 0; i < 6000; i++)
        idset_add(set, 3 * i);
    idset_add_range(set, 1u << 20, (1u << 20) + 999);
    for (uint32_t i = 0; i < 500; i++)
        idset_add(set, (2u << 20) + 7 * i);
    for (uint32_t i = 0; i < 100; i++)
        idset_add(set, (3u << 20) + (i << 16));
    for (int i = 0; i < DRAWS; i++) {
        uint32_t value = idset_random(set, random_bits, NULL);

        cr_assert(idset_contains(set, value));
        times[value >> 20 < GROUPS ? value >> 20 : GROUPS - 1]++;
    }
    for (int group = 0; group < GROUPS; group++) {
        double expected = DRAWS * sizes[group] / 7600;

        cr_assert_float_eq(times[group], expected, expected / 4, "group %d: %d", group, times[group]);
    }
    idset_destroy(set);
}

Test(idset, what_is_left_of_a_full_container_is_drawn_too)
{
    struct memory memory = {0};
    struct idset *set = idset_create(&memory);
    int lowest = 0;

    dice_seed();
    idset_add_range(set, 0, 65535);
    idset_remove_range(set, 2, 65535);
    for (int i = 0; i < 1000; i++)
        lowest += idset_random(set, random_bits, NULL) == 0;
    cr_assert(lowest > 400 && lowest < 600, "%d", lowest);
    idset_destroy(set);
}
