/* Putting one shard's core together and taking it apart. */
#include "core/core.h"

#include <stdio.h>
#include <string.h>

#include "core/journal.h"
#include "core/keyspace.h"
#include "core/script_state.h"

void core_init(struct core *core, const struct config *config, const struct server_facts *facts, int index, int count)
{
    *core = (struct core){.index = index, .count = count, .facts = facts};
    memcpy(core->replication_id, facts->run_id, sizeof core->replication_id);
    config_copy(&core->config, config);
    core->keyspace = keyspace_create(&core->data, config->databases);
    changes_set_events(keyspace_changes(core->keyspace), config->notify_events);
    undo_init(&core->undo, &core->data);
    core->net_backend = "";
    scripts_init(&core->scripts);
    functions_init(&core->functions);
    core->script_random = 0x1234abcd330e + ((uint64_t)index << 32); /* on the first shard as in Redis */
    sessions_init(&core->sessions, &core->memory);
    channels_init(&core->channels, &core->memory);
    publishing_init(&core->publishing, &core->memory);
    command_stats_init(&core->command_stats, &core->memory);
    slowlog_init(&core->slowlog, &core->memory);
    monitors_init(&core->monitors, &core->memory);
    broadcasts_init(&core->broadcasts, &core->memory);
    core_configure(core);
}

void core_deinit(struct core *core)
{
    publishing_deinit(&core->publishing);
    channels_deinit(&core->channels);
    sessions_deinit(&core->sessions);
    script_state_destroy(core->script_state);
    scripts_deinit(&core->scripts);
    script_state_destroy(core->function_state);
    functions_deinit(&core->functions);
    undo_deinit(&core->undo);
    broadcasts_deinit(&core->broadcasts);
    slowlog_deinit(&core->slowlog);
    monitors_deinit(&core->monitors);
    command_stats_deinit(&core->command_stats);
    keyspace_destroy(core->keyspace);
    config_deinit(&core->config);
}

void core_configure(struct core *core)
{
    command_stats_configure(&core->command_stats, &core->config);
    slowlog_configure(&core->slowlog, core->config.slowlog_max_len);
    core->memory_mark = core->config.maxmemory > 0 ? 0 : SIZE_MAX; /* the shard looks at once */
    core->out_of_memory &= core->config.maxmemory > 0;
}

static bool is_latency_watched(const struct core *core)
{
    return core->command_stats.latency_ns != INT64_MAX;
}

int64_t core_latency_begin(const struct core *core)
{
    return is_latency_watched(core) ? command_stats_now_ns(&core->command_stats) : 0;
}

void core_latency_end(struct core *core, enum latency_event event, int64_t began_ns, int64_t now_ms)
{
    if (!is_latency_watched(core))
        return;
    int64_t took_ns = command_stats_now_ns(&core->command_stats) - began_ns;
    if (took_ns >= core->command_stats.latency_ns)
        latency_add(&core->latency, event, now_ms / 1000, took_ns / 1000000);
}

const char *core_write_refusal(const struct core *core, char room[static CORE_REFUSAL_BYTES])
{
    if (!core_refuses_writes(core))
        return NULL;
    if (core->save_failed && core->config.stop_writes_on_bgsave_error && core->config.save[0] != '\0')
        return "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. "
               "Commands that may modify the data set are disabled, because this instance is configured to report "
               "errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the "
               "Redis logs for details about the RDB error.";
    snprintf(room, CORE_REFUSAL_BYTES, "MISCONF Errors writing to the AOF file: %s", strerror(core->aof.error));
    return room;
}

void core_heed_broadcasts(struct core *core)
{
    changes_heed(keyspace_changes(core->keyspace), CHANGES_BROADCAST, !broadcasts_is_empty(&core->broadcasts));
}

size_t core_used_bytes(const struct core *core)
{
    return core->memory.used_bytes + core->data.used_bytes + core->config.memory.used_bytes +
           core->scripts.memory.used_bytes + script_state_bytes(core->script_state) +
           core->functions.memory.used_bytes + script_state_bytes(core->function_state);
}

size_t core_uncounted_bytes(const struct core *core)
{
    return keyspace_journal(core->keyspace)->records.capacity + core->aof.buffered_bytes;
}

static size_t peak_of_lua(const struct script_state *state)
{
    return state ? state->memory.peak_bytes : 0;
}

/* The accounts need not have peaked at one moment: the most that can have been in use. */
size_t core_peak_bytes(const struct core *core)
{
    size_t of_lua = peak_of_lua(core->script_state) + peak_of_lua(core->function_state);

    return core->memory.peak_bytes + core->data.peak_bytes + core->config.memory.peak_bytes +
           core->scripts.memory.peak_bytes + core->functions.memory.peak_bytes + of_lua;
}
