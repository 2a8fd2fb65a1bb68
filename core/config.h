/* Settings: redis.conf's names, values and errors.
 *
 * One table in config_table.c says for each directive its name, kind, default, bounds
 * and whether CONFIG SET may change it; the file parser, the command line,
 * CONFIG GET, SET and REWRITE read that table. Every shard has its own copy,
 * which CONFIG SET replaces on each of them (a scatter), so that reading a
 * setting never needs a lock. Texts belong to the copy, are never NULL, and move
 * when a CONFIG SET succeeds: whoever keeps something derived from a setting
 * compares `generation`. */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"
#include "core/str.h"

struct config_kept;
struct reply;

enum { CONFIG_BIND_MAX = 16, CONFIG_SHARDS_MAX = 256, CONFIG_AFFINITY_MAX = 32 };

enum config_client_class { CLIENT_CLASS_NORMAL, CLIENT_CLASS_REPLICA, CLIENT_CLASS_PUBSUB, CLIENT_CLASSES };

struct config_output_limit {
    size_t hard_bytes, soft_bytes;
    int64_t soft_seconds;
};

/* In the order of the names that maxmemory-policy may have. */
enum config_policy {
    CONFIG_POLICY_VOLATILE_LRU,
    CONFIG_POLICY_VOLATILE_LFU,
    CONFIG_POLICY_VOLATILE_RANDOM,
    CONFIG_POLICY_VOLATILE_TTL,
    CONFIG_POLICY_ALLKEYS_LRU,
    CONFIG_POLICY_ALLKEYS_LFU,
    CONFIG_POLICY_ALLKEYS_RANDOM,
    CONFIG_POLICY_NOEVICTION,
};

/* In the order of the names that appendfsync may have. */
enum config_append_fsync { CONFIG_FSYNC_EVERYSEC, CONFIG_FSYNC_ALWAYS, CONFIG_FSYNC_NO };

enum config_access { CONFIG_ACCESS_NO, CONFIG_ACCESS_YES, CONFIG_ACCESS_LOCAL };

enum config_backend { CONFIG_BACKEND_AUTO, CONFIG_BACKEND_IO_URING, CONFIG_BACKEND_EPOLL };

struct config {
    uint64_t generation; /* raised by each CONFIG SET that succeeds */
    /* network */
    int port;
    char *bind[CONFIG_BIND_MAX];
    int bind_count;
    char *unixsocket;
    int unixsocketperm;
    int tcp_backlog, tcp_keepalive_s, timeout_s;
    int maxclients;
    bool protected_mode;
    char *requirepass; /* "": none */
    int64_t proto_max_bulk_len;
    size_t client_query_buffer_limit;
    struct config_output_limit output_limits[CLIENT_CLASSES];
    /* shards */
    int shards;       /* 0: one per usable CPU */
    char *shard_cpus; /* "": choose; "off"; or a list such as "0-3,8" */
    char *affinity[CONFIG_AFFINITY_MAX];
    int affinity_count;
    uint32_t affinity_presets; /* affinity_preset.h */
    int net_backend;           /* enum config_backend */
    int spin_us;               /* longest spin before sleeping while traffic flows */
    /* data */
    int databases;
    bool rdbcompression, rdbchecksum;
    bool appendonly, aof_load_truncated, aof_timestamp_enabled, aof_use_rdb_preamble, no_appendfsync_on_rewrite;
    int appendfsync; /* enum config_append_fsync */
    int auto_aof_rewrite_percentage;
    uint64_t auto_aof_rewrite_min_bytes;
    char *appendfilename, *appenddirname;
    char *save; /* pairs of seconds and changes, see save_state_is_due; "": none */
    bool stop_writes_on_bgsave_error;
    uint64_t maxmemory;
    int maxmemory_policy, maxmemory_samples, lfu_log_factor, lfu_decay_time;
    char *maxmemory_clients; /* bytes, or "5%" of maxmemory; see config_client_limit */
    int maxmemory_eviction_tenacity; /* how long a turn may evict: 0 not at all, 100 for as long as it takes */
    uint64_t tracking_table_max_keys; /* 0: no limit */
    uint32_t notify_events;           /* set of enum event_class */
    /* thresholds at which a value takes another encoding */
    int64_t hash_max_listpack_entries, hash_max_listpack_value;
    int list_max_listpack_size; /* below 0: 4 kB << (-1 - it) a block */
    int list_compress_depth;
    int64_t set_max_intset_entries, set_max_listpack_entries, set_max_listpack_value;
    int64_t zset_max_listpack_entries, zset_max_listpack_value;
    int64_t hll_sparse_max_bytes, stream_node_max_bytes, stream_node_max_entries;
    /* what is watched */
    int64_t slowlog_log_slower_than; /* µs; below 0: nothing */
    int64_t slowlog_max_len;
    int64_t latency_monitor_threshold; /* ms; 0: off */
    bool latency_tracking;
    char *latency_tracking_info_percentiles; /* numbers, separated by blanks */
    /* general */
    bool daemonize;
    char *shutdown_on_sigterm, *shutdown_on_sigint; /* of "save", "nosave", "now", "force" some; or "default" */
    char *pidfile, *logfile, *dir, *dbfilename;
    int loglevel;
    bool always_show_logo;
    int enable_debug_command, enable_protected_configs; /* enum config_access */
    int hz;
    int64_t busy_reply_threshold_ms; /* 0: scripts may run for as long as they will */
    /* Everything else that redis.conf may say and Shoal has no use for yet is kept as text, for CONFIG GET and REWRITE.
     */
    struct config_kept *kept;
    struct memory memory; /* charged for the texts of this copy */
};

