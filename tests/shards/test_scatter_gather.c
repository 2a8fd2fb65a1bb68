/* Commands over the keys of several shards: their answers, their order, their
 * memory. A group of one shard is the model of a group of five. */
#include "shards/scatter.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/keyspace.h"
#include "core/log.h"
#include "shards/gather.h"
#include "tests/support/dice.h"
#include "tests/support/shards/group_run.h"

enum { SHARDS = 5 };

static struct group_run run;
static struct group_client *client;

static void begin(void)
{
    group_run_init(&run, SHARDS, NULL);
    client = group_connect(&run, 0);
}

static void end(void)
{
    group_run_deinit(&run);
}

TestSuite(scatter, .init = begin, .fini = end);
TestSuite(gather, .init = begin, .fini = end);
TestSuite(turn, .init = begin, .fini = end);

static const char *with_keys(const char *line)
{
    return group_with_keys(&run, line);
}

static struct ask *ask(const char *line)
{
    return group_ask(client, with_keys(line));
}

static void expect(const char *line, const char *expected)
{
    char text[4096];

    strcpy(text, with_keys(line));
    group_expect(client, text, expected);
}

static void expect_answer(const struct ask *asked, const char *expected)
{
    cr_assert_str_eq(group_answer(asked), expected);
}

static const struct stats *stats(void)
{
    return &run.group.shards[0]->core.stats;
}

/* Scatter. */

Test(scatter, mget_answers_in_the_order_of_its_keys)
{
    expect("MSET %0a zero %1a one %2a two %3a three %4a four", "+OK ");
    expect("MGET %3a %0a %4b %1a %4a %2a %0a", "*7 $5 three $4 zero $-1 $3 one $4 four $3 two $4 zero ");
    cr_assert_eq(stats()->scattered, 2);
}

Test(scatter, keys_of_one_shard_need_none)
{
    expect("MSET %2a x %2b y", "+OK ");
    expect("MGET %2b %2a", "*2 $1 y $1 x ");
    expect("DEL %2b %2a %2c", ":2 ");
    cr_assert_eq(stats()->scattered, 0);
}

Test(scatter, a_key_named_twice_counts_as_in_redis)
{
    expect("MSET %0a 1 %1a 2 %0a 3", "+OK ");
    expect("MGET %0a %1a", "*2 $1 3 $1 2 ");
    expect("EXISTS %0a %1a %0a %2a", ":3 ");
    expect("DEL %0a %1a %0a", ":2 ");
}

Test(scatter, counts_are_added)
{
    expect("MSET %0a 1 %1a 2 %2a 3", "+OK ");
    expect("DBSIZE", ":3 ");
    expect("TOUCH %0a %1a %3a", ":2 ");
    expect("UNLINK %0a %1a %3a", ":2 ");
    expect("DBSIZE", ":1 ");
    expect("FLUSHALL", "+OK ");
    expect("DBSIZE", ":0 ");
}

Test(scatter, odd_arguments_change_nothing)
{
    expect("MSET %0a 1 %1a", "-ERR wrong number of arguments for 'mset' command ");
    expect("MSET %0a 1 %1a 2 %2a", "-ERR wrong number of arguments for 'mset' command ");
    expect("MSETNX %0a 1 %1a", "-ERR wrong number of arguments for 'msetnx' command ");
    expect("DBSIZE", ":0 ");
}

Test(scatter, an_error_of_any_part_is_the_answer)
{
    expect("FLUSHALL NOSUCH", "-ERR syntax error ");
    expect("SWAPDB 0 99", "-ERR DB index is out of range ");
    expect("CLIENT LIST NOSUCH", "-ERR syntax error ");
    expect("DBSIZE", ":0 ");
}

/* Merges may read the command again: it has to outlive the receive buffer. */
Test(scatter, what_was_asked_is_known_when_the_parts_are_back)
{
    expect("MSET %0a 1 %1a 2", "+OK ");
    cr_assert_not_null(strstr(group_command(client, "INFO keyspace"), "db0:keys=2,"));
}

Test(scatter, keys_joins_the_lists_of_all_shards)
{
    expect("KEYS *", "*0 ");
    expect("MSET %0a 1 %2a 2 %4a 3", "+OK ");
    cr_assert_eq(strncmp(group_command(client, "KEYS *"), "*3 ", 3), 0);
    cr_assert_eq(strncmp(group_command(client, "KEYS nothing*"), "*0 ", 3), 0);
}

