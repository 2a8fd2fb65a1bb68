/* Who caches by which prefixes, beside a model that looks at all of them. */
#include "core/broadcasts.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/hash.h"
#include "core/memory.h"
#include "tests/support/dice.h"

enum { PREFIXES = 12, READERS = 9 };

static const char *const prefixes[PREFIXES] = {
    "", "a", "ab", "abc", "b", "user:", "user:1", "job", "c", "cc", "ccc", "z"};

static struct memory memory;
static struct broadcasts broadcasts;
static uint32_t model[PREFIXES][READERS]; /* generations, 0: not there */

static void begin(void)
{
    static const uint8_t secret[32] = "a secret that every test run has";

    if (!hash_is_seeded())
        hash_seed(secret);
    broadcasts_init(&broadcasts, &memory);
    memset(model, 0, sizeof model);
}

static void end(void)
{
    broadcasts_deinit(&broadcasts);
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes leaked", memory.used_bytes);
}

TestSuite(broadcasts, .init = begin, .fini = end);

static struct tracking_reader reader_of(int reader, uint32_t generation)
{
    return (struct tracking_reader){
        .id = (uint64_t)reader + 1, .home = (uint16_t)(reader % 3), .generation = generation};
}

static void add(int prefix, int reader, uint32_t generation)
{
    broadcasts_add(&broadcasts, str_from(prefixes[prefix]), reader_of(reader, generation));
    model[prefix][reader] = generation;
}

static void leave(int prefix, int reader, uint32_t generation)
{
    broadcasts_remove(&broadcasts, str_from(prefixes[prefix]), reader_of(reader, generation));
    if (model[prefix][reader] == generation)
        model[prefix][reader] = 0;
}

static void check_readers(const struct broadcast *broadcast, int prefix)
{
    size_t count = 0;

    for (int reader = 0; reader < READERS; reader++)
        count += model[prefix][reader] != 0;
    cr_assert_eq(broadcast->count, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert(model[prefix][broadcast->readers[i].id - 1] != 0);
        cr_assert(i == 0 || broadcast->readers[i - 1].home <= broadcast->readers[i].home, "homes rise");
    }
}

static bool is_wanted(int prefix)
{
    for (int reader = 0; reader < READERS; reader++)
        if (model[prefix][reader] != 0)
            return true;
    return false;
}

static int index_of(struct str name)
{
    for (int i = 0; i < PREFIXES; i++)
        if (str_equal(name, str_from(prefixes[i])))
            return i;
    return -1;
}

static void check(const char *key)
{
    bool told[PREFIXES] = {false};
    struct broadcast *broadcast;

    cr_assert(broadcasts_collect(&broadcasts, str_from(key), 7));
    while ((broadcast = broadcasts_take(&broadcasts)) != NULL) {
        int prefix = index_of(broadcast->prefix.name);

        told[prefix] = true;
        cr_assert_eq(broadcast->key_count, 1);
        check_readers(broadcast, prefix);
        broadcast_clear(broadcast);
    }
    for (int prefix = 0; prefix < PREFIXES; prefix++) {
        bool begins = strncmp(key, prefixes[prefix], strlen(prefixes[prefix])) == 0;

        cr_assert_eq(told[prefix], begins && is_wanted(prefix), "%s, %s", key, prefixes[prefix]);
    }
}

Test(broadcasts, keys_of_one_command_are_collected_as_bulk_strings)
{
    struct broadcast *broadcast;

    add(1, 0, 1);
    cr_assert(broadcasts_collect(&broadcasts, STR("ab"), 7));
    cr_assert(broadcasts_collect(&broadcasts, STR("acid"), 7));
    cr_assert(broadcasts_collect(&broadcasts, STR("x"), 7));
    cr_assert_not(broadcasts_collect(&broadcasts, STR("a"), 8), "what another client changed is told apart");
    broadcast = broadcasts_take(&broadcasts);
    cr_assert_eq(broadcast->key_count, 2);
    cr_assert(str_equal(buffer_str(&broadcast->keys), STR("$2\r\nab\r\n$4\r\nacid\r\n")));
    broadcast_clear(broadcast);
    cr_assert_null(broadcasts_take(&broadcasts));
}

Test(broadcasts, keys_are_taken_once_each_and_prefixes_and_keys_in_their_order)
{
    struct broadcast *broadcast;

    add(4, 0, 1);
    add(0, 0, 1);
    for (int round = 0; round < 2; round++) {
        cr_assert(broadcasts_collect(&broadcasts, STR("b"), 7));
        cr_assert(broadcasts_collect(&broadcasts, STR("a"), 7));
        cr_assert(broadcasts_collect(&broadcasts, STR("bc"), 7));
        cr_assert(broadcasts_collect(&broadcasts, STR("b"), 7));
        cr_assert(broadcasts_collect(&broadcasts, STR(""), 7));
        broadcast = broadcasts_take(&broadcasts);
        cr_assert_eq(broadcast->key_count, 4);
        cr_assert(str_equal(buffer_str(&broadcast->keys), STR("$0\r\n\r\n$1\r\na\r\n$1\r\nb\r\n$2\r\nbc\r\n")));
        broadcast_clear(broadcast);
        broadcast = broadcasts_take(&broadcasts);
        cr_assert(str_equal(broadcast->prefix.name, STR("b")));
        cr_assert_eq(broadcast->key_count, 2);
        broadcast_clear(broadcast);
        cr_assert_null(broadcasts_take(&broadcasts));
    }
}

Test(broadcasts, what_comes_late_does_not_end_what_began_since)
{
    add(1, 0, 2);
    leave(1, 0, 1);
    check("abc");
    leave(1, 0, 2);
    cr_assert(broadcasts_is_empty(&broadcasts));
}

Test(broadcasts, random_steps_agree_with_the_model)
{
    static const char *const keys[] = {"", "a", "abcd", "abd", "user:1:x", "user:", "use", "cccc", "y", "zz"};

    dice_seed();
    for (int step = 0; step < 20000; step++) {
        int prefix = (int)dice_below(PREFIXES), reader = (int)dice_below(READERS);
        uint32_t generation = 1 + (uint32_t)dice_below(3);

        if (dice_below(2))
            add(prefix, reader, generation);
        else
            leave(prefix, reader, generation);
        check(keys[dice_below(sizeof keys / sizeof keys[0])]);
    }
}
