/* Members drawn by lot, on every encoding. */
#include "core/set_random.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/config.h"
#include "core/hash.h"
#include "tests/support/dice.h"

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

TestSuite(set_random, .init = begin, .fini = end);

static void set_thresholds(int64_t intset, int64_t listpack, int64_t length)
{
    config.set_max_intset_entries = intset;
    config.set_max_listpack_entries = listpack;
    config.set_max_listpack_value = length;
}

static void add_range(struct set_value *set, int64_t first, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        struct set_member member = set_member_integer(first + i);

        cr_assert(set_value_add(set, &member));
    }
}

static void add_words(struct set_value *set, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        char text[32];

        snprintf(text, sizeof text, "word %d", i);
        struct set_member member = set_member_of(str_from(text));
        cr_assert(set_value_add(set, &member));
    }
}

/* The number of a member that is one, or "word NUMBER". */
static int number_in(const struct set_member *member)
{
    char digits[NUMBER_TEXT_MAX], copy[NUMBER_TEXT_MAX] = "";
    struct str text = set_member_text(member, digits);

    cr_assert(text.length > 0 && text.length < sizeof copy);
    memcpy(copy, text.bytes, text.length);
    return atoi(copy[0] == 'w' ? copy + 5 : copy);
}

static uint64_t random_bits(void *context)
{
    return dice_bits();
}

static struct set_dice dice(void)
{
    return (struct set_dice){random_bits, NULL};
}

enum { DRAWN = 40, DRAWS = 40000 };

/* DRAWN members, the greater part of them integers, in the given encoding. */
static struct set_value of_encoding(enum value_encoding encoding)
{
    struct set_value set;

    set_thresholds(encoding == ENCODING_INTSET ? 512 : 0, encoding == ENCODING_LISTPACK ? 512 : 0, 64);
    set = set_value_create(&memory, &config, encoding == ENCODING_TABLE ? ENCODING_ROARING : encoding);
    if (encoding == ENCODING_INTSET || encoding == ENCODING_ROARING) {
        add_range(&set, 0, DRAWN / 2);
        for (int i = DRAWN / 2; i < DRAWN; i++)
            add_range(&set, i * 100000, 1);
    } else {
        add_range(&set, 0, DRAWN - 10);
        add_words(&set, DRAWN - 10, 10);
    }
    cr_assert_eq(set.encoding, encoding);
    return set;
}

static int drawn_number(const struct set_member *member)
{
    int number = number_in(member);

    return number < DRAWN ? number : number / 100000;
}

/* Five standard deviations around what is expected of a fair lot. */
static void expect_fair(const int *times, double expected, const char *what)
{
    double deviation = 0;

    while (deviation * deviation < expected)
        deviation++;
    for (int i = 0; i < DRAWN; i++)
        cr_assert(times[i] >= expected - 5 * deviation && times[i] <= expected + 5 * deviation,
                  "%s: %d came %d times instead of %g", what, i, times[i], expected);
}

static bool count_drawn(void *context, const struct set_member *member)
{
    int *times = context;

    times[drawn_number(member)]++;
    return true;
}

static const enum value_encoding encodings[] = {ENCODING_INTSET, ENCODING_LISTPACK, ENCODING_ROARING, ENCODING_TABLE};

Test(set_random, every_member_is_drawn_as_often_on_every_encoding)
{
    for (int at = 0; at < 4; at++) {
        struct set_value set = of_encoding(encodings[at]);
        int times[DRAWN] = {0};

        for (int i = 0; i < DRAWS; i++) {
            struct set_member member = set_random_member(&set, dice());

            times[drawn_number(&member)]++;
        }
        expect_fair(times, DRAWS / DRAWN, "one");
        set_value_destroy(&set);
    }
}

Test(set_random, different_members_are_chosen_fairly)
{
    static const size_t counts[] = {0, 1, 5, 9, 10, 20, 39, 40, 50};

    for (int at = 0; at < 4; at++) {
        struct set_value set = of_encoding(encodings[at]);

        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            size_t count = counts[i] < DRAWN ? counts[i] : DRAWN;
            int times[DRAWN] = {0};

            for (int round = 0; round < 2000; round++) {
                int now[DRAWN] = {0};
                size_t drawn = 0;

                cr_assert(set_random_choose(&set, counts[i], dice(), &memory, count_drawn, now));
                for (int number = 0; number < DRAWN; number++) {
                    cr_assert(now[number] <= 1, "twice");
                    drawn += (size_t)now[number];
                    times[number] += now[number];
                }
                cr_assert_eq(drawn, count);
            }
            expect_fair(times, count == DRAWN ? 2000 : 2000.0 * (double)count / DRAWN, "chosen");
        }
        set_value_destroy(&set);
    }
}

Test(set_random, a_split_leaves_as_many_as_asked_and_tells_the_others)
{
    for (int at = 0; at < 4; at++) {
        struct set_value set = of_encoding(encodings[at]);
        int told[DRAWN] = {0};

        for (int round = 0; round < 1000; round++) {
            struct set_value kept = set_value_create(&memory, &config, ENCODING_LISTPACK);
            int now[DRAWN] = {0};

            set_random_split(&set, 4, dice(), &kept, count_drawn, now);
            cr_assert_eq(set_value_count(&kept), 4);
            for (int i = 0; i < DRAWN; i++)
                told[i] += now[i];
            cr_assert(set_value_each(&kept, count_drawn, now));
            for (int i = 0; i < DRAWN; i++)
                cr_assert_eq(now[i], 1);
            set_value_destroy(&kept);
        }
        expect_fair(told, 900, "told");
        set_value_destroy(&set);
    }
}
