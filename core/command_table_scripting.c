/* Scripts: rows of the command table, sorted by name. */
#include "core/command_rows.h"
#include "core/handlers.h"

#define GROUP .group = "scripting"
#define EVAL_ROW                                                                                                       \
    .arity = -3, .route = ROUTE_SCRIPT, .acl = ACL_SCRIPTING, .reaches_all = eval_reaches_all, GROUP,                  \
    .complexity = "Depends on the script."
#define FCALL_ROW                                                                                                      \
    .arity = -3, .route = ROUTE_SCRIPT, .acl = ACL_SCRIPTING, .reaches_all = fcall_reaches_all,                        \
    .declares = fcall_declares, GROUP, .complexity = "Depends on the function."
#define EVAL_FLAGS CMD_NOSCRIPT | CMD_SKIP_MONITOR | CMD_NO_MANDATORY_KEYS | CMD_STALE
#define EVAL_KEYS                                                                                                      \
    KEYS_COUNTED(2, 1, KEY_RW | KEY_ACCESS | KEY_UPDATE,                                                               \
                 .notes = "Nobody knows what the script will do: the most it can")
#define EVAL_RO_KEYS                                                                                                   \
    KEYS_COUNTED(2, 1, KEY_RO | KEY_ACCESS, .notes = "Nobody knows what the script will read: all it can")

