/* The stream commands: rows of the command table, sorted by name. */
#include "core/command_rows.h"
#include "core/handlers.h"
#include "core/stream_read_args.h"

#define GROUP .group = "stream"

#define TRIMMING "strategy:<MAXLEN | MINID> operator:[= | ~] threshold [LIMIT count]"
#define REFERENCES "condition:[KEEPREF | DELREF | ACKED]"
#define DELETION REFERENCES " ids:<IDS numids id [id ...]>"

/* The keys are the first half of what follows STREAMS. */
#define KEYS_AFTER_STREAMS(from, key_flags)                                                                            \
    {                                                                                                                  \
        .flags = key_flags, .begin = KEY_BEGIN_KEYWORD, .find = KEY_FIND_RANGE, .keyword = "STREAMS", .index = from,   \
        .last = -1, .step = 1, .limit = 2                                                                              \
    }

static const struct command group_subcommands[] = {
    {"create", cmd_xgroup_create, .arity = -5, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_DENYOOM,
     .acl = ACL_STREAM, .keys = {KEY_AT(2, KEY_RW | KEY_INSERT)}, GROUP, .since = "5.0.0", .complexity = "O(1)",
     .summary = "Adds a consumer group to a stream.",
     .syntax = "key groupname id:<id | new_id:$> [MKSTREAM] [ENTRIESREAD entries_read:integer]"},
    {"createconsumer", cmd_xgroup_createconsumer, .arity = 5, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_DENYOOM,
     .acl = ACL_STREAM, .keys = {KEY_AT(2, KEY_RW | KEY_INSERT)}, GROUP, .since = "6.2.0", .complexity = "O(1)",
     .summary = "Adds a consumer to a consumer group.", .syntax = "key groupname consumername"},
    {"delconsumer", cmd_xgroup_delconsumer, .arity = 5, .route = ROUTE_SINGLE, .flags = CMD_WRITE, .acl = ACL_STREAM,
     .keys = {KEY_AT(2, KEY_RW | KEY_DELETE)}, GROUP, .since = "5.0.0",
     .complexity = "O(N), where N is the number of entries pending for the consumer",
     .summary = "Deletes a consumer, with what is pending for it.", .syntax = "key groupname consumername"},
    {"destroy", cmd_xgroup_destroy, .arity = 4, .route = ROUTE_SINGLE, .flags = CMD_WRITE, .acl = ACL_STREAM,
     .keys = {KEY_AT(2, KEY_RW | KEY_DELETE)}, GROUP, .since = "5.0.0",
     .complexity = "O(N), where N is the number of entries pending in the group",
     .summary = "Deletes a consumer group.", .syntax = "key groupname"},
    {"help", cmd_xgroup_help, .arity = 2, .route = ROUTE_LOCAL, .flags = CMD_LOADING | CMD_STALE, .acl = ACL_STREAM,
     GROUP, .since = "5.0.0", .complexity = "O(1)", .summary = "Explains the subcommands."},
    {"setid", cmd_xgroup_setid, .arity = -5, .route = ROUTE_SINGLE, .flags = CMD_WRITE, .acl = ACL_STREAM,
     .keys = {KEY_AT(2, KEY_RW | KEY_UPDATE)}, GROUP, .since = "5.0.0", .complexity = "O(1)",
     .summary = "Says after which ID a consumer group goes on.",
     .syntax = "key groupname id:<id | new_id:$> [ENTRIESREAD entries_read:integer]"},
    {.name = NULL},
};

