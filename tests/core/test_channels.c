/* A directory of subscribers, beside a model that counts each name on each shard. */
#include "core/channels.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/hash.h"
#include "core/memory.h"
#include "core/subscriptions.h"
#include "tests/support/dice.h"

enum { NAMES = 10, SHARDS = 7, STEPS = 20000 };

static struct memory memory;
static struct channels channels;
static uint32_t model[CHANNEL_KINDS][NAMES][SHARDS];

static void begin(void)
{
    static const uint8_t secret[32] = "a secret that every test run has";

    if (!hash_is_seeded())
        hash_seed(secret);
    channels_init(&channels, &memory);
    memset(model, 0, sizeof model);
}

static void end(void)
{
    channels_deinit(&channels);
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes leaked", memory.used_bytes);
}

TestSuite(channels, .init = begin, .fini = end);

static struct str name_of(int name)
{
    static const char names[NAMES][8] = {"", "a", "b", "ab", "ba", "news", "news.a", "news*", "*", "[ab]"};

    return str_from(names[name]);
}

static void count(int kind, int name, int shard, bool subscribes)
{
    channels_count(&channels, (enum channel_kind)kind, name_of(name), shard, subscribes);
    model[kind][name][shard] += subscribes ? 1 : -1;
}

static const struct channel_home *home_of(const struct channel *channel, int shard)
{
    const struct channel_home *found = NULL;

    for (int i = 0; i < channel->home_count; i++)
        if (channel->homes[i].shard == shard) {
            cr_assert_null(found, "shard %d is a home twice", shard);
            found = &channel->homes[i];
        }
    return found;
}

/* Returns whether the name has subscribers. */
static bool check_name(int kind, int name)
{
    const struct channel *channel = channels_find(&channels, (enum channel_kind)kind, name_of(name));
    uint32_t total = 0;

    for (int shard = 0; shard < SHARDS; shard++) {
        const struct channel_home *home = channel ? home_of(channel, shard) : NULL;

        cr_assert_eq(home ? home->subscribers : 0, model[kind][name][shard]);
        cr_assert(!home || home->subscribers > 0, "who has gone is no home");
        total += model[kind][name][shard];
    }
    cr_assert_eq(channel ? channel->subscribers : 0, total);
    cr_assert_eq(channel != NULL, total > 0, "a name is there while anybody counts");
    return total > 0;
}

static void check(void)
{
    for (int kind = 0; kind < CHANNEL_KINDS; kind++) {
        size_t subscribed = 0, listed = 0;

        for (int name = 0; name < NAMES; name++)
            subscribed += check_name(kind, name);
        cr_assert_eq(channels.subscribed[kind], subscribed);
        for (const struct channel *channel = channels.first[kind]; channel; channel = channel->next) {
            cr_assert_eq(channel->kind, kind);
            cr_assert(channel->next ? channel->next->previous == channel : channels.last[kind] == channel);
            listed++;
        }
        cr_assert_eq(listed, subscribed);
    }
}

Test(channels, subscribers_are_counted_by_name_and_shard)
{
    dice_seed();
    for (int i = 0; i < STEPS; i++) {
        int kind = (int)dice_below(CHANNEL_KINDS), name = (int)dice_below(NAMES), shard = (int)dice_below(SHARDS);
        bool leaves = model[kind][name][shard] > 0 && dice_below(2 + i / 1000 % 2) > 0; /* more, then fewer */

        count(kind, name, shard, !leaves);
        if (i % 16 == 0)
            check();
    }
    check();
}

Test(channels, kinds_do_not_share_names)
{
    count(CHANNEL_PLAIN, 1, 0, true);
    cr_assert_not_null(channels_find(&channels, CHANNEL_PLAIN, STR("a")));
    cr_assert_null(channels_find(&channels, CHANNEL_PATTERN, STR("a")));
    cr_assert_null(channels_find(&channels, CHANNEL_SHARD, STR("a")));
}

Test(channels, names_are_listed_in_the_order_in_which_they_came)
{
    count(CHANNEL_PLAIN, 3, 0, true);
    count(CHANNEL_PLAIN, 1, 0, true);
    count(CHANNEL_PLAIN, 2, 0, true);
    count(CHANNEL_PLAIN, 1, 0, false);
    cr_assert(str_equal(channel_name(channels.first[CHANNEL_PLAIN]), name_of(3)));
    cr_assert(str_equal(channel_name(channels.last[CHANNEL_PLAIN]), name_of(2)));
}

Test(channels, one_that_is_listed_stays_without_subscribers)
{
    struct channel *channel = channels_find_or_add(&channels, CHANNEL_PLAIN, STR("a"));
    struct subscription subscription = {.channel = channel};

    channel->first = channel->last = &subscription; /* on its way: counted nowhere yet */
    count(CHANNEL_PLAIN, 1, 4, true);
    count(CHANNEL_PLAIN, 1, 4, false);
    cr_assert_eq(channels_find(&channels, CHANNEL_PLAIN, STR("a")), channel);
    cr_assert_eq(channels.subscribed[CHANNEL_PLAIN], 0);
    channel->first = channel->last = NULL;
    channels_remove_if_unused(&channels, channel);
    cr_assert_null(channels_find(&channels, CHANNEL_PLAIN, STR("a")));
}

Test(channels, every_shard_has_a_place_in_a_set)
{
    struct channel_shards shards = {0};

    for (int shard = 0; shard < CONFIG_SHARDS_MAX; shard += 3)
        channel_shards_add(&shards, shard);
    channel_shards_remove(&shards, 63);
    for (int shard = 0; shard < CONFIG_SHARDS_MAX; shard++)
        cr_assert_eq(channel_shards_has(&shards, shard), shard % 3 == 0 && shard != 63, "%d", shard);
}
