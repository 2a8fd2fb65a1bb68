/* Settings: redis.conf's names, values and errors.
 *
 * One table in config.c says for each directive its name, kind, default, bounds
 * and whether CONFIG SET may change it; the file parser, the command line,
 * CONFIG GET, SET and REWRITE read that table. Every shard has its own copy,
 * which CONFIG SET replaces on each of them (a scatter), so that reading a
 * setting never needs a lock. */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct reply;

enum { CONFIG_BIND_MAX = 16, CONFIG_SHARDS_MAX = 256, CONFIG_AFFINITY_MAX = 32 };

enum config_client_class { CLIENT_CLASS_NORMAL, CLIENT_CLASS_REPLICA, CLIENT_CLASS_PUBSUB, CLIENT_CLASSES };

struct config_output_limit {
    size_t hard_bytes, soft_bytes;
    int64_t soft_seconds;
};

enum config_backend { CONFIG_BACKEND_AUTO, CONFIG_BACKEND_IO_URING, CONFIG_BACKEND_EPOLL };

struct config {
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
    int shards;        /* 0: one per usable CPU */
    char *shard_cpus;  /* "": choose; "off"; or a list such as "0-3,8" */
    char *affinity[CONFIG_AFFINITY_MAX];
    int affinity_count;
    int net_backend;   /* enum config_backend */
    int spin_us;       /* longest spin before sleeping while traffic flows */
    /* data */
    int databases;
    uint64_t maxmemory;
    int maxmemory_policy, maxmemory_samples, lfu_log_factor, lfu_decay_time;
    bool lazyfree_lazy_user_del, lazyfree_lazy_user_flush, lazyfree_lazy_expire, lazyfree_lazy_server_del;
    /* general */
    bool daemonize;
    char *pidfile, *logfile, *dir, *dbfilename;
    int loglevel;
    bool always_show_logo;
    int enable_debug_command, enable_protected_configs; /* 0 no, 1 yes, 2 local */
    int hz;
    /* Everything else that redis.conf may say and Shoal has no use for yet is kept as text, for CONFIG GET and REWRITE. */
    char **kept;
};

void config_init(struct config *config); /* the defaults */
void config_deinit(struct config *config);
void config_copy(struct config *to, const struct config *from);

/* A redis.conf ("-": standard input), then options as on the command line
 * ("--port 6380 --save 60 1 …"). False: error says which line or option is wrong, what
 * is wrong with it and, for an unknown name, the nearest known one; the caller prints it.
 * Directives without effect here are each noted with one log line. */
MUST_USE bool config_load_file(struct config *config, const char *path, char *error, size_t error_bytes);
MUST_USE bool config_load_options(struct config *config, int argc, char **argv, char *error, size_t error_bytes);
/* Values that do not go together (shards out of bounds, CPU list that does not parse …). */
MUST_USE bool config_validate(const struct config *config, char *error, size_t error_bytes);

/* CONFIG GET pattern …: a map; CONFIG SET name value …: all or nothing, Redis's errors.
 * set returns false when nothing was changed; the reply has been written either way. */
void config_get(const struct config *config, const struct str *patterns, int count, struct reply *reply);
bool config_set(struct config *config, const struct str *pairs, int count, struct reply *reply);
/* CONFIG REWRITE: keeps the file's comments and order, as Redis does; by a temporary file, fsync and rename. */
MUST_USE bool config_rewrite(const struct config *config, const char *path, char *error, size_t error_bytes);

const char *config_maxmemory_policy_name(const struct config *config);

#endif
