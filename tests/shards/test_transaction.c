/* EXEC and watches over several shards: where they go, what they see, what they leave behind. */
#include "shards/transaction.h"

#include <criterion/criterion.h>

#include "core/keyspace.h"
#include "core/transaction.h"
#include "tests/support/dice.h"
#include "tests/support/shards/group_run.h"

enum { SHARDS = 5 };

static struct group_run run;
static struct group_client *client, *other;

static void begin(void)
{
    group_run_init(&run, SHARDS, NULL);
    client = group_connect(&run, 0);
    other = group_connect(&run, 3);
}

static void end(void)
{
    group_run_deinit(&run);
}

TestSuite(transactions, .init = begin, .fini = end);

static const char *with_keys(const char *line)
{
    return group_with_keys(&run, line);
}

static struct ask *ask(const char *line)
{
    return group_ask(client, with_keys(line));
}

static void expect_of(struct group_client *asking, const char *line, const char *expected)
{
    char text[4096];

    strcpy(text, with_keys(line));
    group_expect(asking, text, expected);
}

static void expect(const char *line, const char *expected)
{
    expect_of(client, line, expected);
}

static const struct stats *stats(void)
{
    return &run.group.shards[0]->core.stats;
}

static void queue(const char *line)
{
    expect(line, "+QUEUED ");
}

static void expect_nothing_watched(void)
{
    group_turns(&run);
    group_turns(&run);
    for (int i = 0; i < SHARDS; i++)
        cr_assert_not(keyspace_changes(run.group.shards[i]->core.keyspace)->heeded & CHANGES_WATCHED);
}

/* Where it goes. */

Test(transactions, keys_of_one_shard_are_one_message)
{
    expect("MULTI", "+OK ");
    queue("SET %2a 1");
    queue("MGET %2a %2b");
    queue("RENAME %2a %2b");
    expect("EXEC", "*3 +OK *2 $1 1 $-1 +OK ");
    cr_assert_eq(stats()->gathered, 0);
    cr_assert_eq(stats()->scattered, 0);
    cr_assert_eq(stats()->crossed, 1);
}

Test(transactions, keys_of_the_own_shard_stay_there)
{
    expect("MULTI", "+OK ");
    queue("SET %0a 1");
    queue("PING");
    queue("CLIENT GETNAME");
    expect("EXEC", "*3 +OK +PONG $-1 ");
    cr_assert_eq(stats()->crossed + stats()->gathered, 0);
    cr_assert_eq(stats()->local, 1);
}

Test(transactions, keys_of_several_shards_are_gathered)
{
    expect("MULTI", "+OK ");
    queue("SET %1a one");
    queue("SET %4a four");
    queue("MGET %4a %1a");
    expect("EXEC", "*3 +OK +OK *2 $4 four $3 one ");
    cr_assert_eq(stats()->gathered, 1);
    cr_assert_eq(stats()->crossed, 0);
}

Test(transactions, others_are_not_bothered)
{
    expect("MULTI", "+OK ");
    queue("SET %1a one");
    queue("SET %4a four");
    struct ask *exec = ask("EXEC");
    group_turn(&run, 0);
    group_turn(&run, 1);
    cr_assert_not_null(run.group.shards[1]->parked);
    group_turn(&run, 2);
    cr_assert_null(run.group.shards[2]->parked);
    group_turn(&run, 4);
    group_settle(&run);
    cr_assert_str_eq(group_answer(exec), "*2 +OK +OK ");
}

Test(transactions, home_executes_what_needs_the_session)
{
    expect("MULTI", "+OK ");
    queue("SET %1a one");
    queue("SELECT 7");
    queue("SET %1a there");
    queue("CLIENT SETNAME me");
    expect("EXEC", "*4 +OK +OK +OK +OK ");
    cr_assert_eq(client->session.db, 7);
    cr_assert_eq(stats()->gathered, 1);
    expect("GET %1a", "$5 there ");
    expect("CLIENT GETNAME", "$2 me ");
    cr_assert_null(client->session.transaction);
}

Test(transactions, home_executes_although_others_arrive_last)
{
    expect("MULTI", "+OK ");
    queue("SET %1a one");
    queue("CLIENT ID");
    struct ask *exec = ask("EXEC");
    group_turn(&run, 0);
    cr_assert_not_null(run.group.shards[0]->parked);
    group_turn(&run, 1);
    cr_assert_not_null(run.group.shards[1]->parked);
    cr_assert_not(group_answered(exec));
    group_turn(&run, 0);
    cr_assert_null(run.group.shards[0]->parked);
    group_settle(&run);
}

