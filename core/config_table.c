/* The directives of Redis 7.2, in groups as redis.conf has them, and Shoal's own. */
#include "core/config_table.h"

#include <limits.h>

#include "core/affinity_preset.h"
#include "core/log.h"
#include "core/slot.h"

/* FIELD's member holds the value; without it the row is known, checked and kept. */
#define FIELD(member) .offset = offsetof(struct config, member), .width = sizeof(((struct config *)0)->member)

/* title: the name; value: the default. */
#define ROW(title, value, of) .name = title, .initial = value, .kind = &config_kind_##of
#define YES_NO(title, value) ROW(title, value, yes_no)
#define INTEGER(title, value, low, high) ROW(title, value, integer), .lowest = low, .highest = high
#define COUNT(title, value) INTEGER(title, value, 0, INT_MAX)
#define LONG(title, value) INTEGER(title, value, 0, INT64_MAX)
#define PORT(title, value) INTEGER(title, value, 0, 65535)
#define MEMORY(title, value, low, high) ROW(title, value, memory), .lowest = low, .highest = high
#define CHOICE(title, value, list) ROW(title, value, choice), .choices = list
#define TEXT(title, value) ROW(title, value, text)
#define ALIAS(other) .alias = other
#define FIXED .flags = CONFIG_IMMUTABLE

static const char *const access_names[] = {"no", "yes", "local", NULL};
static const char *const backend_names[] = {"auto", "io_uring", "epoll", NULL};
static const char *const channel_names[] = {"allchannels", "resetchannels", NULL};
static const char *const client_certificate_names[] = {"no", "yes", "optional", NULL};
static const char *const diskless_load_names[] = {"disabled", "on-empty-db", "swapdb", NULL};
static const char *const endpoint_names[] = {"ip", "hostname", "unknown-endpoint", NULL};
static const char *const facility_names[] = {"user",   "local0", "local1", "local2", "local3",
                                             "local4", "local5", "local6", "local7", NULL};
static const char *const fsync_names[] = {"everysec", "always", "no", NULL};
static const char *const log_level_names[] = {"debug", "verbose", "notice", "warning", "nothing", NULL};
static const char *const oom_score_names[] = {"no", "yes", "relative", "absolute", NULL};
static const char *const policy_names[] = {"volatile-lru",   "volatile-lfu", "volatile-random",
                                           "volatile-ttl",   "allkeys-lru",  "allkeys-lfu",
                                           "allkeys-random", "noeviction",   NULL};
static const char *const propagation_names[] = {"ignore", "panic", "panic-on-replicas", NULL};
static const char *const sanitize_names[] = {"no", "yes", "clients", NULL};
static const char *const shutdown_names[] = {"default", "save", "nosave", "now", "force", NULL};
static const char *const supervised_names[] = {"upstart", "systemd", "auto", "no", NULL};

_Static_assert(LOG_DEBUG == 0 && LOG_NOTHING == 4, "log_level_names follow enum log_level");
_Static_assert(CONFIG_POLICY_NOEVICTION == 7, "policy_names follow enum config_policy");

static int64_t within(int64_t value, int64_t lowest, int64_t highest)
{
    return value < lowest ? lowest : value > highest ? highest : value;
}

static int64_t adjust_hz(int64_t value)
{
    return within(value, 1, 500);
}

static int64_t adjust_backlog(int64_t value)
{
    return within(value, 16384, INT64_MAX);
}

static int64_t adjust_clients(int64_t value)
{
    return within(value, 1, INT_MAX);
}

static const char *refuse_module(const char *text)
{
    return "this version cannot load modules";
}

static const char *refuse_users(const char *text)
{
    return text[0] ? "this version knows no users; 'requirepass' sets a password for everybody" : NULL;
}

static const char *check_dump_name(const char *text)
{
    return strchr(text, '/') ? "dbfilename can't be a path, just a filename" : NULL;
}

static const char *check_append_name(const char *text)
{
    if (text[0] == '\0')
        return "appendfilename can't be empty";
    return strchr(text, '/') ? "appendfilename can't be a path, just a filename" : NULL;
}

static const char *check_append_directory(const char *text)
{
    if (text[0] == '\0')
        return "appenddirname can't be empty";
    return strchr(text, '/') ? "appenddirname can't be a path, just a dirname" : NULL;
}

