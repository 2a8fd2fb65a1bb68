/* The HyperLogLog commands: rows of the command table, sorted by name. */
#include "core/command_rows.h"
#include "core/handlers.h"

#define GROUP .group = "hyperloglog"

const struct command command_rows_hyperloglog[] = {
    {"pfadd", cmd_pfadd, .arity = -2, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .acl = ACL_HYPERLOGLOG, .keys = {KEY_AT(1, KEY_RW | KEY_INSERT)}, GROUP, .since = "2.8.9",
     .complexity = "O(1) for each element",
     .summary = "Adds elements to a HyperLogLog, which is made where there is none.",
     .syntax = "key [element [element ...]]"},
    {"pfcount", cmd_pfcount, .arity = -2, .route = ROUTE_SINGLE, .flags = CMD_READONLY | CMD_MAY_REPLICATE,
     .acl = ACL_HYPERLOGLOG,
     .keys = {KEYS_FROM(1, 1, KEY_RW | KEY_ACCESS, .notes = "RW: the count may be put down in the key")}, GROUP,
     .since = "2.8.9", .complexity = "O(1) for one key; O(N) for N keys, with a much larger constant",
     .summary = "Estimates how many different elements HyperLogLogs have been given, together.",
     .syntax = "key [key ...]"},
    {"pfdebug", cmd_pfdebug, .arity = 3, .route = ROUTE_SINGLE,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_ADMIN | CMD_SYSCMD, .acl = ACL_HYPERLOGLOG,
     .keys = {KEY_AT(2, KEY_RW | KEY_ACCESS)}, GROUP, .since = "2.8.9", .complexity = "N/A",
     .summary = "Shows or changes how a HyperLogLog is kept.", .syntax = "subcommand key"},
    {"pfmerge", cmd_pfmerge, .arity = -2, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_DENYOOM,
     .acl = ACL_HYPERLOGLOG,
     .keys = {KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_INSERT), KEYS_FROM(2, 1, KEY_RO | KEY_ACCESS)},
     .save = undo_save_string, GROUP, .since = "2.8.9", .complexity = "O(N) for N HyperLogLogs, with a large constant",
     .summary = "Merges HyperLogLogs into one.", .syntax = "destkey:key [sourcekey:key [sourcekey:key ...]]"},
    {"pfselftest", cmd_pfselftest, .arity = 1, .route = ROUTE_LOCAL, .flags = CMD_ADMIN | CMD_SYSCMD,
     .acl = ACL_HYPERLOGLOG, GROUP, .since = "2.8.9", .complexity = "N/A",
     .summary = "Tests the HyperLogLog code on this machine."},
    {.name = NULL},
};
