/* Intersections, unions and differences over all encodings, beside a model of flags. */
#include "core/set_algebra.h"

#include <criterion/criterion.h>

#include "core/config.h"
#include "core/hash.h"
#include "core/idset.h"
#include "tests/support/dice.h"

enum { UNIVERSE = 400, SETS_MOST = 5 };

static struct memory memory;
static struct config config;

static void begin(void)
{
    static const uint8_t secret[32] = "a secret that every test run has";

    if (!hash_is_seeded())
        hash_seed(secret);
    dice_seed();
    memory_init(&memory, NULL);
    config_init(&config);
}

static void end(void)
{
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes leaked", memory.used_bytes);
    config_deinit(&config);
}

TestSuite(set_algebra, .init = begin, .fini = end);

/* Number i stands for an id, one in four for a word, one in sixteen for an integer that is no id. */
static struct set_member member_at(int i, char text[static 32])
{
    if (i % 16 == 15)
        return set_member_integer(-1 - i);
    if (i % 4 != 3)
        return set_member_integer(i % 8 == 0 ? i * 70000 : i);
    snprintf(text, 32, "word %d", i);
    return set_member_of(str_from(text));
}

static int index_of(const struct set_member *member)
{
    char text[32], digits[NUMBER_TEXT_MAX], other_digits[NUMBER_TEXT_MAX];

    for (int i = 0; i < UNIVERSE; i++) {
        struct set_member other = member_at(i, text);

        if (str_equal(set_member_text(member, digits), set_member_text(&other, other_digits)))
            return i;
    }
    cr_assert_fail("no such member");
    return -1;
}

struct flags {
    bool has[UNIVERSE];
    size_t count;
};

static void flag(struct flags *flags, int i)
{
    flags->count += !flags->has[i];
    flags->has[i] = true;
}

/* Members below `bound`, about one in `share`; ids_only leaves the others out. */
static struct set_value random_set(struct flags *flags, int bound, int share, bool ids_only)
{
    struct set_value set = set_value_create(&memory, &config, dice_below(2) ? ENCODING_INTSET : ENCODING_LISTPACK);

    *flags = (struct flags){.count = 0};
    for (int i = 0; i < bound; i++) {
        char text[32];
        struct set_member member = member_at(i, text);

        if (dice_below((uint64_t)share) != 0 || (ids_only && !set_member_is_id(&member)))
            continue;
        cr_assert(set_value_add(&set, &member));
        flag(flags, i);
    }
    return set;
}

static bool flag_member(void *context, const struct set_member *member)
{
    struct flags *flags = context;
    int i = index_of(member);

    cr_assert(!flags->has[i], "member %d comes twice", i);
    flag(flags, i);
    return true;
}

static void expect_flags(const struct flags *got, const struct flags *expected, const char *what)
{
    for (int i = 0; i < UNIVERSE; i++)
        cr_assert_eq(got->has[i], expected->has[i], "%s: member %d", what, i);
}

static void expect_set(struct set_value *set, const struct flags *expected, const char *what)
{
    struct flags got = {.count = 0};

    set_value_each(set, flag_member, &got);
    expect_flags(&got, expected, what);
    cr_assert_eq(set_value_count(set), expected->count);
    set_value_destroy(set);
}

/* What the operations are to give. */

static struct flags model_intersection(const struct flags *sets, size_t count)
{
    struct flags result = {.count = 0};

    for (int i = 0; i < UNIVERSE; i++) {
        size_t having = 0;

        for (size_t at = 0; at < count; at++)
            having += sets[at].has[i];
        if (having == count)
            flag(&result, i);
    }
    return result;
}

static struct flags model_union(const struct flags *sets, size_t count)
{
    struct flags result = {.count = 0};

    for (int i = 0; i < UNIVERSE; i++)
        for (size_t at = 0; at < count; at++)
            if (sets[at].has[i])
                flag(&result, i);
    return result;
}

static struct flags model_difference(const struct flags *sets, size_t count)
{
    struct flags result = {.count = 0};

    for (int i = 0; i < UNIVERSE; i++) {
        bool remains = sets[0].has[i];

        for (size_t at = 1; at < count; at++)
            remains = remains && !sets[at].has[i];
        if (remains)
            flag(&result, i);
    }
    return result;
}

typedef void operate(const struct set_value *sets, size_t count, struct memory *scratch,
                     const struct set_output *output);

static void expect_both_outputs(operate *operation, const struct set_value *sets, size_t count,
                                const struct flags *expected, const char *what)
{
    struct set_value into = set_value_create(&memory, &config, ENCODING_LISTPACK);
    struct flags got = {.count = 0};

    operation(sets, count, &memory, &(struct set_output){.visit = flag_member, .context = &got});
    expect_flags(&got, expected, what);
    operation(sets, count, &memory, &(struct set_output){.into = &into});
    expect_set(&into, expected, what);
}

