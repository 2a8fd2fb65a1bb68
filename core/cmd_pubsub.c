/* PUBLISH, PUBSUB and, within a transaction, SUBSCRIBE and its kin: outside of
 * one these are planned when they are staged (shards/scatter.h), by the same functions. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/assert.h"
#include "core/call.h"
#include "core/command.h"
#include "core/events.h"

void cmd_publish(struct call *call)
{
    struct message_text text = {call->argv[1], call->argv[2]};

    events_publish(call->core, call->session_id);
    reply_integer(call->reply,
                  publish_message(call->core, command_channel_kind(call->command), text, call->session_id));
}

/* Counts the change on every shard, at this instant. */
static void count_everywhere(struct call *call, const struct subscription_change *change)
{
    struct str *argv = memory_alloc(&call->core->memory, (1 + (size_t)change->count) * sizeof *argv);
    struct reply reply;

    reply_init(&reply, &call->core->memory, NULL, 0, call->reply->protocol);
    subscription_change_arguments(change, argv);
    call_nested(call, &subscription_part, argv, 1 + change->count, &reply);
    buffer_deinit(&reply.buffer);
    memory_free(&call->core->memory, argv);
}

/* As Redis has it: of the three it is alone in that. */
static bool is_refused_in_transactions(const struct command *command)
{
    return command->pubsub & PUBSUB_SUBSCRIBES && command->pubsub & PUBSUB_SHARDED;
}

void cmd_subscribe(struct call *call)
{
    struct channels *channels = &call->core->channels;
    struct subscription_change *change;

    if (is_refused_in_transactions(call->command)) {
        reply_error(call->reply, "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
        return;
    }
    if (call->session->closing)
        return; /* what ends its subscriptions is under way, and nobody reads the answer */
    change = subscriptions_plan(channels, call->session, call->core->index, call->command, call->argv, call->argc,
                                call->reply);
    if (!change)
        return;
    count_everywhere(call, change);
    subscription_change_end(channels, change);
}

/* PUBSUB. Every shard knows of all, so one answers. */

static void reply_names(struct call *call, enum channel_kind kind)
{
    const struct channel *channel = call->core->channels.first[kind];
    struct reply *reply = call->reply;
    size_t mark = reply_mark(reply);
    int64_t count = 0;

    if (call->argc > 3) {
        reply_error_format(reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try PUBSUB HELP.",
                           str_quoted_length(call->argv[1]), call->argv[1].bytes);
        return;
    }
    for (; channel; channel = channel->next) {
        if (channel->subscribers == 0)
            continue;
        if (call->argc == 3 && !str_glob_match(call->argv[2], channel_name(channel), false))
            continue;
        reply_bulk(reply, channel_name(channel));
        count++;
    }
    reply_array_at(reply, mark, count);
}

void cmd_pubsub_channels(struct call *call)
{
    reply_names(call, CHANNEL_PLAIN);
}

void cmd_pubsub_shardchannels(struct call *call)
{
    reply_names(call, CHANNEL_SHARD);
}

static void reply_counts(struct call *call, enum channel_kind kind)
{
    reply_array(call->reply, 2 * (int64_t)(call->argc - 2));
    for (int i = 2; i < call->argc; i++) {
        const struct channel *channel = channels_find(&call->core->channels, kind, call->argv[i]);

        reply_bulk(call->reply, call->argv[i]);
        reply_integer(call->reply, channel ? channel->subscribers : 0);
    }
}

void cmd_pubsub_numsub(struct call *call)
{
    reply_counts(call, CHANNEL_PLAIN);
}

void cmd_pubsub_shardnumsub(struct call *call)
{
    reply_counts(call, CHANNEL_SHARD);
}

void cmd_pubsub_numpat(struct call *call)
{
    reply_integer(call->reply, (int64_t)call->core->channels.subscribed[CHANNEL_PATTERN]);
}

void cmd_pubsub_help(struct call *call)
{
    static const char *const lines[] = {
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> (default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, excluding",
        "    pattern subscriptions(default: no channels).",
        "SHARDCHANNELS [<pattern>]",
        "    Return the currently active shard level channels matching a <pattern> (default: '*').",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Return the number of subscribers for the specified shard level channel(s)",
        NULL,
    };

    args_help(call, lines);
}
