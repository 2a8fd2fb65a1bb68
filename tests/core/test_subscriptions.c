/* Subscriptions on their way over the shards: what they answer, what is counted, and from when on what is heard. */
#include "core/subscriptions.h"

#include <criterion/criterion.h>

#include "core/command.h"
#include "tests/support/command_run.h"
#include "tests/support/dice.h"

enum { SHARDS = 4, HERE = 1, NAMES = 6, STEPS = 20000 };

static struct command_run run;
static struct channels *channels;
static struct session session;
static char answers[512]; /* of the last plan */

static void begin(void)
{
    command_run_init(&run, SHARDS);
    channels = &run.cores[HERE].channels;
    session = (struct session){0};
    session_begin(&run.cores[HERE].sessions, &session, 0);
}

static void end(void)
{
    session_end(&run.cores[HERE].sessions, &session);
    command_run_deinit(&run);
}

TestSuite(subscriptions, .init = begin, .fini = end);

static const char *const names[NAMES] = {"a", "b", "c", "d", "e", "f"};

/* The connection's next request. name NULL: of all. */
static struct subscription_change *plan(const char *command, const char *name)
{
    const struct str argv[2] = {str_from(command), name ? str_from(name) : (struct str){0}};
    struct subscription_change *change;
    struct reply reply;

    reply_init(&reply, &run.memory, NULL, 0, 2);
    session.pushes.admitted++;
    change = subscriptions_plan(channels, &session, HERE, command_find_by_name(str_from(command)), argv, name ? 2 : 1,
                                &reply);
    cr_assert_lt(reply.buffer.length, sizeof answers);
    memcpy(answers, reply.buffer.bytes, reply.buffer.length);
    answers[reply.buffer.length] = '\0';
    buffer_deinit(&reply.buffer);
    return change;
}

static void run_part(const struct subscription_change *change, int shard)
{
    struct str argv[1 + NAMES];
    struct call call = {.core = &run.cores[shard], .argv = argv, .argc = 1 + change->count};

    subscription_change_arguments(change, argv);
    subscription_part.run(&call);
}

static void complete(struct subscription_change *change)
{
    for (int shard = 0; shard < SHARDS; shard++) {
        run_part(change, shard);
        subscription_change_came_home(change, shard);
    }
    subscription_change_end(channels, change);
}

static const struct subscription *subscription_to(const char *name)
{
    const struct channel *channel = channels_find(channels, CHANNEL_PLAIN, str_from(name));

    return channel ? subscriptions_find(channels, &session, channel) : NULL;
}

static bool hears(const char *name, int shard)
{
    const struct subscription *subscription = subscription_to(name);

    return subscription && subscription_hears(subscription, shard);
}

Test(subscriptions, a_shard_is_heard_from_when_its_part_has_come_home)
{
    struct subscription_change *change = plan("subscribe", "a");

    cr_assert_str_eq(answers, "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    for (int home = 0; home < SHARDS; home++) {
        for (int shard = 0; shard < SHARDS; shard++)
            cr_assert_eq(hears("a", shard), shard < home);
        run_part(change, home);
        subscription_change_came_home(change, home);
    }
    subscription_change_end(channels, change);
    cr_assert(hears("a", 0) && hears("a", SHARDS - 1));
    complete(plan("unsubscribe", "a"));
}

Test(subscriptions, each_shard_counts_its_part)
{
    struct subscription_change *change = plan("subscribe", "a");

    run_part(change, 2);
    cr_assert_eq(channels_find(&run.cores[2].channels, CHANNEL_PLAIN, STR("a"))->homes[0].shard, HERE);
    cr_assert_null(channels_find(&run.cores[3].channels, CHANNEL_PLAIN, STR("a")));
    cr_assert_eq(channels_find(channels, CHANNEL_PLAIN, STR("a"))->subscribers, 0, "listed here, counted nowhere");
    for (int shard = 0; shard < SHARDS; shard++)
        if (shard != 2)
            run_part(change, shard);
    subscription_change_end(channels, change);
    complete(plan("unsubscribe", "a"));
    for (int shard = 0; shard < SHARDS; shard++)
        cr_assert_null(channels_find(&run.cores[shard].channels, CHANNEL_PLAIN, STR("a")));
}

