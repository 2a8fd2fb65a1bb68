/* CLIENT PAUSE and KILL where requests are under way: what their answer waits
 * for, and what becomes of requests that are held. */
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

static void fill_ring(struct group_client *client, int to)
{
    for (int i = 0; i < RING_SLOTS; i++)
        group_ask_format(client, "GET %s", group_key(&run, to, 0));
}

static void all_turns(int count)
{
    while (count-- > 0)
        group_turns(&run);
}

/* A ring full of reads, then writes that are held; then everything is paused, and the reads are answered. */
static struct group_client *pause_held_writes(const char *mode, struct ask *writes[static 2])
{
    struct group_client *client = group_connect(&run, 0), *other = group_connect(&run, 1);
    struct ask *pause;

    fill_ring(client, 1);
    writes[0] = group_ask_format(client, "SET %s first", group_key(&run, 1, 1));
    writes[1] = group_ask_format(client, "SET %s second", group_key(&run, 1, 1));
    pause = group_ask_format(other, "CLIENT PAUSE %s", mode);
    group_turn(&run, 1);
    group_turn(&run, 0); /* the ring has no room yet, and the pause holds from here on */
    all_turns(10);
    cr_assert_str_eq(group_answer(pause), "+OK ");
    return client;
}

Test(pause, what_is_held_waits_for_its_end)
{
    struct group_client *client;
    struct ask *writes[2];

    group_run_init(&run, 2, NULL);
    client = pause_held_writes("100000 WRITE", writes);
    cr_assert_eq(client->origin.held, 2);
    cr_assert_eq(keys_on(1), 0);
    group_ask(&run.clients[1], "CLIENT UNPAUSE");
    all_turns(3);
    cr_assert_eq(keys_on(1), 0, "nobody has told the router");
    router_resume(client->shard);
    group_settle(&run);
    cr_assert_str_eq(group_answer(writes[0]), "+OK ");
    cr_assert_lt(writes[0]->order, writes[1]->order);
    cr_assert_eq(client->origin.held, 0);
    group_run_deinit(&run);
}

Test(pause, the_shard_sleeps_meanwhile)
{
    struct ask *writes[2];

    group_run_init(&run, 2, NULL);
    pause_held_writes("1000 WRITE", writes);
    cr_assert(run.loops[0].timeout_us > 500000 && run.loops[0].timeout_us <= 1000000);
    run.loops[0].time_us += 2000000;
    run.loops[1].time_us += 2000000;
    group_settle(&run);
    cr_assert_eq(keys_on(1), 1);
    group_run_deinit(&run);
}

Test(pause, what_comes_later_on_the_connection_stays_behind)
{
    struct group_client *client;
    struct ask *writes[2], *read;

    group_run_init(&run, 2, NULL);
    client = pause_held_writes("100000 WRITE", writes);
    read = group_ask_format(client, "GET %s", group_key(&run, 1, 1));
    all_turns(5);
    cr_assert_not(group_answered(read));
    cr_assert_gt(run.loops[0].timeout_us, 1000);
    group_ask(&run.clients[1], "CLIENT UNPAUSE");
    all_turns(3);
    router_resume(client->shard);
    group_settle(&run);
    cr_assert_str_eq(group_answer(read), "$6 second ");
    group_run_deinit(&run);
}

Test(pause, a_pause_that_goes_on_is_waited_for_again)
{
    struct ask *writes[2];
    struct group_client *client;

    group_run_init(&run, 2, NULL);
    client = pause_held_writes("1000 WRITE", writes);
    group_ask(&run.clients[1], "CLIENT PAUSE 5000 WRITE");
    all_turns(5);
    for (int i = 0; i < 2; i++)
        run.loops[i].time_us += 2000000;
    all_turns(5);
    cr_assert_eq(client->origin.held, 2);
    for (int i = 0; i < 2; i++)
        run.loops[i].time_us += 4000000;
    group_settle(&run);
    group_run_deinit(&run);
}

