#include "core/scripts.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/hash.h"

enum { SHARDS = 3 };

static struct scripts shards[SHARDS];
static struct scripts *all[SHARDS];

static void init(void)
{
    static const uint8_t secret[32] = "any";

    if (!hash_is_seeded())
        hash_seed(secret);
    for (int i = 0; i < SHARDS; i++) {
        scripts_init(&shards[i]);
        all[i] = &shards[i];
    }
}

static void deinit(void)
{
    for (int i = 0; i < SHARDS; i++)
        scripts_deinit(&shards[i]);
}

TestSuite(scripts, .init = init, .fini = deinit);

static struct str source_of(int number, char text[static 32])
{
    return (struct str){text, (size_t)snprintf(text, 32, "return %d", number)};
}

static void add_everywhere(int number)
{
    char text[32], sha[SHA1_HEX_LENGTH];
    struct str source = source_of(number, text);

    sha1_hex(source, sha);
    for (int i = 0; i < SHARDS; i++)
        scripts_add(&shards[i], sha, source, 0, SCRIPT_UNDECLARED)->used = i == 0;
    scripts_trim(&shards[0], all, SHARDS);
}

static struct script *find(int shard, int number)
{
    char text[32], sha[SHA1_HEX_LENGTH];

    sha1_hex(source_of(number, text), sha);
    return scripts_find(&shards[shard], sha);
}

Test(scripts, are_found_by_the_sha_of_their_text)
{
    add_everywhere(1);
    add_everywhere(2);
    cr_assert_eq(find(1, 1)->length, strlen("return 1"));
    cr_assert_eq(memcmp(find(1, 2)->source, "return 2", 8), 0);
    cr_assert_str_eq(find(1, 1)->sha, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    cr_assert_null(find(1, 3));
    scripts_clear(&shards[1]);
    cr_assert_null(find(1, 1));
    cr_assert_eq(scripts_count(&shards[1]), 0);
}

Test(scripts, the_oldest_that_no_shard_has_run_goes_on_all_shards)
{
    for (int i = 0; i < SCRIPTS_EVALUATED_MAX; i++)
        add_everywhere(i);
    find(0, 0)->used = find(0, 1)->used = find(0, 2)->used = false;
    find(2, 1)->used = true;
    find(1, 0)->function = 77;
    add_everywhere(SCRIPTS_EVALUATED_MAX);
    for (int i = 0; i < SHARDS; i++) {
        cr_assert_null(find(i, 0));
        cr_assert_not_null(find(i, 1));
        cr_assert_eq(scripts_count(&shards[i]), SCRIPTS_EVALUATED_MAX);
    }
    cr_assert_eq(shards[0].evicted, 1);
    cr_assert_eq(scripts_take_outdated(&shards[0]), SCRIPT_NOT_COMPILED);
    cr_assert_eq(scripts_take_outdated(&shards[1]), 77, "what the shard compiled is its own to let go of");
    add_everywhere(SCRIPTS_EVALUATED_MAX + 1);
    cr_assert_not_null(find(0, 1), "it was passed");
    cr_assert_null(find(0, 2));
}

Test(scripts, where_all_have_been_run_the_oldest_goes)
{
    for (int i = 0; i <= SCRIPTS_EVALUATED_MAX; i++)
        add_everywhere(i);
    for (int i = 0; i < SHARDS; i++) {
        cr_assert_null(find(i, 0));
        cr_assert_not_null(find(i, SCRIPTS_EVALUATED_MAX));
    }
}

Test(scripts, those_that_were_loaded_stay)
{
    add_everywhere(-1);
    for (int i = 0; i < SHARDS; i++)
        scripts_keep(&shards[i], find(i, -1));
    for (int i = 0; i < 2 * SCRIPTS_EVALUATED_MAX; i++)
        add_everywhere(i);
    for (int i = 0; i < SHARDS; i++) {
        cr_assert_not_null(find(i, -1));
        cr_assert_eq(scripts_count(&shards[i]), SCRIPTS_EVALUATED_MAX + 1);
    }
    cr_assert_eq(shards[0].evicted, SCRIPTS_EVALUATED_MAX);
}

Test(scripts, memory_returns)
{
    for (int i = 0; i < SCRIPTS_EVALUATED_MAX + 10; i++)
        add_everywhere(i);
    for (int i = 0; i < SHARDS; i++) {
        scripts_deinit(&shards[i]);
        cr_assert_eq(shards[i].memory.used_bytes, 0);
        scripts_init(&shards[i]);
    }
}
