/* In which order a shard takes what the others send back. */
#include "shards/returns.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "shards/errand.h"
#include "shards/news.h"
#include "tests/support/dice.h"
#include "tests/support/shards/group_run.h"

enum { SHARDS = 4, STEPS = 20000, HEARD_MOST = 256 };

static struct group_run run;
/* Numbers, by the shard that took them. */
static int heard[SHARDS][HEARD_MOST], heard_count[SHARDS], last_news[SHARDS], last_of_ring[SHARDS][SHARDS];

static void begin(void)
{
    group_run_init(&run, SHARDS, NULL);
    memset(heard_count, 0, sizeof heard_count);
    memset(last_news, 0, sizeof last_news);
    memset(last_of_ring, 0, sizeof last_of_ring);
}

static void end(void)
{
    group_run_deinit(&run);
}

TestSuite(returns, .init = begin, .fini = end);

static struct shard *shard_at(int index)
{
    return run.group.shards[index];
}

/* What leaves a shard has rising numbers; so have news, whoever says them. */
static void note(int shard, int from, int number)
{
    cr_assert_leq(last_of_ring[shard][from], number);
    last_of_ring[shard][from] = number;
    heard[shard][heard_count[shard]++ % HEARD_MOST] = number;
}

/* Takes what there is for the shard. */
static void expect(int shard, const int *numbers, int count)
{
    heard_count[shard] = 0;
    returns_take(shard_at(shard));
    cr_assert_eq(heard_count[shard], count, "%d were taken, not %d", heard_count[shard], count);
    for (int i = 0; i < count; i++)
        cr_assert_eq(heard[shard][i], numbers[i], "%d. was %d, not %d", i, heard[shard][i], numbers[i]);
}

/* News and errands that have a number. */

struct numbered_news {
    struct news news;
    int number;
};

static void deliver(struct shard *shard, struct news *news)
{
    int number = ((struct numbered_news *)news)->number;

    cr_assert_leq(last_news[shard->index], number);
    last_news[shard->index] = number;
    note(shard->index, news->message.home, number);
}

static struct news *news_of(int from, int number)
{
    struct numbered_news *numbered = news_create(shard_at(from), sizeof *numbered);

    numbered->news.deliver = deliver;
    numbered->number = number;
    return &numbered->news;
}

static void say(int from, int to, int number)
{
    news_send(shard_at(from), to, news_of(from, number));
}

struct numbered_errand {
    struct errand errand;
    int to, number;
    void (*then)(void);
};

static void run_errand(struct completion *completion)
{
    struct numbered_errand *errand =
        (struct numbered_errand *)((char *)completion - offsetof(struct numbered_errand, errand.completion));

    note(errand->to, errand->errand.message.home, errand->number);
    if (errand->then)
        errand->then();
    memory_free(&run.memory, errand);
}

/* It leaves with the next news, or when the shard publishes its returns. */
static void leave_errand(int from, int to, int number, void (*then)(void))
{
    struct numbered_errand *errand = memory_alloc_zeroed(&run.memory, sizeof *errand);

    *errand = (struct numbered_errand){.errand.completion.done = run_errand, .to = to, .number = number, .then = then};
    errand_send(shard_at(from), to, &errand->errand);
}

static void publish_errands(int from)
{
    mesh_publish_returns(&shard_at(from)->port, shard_at(from)->loop);
}

Test(returns, news_of_several_shards_are_heard_in_the_order_in_which_they_were_said)
{
    say(3, 0, 1);
    say(1, 0, 2);
    say(2, 0, 3);
    say(3, 0, 4);
    say(1, 0, 5);
    expect(0, (int[]){1, 2, 3, 4, 5}, 5);
}

Test(returns, one_ring_is_first_in_first_out)
{
    leave_errand(1, 0, 1, NULL);
    say(1, 0, 2);
    leave_errand(1, 0, 3, NULL);
    say(1, 0, 4);
    leave_errand(1, 0, 5, NULL);
    expect(0, (int[]){1, 2, 3, 4}, 4);
    publish_errands(1);
    expect(0, (int[]){5}, 1);
}