static const struct command info_subcommands[] = {
    {"consumers", cmd_xinfo_consumers, .arity = 4, .route = ROUTE_SINGLE, .flags = CMD_READONLY, .acl = ACL_STREAM,
     .keys = {KEY_AT(2, KEY_RO | KEY_ACCESS)}, GROUP, .since = "5.0.0", .complexity = "O(1)",
     .summary = "Lists the consumers of a consumer group.", .syntax = "key groupname",
     .tips = "nondeterministic_output"},
    {"groups", cmd_xinfo_groups, .arity = 3, .route = ROUTE_SINGLE, .flags = CMD_READONLY, .acl = ACL_STREAM,
     .keys = {KEY_AT(2, KEY_RO | KEY_ACCESS)}, GROUP, .since = "5.0.0", .complexity = "O(1)",
     .summary = "Lists the consumer groups of a stream.", .syntax = "key"},
    {"help", cmd_xinfo_help, .arity = 2, .route = ROUTE_LOCAL, .flags = CMD_LOADING | CMD_STALE, .acl = ACL_STREAM,
     GROUP, .since = "5.0.0", .complexity = "O(1)", .summary = "Explains the subcommands."},
    {"stream", cmd_xinfo_stream, .arity = -3, .route = ROUTE_SINGLE, .flags = CMD_READONLY, .acl = ACL_STREAM,
     .keys = {KEY_AT(2, KEY_RO | KEY_ACCESS)}, GROUP, .since = "5.0.0", .complexity = "O(1)",
     .summary = "Describes a stream.", .syntax = "key full:[FULL [COUNT count]]"},
    {.name = NULL},
};

