/* Foreign packs of hashes and sorted sets: one is adopted as it is where adding its
 * items one after the other makes the same, and only there. */
#include "core/pack_names.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/config.h"
#include "core/hash.h"
#include "core/hash_value.h"
#include "core/memory.h"
#include "core/zset_value.h"
#include "tests/support/dice.h"

static struct config config;
static struct memory memory;

static void begin(void)
{
    if (!hash_is_seeded())
        hash_seed((const uint8_t *)"a secret that is 32 bytes long..");
    config_init(&config);
    dice_seed();
}

static void end(void)
{
    config_deinit(&config);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(pack_names, .init = begin, .fini = end);

/* A text of few, so that some come twice; an integer may be kept as a text, as nobody here would. */
static struct listpack_value random_value(char text[static NUMBER_TEXT_MAX])
{
    int number = (int)dice_below(60);
    bool is_word = dice_below(2);
    struct str made = {text, (size_t)snprintf(text, NUMBER_TEXT_MAX, is_word ? "name-%d" : "%d", number)};

    return dice_below(30) ? listpack_value_of(made) : (struct listpack_value){made.bytes, {made.length}};
}

/* Hashes */

static unsigned char *random_pack(size_t elements)
{
    unsigned char *pack = listpack_create(&memory, 0);
    char text[NUMBER_TEXT_MAX];

    while (elements-- > 0)
        listpack_append(&memory, &pack, random_value(text));
    return pack;
}

/* NULL: it can't be. */
static unsigned char *hash_made_of(const unsigned char *pack)
{
    struct hash hash;
    char digits[2][NUMBER_TEXT_MAX];
    bool is_sound = listpack_count(pack) % 2 == 0;

    hash_create(&hash, &memory, &config, 0);
    for (unsigned char *field = listpack_first(pack), *value; is_sound && field; field = listpack_next(value)) {
        value = listpack_next(field);
        is_sound = hash_set(&hash, listpack_text(listpack_get(field), digits[0]),
                            listpack_text(listpack_get(value), digits[1]), HASH_NO_DEADLINE);
    }
    if (is_sound && hash.encoding == ENCODING_LISTPACK)
        return hash.value;
    value_destroy(value_kind_of(VALUE_HASH, hash.encoding), &memory, hash.value);
    return NULL;
}

static bool same_pack(const unsigned char *one, const unsigned char *other)
{
    return listpack_bytes(one) == listpack_bytes(other) && memcmp(one, other, listpack_bytes(one)) == 0;
}

Test(pack_names, a_hash_adopts_what_setting_the_fields_makes_and_nothing_else)
{
    int adopted_count = 0;

    for (int round = 0; round < 20000; round++) {
        struct hash hash;
        unsigned char *pack = random_pack(dice_below(14)), *made;

        config.hash_max_listpack_entries = dice_below(3) ? 128 : (int64_t)dice_below(6);
        config.hash_max_listpack_value = dice_below(3) ? 64 : (int64_t)dice_below(8);
        made = hash_made_of(pack);
        hash_create(&hash, &memory, &config, 0);
        bool adopted = hash_adopt(&hash, pack);
        adopted_count += adopted;
        cr_assert_eq(adopted, made != NULL && same_pack(made, pack));
        cr_assert_eq(hash.encoding, ENCODING_LISTPACK);
        cr_assert(adopted ? same_pack(hash.value, pack) : hash_is_empty(&hash));
        listpack_free(&memory, hash.value);
        listpack_free(&memory, made);
        listpack_free(&memory, pack);
    }
    cr_assert_gt(adopted_count, 1000);
}

Test(pack_names, many_names_are_compared_as_few)
{
    unsigned char *pack = listpack_create(&memory, 0);
    char text[NUMBER_TEXT_MAX];

    for (int i = 0; i < 5000; i++) {
        struct str name = {text, (size_t)snprintf(text, sizeof text, i % 2 ? "%d" : "n%d", i)};
        listpack_append(&memory, &pack, listpack_value_of(name));
        listpack_append(&memory, &pack, listpack_integer(7));
    }
    cr_assert(pack_names_are_distinct(&memory, pack, 5000, 2));
    cr_assert_not(pack_names_are_distinct(&memory, pack, 10000, 1));
    listpack_append(&memory, &pack, listpack_value_of(STR("n4998")));
    cr_assert_not(pack_names_are_distinct(&memory, pack, 5001, 2));
    listpack_free(&memory, pack);
}

/* Sorted sets */

static struct zset_limits limits;

/* Scores mostly rise; some are the same in other digits, some are none. */
static unsigned char *random_set(size_t members)
{
    static const char *const odd[] = {"0.10000000000000001", "-0", "nan", "x", "1e300", "0", "1e3"};
    unsigned char *pack = listpack_create(&memory, 0);
    double score = (double)dice_below(10) - 5;

    while (members-- > 0) {
        char text[NUMBER_TEXT_MAX];

        listpack_append(&memory, &pack, random_value(text));
        struct str digits = {text, number_format_double(text, score)};
        if (dice_below(20) == 0)
            digits = str_from(odd[dice_below(sizeof odd / sizeof odd[0])]);
        listpack_append(&memory, &pack, listpack_value_of(digits));
        score += dice_below(20) ? (double)dice_below(3) / 2 : -1;
    }
    return pack;
}

/* Adds them one by one; false: one is there twice, or has no score. */
static bool make_set(struct zset *zset, const unsigned char *pack)
{
    static const struct zset_rule only_new = {.only_absent = true};
    char digits[2][NUMBER_TEXT_MAX];

    for (unsigned char *member = listpack_first(pack), *score; member; member = listpack_next(score)) {
        double number;

        score = listpack_next(member);
        if (!number_parse_double(listpack_text(listpack_get(score), digits[0]), &number) ||
            zset_add(zset, &limits, &only_new, listpack_text(listpack_get(member), digits[1]), &number) != ZSET_ADDED)
            return false;
    }
    return true;
}

static void expect_same_sets(const struct zset *one, const struct zset *other)
{
    struct zset_element first, second;
    struct zset_walk first_walk, second_walk;

    cr_assert_eq(zset_count(one), zset_count(other));
    zset_walk_begin(&first_walk, one, 0, zset_count(one), false);
    zset_walk_begin(&second_walk, other, 0, zset_count(other), false);
    while (zset_walk_next(&first_walk, &first)) {
        cr_assert(zset_walk_next(&second_walk, &second));
        cr_assert(str_equal(first.member, second.member) && memcmp(&first.score, &second.score, sizeof(double)) == 0);
    }
}

Test(pack_names, a_sorted_set_adopts_what_adding_the_members_makes_and_nothing_else)
{
    int adopted_count = 0;

    for (int round = 0; round < 20000; round++) {
        struct zset made = zset_create(&memory), adopted = zset_create(&memory);
        unsigned char *pack = random_set(dice_below(7));
        bool can_be, is;

        limits.entries = dice_below(3) ? 128 : (int64_t)dice_below(6);
        limits.member_bytes = dice_below(3) ? 64 : (int64_t)dice_below(8);
        can_be = make_set(&made, pack) && made.encoding == ENCODING_LISTPACK;
        is = zset_adopt(&adopted, &limits, pack);
        adopted_count += is;
        cr_assert(!is || can_be);
        cr_assert(is || !can_be || !same_pack(made.value, pack));
        if (is)
            expect_same_sets(&adopted, &made);
        else
            cr_assert_eq(zset_count(&adopted), 0);
        zset_destroy(&made);
        zset_destroy(&adopted);
        listpack_free(&memory, pack);
    }
    cr_assert_gt(adopted_count, 1000);
}
