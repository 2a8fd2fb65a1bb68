/* Who has read which keys, beside a model of pairs. */
#include "core/tracking.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/hash.h"
#include "core/keyspace.h"
#include "core/memory.h"
#include "tests/support/dice.h"

enum { KEYS = 60, READERS = 40 };

static struct memory memory;
static struct tracking tracking;
static bool model[KEYS][READERS];

static void begin(void)
{
    static const uint8_t secret[32] = "a secret that every test run has";

    if (!hash_is_seeded())
        keyspace_hash_seed(secret);
    tracking_init(&tracking, &memory);
    memset(model, 0, sizeof model);
}

static void end(void)
{
    tracking_deinit(&tracking);
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes leaked", memory.used_bytes);
}

TestSuite(tracking, .init = begin, .fini = end);

static struct str name_of(int key, char text[static 16])
{
    return (struct str){text, (size_t)snprintf(text, 16, "key%d", key)};
}

static struct tracking_reader reader_of(int reader)
{
    return (struct tracking_reader){.id = 1000 + (uint64_t)reader * 77, .home = (uint16_t)(reader % 5)};
}

static void remember(int key, int reader)
{
    char text[16];
    struct str name = name_of(key, text);

    tracking_remember(&tracking, name, keyspace_hash(name), reader_of(reader));
    model[key][reader] = true;
}

static void visit(void *context, struct tracking_reader reader)
{
    bool *told = context;
    int index = (int)(reader.id - 1000) / 77;

    cr_assert_eq(reader.home, index % 5);
    cr_assert_not(told[index], "one reader is told twice");
    told[index] = true;
}

static void forget(int key)
{
    bool told[READERS] = {false};
    char text[16];
    struct str name = name_of(key, text);
    struct tracked_key *found = tracking_find(&tracking, name, keyspace_hash(name));

    if (found)
        tracking_forget(&tracking, found, visit, told);
    cr_assert_arr_eq(told, model[key], sizeof told, "key %d", key);
    memset(model[key], 0, sizeof model[key]);
}

static size_t pairs(void)
{
    size_t count = 0;

    for (int key = 0; key < KEYS; key++)
        for (int reader = 0; reader < READERS; reader++)
            count += model[key][reader];
    return count;
}

Test(tracking, readers_of_a_key_are_told_once_and_forgotten)
{
    remember(1, 3);
    remember(1, 3);
    remember(1, 4);
    remember(2, 4);
    cr_assert_eq(tracking.items, 3);
    forget(1);
    forget(1);
    cr_assert_eq(tracking.items, 1);
    cr_assert_eq(tracking.readers.count, 1, "who has read nothing that is left is not known");
}

Test(tracking, a_flush_takes_all_and_frees_it_later)
{
    for (int key = 0; key < KEYS; key++)
        for (int reader = 0; reader < 3; reader++)
            remember(key, reader);
    tracking_flush(&tracking);
    cr_assert(tracking_is_empty(&tracking));
    cr_assert_eq(tracking.items, 0);
    memset(model, 0, sizeof model);
    remember(1, 1);
    while (tracking_reclaim(&tracking) > 0)
        continue;
    forget(1);
}

Test(tracking, random_steps_agree_with_the_model)
{
    dice_seed();

    for (int step = 0; step < 30000; step++) {
        int key = (int)dice_below(KEYS), reader = (int)dice_below(READERS);

        if (dice_below(100) < 80)
            remember(key, reader);
        else if (dice_below(1000) > 0)
            forget(key);
        else {
            tracking_flush(&tracking);
            memset(model, 0, sizeof model);
        }
        cr_assert_eq(tracking.items, pairs());
    }
}

Test(tracking, a_limit_that_has_been_lowered_is_reached_in_steps)
{
    struct keyspace *keyspace = keyspace_create(&memory, 1);
    const struct table *keys = &keyspace_tracking(keyspace)->keys;
    char text[16];

    for (int i = 0; i < 1000; i++)
        keyspace_remember(keyspace, key_of(name_of(i, text)), reader_of(0), 0);
    cr_assert_eq(keys->count, 1000);
    for (int i = 0; i < 1000; i++) {
        size_t before = keys->count;

        keyspace_remember(keyspace, key_of(name_of(1000 + i, text)), reader_of(0), 10);
        cr_assert(before + 1 - keys->count <= 16 && (keys->count < before || before == 10));
    }
    cr_assert_eq(keys->count, 10);
    keyspace_destroy(keyspace);
}
