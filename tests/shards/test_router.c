/* Where requests go, and in which order when a ring is full. */
#include "shards/router.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/keyspace.h"
#include "tests/support/shards/group_run.h"

enum { RING_SLOTS = 1024 };

static struct group_run run;

static size_t keys_on(int shard)
{
    return keyspace_count(run.group.shards[shard]->core.keyspace, 0);
}

static const struct stats *stats_of(int shard)
{
    return &run.group.shards[shard]->core.stats;
}

/* Owners. */

Test(router, every_shard_owns_an_equal_run_of_slots)
{
    for (int shards = 1; shards <= CONFIG_SHARDS_MAX; shards += shards < 8 ? 1 : 31) {
        static struct router router;
        int slots[CONFIG_SHARDS_MAX] = {0};
        struct config config;
        const char *wrong;

        config_init(&config);
        cr_assert(router_init(&router, &config, shards, &wrong));
        config_deinit(&config);
        for (int slot = 0; slot < SLOT_COUNT; slot++) {
            int owner = router_owner_of_slot(&router, slot);

            cr_assert(owner >= 0 && owner < shards);
            cr_assert(slot == 0 || owner >= router_owner_of_slot(&router, slot - 1));
            slots[owner]++;
        }
        for (int shard = 0; shard < shards; shard++)
            cr_assert(slots[shard] >= SLOT_COUNT / shards && slots[shard] <= SLOT_COUNT / shards + 1);
    }
}

Test(router, keys_of_one_tag_have_one_owner)
{
    group_run_init(&run, 5, NULL);
    for (int i = 0; i < 20; i++) {
        char key[32], other[32];

        snprintf(key, sizeof key, "{tag%d}a", i);
        snprintf(other, sizeof other, "b{tag%d}:%d", i, i);
        cr_assert_eq(router_owner(&run.group.router, str_from(key)), router_owner(&run.group.router, str_from(other)));
    }
    group_run_deinit(&run);
}

Test(router, keys_that_match_an_affinity_pattern_alike_have_one_owner)
{
    int first;

    group_run_init(&run, 5, "bull:*:");
    first = router_owner(&run.group.router, STR("bull:mail:wait"));
    for (const char *const *key =
             (const char *const[]){"bull:mail:active", "bull:mail:1", "bull:mail:", "bull:mail", NULL};
         *key; key++)
        cr_assert_eq(router_owner(&run.group.router, str_from(*key)), first);
    cr_assert_eq(router_owner(&run.group.router, STR("mail")), first, "as if the tag were the key");
    group_run_deinit(&run);
}

Test(router, a_wrong_affinity_pattern_is_named)
{
    static struct shard_group group;
    struct server_facts facts = {0};
    struct config config;
    char pattern[] = "no star";
    const char *wrong = NULL;

    config_init(&config);
    config.affinity[config.affinity_count++] = pattern;
    cr_assert_not(shard_group_init(&group, &config, &facts, 2, &wrong));
    cr_assert_str_eq(wrong, "no star");
    config.affinity_count = 0;
    config_deinit(&config);
}

/* Ways. */

Test(router, a_local_command_is_answered_at_once)
{
    group_run_init(&run, 2, NULL);
    cr_assert_str_eq(group_answer(group_ask(group_connect(&run, 1), "PING")), "+PONG ");
    group_run_deinit(&run);
}

Test(router, a_local_command_sees_and_changes_its_session)
{
    struct group_client *client;

    group_run_init(&run, 2, NULL);
    client = group_connect(&run, 0);
    group_ask(client, "SELECT 3");
    cr_assert_eq(client->session.db, 3);
    group_ask_format(client, "SET %s v", group_key(&run, 1, 0));
    group_settle(&run);
    cr_assert_eq(keyspace_count(run.group.shards[1]->core.keyspace, 3), 1);
    group_run_deinit(&run);
}

Test(router, a_key_lives_on_its_owner_wherever_its_client_is)
{
    group_run_init(&run, 5, NULL);
    for (int at = 0; at < 5; at++) {
        struct group_client *client = group_connect(&run, at);

        for (int owner = 0; owner < 5; owner++)
            group_ask_format(client, "SET %s %d", group_key(&run, owner, at), at);
        group_settle(&run);
        for (int owner = 0; owner < 5; owner++)
            cr_assert_eq(keys_on(owner), (size_t)at + 1);
        cr_assert_eq(stats_of(at)->local, 1);
        cr_assert_eq(stats_of(at)->crossed, 4);
    }
    group_run_deinit(&run);
}