static const char *check_hostname(const char *text)
{
    if (strlen(text) >= 256)
        return "Hostnames must be less than 256 characters";
    for (; *text; text++)
        if (!((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9') ||
              *text == '-' || *text == '.'))
            return "Hostnames may only contain alphanumeric characters, hyphens or dots";
    return NULL;
}

static bool is_title_variable(const char *brace, size_t length)
{
    static const char *const names[] = {"title",    "listen-addr", "server-mode", "port",
                                        "tls-port", "unixsocket",  "config-file"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_equal((struct str){brace, length}, str_from(names[i])))
            return true;
    return false;
}

static const char *check_title(const char *text)
{
    for (const char *brace; (brace = strchr(text, '{')); text++) {
        text = strchr(brace, '}');
        if (!text || !is_title_variable(brace + 1, (size_t)(text - brace) - 1))
            return "template format is invalid or contains unknown variables";
    }
    return NULL;
}

static const char *check_cpus(const char *text)
{
    static const char *const wrong = "argument must be 'off' or a list of CPUs such as '0-3,8'";
    uint16_t cpus[CONFIG_CPUS_MAX];
    char reason[128];

    return config_cpu_list(text, cpus, CONFIG_CPUS_MAX, reason, sizeof reason) < 0 ? wrong : NULL;
}

/* Without blanks, so that a list of patterns is parted by them. */
static const char *check_affinity(const char *text)
{
    struct affinity_pattern pattern;

    if (text[strcspn(text, " \t\r\n\v\f")] != '\0' || !affinity_pattern_parse(str_from(text), &pattern))
        return "an affinity pattern is text without blanks around exactly one '*'";
    return NULL;
}

/* clang-format off: one row, one line. */
const struct config_row config_rows[] = {
    /* network */
    {ROW("bind", "* -::*", bind), FIXED, FIELD(bind)},
    {TEXT("bind-source-addr", "")},
    {PORT("port", "6379"), FIXED, FIELD(port)},
    {YES_NO("protected-mode", "yes"), FIELD(protected_mode)},
    {CHOICE("enable-protected-configs", "no", access_names), FIXED, FIELD(enable_protected_configs)},
    {CHOICE("enable-debug-command", "no", access_names), FIXED, FIELD(enable_debug_command)},
    {CHOICE("enable-module-command", "no", access_names), FIXED},
    {COUNT("tcp-backlog", "511"), FIXED, FIELD(tcp_backlog)},
    {TEXT("unixsocket", ""), FIXED, FIELD(unixsocket)},
    {ROW("unixsocketperm", "0", octal), .highest = 0777, FIXED, FIELD(unixsocketperm)},
    {COUNT("timeout", "0"), FIELD(timeout_s)},
    {COUNT("tcp-keepalive", "300"), FIELD(tcp_keepalive_s)},
    {INTEGER("socket-mark-id", "0", 0, UINT32_MAX), FIXED},
    {INTEGER("maxclients", "10000", 1, UINT32_MAX), .adjust = adjust_clients, FIELD(maxclients)},
    {INTEGER("max-new-connections-per-cycle", "10", 1, 1000)},
    {INTEGER("max-new-tls-connections-per-cycle", "1", 1, 1000)},
    {MEMORY("proto-max-bulk-len", "512mb", 1 << 20, INT64_MAX), FIELD(proto_max_bulk_len)},
    {MEMORY("client-query-buffer-limit", "1gb", 1 << 20, INT64_MAX), FIELD(client_query_buffer_limit)},
    {ROW("client-output-buffer-limit", "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60", output_limits),
     FIELD(output_limits)},
    {ROW("maxmemory-clients", "0", memory_or_percent), FIELD(maxmemory_clients)},

    /* TLS */
    {PORT("tls-port", "0")},
    {TEXT("tls-cert-file", "")},
    {TEXT("tls-key-file", "")},
    {TEXT("tls-key-file-pass", ""), .flags = CONFIG_SECRET},
    {TEXT("tls-client-cert-file", "")},
    {TEXT("tls-client-key-file", "")},
    {TEXT("tls-client-key-file-pass", ""), .flags = CONFIG_SECRET},
    {TEXT("tls-dh-params-file", "")},
    {TEXT("tls-ca-cert-file", "")},
    {TEXT("tls-ca-cert-dir", "")},
    {CHOICE("tls-auth-clients", "yes", client_certificate_names)},
    {YES_NO("tls-replication", "no")},
    {YES_NO("tls-cluster", "no")},
    {TEXT("tls-protocols", "")},
    {TEXT("tls-ciphers", "")},
    {TEXT("tls-ciphersuites", "")},
    {YES_NO("tls-prefer-server-ciphers", "no")},
    {YES_NO("tls-session-caching", "yes")},
    {COUNT("tls-session-cache-size", "20480")},
    {COUNT("tls-session-cache-timeout", "300")},

    /* shards: Shoal's own */
    {INTEGER("shards", "0", 1, CONFIG_SHARDS_MAX), FIXED, FIELD(shards)},
    {TEXT("shard-cpus", ""), FIXED, .check = check_cpus, FIELD(shard_cpus)},
    {ROW("affinity", "", affinity), FIXED, .check = check_affinity, FIELD(affinity)},
    {ROW("affinity-preset", "bullmq", bits), FIXED, .choices = affinity_preset_names, FIELD(affinity_presets)},
    {CHOICE("net-backend", "auto", backend_names), FIXED, FIELD(net_backend)},
    {INTEGER("spin-us", "10", 0, 1000000), FIELD(spin_us)},

    /* general */
    {YES_NO("daemonize", "no"), FIXED, FIELD(daemonize)},
    {CHOICE("supervised", "no", supervised_names), FIXED},
    {TEXT("pidfile", ""), FIXED, FIELD(pidfile)},
    {CHOICE("loglevel", "notice", log_level_names), FIELD(loglevel)},
    {TEXT("logfile", ""), FIXED, FIELD(logfile)},
    {YES_NO("syslog-enabled", "no"), FIXED},
    {TEXT("syslog-ident", "redis"), FIXED},
    {CHOICE("syslog-facility", "local0", facility_names), FIXED},
    {YES_NO("crash-log-enabled", "yes")},
    {YES_NO("crash-memcheck-enabled", "yes")},
    {YES_NO("hide-user-data-from-log", "no")},
    {INTEGER("databases", "16", 1, 65536), FIXED, FIELD(databases)},
    {YES_NO("always-show-logo", "no"), FIXED, FIELD(always_show_logo)},
    {YES_NO("set-proc-title", "yes"), FIXED},
    {TEXT("proc-title-template", "{title} {listen-addr} {server-mode}"), .check = check_title},
    {TEXT("locale-collate", "")},
    {TEXT("ignore-warnings", "")},
    {YES_NO("disable-thp", "yes"), FIXED},
    {CHOICE("oom-score-adj", "no", oom_score_names)},
    {ROW("oom-score-adj-values", "0 200 800", oom_values)},
    {COUNT("hz", "10"), .adjust = adjust_hz, FIELD(hz)},
    {YES_NO("dynamic-hz", "yes")},
    {YES_NO("jemalloc-bg-thread", "yes")},
    {INTEGER("io-threads", "1", 1, 128), FIXED},
    {YES_NO("io-threads-do-reads", "no"), FIXED},
    {TEXT("server-cpulist", ""), ALIAS("server_cpulist"), FIXED},
    {TEXT("bio-cpulist", ""), ALIAS("bio_cpulist"), FIXED},
    {TEXT("aof-rewrite-cpulist", ""), ALIAS("aof_rewrite_cpulist"), FIXED},
    {TEXT("bgsave-cpulist", ""), ALIAS("bgsave_cpulist"), FIXED},
    {COUNT("shutdown-timeout", "10")},
    {ROW("shutdown-on-sigterm", "default", choices), .choices = shutdown_names, FIELD(shutdown_on_sigterm)},
    {ROW("shutdown-on-sigint", "default", choices), .choices = shutdown_names, FIELD(shutdown_on_sigint)},

    /* snapshots */
    {ROW("save", "3600 1 300 100 60 10000", save), FIELD(save)},
    {YES_NO("stop-writes-on-bgsave-error", "yes"), FIELD(stop_writes_on_bgsave_error)},
    {YES_NO("rdbcompression", "yes"), FIELD(rdbcompression)},
    {YES_NO("rdbchecksum", "yes"), FIXED, FIELD(rdbchecksum)},
    {CHOICE("sanitize-dump-payload", "no", sanitize_names)},
    {TEXT("dbfilename", "dump.rdb"), .flags = CONFIG_PROTECTED, .check = check_dump_name, FIELD(dbfilename)},
    {YES_NO("rdb-del-sync-files", "no")},
    {YES_NO("rdb-save-incremental-fsync", "yes")},
    {ROW("dir", "./", directory), .flags = CONFIG_PROTECTED | CONFIG_ALWAYS, FIELD(dir)},

    /* append-only file */
    {YES_NO("appendonly", "no"), FIELD(appendonly)},
    {TEXT("appendfilename", "appendonly.aof"), FIXED, .check = check_append_name, FIELD(appendfilename)},
    {TEXT("appenddirname", "appendonlydir"), FIXED, .check = check_append_directory, FIELD(appenddirname)},
    {CHOICE("appendfsync", "everysec", fsync_names), FIELD(appendfsync)},
    {YES_NO("no-appendfsync-on-rewrite", "no"), FIELD(no_appendfsync_on_rewrite)},
    {COUNT("auto-aof-rewrite-percentage", "100"), FIELD(auto_aof_rewrite_percentage)},
    {MEMORY("auto-aof-rewrite-min-size", "64mb", 0, INT64_MAX), FIELD(auto_aof_rewrite_min_bytes)},
    {YES_NO("aof-load-truncated", "yes"), FIELD(aof_load_truncated)},
    {YES_NO("aof-use-rdb-preamble", "yes"), FIELD(aof_use_rdb_preamble)},
    {YES_NO("aof-timestamp-enabled", "no"), FIELD(aof_timestamp_enabled)},
    {YES_NO("aof-rewrite-incremental-fsync", "yes")},
    {YES_NO("aof-disable-auto-gc", "no")},

    /* replication */
    {ROW("replicaof", "", replicaof), ALIAS("slaveof"), FIXED},
    {TEXT("masterauth", ""), .flags = CONFIG_SECRET},
    {TEXT("masteruser", ""), .flags = CONFIG_SECRET},
    {YES_NO("replica-serve-stale-data", "yes"), ALIAS("slave-serve-stale-data")},
    {YES_NO("replica-read-only", "yes"), ALIAS("slave-read-only")},
    {YES_NO("repl-diskless-sync", "yes")},
    {COUNT("repl-diskless-sync-delay", "5")},
    {COUNT("repl-diskless-sync-max-replicas", "0")},
    {CHOICE("repl-diskless-load", "disabled", diskless_load_names)},
    {INTEGER("repl-ping-replica-period", "10", 1, INT_MAX), ALIAS("repl-ping-slave-period")},
    {INTEGER("repl-timeout", "60", 1, INT_MAX)},
    {YES_NO("repl-disable-tcp-nodelay", "no")},
    {MEMORY("repl-backlog-size", "1mb", 1, INT64_MAX), .adjust = adjust_backlog},
    {LONG("repl-backlog-ttl", "3600")},
    {COUNT("replica-priority", "100"), ALIAS("slave-priority")},
    {CHOICE("propagation-error-behavior", "ignore", propagation_names)},
    {YES_NO("replica-ignore-disk-write-errors", "no")},
    {YES_NO("replica-announced", "yes")},
    {COUNT("min-replicas-to-write", "0"), ALIAS("min-slaves-to-write")},
    {COUNT("min-replicas-max-lag", "10"), ALIAS("min-slaves-max-lag")},
    {TEXT("replica-announce-ip", ""), ALIAS("slave-announce-ip")},
    {PORT("replica-announce-port", "0"), ALIAS("slave-announce-port")},
    {YES_NO("replica-ignore-maxmemory", "yes"), ALIAS("slave-ignore-maxmemory")},
    {YES_NO("replica-lazy-flush", "no"), ALIAS("slave-lazy-flush")},

    /* security */
    {TEXT("requirepass", ""), .flags = CONFIG_SECRET, FIELD(requirepass)},
    {TEXT("aclfile", ""), FIXED, .check = refuse_users},
    {LONG("acllog-max-len", "128")},
    {CHOICE("acl-pubsub-default", "resetchannels", channel_names)},

    /* memory */
    {MEMORY("maxmemory", "0", 0, UINT64_MAX), FIELD(maxmemory)},
    {CHOICE("maxmemory-policy", "noeviction", policy_names), FIELD(maxmemory_policy)},
    {INTEGER("maxmemory-samples", "5", 1, INT_MAX), FIELD(maxmemory_samples)},
    {INTEGER("maxmemory-eviction-tenacity", "10", 0, 100), FIELD(maxmemory_eviction_tenacity)},
    {COUNT("lfu-log-factor", "10"), FIELD(lfu_log_factor)},
    {COUNT("lfu-decay-time", "1"), FIELD(lfu_decay_time)},
    {INTEGER("active-expire-effort", "1", 1, 10)},
    {YES_NO("activerehashing", "yes")},
    {YES_NO("activedefrag", "no")},
    {MEMORY("active-defrag-ignore-bytes", "100mb", 1, INT64_MAX)},
    {INTEGER("active-defrag-threshold-lower", "10", 0, 1000)},
    {INTEGER("active-defrag-threshold-upper", "100", 0, 1000)},
    {INTEGER("active-defrag-cycle-min", "1", 1, 99)},
    {INTEGER("active-defrag-cycle-max", "25", 1, 99)},
    {INTEGER("active-defrag-max-scan-fields", "1000", 1, INT64_MAX)},
    {LONG("tracking-table-max-keys", "1000000"), FIELD(tracking_table_max_keys)},
    {YES_NO("lazyfree-lazy-eviction", "no")}, /* and the others: what is large is always freed in slices */
    {YES_NO("lazyfree-lazy-expire", "no")},
    {YES_NO("lazyfree-lazy-server-del", "no")},
    {YES_NO("lazyfree-lazy-user-del", "no")},
    {YES_NO("lazyfree-lazy-user-flush", "no")},

    /* scripts, slow log, latency, events */
    {LONG("busy-reply-threshold", "5000"), ALIAS("lua-time-limit"), FIELD(busy_reply_threshold_ms)},
    {INTEGER("slowlog-log-slower-than", "10000", -1, INT64_MAX), FIELD(slowlog_log_slower_than)},
    {LONG("slowlog-max-len", "128"), FIELD(slowlog_max_len)},
    {LONG("latency-monitor-threshold", "0"), FIELD(latency_monitor_threshold)},
    {YES_NO("latency-tracking", "yes"), FIELD(latency_tracking)},
    {ROW("latency-tracking-info-percentiles", "50 99 99.9", percentiles), FIELD(latency_tracking_info_percentiles)},
    {ROW("notify-keyspace-events", "", events), FIELD(notify_events)},

    /* encodings */
    {LONG("hash-max-listpack-entries", "512"), FIELD(hash_max_listpack_entries), ALIAS("hash-max-ziplist-entries")},
    {MEMORY("hash-max-listpack-value", "64", 0, INT64_MAX), FIELD(hash_max_listpack_value),
     ALIAS("hash-max-ziplist-value")},
    {INTEGER("list-max-listpack-size", "-2", INT_MIN, INT_MAX), FIELD(list_max_listpack_size),
     ALIAS("list-max-ziplist-size")},
    {COUNT("list-compress-depth", "0"), FIELD(list_compress_depth)},
    {LONG("set-max-intset-entries", "512"), FIELD(set_max_intset_entries)},
    {LONG("set-max-listpack-entries", "128"), FIELD(set_max_listpack_entries)},
    {LONG("set-max-listpack-value", "64"), FIELD(set_max_listpack_value)},
    {LONG("zset-max-listpack-entries", "128"), FIELD(zset_max_listpack_entries), ALIAS("zset-max-ziplist-entries")},
    {MEMORY("zset-max-listpack-value", "64", 0, INT64_MAX), FIELD(zset_max_listpack_value),
     ALIAS("zset-max-ziplist-value")},
    {MEMORY("hll-sparse-max-bytes", "3000", 0, INT64_MAX), FIELD(hll_sparse_max_bytes)},
    {MEMORY("stream-node-max-bytes", "4096", 0, INT64_MAX), FIELD(stream_node_max_bytes)},
    {LONG("stream-node-max-entries", "100"), FIELD(stream_node_max_entries)},

    /* cluster */
    {YES_NO("cluster-enabled", "no"), FIXED},
    {TEXT("cluster-config-file", "nodes.conf"), FIXED},
    {LONG("cluster-node-timeout", "15000")},
    {PORT("cluster-port", "0"), FIXED},
    {COUNT("cluster-replica-validity-factor", "10"), ALIAS("cluster-slave-validity-factor")},
    {COUNT("cluster-migration-barrier", "1")},
    {YES_NO("cluster-allow-replica-migration", "yes")},
    {YES_NO("cluster-require-full-coverage", "yes")},
    {YES_NO("cluster-replica-no-failover", "no"), ALIAS("cluster-slave-no-failover")},
    {YES_NO("cluster-allow-reads-when-down", "no")},
    {YES_NO("cluster-allow-pubsubshard-when-down", "yes")},
    {MEMORY("cluster-link-sendbuf-limit", "0", 0, INT64_MAX)},
    {TEXT("cluster-announce-hostname", ""), .check = check_hostname},
    {TEXT("cluster-announce-human-nodename", "")},
    {CHOICE("cluster-preferred-endpoint-type", "ip", endpoint_names)},
    {TEXT("cluster-announce-ip", "")},
    {PORT("cluster-announce-port", "0")},
    {PORT("cluster-announce-tls-port", "0")},
    {PORT("cluster-announce-bus-port", "0")},

    /* lines of redis.conf that set nothing */
    {ROW("loadmodule", "", refused), .flags = CONFIG_NAMELESS, .check = refuse_module},
    {ROW("rename-command", "", rename), .flags = CONFIG_NAMELESS},
    {ROW("user", "", refused), .flags = CONFIG_NAMELESS | CONFIG_SECRET, .check = refuse_users},
    {0},
};
/* clang-format on */

int config_row_count(void)
{
    return (int)(sizeof config_rows / sizeof config_rows[0]) - 1;
}

const struct config_row *config_row_find(struct str text, const char **name)
{
    for (const struct config_row *row = config_rows; row->name; row++) {
        if (str_equal_nocase(text, row->name) || (row->alias && str_equal_nocase(text, row->alias))) {
            *name = str_equal_nocase(text, row->name) ? row->name : row->alias;
            return row;
        }
    }
    return NULL;
}

/* Typing errors between two words: letters missing, added, changed, or swapped
 * with their neighbour (optimal string alignment, three rows at a time). */
static int typing_errors(struct str typed, struct str known)
{
    enum { LENGTH_MAX = 48 };
    int rows[3][LENGTH_MAX + 1];

    if (typed.length > LENGTH_MAX || known.length > LENGTH_MAX)
        return INT_MAX;
    for (int column = 0; column <= (int)known.length; column++)
        rows[0][column] = column;
    for (int i = 1; i <= (int)typed.length; i++) {
        int *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= (int)known.length; j++) {
            bool same = typed.bytes[i - 1] == known.bytes[j - 1];
            int least = above[j - 1] + !same;
            least = above[j] + 1 < least ? above[j] + 1 : least;
            least = row[j - 1] + 1 < least ? row[j - 1] + 1 : least;
            if (i > 1 && j > 1 && typed.bytes[i - 1] == known.bytes[j - 2] &&
                typed.bytes[i - 2] == known.bytes[j - 1] && before[j - 2] + 1 < least)
                least = before[j - 2] + 1;
            row[j] = least;
        }
    }
    return rows[typed.length % 3][known.length];
}

const char *config_row_nearest(struct str text)
{
    int fewest = (int)(text.length < 9 ? 2 : 3) + 1;
    const char *nearest = NULL;

    for (const struct config_row *row = config_rows; row->name; row++) {
        for (const char *name = row->name; name; name = name == row->name ? row->alias : NULL) {
            int errors = typing_errors(text, str_from(name));
            if (errors < fewest && errors < (int)strlen(name) - 1) {
                fewest = errors;
                nearest = name;
            }
        }
    }
    return nearest;
}
