/* The commands of cluster mode, which there is not: rows of the command table, sorted by name. Clients that ask whether
 * they speak to a cluster get the answer of a redis-server that is none. */
#include "core/command_rows.h"
#include "core/handlers.h"

#define GROUP .group = "cluster"
#define ASKS cmd_cluster_disabled, .route = ROUTE_LOCAL, .flags = CMD_STALE, GROUP
#define ADMINISTERS cmd_cluster_disabled, .route = ROUTE_LOCAL, .flags = CMD_ADMIN | CMD_STALE, GROUP
#define CHANGES cmd_cluster_disabled, .route = ROUTE_LOCAL, .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING, GROUP
#define UNSTEADY .tips = "nondeterministic_output"
#define EACH_SLOT .complexity = "O(N), where N is the number of slots"
#define EACH_NODE .complexity = "O(N), where N is the number of nodes"
#define QUICK .complexity = "O(1)"

static const struct command cluster_subcommands[] = {
    {"addslots", CHANGES, .arity = -3, .since = "3.0.0", EACH_SLOT, .summary = "Gives slots to this node.",
     .syntax = "slot:integer [slot:integer ...]"},
    {"addslotsrange", CHANGES, .arity = -4, .since = "7.0.0", EACH_SLOT,
     .summary = "Gives ranges of slots to this node.",
     .syntax = "<start-slot:integer end-slot:integer> [<start-slot:integer end-slot:integer> ...]"},
    {"bumpepoch", CHANGES, .arity = 2, .since = "3.0.0", QUICK, UNSTEADY, .summary = "Raises the epoch of this node."},
    {"count-failure-reports", ADMINISTERS, .arity = 3, .since = "3.0.0", QUICK, UNSTEADY,
     .summary = "Counts the reports that a node has failed.", .syntax = "node-id"},
    {"countkeysinslot", ASKS, .arity = 3, .since = "3.0.0", QUICK, .summary = "Counts the keys of a slot.",
     .syntax = "slot:integer"},
    {"delslots", CHANGES, .arity = -3, .since = "3.0.0", EACH_SLOT, .summary = "Takes slots from this node.",
     .syntax = "slot:integer [slot:integer ...]"},
    {"delslotsrange", CHANGES, .arity = -4, .since = "7.0.0", EACH_SLOT,
     .summary = "Takes ranges of slots from this node.",
     .syntax = "<start-slot:integer end-slot:integer> [<start-slot:integer end-slot:integer> ...]"},
    {"failover", CHANGES, .arity = -2, .since = "3.0.0", QUICK, .summary = "Has a replica take its master's place.",
     .syntax = "options:[FORCE | TAKEOVER]"},
    {"flushslots", CHANGES, .arity = 2, .since = "3.0.0", QUICK, .summary = "Takes all slots from this node."},
    {"forget", CHANGES, .arity = 3, .since = "3.0.0", QUICK, .summary = "Removes a node from those that are known.",
     .syntax = "node-id"},
    {"getkeysinslot", ASKS, .arity = 4, .since = "3.0.0", UNSTEADY,
     .complexity = "O(N), where N is the number of keys asked for", .summary = "Lists keys of a slot.",
     .syntax = "slot:integer count:integer"},
    {"help", cmd_cluster_disabled, .arity = 2, .route = ROUTE_LOCAL, .flags = CMD_LOADING | CMD_STALE, GROUP,
     .since = "5.0.0", QUICK, .summary = "Explains the subcommands."},
    {"info", ASKS, .arity = 2, .since = "3.0.0", QUICK, UNSTEADY, .summary = "Reports on the cluster."},
    {"keyslot", ASKS, .arity = 3, .since = "3.0.0", .complexity = "O(N), where N is the length of the key",
     .summary = "Tells the slot of a key.", .syntax = "key:string"},
    {"links", ASKS, .arity = 2, .since = "7.0.0", EACH_NODE, UNSTEADY, .summary = "Lists the links to other nodes."},
    {"meet", CHANGES, .arity = -4, .since = "3.0.0", QUICK, .summary = "Brings another node into the cluster.",
     .syntax = "ip port:integer [cluster_bus_port:integer]"},
    {"myid", ASKS, .arity = 2, .since = "3.0.0", QUICK, .summary = "Tells the id of this node."},
    {"myshardid", ASKS, .arity = 2, .since = "7.2.0", QUICK, UNSTEADY, .summary = "Tells the id of this node's shard."},
    {"nodes", ASKS, .arity = 2, .since = "3.0.0", EACH_NODE, UNSTEADY, .summary = "Describes the nodes."},
    {"replicas", ADMINISTERS, .arity = 3, .since = "5.0.0", QUICK, UNSTEADY, .summary = "Lists the replicas of a node.",
     .syntax = "node-id"},
    {"replicate", CHANGES, .arity = 3, .since = "3.0.0", QUICK, .summary = "Makes this node the replica of another.",
     .syntax = "node-id"},
    {"reset", cmd_cluster_disabled, .route = ROUTE_LOCAL, .flags = CMD_ADMIN | CMD_STALE | CMD_NOSCRIPT, GROUP,
     .arity = -2, .since = "3.0.0", EACH_NODE, .summary = "Takes this node out of its cluster.",
     .syntax = "hard_soft:[HARD | SOFT]"},
    {"saveconfig", CHANGES, .arity = 2, .since = "3.0.0", QUICK, .summary = "Writes the cluster's state to the disk."},
    {"set-config-epoch", CHANGES, .arity = 3, .since = "3.0.0", QUICK, .summary = "Sets the epoch of a new node.",
     .syntax = "config-epoch:integer"},
    {"setslot", CHANGES, .arity = -4, .since = "3.0.0", QUICK, .summary = "Says which node a slot belongs or goes to.",
     .syntax = "slot:integer subcommand:<IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>"},
    {"shards", ASKS, .arity = 2, .since = "7.0.0", EACH_NODE, UNSTEADY, .summary = "Describes the shards."},
    {"slaves", cmd_cluster_disabled, .route = ROUTE_LOCAL, .flags = CMD_ADMIN | CMD_STALE | CMD_DEPRECATED, GROUP,
     .arity = 3, .since = "3.0.0", QUICK, UNSTEADY, .summary = "Lists the replicas of a node.", .syntax = "node-id",
     .deprecated_since = "5.0.0", .replaced_by = "`CLUSTER REPLICAS`"},
    {"slots", cmd_cluster_disabled, .route = ROUTE_LOCAL, .flags = CMD_STALE | CMD_DEPRECATED, GROUP, .arity = 2,
     .since = "3.0.0", EACH_NODE, UNSTEADY, .summary = "Tells which nodes the slots belong to.",
     .deprecated_since = "7.0.0", .replaced_by = "`CLUSTER SHARDS`"},
    {.name = NULL},
};

const struct command command_rows_cluster[] = {
    {"asking", cmd_cluster_disabled, .arity = 1, .route = ROUTE_LOCAL, .flags = CMD_FAST, .acl = ACL_CONNECTION, GROUP,
     .since = "3.0.0", QUICK, .summary = "Announces a command on a slot that is being moved."},
    {"cluster", NULL, .arity = -2, .route = ROUTE_LOCAL, .subcommands = cluster_subcommands, GROUP, .since = "3.0.0",
     .complexity = "Depends on the subcommand.", .summary = "Commands of cluster mode."},
    {"readonly", cmd_cluster_disabled, .arity = 1, .route = ROUTE_LOCAL, .flags = CMD_FAST | CMD_LOADING | CMD_STALE,
     .acl = ACL_CONNECTION, GROUP, .since = "3.0.0", QUICK,
     .summary = "Lets the connection read from a replica in a cluster."},
    {"readwrite", cmd_cluster_disabled, .arity = 1, .route = ROUTE_LOCAL, .flags = CMD_FAST | CMD_LOADING | CMD_STALE,
     .acl = ACL_CONNECTION, GROUP, .since = "3.0.0", QUICK, .summary = "Ends READONLY."},
    {.name = NULL},
};