Test(router, where_most_requests_of_a_connection_cross_to_is_known)
{
    struct group_client *client;

    group_run_init(&run, 3, NULL);
    client = group_connect(&run, 0);
    for (int i = 0; i < 3; i++)
        group_ask_format(client, "GET %s", group_key(&run, 2, 0));
    for (int i = 0; i < 5; i++)
        group_ask_format(client, "GET %s", group_key(&run, 0, 0));
    cr_assert_eq(client->origin.crossed_to, 2);
    cr_assert_eq(client->origin.crossings, 3);
    for (int i = 0; i < 5; i++)
        group_ask_format(client, "GET %s", group_key(&run, 1, 0));
    cr_assert_eq(client->origin.crossed_to, 1);
    cr_assert_eq(client->origin.crossings, 2);
    group_ask_format(client, "MGET %s %s", group_key(&run, 1, 0), group_key(&run, 2, 0));
    cr_assert_eq(client->origin.crossings, 2);
    group_settle(&run);
    group_run_deinit(&run);
}

Test(router, an_own_key_takes_one_turn_of_one_shard)
{
    struct ask *ask;

    group_run_init(&run, 2, NULL);
    ask = group_ask_format(group_connect(&run, 1), "SET %s v", group_key(&run, 1, 0));
    cr_assert_not(group_answered(ask));
    group_turn(&run, 1);
    cr_assert_str_eq(group_answer(ask), "+OK ");
    group_run_deinit(&run);
}

Test(router, a_far_key_takes_one_message_there_and_one_back)
{
    struct ask *ask;

    group_run_init(&run, 2, NULL);
    ask = group_ask_format(group_connect(&run, 0), "SET %s v", group_key(&run, 1, 0));
    group_turn(&run, 0);
    group_turn(&run, 1);
    cr_assert_not(group_answered(ask));
    group_turn(&run, 0);
    cr_assert_str_eq(group_answer(ask), "+OK ");
    group_run_deinit(&run);
}

Test(router, a_refused_command_goes_nowhere)
{
    struct group_client *client;

    group_run_init(&run, 2, NULL);
    client = group_connect(&run, 0);
    cr_assert_str_eq(group_answer(group_ask(client, "NOSUCH a")),
                     "-ERR unknown command 'NOSUCH', with args beginning with: 'a'  ");
    cr_assert_str_eq(group_answer(group_ask(client, "GET")), "-ERR wrong number of arguments for 'get' command ");
    group_run_deinit(&run);
}

Test(router, large_answers_come_home_from_another_shard)
{
    struct group_client *client;
    char line[3000];

    group_run_init(&run, 2, NULL);
    client = group_connect(&run, 0);
    snprintf(line, sizeof line, "SETRANGE %s 99999 x", group_key(&run, 1, 0));
    group_expect(client, line, ":100000 ");
    snprintf(line, sizeof line, "GETRANGE %s 99990 -1", group_key(&run, 1, 0));
    cr_assert_str_eq(group_command(client, line) + 13, "x ");
    snprintf(line, sizeof line, "GET %s", group_key(&run, 1, 0));
    group_forget(client);
    group_ask(client, line);
    group_settle(&run);
    group_forget(client);
    snprintf(line, sizeof line, "SET %s %02500d", group_key(&run, 1, 1), 7); /* arguments in a block */
    group_expect(client, line, "+OK ");
    snprintf(line, sizeof line, "STRLEN %s", group_key(&run, 1, 1));
    group_expect(client, line, ":2500 ");
    group_run_deinit(&run);
}

/* Held requests. */

static void fill_ring(struct group_client *client, int to)
{
    for (int i = 0; i < RING_SLOTS; i++)
        group_ask_format(client, "INCR %s", group_key(&run, to, 0));
}

Test(router, what_finds_no_room_is_executed_later_and_in_order)
{
    struct group_client *client;
    int number = 0;

    group_run_init(&run, 2, NULL);
    client = group_connect(&run, 0);
    for (int i = 0; i < 3 * RING_SLOTS; i++)
        group_ask_format(client, "INCR %s", group_key(&run, 1, 0));
    cr_assert_eq(stats_of(0)->ring_full, 1);
    cr_assert_eq(client->origin.held, 2 * RING_SLOTS);
    group_settle(&run);
    for (struct ask *ask = client->first; ask; ask = ask->next) {
        char expected[16];

        snprintf(expected, sizeof expected, ":%d ", ++number);
        cr_assert_str_eq(group_answer(ask), expected);
        cr_assert_eq(ask->order, number - 1);
    }
    group_run_deinit(&run);
}

Test(router, a_later_request_of_the_connection_waits_behind_a_held_one)
{
    struct group_client *client;
    struct ask *held, *own;

    group_run_init(&run, 2, NULL);
    client = group_connect(&run, 0);
    fill_ring(client, 1);
    held = group_ask_format(client, "SET %s v", group_key(&run, 1, 1));
    own = group_ask_format(client, "SET %s v", group_key(&run, 0, 1));
    cr_assert_eq(client->origin.held, 2);
    group_turn(&run, 0);
    group_turn(&run, 0);
    cr_assert_eq(client->origin.held, 2, "the ring is as full as before");
    cr_assert_eq(keys_on(0), 0);
    group_settle(&run);
    cr_assert_str_eq(group_answer(held), "+OK ");
    cr_assert_str_eq(group_answer(own), "+OK ");
    cr_assert_eq(client->origin.held, 0);
    group_run_deinit(&run);
}

