/* Sorted sets beside a plain sorted array, over both encodings and the way from one to the other. */
#include "core/zset_value.h"

#include <criterion/criterion.h>
#include <math.h>

#include "core/hash.h"
#include "core/memory.h"
#include "tests/support/dice.h"

enum { MEMBERS = 60, NAME_MAX = 400 };

/* The member of this number is `present` with `score`; order is asked for when needed. */
struct model {
    bool present[MEMBERS];
    double score[MEMBERS];
    struct str names[MEMBERS];
    char text[MEMBERS][NAME_MAX];
};

static struct memory memory;
static struct model model;
static struct zset zset;
static struct zset_limits limits;

static void name_members(void)
{
    for (int i = 0; i < MEMBERS; i++) {
        int length = snprintf(model.text[i], NAME_MAX, i % 5 == 0 ? "%d" : "member-%d", i * 7 % MEMBERS);
        if (i % 17 == 16) {
            memset(model.text[i] + length, 'x', 300);
            length += 300;
        }
        model.names[i] = (struct str){model.text[i], (size_t)length};
    }
}

static void begin(void)
{
    static const uint8_t secret[32] = "zset";

    if (!hash_is_seeded())
        hash_seed(secret);
    dice_seed();
    memory = (struct memory){0};
    model = (struct model){0};
    name_members();
    limits = (struct zset_limits){(int64_t)dice_below(40), 64};
    zset = zset_create(&memory);
}

static void end(void)
{
    zset_destroy(&zset);
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes leaked", memory.used_bytes);
}

TestSuite(zset_value, .init = begin, .fini = end);

static double draw_score(void)
{
    static const double some[] = {0, 1, 1, 2, -1, 0.5, -0.25, INFINITY, -INFINITY, 1e17, 1e-7, 3.14159};

    return some[dice_below(sizeof some / sizeof some[0])];
}

static bool is_before(int a, int b)
{
    if (model.score[a] != model.score[b])
        return model.score[a] < model.score[b];
    return str_compare(model.names[a], model.names[b]) < 0;
}

static size_t model_rank(int member)
{
    size_t rank = 0;

    for (int i = 0; i < MEMBERS; i++)
        rank += model.present[i] && is_before(i, member);
    return rank;
}

static size_t model_count(void)
{
    size_t count = 0;

    for (int i = 0; i < MEMBERS; i++)
        count += model.present[i];
    return count;
}

static int model_at(size_t rank)
{
    for (int i = 0; i < MEMBERS; i++)
        if (model.present[i] && model_rank(i) == rank)
            return i;
    return -1;
}

static enum zset_outcome model_add(const struct zset_rule *rule, int member, double score)
{
    double old = model.score[member];

    if (!model.present[member]) {
        if (rule->only_present)
            return ZSET_REFUSED;
        model.present[member] = true;
        model.score[member] = score;
        return ZSET_ADDED;
    }
    double wanted = rule->increment ? old + score : score;
    if (rule->only_absent)
        return ZSET_REFUSED;
    if (isnan(wanted))
        return ZSET_NAN;
    if ((rule->only_greater && !(wanted > old)) || (rule->only_less && !(wanted < old)))
        return ZSET_REFUSED;
    model.score[member] = wanted;
    return wanted == old ? ZSET_SAME : ZSET_UPDATED;
}

static void try_add(void)
{
    struct zset_rule rule = {.only_absent = dice_below(6) == 0,
                             .only_present = dice_below(6) == 0,
                             .only_greater = dice_below(6) == 0,
                             .only_less = dice_below(6) == 0,
                             .increment = dice_below(4) == 0};
    int member = (int)dice_below(MEMBERS);
    double score = draw_score(), now = score;
    enum zset_outcome expected = model_add(&rule, member, score);

    cr_assert_eq(zset_add(&zset, &limits, &rule, model.names[member], &now), expected);
    if (expected != ZSET_REFUSED && expected != ZSET_NAN)
        cr_assert(now == model.score[member]);
}

static void try_remove(void)
{
    int member = (int)dice_below(MEMBERS);

    cr_assert_eq(zset_remove(&zset, model.names[member]), model.present[member]);
    model.present[member] = false;
}

static void try_remove_ranks(void)
{
    size_t count = model_count(), first = dice_below(count + 1), removed = dice_below(count - first + 1);
    int gone[MEMBERS];

    if (dice_below(8) != 0)
        return;
    for (size_t i = 0; i < removed; i++)
        gone[i] = model_at(first + i);
    for (size_t i = 0; i < removed; i++)
        model.present[gone[i]] = false;
    zset_remove_ranks(&zset, first, removed);
}

static void check_member(int member)
{
    double score;
    size_t rank;

    cr_assert_eq(zset_find(&zset, model.names[member], &score), model.present[member]);
    cr_assert_eq(zset_rank(&zset, model.names[member], &rank, &score), model.present[member]);
    if (model.present[member]) {
        cr_assert(score == model.score[member]);
        cr_assert_eq(rank, model_rank(member));
    }
}

