/* Messages to who listens here, and those that wait to be sent to other shards. */
#include "core/publish.h"

#include <criterion/criterion.h>

#include "core/command.h"
#include "core/subscriptions.h"
#include "tests/support/command_run.h"

enum { SHARDS = 4, HERE = 2, ELSEWHERE = 3 };

static struct command_run run;
static struct core *core;
static struct session first, second;

static void begin(void)
{
    command_run_init(&run, SHARDS);
    core = &run.cores[HERE];
    first = second = (struct session){0};
    session_begin(&core->sessions, &first, 0);
    session_begin(&core->sessions, &second, 0);
    second.protocol = 3;
}

static struct subscription_change *plan(struct session *session, const char *command, struct str name)
{
    const struct str argv[2] = {str_from(command), name};
    struct reply reply;

    reply_init(&reply, &run.memory, NULL, 0, 2);
    struct subscription_change *change = subscriptions_plan(
        &core->channels, session, HERE, command_find_by_name(argv[0]), argv, name.bytes ? 2 : 1, &reply);
    buffer_deinit(&reply.buffer);
    return change;
}

static void subscribe(struct session *session, const char *command, const char *name)
{
    struct subscription_change *change = plan(session, command, str_from(name));

    channels_count(&core->channels, change->header.kind, str_from(name), HERE, true);
    subscription_change_end(&core->channels, change);
}

static void leave(struct session *session)
{
    static const char *const commands[CHANNEL_KINDS] = {"unsubscribe", "punsubscribe", "sunsubscribe"};

    for (int kind = 0; kind < CHANNEL_KINDS; kind++) {
        struct subscription_change *change = plan(session, commands[kind], (struct str){0});

        if (change)
            subscription_change_end(&core->channels, change);
    }
    session_end(&core->sessions, session);
}

static void end(void)
{
    leave(&first);
    leave(&second);
    command_run_deinit(&run);
}

TestSuite(publish, .init = begin, .fini = end);

static int64_t publish(const char *channel, uint64_t cause)
{
    return publish_message(core, CHANNEL_PLAIN, (struct message_text){str_from(channel), STR("hi")}, cause);
}

static void subscribe_elsewhere(enum channel_kind kind, const char *name)
{
    channels_count(&core->channels, kind, str_from(name), ELSEWHERE, true);
}

/* Takes what the session was pushed. */
static void expect_heard(struct session *session, const char *expected)
{
    struct push_run *pushed = pushes_take(&session->pushes, UINT64_MAX);

    cr_assert(str_equal(pushed ? buffer_str(&pushed->bytes) : STR(""), str_from(expected)), "not %s", expected);
    if (pushed)
        push_run_free(pushed, &core->memory);
    cr_assert_null(session->pushes.first);
}

Test(publish, nobody_hears_what_nobody_subscribes_to)
{
    subscribe(&first, "subscribe", "b");
    cr_assert_eq(publish("a", 0), 0);
    cr_assert_not(publishing_has_work(&core->publishing));
    expect_heard(&first, "");
}