/* Watching. */

static void expect_executed(bool executed)
{
    expect("MULTI", "+OK ");
    queue("PING");
    expect("EXEC", executed ? "*1 +PONG " : "*-1 ");
}

Test(transactions, watches_hold_on_every_shard)
{
    static const char *const keys[] = {"SET %0a 1", "SET %1a 1", "SET %4a 1"};

    for (int i = 0; i < 3; i++) {
        expect("WATCH %0a %1a %2a %4a", "+OK ");
        expect_of(other, keys[i], "+OK ");
        expect_executed(false);
        expect_nothing_watched();
    }
    expect("WATCH %0a %1a %2a %4a", "+OK ");
    expect_of(other, "SET %3a 1", "+OK ");
    expect_executed(true);
    expect_nothing_watched();
}

Test(transactions, a_pipeline_watches_before_what_follows)
{
    ask("WATCH %4a");
    ask("SET %4a 1");
    ask("MULTI");
    ask("GET %1a");
    struct ask *exec = ask("EXEC");
    group_settle(&run);
    cr_assert_str_eq(group_answer(exec), "*-1 ");
    expect_nothing_watched();
}

Test(transactions, what_ends_without_exec_ends_its_watches)
{
    expect("WATCH %0a %1a %2a", "+OK ");
    expect("UNWATCH", "+OK ");
    expect_nothing_watched();
    expect("WATCH %2a", "+OK ");
    expect("MULTI", "+OK ");
    expect("DISCARD", "+OK ");
    expect_nothing_watched();
    expect("WATCH %2a %3a", "+OK ");
    expect("RESET", "+RESET ");
    client->session.authenticated = true;
    expect_nothing_watched();
    expect("WATCH %2a %3a", "+OK ");
    group_forget(client);
    group_leave(client);
    expect_nothing_watched();
}

Test(transactions, a_dropped_exec_ends_its_watches)
{
    expect("WATCH %1a %2a", "+OK ");
    expect("MULTI", "+OK ");
    queue("SET %3a 1");
    client->origin.paused = true; /* as if CLIENT PAUSE held something back before it */
    client->origin.held = 1;
    struct ask *exec = ask("EXEC");
    cr_assert_eq(client->origin.held, 2);
    router_drop_held(client->shard, &client->origin);
    client->origin.held--;
    group_settle(&run);
    cr_assert_str_eq(group_answer(exec), "");
    expect_nothing_watched();
    expect_of(other, "GET %3a", "$-1 ");
}

/* As if there were one shard. */

static const char *draw_command(void)
{
    static const char *const commands[] = {
        "SET %2a 1",   "INCR %0b",        "MSET %1a x %3a y",        "MGET %0a %1a %2a %3a",
        "RPUSH %4a x", "LPOP %4a",        "RENAME %1a %2b",          "DEL %3a %0b",
        "SELECT 1",    "SELECT 0",        "SUNIONSTORE %2c %1c %0c", "SADD %1c m",
        "PING",        "LRANGE %4a 0 -1", "BLPOP %4b %1b 0",         "GET %2b",
        "INCR %1a",    "CLIENT GETNAME",
    };

    return commands[dice_below(sizeof commands / sizeof *commands)];
}

/* Sequences of one client in a group of five shards, and in one of one. */
Test(transactions, random_ones_are_answered_as_by_one_shard)
{
    static struct group_run model;
    struct group_client *modelled;

    dice_seed();
    group_run_init(&model, 1, NULL);
    modelled = group_connect(&model, 0);
    for (int i = 0; i < 1500; i++) {
        static const char *const controls[] = {"MULTI", "EXEC", "WATCH %0a %4a %2b", "UNWATCH", "DISCARD", "EXEC"};
        char line[256];
        const char *drawn = dice_below(3) == 0 ? controls[dice_below(6)] : draw_command();

        if (strncmp(drawn, "BLPOP", 5) == 0 && !session_is_queuing(&client->session))
            continue;
        strcpy(line, with_keys(drawn));
        group_expect(modelled, line, group_command(client, line));
    }
    group_run_deinit(&model);
}