Test(returns, what_is_behind_news_waits_until_they_are_heard)
{
    say(3, 0, 1);
    say(1, 0, 2);
    leave_errand(1, 0, 3, NULL);
    publish_errands(1);
    expect(0, (int[]){1, 2, 3}, 3);
}

Test(returns, what_is_said_to_several_is_heard_when_it_is_there_for_all)
{
    struct shard *shard = shard_at(1);

    news_begin(shard);
    news_send_to(shard, 0, news_of(1, 1));
    expect(0, NULL, 0);
    news_send_to(shard, 2, news_of(1, 1));
    expect(2, NULL, 0);
    news_end(shard);
    expect(0, (int[]){1}, 1);
    expect(2, (int[]){1}, 1);
}

/* Shard 3 has looked at shard 0's ring, which was empty, when it takes shard 1's errand, and has not looked at shard
 * 2's. */
static void one_says_and_another_answers(void)
{
    say(0, 3, 2);
    say(2, 3, 3);
}

Test(returns, what_caused_news_is_looked_for_once_more_before_they_are_heard)
{
    leave_errand(1, 3, 1, one_says_and_another_answers);
    publish_errands(1);
    expect(3, (int[]){1, 2, 3}, 3);
}

Test(returns, news_rise_for_every_shard_however_often_it_looks)
{
    dice_seed();
    for (int number = 0; number < STEPS; number++) {
        int from = (int)dice_below(SHARDS), to = (from + 1 + (int)dice_below(SHARDS - 1)) % SHARDS;

        if (dice_below(4) == 0)
            leave_errand(from, to, number, NULL);
        say(from, to, number);
        if (dice_below(8) == 0)
            returns_take(shard_at((int)dice_below(SHARDS)));
    }
    for (int shard = 0; shard < SHARDS; shard++)
        returns_take(shard_at(shard));
}

enum { RING_SLOTS = 1024, MORE_THAN_RINGS_TAKE = 5 * RING_SLOTS / 2 };

static void say_to_both(int from, int to, int other, int number)
{
    struct shard *shard = shard_at(from);

    news_begin(shard);
    news_send_to(shard, to, news_of(from, number));
    news_send_to(shard, other, news_of(from, number));
    news_end(shard);
    news_hear(shard, news_of(from, number));
}

Test(returns, more_news_than_a_ring_takes_are_heard_as_they_find_room)
{
    for (int number = 1; number <= MORE_THAN_RINGS_TAKE; number++)
        say_to_both(1, 0, number % 3 ? 2 : 3, number);
    cr_assert(mesh_is_held_up(&shard_at(1)->port));
    for (int turn = 0; turn < 10; turn++) {
        for (int shard = 0; shard < SHARDS; shard++)
            returns_take(shard_at(shard));
        publish_errands(1);
    }
    cr_assert_not(mesh_is_held_up(&shard_at(1)->port));
    cr_assert_eq(heard_count[0], MORE_THAN_RINGS_TAKE);
    cr_assert_eq(heard_count[1], MORE_THAN_RINGS_TAKE);
    cr_assert_eq(heard_count[2] + heard_count[3], MORE_THAN_RINGS_TAKE);
}

Test(returns, who_says_more_than_a_ring_takes_hears_it_before_what_it_has_caused)
{
    for (int number = 1; number <= MORE_THAN_RINGS_TAKE; number++)
        say_to_both(1, 0, 2, number);
    returns_take(shard_at(0));
    returns_take(shard_at(2));
    publish_errands(1);
    returns_take(shard_at(0));
    cr_assert_gt(heard_count[0], RING_SLOTS, "of those that had no room at first");
    say(0, 1, heard_count[0]);
    returns_take(shard_at(1));
    cr_assert_eq(heard_count[1], heard_count[0] + 1);
}