Test(publish, subscribers_of_this_shard_alone_hear_at_once_each_in_its_protocol)
{
    subscribe(&first, "subscribe", "a");
    subscribe(&second, "subscribe", "a");
    cr_assert_eq(publish("a", 0), 2);
    cr_assert_not(publishing_has_work(&core->publishing));
    expect_heard(&first, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
    expect_heard(&second, ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
}

Test(publish, each_pattern_that_matches_hears_of_channels_and_not_of_shard_channels)
{
    subscribe(&first, "psubscribe", "a*");
    subscribe(&first, "psubscribe", "b*");
    subscribe(&first, "ssubscribe", "ab");
    cr_assert_eq(publish("ab", 0), 1);
    expect_heard(&first, "*4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$2\r\nab\r\n$2\r\nhi\r\n");
    cr_assert_eq(publish_message(core, CHANNEL_SHARD, (struct message_text){STR("ab"), STR("hi")}, 0), 1);
    expect_heard(&first, "*3\r\n$8\r\nsmessage\r\n$2\r\nab\r\n$2\r\nhi\r\n");
}

static void expect_queued(const char *message, bool here)
{
    struct publication *publication = publishing_take(&core->publishing);

    cr_assert_not_null(publication);
    cr_assert(str_equal((struct str){publication->bytes + publication->channel_length, publication->message_length},
                        str_from(message)));
    for (int shard = 0; shard < SHARDS; shard++)
        cr_assert_eq(channel_shards_has(&publication->to, shard), shard == ELSEWHERE || (here && shard == HERE));
    memory_free(&core->memory, publication);
}

Test(publish, what_others_hear_too_is_queued_for_all)
{
    subscribe(&first, "subscribe", "a");
    subscribe_elsewhere(CHANNEL_PLAIN, "a");
    subscribe_elsewhere(CHANNEL_PATTERN, "*");
    cr_assert_eq(publish("a", 0), 3);
    cr_assert_eq(publish_message(core, CHANNEL_PLAIN, (struct message_text){STR("b"), STR("later")}, 0), 1);
    expect_heard(&first, "");
    expect_queued("hi", true);
    expect_queued("later", false);
    cr_assert_not(publishing_has_work(&core->publishing));
}

Test(publish, who_causes_a_message_is_told_it_apart)
{
    subscribe(&first, "subscribe", "a");
    subscribe(&second, "subscribe", "a");
    cr_assert_eq(publish("a", second.id), 2);
    expect_heard(&first, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
    expect_heard(&second, "");
    cr_assert_eq(core->publishing.own_session, second.id);
    cr_assert(str_equal(buffer_str(&core->publishing.own), STR(">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n")));
    cr_assert(publishing_has_work(&core->publishing));
    core->publishing.own.length = 0;
}

Test(publish, who_causes_a_message_for_others_hears_it_before_they_do_and_once)
{
    const struct message_text text = {STR("a"), STR("hi")};

    subscribe(&first, "subscribe", "a");
    subscribe(&second, "subscribe", "a");
    subscribe_elsewhere(CHANNEL_PLAIN, "a");
    cr_assert_eq(publish("a", second.id), 3);
    cr_assert_gt(core->publishing.own.length, 0);
    cr_assert(core->publishing.first->cause_has_heard);
    core->publishing.own.length = 0;
    publish_here(core, CHANNEL_PLAIN, text, HERE, second.id, PUBLISH_TO_OTHERS);
    cr_assert_eq(core->publishing.own.length, 0);
    expect_heard(&second, "");
    expect_heard(&first, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
    expect_queued("hi", true);
}

Test(publish, what_a_script_says_that_may_be_taken_back_waits_and_can_be_unsaid)
{
    subscribe(&first, "subscribe", "a");
    undo_begin(&core->undo, core->keyspace, &core->config);
    cr_assert_eq(publish("a", 0), 1);
    expect_heard(&first, "");
    cr_assert(publishing_has_work(&core->publishing));
    publishing_clear(&core->publishing);
    cr_assert_not(publishing_has_work(&core->publishing));
    undo_rollback(&core->undo);
}

Test(publish, a_shard_whose_part_of_the_subscription_is_not_home_is_not_heard)
{
    const struct message_text text = {STR("a"), STR("hi")};
    struct subscription_change *change = plan(&first, "subscribe", STR("a"));

    subscription_change_came_home(change, ELSEWHERE);
    publish_here(core, CHANNEL_PLAIN, text, HERE, 0, PUBLISH_TO_ALL);
    expect_heard(&first, "");
    publish_here(core, CHANNEL_PLAIN, text, ELSEWHERE, 0, PUBLISH_TO_ALL);
    expect_heard(&first, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
    subscription_change_end(&core->channels, change);
}