static void expect_counts(const struct set_value *sets, size_t count, uint64_t common)
{
    for (uint64_t limit = 1; limit < common + 3; limit += 1 + dice_below(9)) {
        uint64_t got = set_algebra_count_common(sets, count, &memory, limit);

        cr_assert_eq(got, common < limit ? common : limit, "%zu for %zu up to %zu", got, common, limit);
    }
    cr_assert_eq(set_algebra_count_common(sets, count, &memory, UINT64_MAX), common);
}

static void expect_all(const struct set_value *sets, const struct flags *flags, size_t count)
{
    struct flags common = model_intersection(flags, count), all = model_union(flags, count);
    struct flags rest = model_difference(flags, count);
    struct set_value into = set_value_create(&memory, &config, ENCODING_INTSET);

    expect_both_outputs(set_algebra_intersect, sets, count, &common, "intersection");
    expect_both_outputs(set_algebra_subtract, sets, count, &rest, "difference");
    expect_counts(sets, count, common.count);
    set_algebra_subtract_into(sets, count, &memory, &into);
    expect_set(&into, &rest, "stored difference");
    into = set_value_create(&memory, &config, dice_below(2) ? ENCODING_INTSET : ENCODING_ROARING);
    set_algebra_unite(sets, count, &memory, &into);
    expect_set(&into, &all, "union");
}

static void set_thresholds(void)
{
    static const int64_t most[] = {0, 4, 20, 100, 512};

    config.set_max_intset_entries = most[dice_below(5)];
    config.set_max_listpack_entries = most[dice_below(5)];
    config.set_max_listpack_value = dice_below(4) ? 64 : 3;
}

/* Now and then a set comes twice, or is not there. */
static void run_once(void)
{
    struct set_value sets[SETS_MOST], made[SETS_MOST];
    struct flags flags[SETS_MOST];
    size_t count = 1 + dice_below(SETS_MOST), own = 0;
    bool ids_only = dice_below(3) == 0;

    for (size_t at = 0; at < count; at++) {
        uint64_t kind = dice_below(12);

        if (kind == 0) {
            sets[at] = (struct set_value){.value = NULL};
            flags[at] = (struct flags){.count = 0};
        } else if (kind == 1 && at > 0) {
            sets[at] = sets[at - 1];
            flags[at] = flags[at - 1];
        } else {
            set_thresholds();
            sets[at] = random_set(&flags[at], 1 + (int)dice_below(UNIVERSE), 1 + (int)dice_below(4), ids_only);
            made[own++] = sets[at];
        }
    }
    set_thresholds();
    expect_all(sets, flags, count);
    while (own > 0)
        set_value_destroy(&made[--own]);
}

Test(set_algebra, agrees_with_a_model_over_all_encodings)
{
    for (int run = 0; run < 1500; run++)
        run_once();
}

static struct set_value range(uint32_t first, uint32_t count)
{
    struct set_value set = set_value_create(&memory, &config, ENCODING_ROARING);

    idset_add_range(set_value_large(&set)->ids, first, first + count - 1);
    return set;
}

Test(set_algebra, integers_stay_a_bitmap)
{
    struct set_value sets[2] = {range(0, 100000), range(50000, 100000)};
    struct set_value common = set_value_create(&memory, &config, ENCODING_LISTPACK);
    struct set_value all = set_value_create(&memory, &config, ENCODING_INTSET);
    struct set_value rest = set_value_create(&memory, &config, ENCODING_INTSET);

    set_algebra_intersect(sets, 2, &memory, &(struct set_output){.into = &common});
    set_algebra_unite(sets, 2, &memory, &all);
    set_algebra_subtract_into(sets, 2, &memory, &rest);
    cr_assert(common.encoding == ENCODING_ROARING && set_value_count(&common) == 50000);
    cr_assert(all.encoding == ENCODING_ROARING && set_value_count(&all) == 150000);
    cr_assert(rest.encoding == ENCODING_ROARING && set_value_count(&rest) == 50000);
    cr_assert_lt(memory.used_bytes, 150000);
    set_value_destroy(&common);
    set_value_destroy(&all);
    set_value_destroy(&rest);
    set_value_destroy(&sets[0]);
    set_value_destroy(&sets[1]);
}

/* Where Redis removes from a copy, few members may be left in a large set; where it adds what remains, they are not. */
Test(set_algebra, a_difference_ends_in_the_encoding_that_redis_comes_to)
{
    struct set_value first = range(0, 2000), most = range(10, 990), one = range(0, 1);
    struct set_value two[] = {first, most}, sets[] = {first, one, one, one, one};

    config.set_max_intset_entries = 1500;
    struct set_value into = set_value_create(&memory, &config, ENCODING_INTSET);
    set_algebra_subtract_into(two, 2, &memory, &into);
    cr_assert(into.encoding == ENCODING_INTSET && set_value_count(&into) == 1010);
    set_value_destroy(&into);
    config.set_max_intset_entries = 1999;
    into = set_value_create(&memory, &config, ENCODING_INTSET);
    set_algebra_subtract_into(sets, 5, &memory, &into);
    cr_assert(into.encoding == ENCODING_ROARING && set_value_count(&into) == 1999);
    set_value_destroy(&into);
    set_value_destroy(&first);
    set_value_destroy(&most);
    set_value_destroy(&one);
}