Test(scatter, databases_are_kept_apart)
{
    expect("MSET %0a 1 %1a 2", "+OK ");
    expect("SELECT 1", "+OK ");
    expect("MGET %0a %1a", "*2 $-1 $-1 ");
    expect("DBSIZE", ":0 ");
    expect("SWAPDB 0 1", "+OK ");
    expect("MGET %0a %1a", "*2 $1 1 $1 2 ");
}

Test(scatter, many_keys_and_values_come_through)
{
    char line[4096] = "MSET", expected[4096];
    size_t length = 4;

    for (int i = 0; i < 150; i++)
        length += (size_t)sprintf(line + length, " key:%d value:%d", i, i);
    group_expect(client, line, "+OK ");
    strcpy(line, "MGET");
    length = 4;
    size_t expected_length = (size_t)sprintf(expected, "*150 ");
    for (int i = 149; i >= 0; i--) {
        char value[32];

        length += (size_t)sprintf(line + length, " key:%d", i);
        sprintf(value, "value:%d", i);
        expected_length += (size_t)sprintf(expected + expected_length, "$%zu %s ", strlen(value), value);
    }
    group_expect(client, line, expected);
}

/* Parts write their answers into the scatter, as far as those before were as long. */
Test(scatter, answers_of_any_length_follow_each_other)
{
    static char value[3001], expected[10000];

    dice_seed();
    for (int round = 0; round < 300; round++) {
        size_t length = dice_below(4) == 0 ? dice_below(dice_below(3000) + 1) : dice_below(300) + 1;
        char *end = expected + sprintf(expected, "*5 ");

        memset(value, 'a' + round % 26, length);
        value[length] = '\0';
        group_forget(client);
        group_ask_format(client, "SET %s %s", group_key(&run, 1, 0), length > 0 ? value : "''");
        group_ask_format(client, "SET %s %d", group_key(&run, 3, 0), round);
        group_settle(&run);
        for (int i = 0; i < 5; i++)
            end += i % 2 == 0 ? sprintf(end, "$%zu %s ", length, value)
                              : sprintf(end, "$%d %d ",
                                        round < 10    ? 1
                                        : round < 100 ? 2
                                                      : 3,
                                        round);
        expect("MGET %1a %3a %1a %3a %1a", expected);
    }
}

Test(scatter, arguments_of_any_length_come_through)
{
    char line[4096], expected[4096];

    dice_seed();
    for (int round = 0; round < 200; round++) {
        int pairs = 2 + (int)dice_below(12);
        char *end = line + sprintf(line, "MSET"), *query, *answer;

        for (int i = 0; i < pairs; i++) {
            size_t name = dice_below(60), value = 1 + dice_below(80);

            end += sprintf(end, " %c%0*d ", 'a' + i, (int)name, round);
            memset(end, 'A' + i, value);
            end += value;
        }
        *end = '\0';
        group_expect(client, line, "+OK ");
        query = strdup(line);
        answer = expected + sprintf(expected, "*%d ", pairs);
        end = line + sprintf(line, "MGET");
        strtok(query, " ");
        for (int i = 0; i < pairs; i++) {
            const char *key = strtok(NULL, " "), *value = strtok(NULL, " ");

            end += sprintf(end, " %s", key);
            answer += sprintf(answer, "$%zu %s ", strlen(value), value);
        }
        group_expect(client, line, expected);
        free(query);
    }
}

static int64_t count_reading(void *context)
{
    ++*(int *)context;
    return 0;
}

/* Each takes two readings of the clock for each of three parts, and two at home. */
Test(scatter, of_many_short_ones_few_are_timed_and_all_are_counted)
{
    struct command_stats *home = &run.group.shards[0]->core.command_stats;
    int readings = 0;

    for (int i = 0; i < SHARDS; i++)
        run.group.shards[i]->core.command_stats.clock = (struct command_clock){count_reading, &readings};
    for (int i = 0; i < 100; i++)
        expect("MSET %0a 1 %1a 2 %2a 3", "+OK ");
    readings = 0;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 100; i++)
            ask("MSET %0a 1 %1a 2 %2a 3");
        group_settle(&run);
        group_forget(client);
    }
    cr_assert(readings >= 8 && readings <= 8 * 10, "%d", readings);
    cr_assert_eq(command_stats_of(home, command_find_by_name(STR("mset")))->calls, 1100);
    expect("SETRANGE %0a 5000 x", ":5001 ");
    readings = 0;
    group_command(client, with_keys("MGET %0a %0a %1a"));
    cr_assert_geq(readings, 3, "a large answer is timed in any case");
}

