/* The figures behind INFO and MEMORY: each shard's, and their sums.
 *
 * The commands scatter. A part answers with one bulk string that holds the raw
 * bytes of a struct info_part, of a struct info_database for each database
 * that has keys, and perhaps of the shard's command_stats; all stay inside the process. The merge reads the parts, adds
 * them up and writes what the client sees. */
#ifndef CORE_INFO_H
#define CORE_INFO_H

#include "core/command_stats.h"
#include "core/keyspace.h"
#include "core/process.h"
#include "core/stats.h"

struct call;
struct memory;
struct merge;

struct info_part {
    int shard;
    int database_count; /* records that follow */
    uint64_t used_bytes, peak_bytes, startup_bytes, clients_bytes;
    uint64_t scripts_bytes, lua_bytes; /* of scripts' texts, of what Lua has */
    uint64_t scripts;                  /* that are known, the same on all shards */
    uint64_t scripts_evicted;
    uint64_t functions_bytes, functions_lua_bytes; /* of libraries, of what the functions' Lua has */
    uint64_t functions, libraries;                 /* likewise the same on all shards */
    uint64_t clients, blocked_clients, pubsub_clients, keys;
    uint64_t channels, patterns, shard_channels; /* with subscribers: every shard counts all of them */
    uint64_t blocking_keys;                      /* that somebody waits for */
    uint64_t blocking_keys_on_nokey;             /* of them: also for their end */
    uint64_t watching_clients, watched_keys;
    uint64_t tracking_clients, tracked_keys, tracked_items;
    uint64_t tracked_prefixes; /* the same on all shards */
    uint64_t unfreed_objects;
    uint64_t aof_bytes, aof_buffered_bytes, aof_delayed_syncs;
    uint64_t unsaved_changes;
    uint64_t uncounted_bytes; /* by maxmemory */
    int64_t exceeded_ms; /* for how long maxmemory is exceeded now */
    uint64_t rate_commands, rate_received, rate_sent, rate_turns; /* a second */
    struct stats stats;
    struct keyspace_stats keyspace;
};

struct info_database {
    int index;
    uint64_t keys, expiring;
    uint64_t table_bytes, expiry_bytes;
    int64_t average_ttl_ms;
};

/* Figures that more than one report derives from the sums. */
struct info_memory {
    uint64_t used, peak, resident;
    uint64_t startup, clients, tables; /* what is not data; their sum is overhead */
    uint64_t overhead, dataset;
    double dataset_percent, peak_percent;
    double fragmentation; /* resident for each byte used */
    int64_t fragmentation_bytes;
};

struct info {
    struct info_part total; /* sums; the largest of what is a largest */
    struct info_part *shards;
    int shard_count;
    struct info_database *databases; /* those with keys, by number; sums, the ttl averaged */
    int database_count;
    struct info_memory memory;
    struct process_usage process;
    struct command_stats commands; /* sums, where the parts have them */
};

/* The part of a scatter, for every command that info_open's merge belongs to. */
void info_reply_part(struct call *call, bool with_commands);

void info_open(struct info *info, const struct merge *merge);
void info_close(struct info *info, struct memory *memory);

#endif