void config_init(struct config *config); /* the defaults */
void config_deinit(struct config *config);
/* to: not initialised yet. */
void config_copy(struct config *to, const struct config *from);

/* A redis.conf ("-": standard input), then options as on the command line, without the
 * program's name ("--port 6380 --save 60 1 …"; a "-" in front or at the end is standard
 * input). False: error says in one line which line or option is wrong, what
 * is wrong with it and, for an unknown name, the nearest known one; the caller prints it. */
MUST_USE bool config_load_file(struct config *config, const char *path, char *error, size_t error_bytes);
MUST_USE bool config_load_options(struct config *config, int argc, char **argv, char *error, size_t error_bytes);
/* Values that do not go together: nothing to listen on, a socket's path that is too long. */
MUST_USE bool config_validate(const struct config *config, char *error, size_t error_bytes);
/* What rename-command said, to the command table: once, where command_rename may be called. */
MUST_USE bool config_rename_commands(const struct config *config, char *error, size_t error_bytes);
/* One log line for each directive that was given and has no effect in this version: once the log is open. */
void config_log_unused(const struct config *config);
/* The same for one that CONFIG SET named. */
void config_log_if_unused(struct str name);

enum { CONFIG_CPUS_MAX = 1024 };

/* The CPUs of a list such as "0-3,8" in the order given; "" and "off" list none. -1: error says why.
 * Whether the machine has them is not looked at. */
MUST_USE int config_cpu_list(const char *text, uint16_t *cpus, int most, char *error, size_t error_bytes);

/* CONFIG GET pattern …: a map; CONFIG SET name value …: all or nothing, Redis's errors; count: of the pairs.
 * set returns false when nothing was changed; the reply has been written either way. */
void config_get(const struct config *config, const struct str *patterns, int count, struct reply *reply);
bool config_set(struct config *config, const struct str *pairs, int count, struct reply *reply);
/* CONFIG REWRITE: keeps the file's comments and order, as Redis does; by a temporary file, fsync and rename. */
MUST_USE bool config_rewrite(const struct config *config, const char *path, char *error, size_t error_bytes);

/* Whether the value of a setting is to be shown to nobody but in CONFIG GET. */
bool config_is_secret(struct str name);

/* What all clients together may take in buffers, 0: there is no limit. */
size_t config_client_limit(const struct config *config);
const char *config_maxmemory_policy_name(const struct config *config);

static inline bool config_maxmemory_policy_is_lru(const struct config *config)
{
    return config->maxmemory_policy == CONFIG_POLICY_VOLATILE_LRU ||
           config->maxmemory_policy == CONFIG_POLICY_ALLKEYS_LRU;
}

static inline bool config_maxmemory_policy_is_lfu(const struct config *config)
{
    return config->maxmemory_policy == CONFIG_POLICY_VOLATILE_LFU ||
           config->maxmemory_policy == CONFIG_POLICY_ALLKEYS_LFU;
}

#endif