Test(scatter, a_pipeline_sees_its_own_effects)
{
    struct ask *asks[5];

    asks[0] = ask("MSET %1a 1 %2a 1 %3a 1");
    asks[1] = ask("INCR %2a");
    asks[2] = ask("MGET %1a %2a %3a");
    asks[3] = ask("DEL %1a %2a %3a");
    asks[4] = ask("MGET %1a %2a %3a");
    group_settle(&run);
    expect_answer(asks[0], "+OK ");
    expect_answer(asks[1], ":2 ");
    expect_answer(asks[2], "*3 $1 1 $1 2 $1 1 ");
    expect_answer(asks[3], ":3 ");
    expect_answer(asks[4], "*3 $-1 $-1 $-1 ");
}

/* Of two clients that write the same keys, one is last everywhere. */
Test(scatter, two_scatters_take_effect_in_one_order)
{
    struct group_client *other = group_connect(&run, 3);

    dice_seed();
    for (int round = 0; round < 200; round++) {
        const char *answer;

        group_ask(client, with_keys("MSET %0a A %1a A %2a A %3a A %4a A"));
        group_ask(other, with_keys("MSET %4a B %3a B %2a B %1a B %0a B"));
        for (int turns = 0; turns < 12; turns++)
            group_turn(&run, (int)dice_below(SHARDS));
        group_settle(&run);
        group_forget(other);
        answer = group_command(client, with_keys("MGET %0a %1a %2a %3a %4a"));
        cr_assert(strcmp(answer, "*5 $1 A $1 A $1 A $1 A $1 A ") == 0 ||
                      strcmp(answer, "*5 $1 B $1 B $1 B $1 B $1 B ") == 0,
                  "%s", answer);
    }
}

/* Gather. */

Test(gather, renames_across_shards)
{
    expect("SET %1a v EX 100", "+OK ");
    expect("RENAME %1a %3a", "+OK ");
    expect("MGET %1a %3a", "*2 $-1 $1 v ");
    expect("TTL %3a", ":100 ");
    expect("RENAME %1a %3a", "-ERR no such key ");
    expect("SET %2a w", "+OK ");
    expect("RENAMENX %3a %2a", ":0 ");
    expect("RENAMENX %3a %4a", ":1 ");
    expect("MGET %2a %3a %4a", "*3 $1 w $-1 $1 v ");
    cr_assert_eq(stats()->gathered, 4);
}

Test(gather, copies_across_shards)
{
    expect("SET %1a v", "+OK ");
    expect("COPY %1a %2a", ":1 ");
    expect("COPY %1a %2a", ":0 ");
    expect("APPEND %1a w", ":2 ");
    expect("COPY %1a %2a REPLACE", ":1 ");
    expect("COPY %1a %3a DB 2", ":1 ");
    expect("MGET %1a %2a %3a", "*3 $2 vw $2 vw $-1 ");
    expect("SELECT 2", "+OK ");
    expect("GET %3a", "$2 vw ");
}

Test(gather, msetnx_sets_all_or_none)
{
    expect("MSETNX %0a 1 %1a 1", ":1 ");
    expect("MSETNX %2a 2 %1a 2 %3a 2", ":0 ");
    expect("MGET %0a %1a %2a %3a", "*4 $1 1 $1 1 $-1 $-1 ");
}

Test(gather, randomkey_draws_from_all_shards)
{
    bool seen[SHARDS] = {false};
    int different = 0;

    expect("RANDOMKEY", "$-1 ");
    expect("MSET %0a 1 %1a 1 %2a 1 %3a 1 %4a 1", "+OK ");
    for (int i = 0; i < 300; i++) {
        const char *answer = group_command(client, "RANDOMKEY");

        for (int shard = 0; shard < SHARDS; shard++)
            if (strstr(answer, group_key(&run, shard, 0)) && strlen(answer) == strlen(group_key(&run, shard, 0)) + 4)
                seen[shard] = true;
    }
    for (int shard = 0; shard < SHARDS; shard++)
        different += seen[shard];
    cr_assert_eq(different, SHARDS);
}