Test(pause, what_was_staged_before_takes_effect_before_the_answer)
{
    struct group_client *client, *other;
    struct ask *pause, *write;

    group_run_init(&run, 5, NULL);
    client = group_connect(&run, 0);
    other = group_connect(&run, 1);
    pause = group_ask(client, "CLIENT PAUSE 100000 WRITE");
    group_turn(&run, 0);
    group_turn(&run, 4);
    write = group_ask_format(other, "SET %s v", group_key(&run, 4, 1)); /* its shard does not know of the pause yet */
    for (int i = 0; i < 10; i++) /* the owner of the key lags behind */
        for (int shard = 1; shard < 5; shard++)
            group_turn(&run, shard % 4);
    cr_assert_eq(run.group.shards[1]->core.sessions.pause, SESSION_PAUSE_WRITE);
    cr_assert_not(group_answered(pause));
    group_turn(&run, 4);
    cr_assert_eq(keys_on(4), 1);
    group_turn(&run, 0);
    cr_assert_str_eq(group_answer(pause), "+OK ");
    group_settle(&run);
    cr_assert_str_eq(group_answer(write), "+OK ");
    group_run_deinit(&run);
}

Test(pause, settling_waits_for_room_in_a_full_ring)
{
    struct group_client *client, *crowd;
    struct ask *pause;

    group_run_init(&run, 2, NULL);
    client = group_connect(&run, 0);
    crowd = group_connect(&run, 0);
    pause = group_ask(client, "CLIENT PAUSE 100000 ALL");
    group_turn(&run, 0);
    group_turn(&run, 1);
    fill_ring(crowd, 1);
    group_turn(&run, 0); /* the parts are back, the empty ones find no room */
    cr_assert_eq(client->origin.held, 1);
    cr_assert_not(group_answered(pause));
    group_settle(&run);
    cr_assert_str_eq(group_answer(pause), "+OK ");
    cr_assert_eq(client->origin.held, 0);
    group_run_deinit(&run);
}

Test(pause, an_error_has_nothing_to_settle)
{
    struct group_client *client;
    struct ask *pause;

    group_run_init(&run, 1, NULL);
    client = group_connect(&run, 0);
    pause = group_ask(client, "CLIENT PAUSE x");
    group_turn(&run, 0);
    cr_assert_str_eq(group_answer(pause), "-ERR timeout is not an integer or out of range ");
    group_run_deinit(&run);
}

Test(pause, a_killed_clients_held_requests_are_answered_with_nothing)
{
    struct group_client *client, *other;
    struct ask *killed, *spared;

    group_run_init(&run, 2, NULL);
    client = group_connect(&run, 0);
    other = group_connect(&run, 0);
    fill_ring(client, 1);
    killed = group_ask_format(client, "SET %s killed", group_key(&run, 1, 1));
    spared = group_ask_format(other, "SET %s spared", group_key(&run, 1, 2));
    router_drop_held(client->shard, &client->origin);
    cr_assert_str_eq(group_answer(killed), "");
    cr_assert_eq(client->origin.held, 0);
    cr_assert_eq(other->origin.held, 1);
    group_settle(&run);
    cr_assert_str_eq(group_answer(spared), "+OK ");
    cr_assert_eq(keys_on(1), 1);
    group_run_deinit(&run);
}

Test(pause, what_is_paused_is_dropped_when_its_client_is_killed_or_the_group_stops)
{
    for (int stops = 0; stops < 2; stops++) {
        struct group_client *client;
        struct ask *writes[2];

        group_run_init(&run, 2, NULL);
        client = pause_held_writes("100000 WRITE", writes);
        if (stops)
            atomic_store(&run.group.stopping, true);
        else
            router_drop_held(client->shard, &client->origin);
        all_turns(2);
        cr_assert_str_eq(group_answer(writes[0]), "");
        cr_assert_str_eq(group_answer(writes[1]), "");
        cr_assert_eq(keys_on(1), 0);
        group_run_deinit(&run);
    }
}