Test(router, a_held_request_keeps_back_those_to_shards_with_room)
{
    struct group_client *client;
    struct ask *ask;

    group_run_init(&run, 5, NULL);
    client = group_connect(&run, 0);
    fill_ring(client, 1);
    group_ask_format(client, "SET %s v", group_key(&run, 1, 1));
    ask = group_ask_format(client, "SET %s v", group_key(&run, 2, 1));
    for (int i = 0; i < 3; i++) {
        group_turn(&run, 0);
        group_turn(&run, 2);
    }
    cr_assert_eq(keys_on(2), 0);
    cr_assert_not(group_answered(ask));
    group_settle(&run);
    group_run_deinit(&run);
}

Test(router, a_held_request_keeps_back_its_own_connection_alone)
{
    struct group_client *client, *other;
    struct ask *ask;

    group_run_init(&run, 2, NULL);
    client = group_connect(&run, 0);
    other = group_connect(&run, 0);
    fill_ring(client, 1);
    group_ask_format(client, "SET %s v", group_key(&run, 1, 1));
    ask = group_ask_format(other, "SET %s v", group_key(&run, 0, 1));
    group_turn(&run, 0);
    cr_assert_str_eq(group_answer(ask), "+OK ");
    group_settle(&run);
    group_run_deinit(&run);
}

Test(router, scatters_and_gathers_find_room_on_all_shards_or_wait)
{
    struct group_client *client;
    struct ask *scatter, *gather;

    group_run_init(&run, 2, NULL);
    client = group_connect(&run, 0);
    fill_ring(client, 1);
    scatter = group_ask_format(client, "MSET %s a %s b", group_key(&run, 0, 1), group_key(&run, 1, 1));
    gather = group_ask_format(client, "RENAME %s %s", group_key(&run, 0, 1), group_key(&run, 1, 2));
    cr_assert_eq(client->origin.held, 2);
    group_turn(&run, 0);
    cr_assert_eq(keys_on(0), 0, "no part goes alone");
    group_settle(&run);
    cr_assert_str_eq(group_answer(scatter), "+OK ");
    cr_assert_str_eq(group_answer(gather), "+OK ");
    cr_assert_eq(keys_on(0), 0);
    cr_assert_eq(keys_on(1), 3);
    group_run_deinit(&run);
}

Test(router, a_gather_that_finds_no_room_is_held_whole)
{
    struct group_client *client;
    struct ask *gather;

    group_run_init(&run, 2, NULL);
    client = group_connect(&run, 0);
    fill_ring(client, 1);
    gather = group_ask_format(client, "MSETNX %s a %s b", group_key(&run, 0, 1), group_key(&run, 1, 1));
    cr_assert_eq(client->origin.held, 1);
    group_turn(&run, 0);
    cr_assert_null(run.group.shards[0]->parked);
    group_settle(&run);
    cr_assert_str_eq(group_answer(gather), ":1 ");
    group_run_deinit(&run);
}

Test(router, while_something_is_held_the_shard_looks_again_soon)
{
    struct group_client *client;

    group_run_init(&run, 2, NULL);
    client = group_connect(&run, 0);
    fill_ring(client, 1);
    group_ask_format(client, "SET %s v", group_key(&run, 1, 1));
    group_turn(&run, 0);
    group_turn(&run, 0);
    cr_assert(run.loops[0].timeout_us > 0 && run.loops[0].timeout_us <= 1000);
    group_settle(&run);
    group_run_deinit(&run);
}

/* SCAN. */

Test(router, a_cursor_names_the_shard_it_is_at)
{
    struct group_client *client;

    group_run_init(&run, 5, NULL);
    client = group_connect(&run, 0);
    for (int shard = 0; shard < 5; shard++) {
        char line[64];

        snprintf(line, sizeof line, "SET %s v", group_key(&run, shard, 0));
        group_expect(client, line, "+OK ");
    }
    for (int shard = 0; shard < 5; shard++) {
        const char *key = group_key(&run, shard, 0);
        char line[64], expected[64];

        snprintf(line, sizeof line, "SCAN %d COUNT 100", shard);
        snprintf(expected, sizeof expected, "*2 $1 %d *1 $%zu %s ", (shard + 1) % 5, strlen(key), key);
        group_expect(client, line, expected);
    }
    group_expect(client, "SCAN x", "-ERR invalid cursor ");
    group_expect(client, "SCAN 18446744073709551616", "-ERR invalid cursor ");
    group_run_deinit(&run);
}