const struct command command_rows_stream[] = {
    {"xack", cmd_xack, .arity = -4, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_STREAM,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)}, GROUP, .since = "5.0.0", .complexity = "O(1) for each ID",
     .summary = "Acknowledges entries: they are no longer pending in the group.", .syntax = "key group id [id ...]"},
    {"xackdel", cmd_xackdel, .arity = -6, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_STREAM,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE | KEY_DELETE)}, GROUP, .since = "8.2.0", .complexity = "O(1) for each ID",
     .summary = "Acknowledges entries and deletes them from the stream.", .syntax = "key group " DELETION},
    {"xadd", cmd_xadd, .arity = -5, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .acl = ACL_STREAM, .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE, .notes = "UPDATE, not INSERT: it may trim as well")},
     .save = undo_save_entries, GROUP, .since = "5.0.0", .complexity = "O(1), and O(N) where N entries are trimmed",
     .summary = "Adds an entry to a stream, which may be trimmed at the same time.",
     .syntax = "key [NOMKSTREAM] " REFERENCES " trim:[" TRIMMING
               "] id_or_auto:<auto_id:* | id> <field value> [<field value> ...]",
     .tips = "nondeterministic_output"},
    {"xautoclaim", cmd_xautoclaim, .arity = -6, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_STREAM,
     .keys = {KEY_AT(1, KEY_RW | KEY_DELETE)}, GROUP, .since = "6.2.0", .complexity = "O(1) where the count is small",
     .summary = "Hands what has been pending for long to a consumer, a few entries at a time.",
     .syntax = "key group consumer min-idle-time start [COUNT count] [JUSTID]", .tips = "nondeterministic_output"},
    {"xclaim", cmd_xclaim, .arity = -6, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_STREAM,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)}, GROUP, .since = "5.0.0",
     .complexity = "O(log(N)), where N is the number of entries pending in the group",
     .summary = "Hands pending entries to a consumer.",
     .syntax = "key group consumer min-idle-time id [id ...] [IDLE ms:integer] [TIME unix-time-milliseconds] "
               "[RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]",
     .tips = "nondeterministic_output"},
    {"xdel", cmd_xdel, .arity = -3, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_STREAM,
     .keys = {KEY_AT(1, KEY_RW | KEY_DELETE)}, .save = undo_save_entries, GROUP, .since = "5.0.0",
     .complexity = "O(1) for each ID", .summary = "Deletes entries from a stream.", .syntax = "key id [id ...]"},
    {"xdelex", cmd_xdelex, .arity = -5, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_STREAM,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE | KEY_DELETE)}, GROUP, .since = "8.2.0", .complexity = "O(1) for each ID",
     .summary = "Deletes entries from a stream, with a say in what becomes of the groups' references to them.",
     .syntax = "key " DELETION},
    {"xgroup", NULL, .arity = -2, .route = ROUTE_LOCAL, .subcommands = group_subcommands, GROUP, .since = "5.0.0",
     .complexity = "Depends on the subcommand.", .summary = "Manages consumer groups."},
    {"xinfo", NULL, .arity = -2, .route = ROUTE_LOCAL, .subcommands = info_subcommands, GROUP, .since = "5.0.0",
     .complexity = "Depends on the subcommand.", .summary = "Examines streams and consumer groups."},
    {"xlen", cmd_xlen, .arity = 2, .route = ROUTE_SINGLE, .flags = CMD_READONLY | CMD_FAST, .acl = ACL_STREAM,
     .keys = {KEY_AT(1, KEY_RO)}, GROUP, .since = "5.0.0", .complexity = "O(1)",
     .summary = "Counts the entries of a stream.", .syntax = "key"},
    {"xpending", cmd_xpending, .arity = -3, .route = ROUTE_SINGLE, .flags = CMD_READONLY, .acl = ACL_STREAM,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)}, GROUP, .since = "5.0.0",
     .complexity = "O(N), where N is the number of entries returned, or looked at where there is an idle time; "
                   "without a range the number of consumers",
     .summary = "Lists what is pending in a consumer group.",
     .syntax = "key group filters:[[IDLE min-idle-time:integer] start:string end:string count [consumer]]",
     .tips = "nondeterministic_output"},
    {"xrange", cmd_xrange, .arity = -4, .route = ROUTE_SINGLE, .flags = CMD_READONLY, .acl = ACL_STREAM,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)}, GROUP, .since = "5.0.0",
     .complexity = "O(N), where N is the number of entries returned", .summary = "Reads the entries of a range of IDs.",
     .syntax = "key start:string end:string [COUNT count]"},
    {"xread", cmd_xread, .arity = -4, .route = ROUTE_SINGLE, .find_keys = stream_read_find_keys,
     .blocks = stream_read_blocks, .flags = CMD_BLOCKING | CMD_READONLY, .acl = ACL_STREAM,
     .keys = {KEYS_AFTER_STREAMS(1, KEY_RO | KEY_ACCESS)}, GROUP, .since = "5.0.0",
     .complexity = "O(N), where N is the number of entries returned",
     .summary = "Reads what came after an ID from several streams, or waits for it.",
     .syntax = "[COUNT count] [BLOCK milliseconds] streams:<STREAMS key [key ...] id [id ...]>"},
    {"xreadgroup", cmd_xreadgroup, .arity = -7, .route = ROUTE_SINGLE, .find_keys = stream_read_find_keys,
     .blocks = stream_read_blocks, .flags = CMD_BLOCKING | CMD_WRITE, .acl = ACL_STREAM,
     .keys = {KEYS_AFTER_STREAMS(4, KEY_RO | KEY_ACCESS)}, GROUP, .since = "5.0.0",
     .complexity = "O(N), where N is the number of entries returned",
     .summary = "Reads for a consumer of a group what nobody has read, or what is pending for it.",
     .syntax = "GROUP <group consumer> [COUNT count] [BLOCK milliseconds] [CLAIM min-idle-time:integer] [NOACK] "
               "streams:<STREAMS key [key ...] id [id ...]>"},
    {"xrevrange", cmd_xrevrange, .arity = -4, .route = ROUTE_SINGLE, .flags = CMD_READONLY, .acl = ACL_STREAM,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)}, GROUP, .since = "5.0.0",
     .complexity = "O(N), where N is the number of entries returned",
     .summary = "Reads the entries of a range of IDs, the last first.",
     .syntax = "key end:string start:string [COUNT count]"},
    {"xsetid", cmd_xsetid, .arity = -3, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     .acl = ACL_STREAM, .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)}, .save = undo_save_entries, GROUP, .since = "5.0.0",
     .complexity = "O(1)", .summary = "Sets the last ID and the counters of a stream.",
     .syntax = "key last-id [ENTRIESADDED entries_added:integer] [MAXDELETEDID max_deleted_entry_id:string]"},
    {"xtrim", cmd_xtrim, .arity = -4, .route = ROUTE_SINGLE, .flags = CMD_WRITE, .acl = ACL_STREAM,
     .keys = {KEY_AT(1, KEY_RW | KEY_DELETE)}, .save = undo_save_entries, GROUP, .since = "5.0.0",
     .complexity = "O(N), where N is the number of entries removed, whole blocks at a time",
     .summary = "Removes the oldest entries of a stream.", .syntax = "key trim:<" TRIMMING " " REFERENCES ">",
     .tips = "nondeterministic_output"},
    {.name = NULL},
};