static void check_walk(void)
{
    size_t count = model_count(), first = dice_below(count + 1), walked = dice_below(count - first + 1);
    bool down = dice_below(2) == 0;
    struct zset_element element;
    struct zset_walk walk;

    zset_walk_begin(&walk, &zset, first, walked, down);
    for (size_t i = 0; i < walked; i++) {
        int member = model_at(down ? first + walked - 1 - i : first + i);
        cr_assert(zset_walk_next(&walk, &element));
        cr_assert(str_equal(element.member, model.names[member]));
        cr_assert(element.score == model.score[member]);
    }
    cr_assert_not(zset_walk_next(&walk, &element));
}

static void check_counts(void)
{
    double bound = draw_score();
    size_t below = 0, equal = 0;

    for (int i = 0; i < MEMBERS; i++) {
        below += model.present[i] && model.score[i] < bound;
        equal += model.present[i] && model.score[i] == bound;
    }
    cr_assert_eq(zset_count(&zset), model_count());
    cr_assert_eq(zset_count_below(&zset, bound, false), below);
    cr_assert_eq(zset_count_below(&zset, bound, true), below + equal);
}

static void visit_scanned(void *context, const struct zset_element *element)
{
    bool *seen = context;

    for (int i = 0; i < MEMBERS; i++) {
        if (!str_equal(element->member, model.names[i]))
            continue;
        cr_assert(model.present[i] && !seen[i] && element->score == model.score[i]);
        seen[i] = true;
    }
}

static void check_scan(void)
{
    bool seen[MEMBERS] = {false};
    uint64_t cursor = 0;

    do
        cursor = zset_scan(&zset, cursor, visit_scanned, seen);
    while (cursor != 0);
    for (int i = 0; i < MEMBERS; i++)
        cr_assert_eq(seen[i], model.present[i]);
}

static void check_copy(void)
{
    const struct value_kind *kind = value_kind_of(VALUE_ZSET, zset.encoding);
    struct zset copy = {&memory, zset.encoding, kind->copy(&memory, zset.value)}, original = zset;

    zset = copy;
    check_walk();
    check_member((int)dice_below(MEMBERS));
    zset = original;
    zset_destroy(&copy);
}

Test(zset_value, agrees_with_a_sorted_array)
{
    static void (*const steps[])(void) = {try_add,    try_add,      try_add,    try_remove, try_remove_ranks,
                                          check_walk, check_counts, check_scan, check_copy};

    for (int i = 0; i < 20000; i++) {
        steps[dice_below(sizeof steps / sizeof steps[0])]();
        check_member((int)dice_below(MEMBERS));
        if (dice_below(2000) == 0) { /* from the beginning, with another threshold */
            zset_destroy(&zset);
            memset(model.present, 0, sizeof model.present);
            limits.entries = (int64_t)dice_below(40);
            zset = zset_create(&memory);
        }
    }
}

Test(zset_value, members_of_one_score_are_counted_by_their_bytes)
{
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MEMBERS; i++)
            zset_put(&zset, &limits, (struct zset_element){model.names[i], 5});
        for (int i = 0; i < MEMBERS; i++) {
            size_t below = 0;
            for (int j = 0; j < MEMBERS; j++)
                below += str_compare(model.names[j], model.names[i]) < 0;
            cr_assert_eq(zset_count_below_member(&zset, model.names[i], false), below);
            cr_assert_eq(zset_count_below_member(&zset, model.names[i], true), below + 1);
        }
        zset_destroy(&zset);
        zset = zset_create(&memory);
        limits = (struct zset_limits){1000, 1000};
    }
}

Test(zset_value, becomes_a_tree_beyond_either_threshold)
{
    limits = (struct zset_limits){2, 10};
    zset_put(&zset, &limits, (struct zset_element){STR("0123456789"), 1});
    zset_put(&zset, &limits, (struct zset_element){STR("b"), 1});
    cr_assert_eq(zset.encoding, ENCODING_LISTPACK);
    zset_put(&zset, &limits, (struct zset_element){STR("c"), 1});
    cr_assert_eq(zset.encoding, ENCODING_TREE);
    zset_remove(&zset, STR("c"));
    zset_settle(&zset, &limits);
    cr_assert_eq(zset.encoding, ENCODING_LISTPACK);
    zset_remove(&zset, STR("b"));
    zset_put(&zset, &limits, (struct zset_element){STR("longer than ten"), 1});
    cr_assert_eq(zset.encoding, ENCODING_TREE);
    zset_settle(&zset, &limits);
    cr_assert_eq(zset.encoding, ENCODING_TREE);
}

Test(zset_value, a_large_one_is_freed_in_slices)
{
    const struct value_kind *kind = value_kind_of(VALUE_ZSET, ENCODING_TREE);
    struct zset large = zset_create_tree(&memory);
    size_t before, left;
    char name[32];

    for (int i = 0; i < 50000; i++) {
        int length = snprintf(name, sizeof name, "member:%d", i);
        zset_put(&large, &limits, (struct zset_element){{name, (size_t)length}, i % 1000});
    }
    left = kind->items(large.value);
    cr_assert_geq(left, 50000);
    do {
        before = left;
        left = kind->drain(&memory, large.value, 100);
        cr_assert_lt(left, before);
        cr_assert_leq(before - left, 4000);
    } while (left > 0);
}