Test(subscriptions, one_that_is_there_changes_nothing)
{
    complete(plan("subscribe", "a"));
    cr_assert_null(plan("subscribe", "a"));
    cr_assert_str_eq(answers, "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    cr_assert_null(plan("unsubscribe", "b"));
    cr_assert_str_eq(answers, "*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:1\r\n");
    cr_assert_null(plan("punsubscribe", NULL));
    cr_assert_str_eq(answers, "*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:1\r\n");
    complete(plan("unsubscribe", NULL));
    cr_assert_str_eq(answers, "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n");
}

Test(subscriptions, channels_and_patterns_are_counted_together_and_shard_channels_apart)
{
    complete(plan("subscribe", "a"));
    complete(plan("psubscribe", "a"));
    cr_assert_str_eq(answers, "*3\r\n$10\r\npsubscribe\r\n$1\r\na\r\n:2\r\n");
    complete(plan("ssubscribe", "a"));
    cr_assert_str_eq(answers, "*3\r\n$10\r\nssubscribe\r\n$1\r\na\r\n:1\r\n");
    cr_assert_eq(subscriptions_total(&session.subscriptions), 3);
    for (int kind = 0; kind < CHANNEL_KINDS; kind++)
        complete(plan((const char *[]){"unsubscribe", "punsubscribe", "sunsubscribe"}[kind], NULL));
    cr_assert_eq(subscriptions_total(&session.subscriptions), 0);
}

Test(subscriptions, a_later_change_that_is_home_first_waits_for_the_earlier_one)
{
    struct subscription_change *there = plan("subscribe", "a"), *gone = plan("unsubscribe", "a");

    for (int shard = 0; shard < SHARDS; shard++) {
        run_part(there, shard);
        run_part(gone, shard);
        subscription_change_came_home(gone, shard);
    }
    subscription_change_end(channels, gone);
    cr_assert_not_null(subscription_to("a"), "it is a step of a change that is under way");
    cr_assert_not(hears("a", 0));
    subscription_change_end(channels, there);
    cr_assert_null(subscription_to("a"));
    cr_assert_null(session.subscriptions.first_change);
}

Test(subscriptions, a_push_lies_before_the_first_change_of_which_its_shard_knows_nothing)
{
    session.pushes.admitted = 5;
    struct subscription_change *first = plan("subscribe", "a"), *second = plan("subscribe", "b");

    session.pushes.admitted++; /* a command of another kind */
    cr_assert_eq(subscriptions_place(&session, 0), 5);
    subscription_change_came_home(first, 0);
    cr_assert_eq(subscriptions_place(&session, 0), 6);
    cr_assert_eq(subscriptions_place(&session, 2), 5);
    subscription_change_came_home(second, 0);
    cr_assert_eq(subscriptions_place(&session, 0), 8);
    session.subscriptions.change_ahead = true; /* the last is such a change, and not planned yet */
    cr_assert_eq(subscriptions_place(&session, 0), 7);
    complete(first);
    complete(second);
    complete(plan("unsubscribe", NULL));
}

/* Random changes whose parts come home in any order, one shard after the other keeping that of its own. */

struct model_change {
    struct subscription_change *change; /* NULL: it changed nothing */
    int name;
    bool subscribes;
    int home_count;
};

static struct model_change under_way[8];
static int first_under_way, count_under_way;
static bool wanted[NAMES], heard[NAMES][SHARDS];
static int homes[SHARDS]; /* how many of the changes under way are home from each */

static struct model_change *nth_under_way(int n)
{
    return &under_way[(first_under_way + n) % 8];
}

static void ask(void)
{
    int name = (int)dice_below(NAMES);
    bool subscribes = dice_below(2) > 0;
    struct subscription_change *change = plan(subscribes ? "subscribe" : "unsubscribe", names[name]);

    cr_assert_eq(change != NULL, wanted[name] != subscribes);
    wanted[name] = subscribes;
    if (change)
        *nth_under_way(count_under_way++) = (struct model_change){change, name, subscribes, 0};
}

/* A ring is first-in first-out. */
static void come_home(int shard)
{
    struct model_change *change;

    if (homes[shard] == count_under_way)
        return;
    change = nth_under_way(homes[shard]++);
    run_part(change->change, shard);
    subscription_change_came_home(change->change, shard);
    heard[change->name][shard] = change->subscribes;
    if (++change->home_count < SHARDS)
        return;
    subscription_change_end(channels, change->change);
    first_under_way++;
    count_under_way--;
    for (int i = 0; i < SHARDS; i++)
        homes[i]--;
}

static void check(void)
{
    uint32_t total = 0;

    for (int name = 0; name < NAMES; name++) {
        for (int shard = 0; shard < SHARDS; shard++)
            cr_assert_eq(hears(names[name], shard), heard[name][shard], "%s of %d", names[name], shard);
        total += wanted[name];
    }
    cr_assert_eq(session.subscriptions.counts[CHANNEL_PLAIN], total);
}

Test(subscriptions, each_shard_is_heard_as_its_parts_have_come_home)
{
    dice_seed();
    for (int i = 0; i < STEPS; i++) {
        if (count_under_way < 8 && dice_below(4) == 0)
            ask();
        else
            come_home((int)dice_below(SHARDS));
        check();
    }
    while (count_under_way > 0)
        come_home((int)dice_below(SHARDS));
    struct subscription_change *rest = plan("unsubscribe", NULL);

    if (rest)
        complete(rest);
    cr_assert_null(session.subscriptions.first);
    for (int shard = 0; shard < SHARDS; shard++)
        cr_assert_null(run.cores[shard].channels.first[CHANNEL_PLAIN]);
}
