/* Scripts: rows of the command table, sorted by name. */
#include "core/command_rows.h"
#include "core/handlers.h"

#define GROUP .group = "scripting"
#define EVAL_ROW                                                                                                       \
    .arity = -3, .route = ROUTE_SCRIPT, .acl = ACL_SCRIPTING, .reaches_all = eval_reaches_all, GROUP,                  \
    .complexity = "Depends on the script."
#define EVAL_FLAGS CMD_NOSCRIPT | CMD_SKIP_MONITOR | CMD_NO_MANDATORY_KEYS | CMD_STALE
#define EVAL_KEYS KEYS_COUNTED(2, 1, KEY_RW | KEY_ACCESS | KEY_UPDATE)
#define EVAL_RO_KEYS KEYS_COUNTED(2, 1, KEY_RO | KEY_ACCESS)

static const struct command script_subcommands[] = {
    {"debug", cmd_script_debug, .arity = 3, .route = ROUTE_LOCAL, .flags = CMD_NOSCRIPT, .acl = ACL_SCRIPTING, GROUP,
     .since = "3.2.0", .complexity = "O(1)", .summary = "Sets how scripts are debugged.",
     .syntax = "mode:<YES | SYNC | NO>"},
    {"exists", cmd_script_exists, .arity = -3, .route = ROUTE_SINGLE, .flags = CMD_NOSCRIPT, .acl = ACL_SCRIPTING,
     GROUP, .since = "2.6.0", .complexity = "O(N), where N is the number of scripts asked for",
     .summary = "Tells which scripts are known.", .syntax = "sha1 [sha1 ...]",
     .tips = "request_policy:all_shards response_policy:agg_logical_and"},
    {"flush", cmd_script_flush, .arity = -2, .route = ROUTE_SCATTER, .flags = CMD_NOSCRIPT, .acl = ACL_SCRIPTING,
     GROUP, .since = "2.6.0", .complexity = "O(N), where N is the number of scripts that are known",
     .summary = "Forgets all scripts.", .syntax = "flush-type:[ASYNC | SYNC]",
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {"help", cmd_script_help, .arity = 2, .route = ROUTE_LOCAL, .flags = CMD_LOADING | CMD_STALE, .acl = ACL_SCRIPTING,
     GROUP, .since = "5.0.0", .complexity = "O(1)", .summary = "Explains the subcommands."},
    {"kill", cmd_script_kill, .arity = 2, .route = ROUTE_LOCAL, .flags = CMD_NOSCRIPT | CMD_ALLOW_BUSY,
     .acl = ACL_SCRIPTING, GROUP, .since = "2.6.0", .complexity = "O(1)", .summary = "Ends the script that is running.",
     .tips = "request_policy:all_shards response_policy:one_succeeded"},
    {"load", cmd_script_load, .arity = 3, .route = ROUTE_SCATTER, .flags = CMD_NOSCRIPT | CMD_STALE,
     .acl = ACL_SCRIPTING, GROUP, .since = "2.6.0", .complexity = "O(N), where N is the length of the script",
     .summary = "Makes a script known without running it.", .syntax = "script",
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {.name = NULL},
};

const struct command command_rows_scripting[] = {
    {"eval", cmd_eval, .flags = EVAL_FLAGS | CMD_MAY_REPLICATE, .keys = {EVAL_KEYS}, EVAL_ROW, .since = "2.6.0",
     .summary = "Runs a Lua script.", .syntax = "script numkeys:integer [key ...] [arg ...]"},
    {"eval_ro", cmd_eval_ro, .flags = EVAL_FLAGS | CMD_READONLY, .keys = {EVAL_RO_KEYS}, EVAL_ROW, .since = "7.0.0",
     .summary = "Runs a Lua script that only reads.", .syntax = "script numkeys:integer [key ...] [arg ...]"},
    {"evalsha", cmd_evalsha, .flags = EVAL_FLAGS | CMD_MAY_REPLICATE, .keys = {EVAL_KEYS}, EVAL_ROW, .since = "2.6.0",
     .summary = "Runs a Lua script that is known, by its SHA-1.",
     .syntax = "sha1 numkeys:integer [key ...] [arg ...]"},
    {"evalsha_ro", cmd_evalsha_ro, .flags = EVAL_FLAGS | CMD_READONLY, .keys = {EVAL_RO_KEYS}, EVAL_ROW,
     .since = "7.0.0", .summary = "Runs a Lua script that is known and only reads, by its SHA-1.",
     .syntax = "sha1 numkeys:integer [key ...] [arg ...]"},
    {"script", NULL, .arity = -2, .route = ROUTE_LOCAL, .subcommands = script_subcommands, GROUP, .since = "2.6.0",
     .complexity = "Depends on the subcommand.", .summary = "Manages the scripts that are known."},
    {.name = NULL},
};
