/* CONFIG. GET, REWRITE and HELP run on the connection's shard; SET and RESETSTAT
 * on every shard, each over its own copy of the settings and its own counters.
 * What a setting means for others (sockets, timers) they do when they see the
 * generation rise; only the log's level, which belongs to the process, and the events that the very next
 * command may bring are set here. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/config.h"
#include "core/log.h"

void cmd_config_get(struct call *call)
{
    config_get(&call->core->config, call->argv + 2, call->argc - 2, call->reply);
}

/* Every shard says the same; one line in the log is enough. */
static void log_change(const struct call *call)
{
    if (call->core->index != 0)
        return;
    for (int i = 2; i < call->argc; i += 2)
        config_log_if_unused(call->argv[i]);
}

bool hides_config_set(const struct str *argv, int argc, int index)
{
    return index > 2 && index % 2 == 1 && config_is_secret(argv[index - 1]);
}

void cmd_config_set(struct call *call)
{
    struct config *config = &call->core->config;

    if (call->argc % 2 != 0) {
        args_syntax_error(call->reply);
        return;
    }
    if (!config_set(config, call->argv + 2, (call->argc - 2) / 2, call->reply))
        return;
    core_configure(call->core);
    log_set_level((enum log_level)config->loglevel);
    changes_set_events(keyspace_changes(call->core->keyspace), config->notify_events);
    log_change(call);
}

void cmd_config_resetstat(struct call *call)
{
    struct keyspace_stats *counters = keyspace_stats(call->core->keyspace);
    uint64_t dirty = counters->dirty; /* counts changes since the last save, not since the reset */

    *counters = (struct keyspace_stats){.dirty = dirty};
    stats_reset(&call->core->stats);
    command_stats_reset(&call->core->command_stats);
    reply_ok(call->reply);
}

void cmd_config_rewrite(struct call *call)
{
    const char *path = call->core->facts ? call->core->facts->config_file : "";
    char error[512];

    if (path[0] == '\0') {
        reply_error(call->reply, "ERR The server is running without a config file");
        return;
    }
    if (config_rewrite(&call->core->config, path, error, sizeof error)) {
        log_write(LOG_NOTICE, "CONFIG REWRITE executed with success");
        reply_ok(call->reply);
        return;
    }
    log_write(LOG_WARNING, "CONFIG REWRITE failed: %s", error);
    reply_error_format(call->reply, "ERR Rewriting config file: %s", error);
}

void cmd_config_help(struct call *call)
{
    static const char *const lines[] = {
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
        NULL,
    };

    args_help(call, lines);
}