Test(gather, participants_execute_nothing_until_it_is_done)
{
    struct group_client *other = group_connect(&run, 1);
    struct ask *rename, *set, *get;

    group_ask(other, with_keys("MSET %1a v %1b w"));
    group_settle(&run);
    rename = ask("RENAME %1a %3a");
    set = ask("SET %1a x"); /* in the same ring, behind it */
    group_turn(&run, 0);
    group_turn(&run, 1);
    cr_assert_not_null(run.group.shards[1]->parked);
    get = group_ask(other, with_keys("MGET %1a %1b"));
    group_turn(&run, 1); /* what it points to is overwritten afterwards */
    group_turn(&run, 1);
    cr_assert_not(group_answered(get));
    group_turn(&run, 3); /* the last to arrive executes */
    group_turn(&run, 1);
    expect_answer(get, "*2 $1 x $1 w ");
    cr_assert_null(run.group.shards[1]->parked);
    group_settle(&run);
    expect_answer(rename, "+OK ");
    expect_answer(set, "+OK ");
    expect("GET %3a", "$1 v ");
}

Test(gather, a_row_of_them_is_executed_at_one_meeting)
{
    struct ask *set = ask("MSETNX %1a 1 %3a 3 %0a 0"), *one = ask("RENAME %1a %3b"), *two = ask("RENAME %3b %1c");

    group_turn(&run, 1);
    group_turn(&run, 0);
    group_turn(&run, 1);
    cr_assert_not_null(run.group.shards[1]->parked);
    group_turn(&run, 3); /* the last to arrive executes all three */
    cr_assert_null(run.group.shards[3]->parked);
    group_turn(&run, 0);
    expect_answer(set, ":1 ");
    expect_answer(one, "+OK ");
    expect_answer(two, "+OK ");
    group_settle(&run);
    expect("MGET %0a %1a %1c %3a %3b", "*5 $1 0 $-1 $1 1 $1 3 $-1 ");
}

Test(gather, what_lies_between_two_is_executed_between_them)
{
    ask("SET %1a v");
    ask("RENAME %1a %3a");
    ask("SET %1a w");
    ask("RENAME %1a %3b");
    ask("RENAME %3b %4a"); /* of another shard */
    ask("MSETNX %1a x %3b y %4b z");
    group_settle(&run);
    expect("MGET %1a %3a %3b %4a %4b", "*5 $1 x $1 v $1 y $1 w $1 z ");
}

Test(gather, who_takes_no_part_goes_on)
{
    struct group_client *other = group_connect(&run, 2);
    struct ask *get;

    ask("RENAME %1a %3a");
    group_turn(&run, 0);
    group_turn(&run, 1);
    get = group_ask(other, with_keys("GET %2a"));
    group_turn(&run, 2);
    expect_answer(get, "$-1 ");
    group_settle(&run);
}

Test(gather, a_parked_shard_still_takes_answers)
{
    struct ask *far, *rename;

    far = ask("SET %2a v");
    rename = ask("RENAME %0a %3a");
    group_turn(&run, 0); /* arrives and parks */
    cr_assert_not_null(run.group.shards[0]->parked);
    group_turn(&run, 2);
    group_turn(&run, 0);
    expect_answer(far, "+OK ");
    cr_assert_not(group_answered(rename));
    group_settle(&run);
}

/* Whoever else has work for the sleeper takes it to be awake from then on, however long we execute. */
Test(turn, a_wake_up_leaves_before_what_the_waker_executes)
{
    atomic_store(&run.group.mesh.sleepers[1].asleep, true);
    ask("GET %1a");
    group_turn(&run, 0);
    cr_assert_eq(run.loops[1].wakes, 1);
    cr_assert_eq(run.loops[0].submits, 0, "nothing is executed: the wait that follows submits");
    atomic_store(&run.group.mesh.sleepers[1].asleep, true);
    ask("GET %1a");
    ask("GET %0a");
    group_turn(&run, 0);
    cr_assert_eq(run.loops[0].submits, 1);
    group_settle(&run);
}

Test(gather, a_parked_shard_wakes_when_it_is_over)
{
    struct mesh_sleeper *sleeper = &run.group.mesh.sleepers[1];

    ask("RENAME %1a %3a");
    group_turn(&run, 0);
    group_turn(&run, 1);
    group_turn(&run, 1);
    cr_assert_eq(run.loops[1].timeout_us, -1, "it sleeps, parked");
    atomic_store(&sleeper->asleep, true); /* as if it were in that wait */
    group_turn(&run, 3);
    cr_assert_eq(run.loops[1].wakes, 1);
    group_settle(&run);
}