static const struct command script_subcommands[] = {
    {"debug", cmd_script_debug, .arity = 3, .route = ROUTE_LOCAL, .flags = CMD_NOSCRIPT, .acl = ACL_SCRIPTING, GROUP,
     .since = "3.2.0", .complexity = "O(1)", .summary = "Sets how scripts are debugged.",
     .syntax = "mode:<YES | SYNC | NO>"},
    {"exists", cmd_script_exists, .arity = -3, .route = ROUTE_SINGLE, .flags = CMD_NOSCRIPT, .acl = ACL_SCRIPTING,
     GROUP, .since = "2.6.0", .complexity = "O(N), where N is the number of scripts asked for",
     .summary = "Tells which scripts are known.", .syntax = "sha1 [sha1 ...]",
     .tips = "request_policy:all_shards response_policy:agg_logical_and"},
    {"flush", cmd_script_flush, .arity = -2, .route = ROUTE_SCATTER, .flags = CMD_NOSCRIPT, .acl = ACL_SCRIPTING, GROUP,
     .since = "2.6.0", .complexity = "O(N), where N is the number of scripts that are known",
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

#define FUNCTION_CHANGE CMD_WRITE | CMD_NOSCRIPT
#define TO_ALL "request_policy:all_shards response_policy:all_succeeded"

static const struct command function_subcommands[] = {
    {"delete", cmd_function_delete, .arity = 3, .route = ROUTE_SCATTER, .flags = FUNCTION_CHANGE, .acl = ACL_SCRIPTING,
     GROUP, .since = "7.0.0", .complexity = "O(N), where N is the number of the library's functions",
     .summary = "Forgets a library and its functions.", .syntax = "library-name", .tips = TO_ALL},
    {"dump", cmd_function_dump, .arity = 2, .route = ROUTE_SINGLE, .flags = CMD_NOSCRIPT, .acl = ACL_SCRIPTING, GROUP,
     .since = "7.0.0", .complexity = "O(N), where N is the length of all libraries",
     .summary = "Gives all libraries as a payload for FUNCTION RESTORE."},
    {"flush", cmd_function_flush, .arity = -2, .route = ROUTE_SCATTER, .flags = FUNCTION_CHANGE, .acl = ACL_SCRIPTING,
     GROUP, .since = "7.0.0", .complexity = "O(N), where N is the number of functions",
     .summary = "Forgets all libraries.", .syntax = "flush-type:[ASYNC | SYNC]", .tips = TO_ALL},
    {"help", cmd_function_help, .arity = 2, .route = ROUTE_LOCAL, .flags = CMD_LOADING | CMD_STALE,
     .acl = ACL_SCRIPTING, GROUP, .since = "7.0.0", .complexity = "O(1)", .summary = "Explains the subcommands."},
    {"kill", cmd_function_kill, .arity = 2, .route = ROUTE_LOCAL, .flags = CMD_NOSCRIPT | CMD_ALLOW_BUSY,
     .acl = ACL_SCRIPTING, GROUP, .since = "7.0.0", .complexity = "O(1)",
     .summary = "Ends the function that is running.",
     .tips = "request_policy:all_shards response_policy:one_succeeded"},
    {"list", cmd_function_list, .arity = -2, .route = ROUTE_SINGLE, .flags = CMD_NOSCRIPT, .acl = ACL_SCRIPTING, GROUP,
     .since = "7.0.0", .complexity = "O(N), where N is the number of functions",
     .summary = "Lists libraries and their functions.", .syntax = "[LIBRARYNAME library-name-pattern] [WITHCODE]",
     .tips = "nondeterministic_output_order"},
    {"load", cmd_function_load, .arity = -3, .route = ROUTE_GATHER, .flags = FUNCTION_CHANGE | CMD_DENYOOM,
     .acl = ACL_SCRIPTING, GROUP, .since = "7.0.0", .complexity = "O(N), where N is the length of the code",
     .summary = "Takes in a library of functions.", .syntax = "[REPLACE] function-code", .tips = TO_ALL},
    {"restore", cmd_function_restore, .arity = -3, .route = ROUTE_GATHER, .flags = FUNCTION_CHANGE | CMD_DENYOOM,
     .acl = ACL_SCRIPTING, GROUP, .since = "7.0.0", .complexity = "O(N), where N is the length of the payload",
     .summary = "Takes in the libraries of a payload.", .syntax = "serialized-value policy:[FLUSH | APPEND | REPLACE]",
     .tips = TO_ALL},
    {"stats", cmd_function_stats, .arity = 2, .route = ROUTE_SINGLE, .flags = CMD_NOSCRIPT | CMD_ALLOW_BUSY,
     .acl = ACL_SCRIPTING, GROUP, .since = "7.0.0", .complexity = "O(1)",
     .summary = "Tells which function is running, and how many there are.",
     .tips = "nondeterministic_output request_policy:all_shards response_policy:special"},
    {.name = NULL},
};

const struct command command_rows_scripting[] = {
    {"eval", cmd_eval, .declares = eval_declares, .flags = EVAL_FLAGS | CMD_MAY_REPLICATE, .keys = {EVAL_KEYS},
     EVAL_ROW, .since = "2.6.0", .summary = "Runs a Lua script.",
     .syntax = "script numkeys:integer [key ...] [arg ...]"},
    {"eval_ro", cmd_eval_ro, .declares = eval_declares, .flags = EVAL_FLAGS | CMD_READONLY, .keys = {EVAL_RO_KEYS},
     EVAL_ROW, .since = "7.0.0", .summary = "Runs a Lua script that only reads.",
     .syntax = "script numkeys:integer [key ...] [arg ...]"},
    {"evalsha", cmd_evalsha, .declares = evalsha_declares, .flags = EVAL_FLAGS | CMD_MAY_REPLICATE, .keys = {EVAL_KEYS},
     EVAL_ROW, .since = "2.6.0", .summary = "Runs a Lua script that is known, by its SHA-1.",
     .syntax = "sha1 numkeys:integer [key ...] [arg ...]"},
    {"evalsha_ro", cmd_evalsha_ro, .declares = evalsha_declares, .flags = EVAL_FLAGS | CMD_READONLY,
     .keys = {EVAL_RO_KEYS}, EVAL_ROW, .since = "7.0.0",
     .summary = "Runs a Lua script that is known and only reads, by its SHA-1.",
     .syntax = "sha1 numkeys:integer [key ...] [arg ...]"},
    {"fcall", cmd_fcall, .flags = EVAL_FLAGS | CMD_MAY_REPLICATE, .keys = {EVAL_KEYS}, FCALL_ROW, .since = "7.0.0",
     .summary = "Calls a function.", .syntax = "function numkeys:integer [key ...] [arg ...]"},
    {"fcall_ro", cmd_fcall_ro, .flags = EVAL_FLAGS | CMD_READONLY, .keys = {EVAL_RO_KEYS}, FCALL_ROW, .since = "7.0.0",
     .summary = "Calls a function that only reads.", .syntax = "function numkeys:integer [key ...] [arg ...]"},
    {"function", NULL, .arity = -2, .route = ROUTE_LOCAL, .subcommands = function_subcommands, GROUP, .since = "7.0.0",
     .complexity = "Depends on the subcommand.", .summary = "Manages libraries of functions."},
    {"script", NULL, .arity = -2, .route = ROUTE_LOCAL, .subcommands = script_subcommands, GROUP, .since = "2.6.0",
     .complexity = "Depends on the subcommand.", .summary = "Manages the scripts that are known."},
    {.name = NULL},
};
