/* The publish and subscribe commands: rows of the command table, sorted by name. */
#include "core/command_rows.h"
#include "core/handlers.h"

#define GROUP .group = "pubsub"
#define SUBSCRIBING .flags = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SENTINEL | CMD_SESSION
#define LOOKING .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE

static bool always(const struct str *argv, int argc)
{
    return true;
}

static const struct command pubsub_subcommands[] = {
    {"channels", cmd_pubsub_channels, .arity = -2, .route = ROUTE_SINGLE, LOOKING, GROUP, .since = "2.8.0",
     .complexity = "O(N), where N is the number of channels with subscribers",
     .summary = "Lists the channels that have subscribers.", .syntax = "[pattern]"},
    {"help", cmd_pubsub_help, .arity = 2, .route = ROUTE_LOCAL, .flags = CMD_LOADING | CMD_STALE, GROUP,
     .since = "6.2.0", .complexity = "O(1)", .summary = "Explains the subcommands."},
    {"numpat", cmd_pubsub_numpat, .arity = 2, .route = ROUTE_SINGLE, LOOKING, GROUP, .since = "2.8.0",
     .complexity = "O(1)", .summary = "Counts the patterns that have subscribers."},
    {"numsub", cmd_pubsub_numsub, .arity = -2, .route = ROUTE_SINGLE, LOOKING, GROUP, .since = "2.8.0",
     .complexity = "O(N), where N is the number of channels asked for",
     .summary = "Counts the subscribers of each of the channels.", .syntax = "[channel ...]"},
    {"shardchannels", cmd_pubsub_shardchannels, .arity = -2, .route = ROUTE_SINGLE, LOOKING, GROUP, .since = "7.0.0",
     .complexity = "O(N), where N is the number of shard channels with subscribers",
     .summary = "Lists the shard channels that have subscribers.", .syntax = "[pattern]"},
    {"shardnumsub", cmd_pubsub_shardnumsub, .arity = -2, .route = ROUTE_SINGLE, LOOKING, GROUP, .since = "7.0.0",
     .complexity = "O(N), where N is the number of shard channels asked for",
     .summary = "Counts the subscribers of each of the shard channels.", .syntax = "[shardchannel ...]"},
    {.name = NULL},
};

/* Subscriptions change where the connection is, and on every shard. */
const struct command command_rows_pubsub[] = {
    {"psubscribe", cmd_subscribe, .arity = -2, .route = ROUTE_LOCAL, .reaches_all = always, SUBSCRIBING,
     .pubsub = PUBSUB_ALLOWED | PUBSUB_SUBSCRIBES | PUBSUB_PATTERNS, GROUP, .since = "2.0.0",
     .complexity = "O(N), where N is the number of patterns",
     .summary = "Subscribes to the channels whose names match patterns.", .syntax = "pattern [pattern ...]"},
    {"publish", cmd_publish, .arity = 3, .route = ROUTE_SINGLE,
     .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_MAY_REPLICATE | CMD_SENTINEL,
     .pubsub = PUBSUB_PUBLISHES, GROUP, .since = "2.0.0",
     .complexity = "O(N+M), where N is the number of subscribers of the channel and M that of all patterns",
     .summary = "Sends a message to the subscribers of a channel.", .syntax = "channel message"},
    {"pubsub", NULL, .arity = -2, .route = ROUTE_LOCAL, .subcommands = pubsub_subcommands, GROUP, .since = "2.8.0",
     .complexity = "Depends on the subcommand.", .summary = "Looks at channels and their subscribers."},
    {"punsubscribe", cmd_subscribe, .arity = -1, .route = ROUTE_LOCAL, .reaches_all = always, SUBSCRIBING,
     .pubsub = PUBSUB_ALLOWED | PUBSUB_UNSUBSCRIBES | PUBSUB_PATTERNS, GROUP, .since = "2.0.0",
     .complexity = "O(N), where N is the number of patterns",
     .summary = "Ends the subscription to patterns, or to all of them.", .syntax = "[pattern ...]"},
    {"spublish", cmd_publish, .arity = 3, .keys = {KEY_AT(1, KEY_NOT_KEY)}, .route = ROUTE_SINGLE,
     .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_MAY_REPLICATE,
     .pubsub = PUBSUB_PUBLISHES | PUBSUB_SHARDED, GROUP, .since = "7.0.0",
     .complexity = "O(N), where N is the number of subscribers of the shard channel",
     .summary = "Sends a message to the subscribers of a shard channel.", .syntax = "shardchannel message"},
    {"ssubscribe", cmd_subscribe, .arity = -2, .keys = {KEYS_FROM(1, 1, KEY_NOT_KEY)}, .route = ROUTE_LOCAL,
     .reaches_all = always, .flags = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SESSION,
     .pubsub = PUBSUB_ALLOWED | PUBSUB_SUBSCRIBES | PUBSUB_SHARDED, GROUP, .since = "7.0.0",
     .complexity = "O(N), where N is the number of shard channels", .summary = "Subscribes to shard channels.",
     .syntax = "shardchannel [shardchannel ...]"},
    {"subscribe", cmd_subscribe, .arity = -2, .route = ROUTE_LOCAL, .reaches_all = always, SUBSCRIBING,
     .pubsub = PUBSUB_ALLOWED | PUBSUB_SUBSCRIBES, GROUP, .since = "2.0.0",
     .complexity = "O(N), where N is the number of channels", .summary = "Subscribes to channels.",
     .syntax = "channel [channel ...]"},
    {"sunsubscribe", cmd_subscribe, .arity = -1, .keys = {KEYS_FROM(1, 1, KEY_NOT_KEY)}, .route = ROUTE_LOCAL,
     .reaches_all = always, .flags = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SESSION,
     .pubsub = PUBSUB_ALLOWED | PUBSUB_UNSUBSCRIBES | PUBSUB_SHARDED, GROUP, .since = "7.0.0",
     .complexity = "O(N), where N is the number of shard channels",
     .summary = "Ends the subscription to shard channels, or to all of them.", .syntax = "[shardchannel ...]"},
    {"unsubscribe", cmd_subscribe, .arity = -1, .route = ROUTE_LOCAL, .reaches_all = always, SUBSCRIBING,
     .pubsub = PUBSUB_ALLOWED | PUBSUB_UNSUBSCRIBES, GROUP, .since = "2.0.0",
     .complexity = "O(N), where N is the number of channels",
     .summary = "Ends the subscription to channels, or to all of them.", .syntax = "[channel ...]"},
    {.name = NULL},
};