Test(gather, crossing_gathers_do_not_lock_each_other)
{
    struct group_client *other = group_connect(&run, 4);

    dice_seed();
    for (int round = 0; round < 100; round++) {
        group_ask(client, with_keys("MSETNX %1a 1 %2a 1 %3a 1"));
        group_ask(client, with_keys("RENAME %1a %4a"));
        group_ask(other, with_keys("MSETNX %3a 2 %2a 2 %1a 2"));
        group_ask(other, with_keys("RENAME %3a %0a"));
        group_ask(other, "RANDOMKEY");
        for (int turns = 0; turns < 15; turns++)
            group_turn(&run, (int)dice_below(SHARDS));
        group_settle(&run);
        group_forget(other);
        group_command(client, "FLUSHALL");
    }
}

/* Random commands, beside a group of one shard. */

static struct group_run alone;

static const char *random_key(char *text)
{
    sprintf(text, "key:%d", (int)dice_below(25));
    return text;
}

static void random_command(char *line)
{
    static const char *const shapes[] = {
        "SET 1 v",     "GET 1",           "INCR 1", "APPEND 1 x", "DEL 111",   "UNLINK 11",
        "EXISTS 1111", "MGET 11111",      "MSET v", "MSETNX v",   "RENAME 11", "RENAMENX 11",
        "COPY 11",     "COPY 11 REPLACE", "DBSIZE", "TOUCH 11",   "MSET 1",    "EXPIRE 1 100",
        "TTL 1",       "PERSIST 1",       "TYPE 1", "STRLEN 1",   "GETDEL 1",  "LCS 11",
    };
    const char *shape = shapes[dice_below(sizeof shapes / sizeof shapes[0])];
    char key[16];
    bool pairs = strncmp(shape, "MSET", 4) == 0 && strchr(shape, 'v');

    for (; *shape && *shape != '1' && !(pairs && *shape == 'v'); shape++)
        *line++ = *shape;
    if (pairs)
        for (uint64_t left = 1 + dice_below(4); left > 0; left--)
            line += sprintf(line, "%s %d ", random_key(key), (int)dice_below(100));
    for (; *shape == '1'; shape++)
        line += sprintf(line, "%s ", random_key(key));
    strcpy(line, pairs ? "" : shape);
}

Test(scatter, five_shards_answer_as_one_does)
{
    struct group_client *model;

    dice_seed();
    group_run_init(&alone, 1, NULL);
    model = group_connect(&alone, 0);
    for (int i = 0; i < 3000; i++) {
        struct group_client *from =
            run.client_count < SHARDS ? group_connect(&run, run.client_count) : &run.clients[dice_below(SHARDS)];
        char line[512], expected[2048];

        random_command(line);
        strcpy(expected, group_command(model, line));
        group_expect(from, line, expected);
    }
    group_run_deinit(&alone);
}

/* Each key exactly once where nothing changes meanwhile. */
Test(scatter, scan_visits_every_key_once)
{
    bool seen[300] = {false};
    unsigned long long cursor = 0;
    int count = 0;

    for (int i = 0; i < 300; i++)
        group_ask_format(client, "SET scan:%d v", i);
    group_settle(&run);
    do {
        char line[64];
        const char *answer, *key;

        snprintf(line, sizeof line, "SCAN %llu COUNT 7", cursor);
        answer = group_command(client, line);
        cursor = strtoull(strchr(answer + 3, ' ') + 1, NULL, 10);
        for (key = strstr(answer, "scan:"); key; key = strstr(key + 1, "scan:")) {
            cr_assert_not(seen[atoi(key + 5)]);
            seen[atoi(key + 5)] = true;
            count++;
        }
    } while (cursor != 0);
    cr_assert_eq(count, 300);
}

/* Memory: what a command took beside the data is given back. */
Test(scatter, the_shards_accounts_return_to_where_they_were)
{
    size_t used[SHARDS];

    for (int round = 0; round < 3; round++) {
        expect("MSET %0a 1 %1a 2 %2a 3 %3a 4 %4a 5", "+OK ");
        expect("MGET %0a %1a %2a %3a %4a", "*5 $1 1 $1 2 $1 3 $1 4 $1 5 ");
        expect("RENAME %0a %1a", "+OK ");
        expect("SETRANGE %2a 50000 x", ":50001 ");
        group_command(client, with_keys("MGET %1a %2a"));
        expect("FLUSHALL", "+OK ");
        group_turns(&run);
        group_turns(&run);
        for (int i = 0; i < SHARDS; i++) {
            size_t now = run.group.shards[i]->core.memory.used_bytes;

            cr_assert(round < 2 || now == used[i], "shard %d: %zu, then %zu", i, used[i], now);
            used[i] = now;
        }
    }
}
