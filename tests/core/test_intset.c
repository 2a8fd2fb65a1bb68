#include "core/intset.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "tests/support/dice.h"

enum { MODEL_MOST = 2000 };

/* The model is a sorted array. */
struct fixture {
    struct memory memory;
    struct intset *set;
    int64_t values[MODEL_MOST];
    uint32_t count;
};

static void fixture_init(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    fixture->set = intset_create(&fixture->memory);
}

static void fixture_deinit(struct fixture *fixture)
{
    intset_destroy(&fixture->memory, fixture->set);
    cr_assert_eq(fixture->memory.used_bytes, 0);
}

static uint32_t model_rank(const struct fixture *fixture, int64_t value)
{
    uint32_t rank = 0;

    while (rank < fixture->count && fixture->values[rank] < value)
        rank++;
    return rank;
}

static bool model_has(const struct fixture *fixture, int64_t value)
{
    uint32_t rank = model_rank(fixture, value);

    return rank < fixture->count && fixture->values[rank] == value;
}

static void add(struct fixture *fixture, int64_t value)
{
    uint32_t rank = model_rank(fixture, value);
    bool is_new = !model_has(fixture, value);

    cr_assert_eq(intset_add(&fixture->memory, &fixture->set, value), is_new);
    if (!is_new)
        return;
    memmove(&fixture->values[rank + 1], &fixture->values[rank], (fixture->count++ - rank) * sizeof value);
    fixture->values[rank] = value;
}

static void take(struct fixture *fixture, int64_t value)
{
    uint32_t rank = model_rank(fixture, value);
    bool is_there = model_has(fixture, value);

    cr_assert_eq(intset_remove(&fixture->memory, &fixture->set, value), is_there);
    if (is_there)
        memmove(&fixture->values[rank], &fixture->values[rank + 1], (--fixture->count - rank) * sizeof value);
}

static void check(struct fixture *fixture)
{
    cr_assert_eq(intset_count(fixture->set), fixture->count);
    for (uint32_t index = 0; index < fixture->count; index++) {
        cr_assert_eq(intset_at(fixture->set, index), fixture->values[index]);
        cr_assert_eq(intset_rank(fixture->set, fixture->values[index]), index);
        cr_assert(intset_contains(fixture->set, fixture->values[index]));
    }
    cr_assert(intset_validate(intset_str(fixture->set)));
    cr_assert_eq(intset_bytes(fixture->set), fixture->memory.used_bytes);
    if (fixture->count == 0)
        return;
    cr_assert_eq(intset_minimum(fixture->set), fixture->values[0]);
    cr_assert_eq(intset_maximum(fixture->set), fixture->values[fixture->count - 1]);
}

/* Of up to `bits` bits and either sign, so that widths mix. */
static int64_t draw(unsigned bits)
{
    int64_t value = (int64_t)(dice_bits() >> (64 - bits));

    return dice_below(2) ? value : ~value;
}

static void churn(unsigned bits)
{
    struct fixture fixture;

    fixture_init(&fixture);
    for (int i = 0; i < 3000; i++) {
        if (dice_below(3) > 0 && fixture.count < MODEL_MOST)
            add(&fixture, draw(1 + (unsigned)dice_below(bits)));
        else if (fixture.count > 0 && dice_below(2))
            take(&fixture, fixture.values[dice_below(fixture.count)]);
        else
            take(&fixture, draw(1 + (unsigned)dice_below(bits)));
        int64_t any = draw(63);
        cr_assert_eq(intset_contains(fixture.set, any), model_has(&fixture, any));
        cr_assert_eq(intset_rank(fixture.set, any), model_rank(&fixture, any));
        if (i % 50 == 0)
            check(&fixture);
    }
    while (fixture.count > 0)
        take(&fixture, fixture.values[dice_below(fixture.count)]);
    check(&fixture);
    fixture_deinit(&fixture);
}

Test(intset, agrees_with_a_model_at_every_width)
{
    dice_seed();
    for (unsigned bits = 1; bits <= 63; bits += 6)
        churn(bits);
}

static void check_bytes(const struct intset *set, struct str bytes)
{
    cr_assert(str_equal(intset_str(set), bytes));
}

Test(intset, its_bytes_are_those_of_redis)
{
    struct memory memory = {0};
    struct intset *set = intset_create(&memory);

    check_bytes(set, STR("\2\0\0\0\0\0\0\0"));
    intset_add(&memory, &set, 1);
    intset_add(&memory, &set, -2);
    check_bytes(set, STR("\2\0\0\0\2\0\0\0\xfe\xff\1\0"));
    intset_add(&memory, &set, 32768);
    check_bytes(set, STR("\4\0\0\0\3\0\0\0\xfe\xff\xff\xff\1\0\0\0\0\x80\0\0"));
    intset_add(&memory, &set, -2147483649);
    intset_remove(&memory, &set, 32768);
    intset_remove(&memory, &set, 1);
    check_bytes(set, STR("\10\0\0\0\2\0\0\0\xff\xff\xff\x7f\xff\xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff"));
    intset_destroy(&memory, set);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(intset, the_extremes_of_every_width_widen_no_further)
{
    const int64_t extremes[] = {INT16_MIN, INT16_MAX, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX};
    const size_t widths[] = {2, 2, 4, 4, 8, 8};

    for (size_t i = 0; i < 6; i++) {
        struct memory memory = {0};
        struct intset *set = intset_create(&memory);

        cr_assert(intset_add(&memory, &set, extremes[i]));
        cr_assert_eq(intset_str(set).length, 8 + widths[i]);
        cr_assert_eq(intset_at(set, 0), extremes[i]);
        intset_destroy(&memory, set);
    }
}

Test(intset, a_copy_lives_on_its_own)
{
    struct memory memory = {0};
    struct intset *set = intset_create(&memory), *copy, *loaded;

    intset_add(&memory, &set, 70000);
    copy = intset_copy(&memory, set);
    loaded = intset_load(&memory, intset_str(set));
    intset_remove(&memory, &set, 70000);
    cr_assert(intset_contains(copy, 70000));
    cr_assert(intset_contains(loaded, 70000));
    intset_destroy(&memory, set);
    intset_destroy(&memory, copy);
    intset_destroy(&memory, loaded);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(intset, refuses_foreign_bytes_that_are_no_set)
{
    const struct str bad[] = {
        STR(""),
        STR("\2\0\0\0\0\0\0"),
        STR("\3\0\0\0\1\0\0\0\1\0\0"),                       /* no such width */
        STR("\0\0\0\0\1\0\0\0"),                             /* nor this */
        STR("\2\0\0\0\2\0\0\0\1\0"),                         /* an integer is missing */
        STR("\2\0\0\0\1\0\0\0\1\0\2\0"),                     /* one too many */
        STR("\2\0\0\0\2\0\0\0\1\0\1\0"),                     /* doubled */
        STR("\2\0\0\0\2\0\0\0\1\0\xff\xff"),                 /* descending */
        STR("\10\0\0\0\1\0\0\x20\0\0\0\0\0\0\0\0"),          /* 8 * count overflows 32 bits */
        STR("\2\0\0\0\xff\xff\xff\xff\0\0\1\0\2\0\3\0\4\0"), /* far more than there is */
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(intset_validate(bad[i]), "case %zu", i);
    cr_assert(intset_validate(STR("\2\0\0\0\0\0\0\0")));
    cr_assert(intset_validate(STR("\2\0\0\0\2\0\0\0\xff\xff\1\0")));
    cr_assert(intset_validate(STR("\10\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0")));
}
