/* The transaction commands: rows of the command table, sorted by name. */
#include "core/command_rows.h"
#include "core/handlers.h"

#define GROUP .group = "transactions", .acl = ACL_TRANSACTION, .route = ROUTE_SESSION
#define FLAGS CMD_NOSCRIPT | CMD_LOADING | CMD_STALE

const struct command command_rows_transactions[] = {
    {"discard", cmd_discard, .arity = 1, .flags = FLAGS | CMD_FAST | CMD_ALLOW_BUSY | CMD_NOT_QUEUED, GROUP,
     .since = "2.0.0", .complexity = "O(N), where N is the number of queued commands",
     .summary = "Forgets the commands queued since MULTI."},
    {"exec", cmd_exec, .arity = 1, .flags = FLAGS | CMD_SKIP_SLOWLOG | CMD_NOT_QUEUED | CMD_EXECUTES, GROUP,
     .since = "1.2.0", .complexity = "That of the commands in the transaction.",
     .summary = "Runs the commands queued since MULTI, at one instant."},
    {"multi", cmd_multi, .arity = 1, .flags = FLAGS | CMD_FAST | CMD_ALLOW_BUSY | CMD_NOT_QUEUED,
     .precedes_queue = true, GROUP, .since = "1.2.0", .complexity = "O(1)",
     .summary = "Begins a transaction: what follows is queued."},
    {"unwatch", cmd_unwatch, .arity = 1, .flags = FLAGS | CMD_FAST | CMD_ALLOW_BUSY, GROUP, .since = "2.2.0",
     .complexity = "O(1)", .summary = "Watches no key any more."},
    {"watch", cmd_watch, .arity = -2, .flags = FLAGS | CMD_FAST | CMD_ALLOW_BUSY | CMD_NOT_QUEUED,
     .keys = {KEYS_FROM(1, 1, KEY_RO)}, .precedes_queue = true, GROUP, .since = "2.2.0",
     .complexity = "O(1) for every key.",
     .summary = "Watches keys: if one of them changes before EXEC, that does nothing.", .syntax = "key [key ...]"},
    {.name = NULL},
};
