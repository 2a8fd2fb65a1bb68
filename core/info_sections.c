#include "core/info_sections.h"

#include <stdio.h>

#include "core/core.h"
#include "core/buffer.h"
#include "core/info.h"
#include "core/load_progress.h"
#include "core/redis_version.h"

#define WRITE(...) buffer_append_format(report->text, __VA_ARGS__)

static long long ll(uint64_t value)
{
    return (long long)value;
}

/* "1.50K" */
struct human {
    char text[32];
};

static struct human human(uint64_t bytes)
{
    static const char units[] = "BKMGTPE";
    struct human human;
    double value = (double)bytes;
    int unit = 0;

    while (value >= 1024 && units[unit + 1]) {
        value /= 1024;
        unit++;
    }
    snprintf(human.text, sizeof(human.text), unit == 0 ? "%.0f%c" : "%.2f%c", value, units[unit]);
    return human;
}

static void write_listeners(const struct info_report *report)
{
    const struct config *config = &report->core->config;
    int listener = 0;

    if (config->port > 0) {
        WRITE("listener%d:name=tcp", listener++);
        for (int i = 0; i < config->bind_count; i++)
            WRITE(",bind=%s", config->bind[i]);
        WRITE(",port=%d\r\n", config->port);
    }
    if (config->unixsocket && config->unixsocket[0])
        WRITE("listener%d:name=unix,bind=%s\r\n", listener, config->unixsocket);
}

static void write_server(const struct info_report *report)
{
    const struct server_facts *facts = report->core->facts;
    const char *net_backend = report->core->net_backend;
    int hz = report->core->config.hz;
    long long uptime_s = (report->now_ms - facts->start_ms) / 1000;
    char system[256];

    process_system_name(system, sizeof(system));
    WRITE("# Server\r\nredis_version:%s\r\n", REDIS_VERSION);
    WRITE("redis_git_sha1:%s\r\nredis_git_dirty:0\r\n", facts->git_sha[0] ? facts->git_sha : "00000000");
    WRITE("redis_build_id:%.16s\r\nshoal_version:%s\r\n", facts->run_id, facts->version);
    WRITE("redis_mode:standalone\r\nos:%s\r\narch_bits:%d\r\n", system, (int)sizeof(void *) * 8);
    WRITE("monotonic_clock:POSIX clock_gettime\r\nmultiplexing_api:%s\r\n", net_backend ? net_backend : "none");
    WRITE("atomicvar_api:c11-builtin\r\ngcc_version:%d.%d.%d\r\n", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
    WRITE("process_id:%d\r\nprocess_supervised:no\r\nrun_id:%s\r\n", facts->process_id, facts->run_id);
    WRITE("tcp_port:%d\r\nserver_time_usec:%lld\r\n", facts->port, (long long)report->now_ms * 1000);
    WRITE("uptime_in_seconds:%lld\r\nuptime_in_days:%lld\r\n", uptime_s, uptime_s / (24 * 60 * 60));
    WRITE("hz:%d\r\nconfigured_hz:%d\r\n", hz, hz);
    WRITE("lru_clock:%u\r\n", access_touch_lru(report->now_ms));
    WRITE("executable:%s\r\nconfig_file:%s\r\nio_threads_active:0\r\n", facts->executable, facts->config_file);
    write_listeners(report);
}

static void write_clients(const struct info_report *report)
{
    const struct info_part *total = &report->info->total;

    WRITE("# Clients\r\nconnected_clients:%lld\r\ncluster_connections:0\r\n", ll(total->clients));
    WRITE("maxclients:%d\r\n", report->core->config.maxclients);
    WRITE("client_recent_max_input_buffer:%zu\r\n", total->stats.largest_query_bytes);
    WRITE("client_recent_max_output_buffer:%zu\r\n", total->stats.largest_output_bytes);
    WRITE("blocked_clients:%lld\r\ntracking_clients:%lld\r\npubsub_clients:%lld\r\nwatching_clients:%lld\r\n",
          ll(total->blocked_clients), ll(total->tracking_clients), ll(total->pubsub_clients),
          ll(total->watching_clients));
    WRITE("clients_in_timeout_table:0\r\ntotal_watched_keys:%lld\r\ntotal_blocking_keys:%lld\r\n"
          "total_blocking_keys_on_nokey:%lld\r\n",
          ll(total->watched_keys), ll(total->blocking_keys), ll(total->blocking_keys_on_nokey));
}

static void write_memory_use(const struct info_report *report)
{
    const struct info_memory *memory = &report->info->memory;

    WRITE("used_memory:%lld\r\nused_memory_human:%s\r\n", ll(memory->used), human(memory->used).text);
    WRITE("used_memory_rss:%lld\r\nused_memory_rss_human:%s\r\n", ll(memory->resident), human(memory->resident).text);
    WRITE("used_memory_peak:%lld\r\nused_memory_peak_human:%s\r\n", ll(memory->peak), human(memory->peak).text);
    WRITE("used_memory_peak_perc:%.2f%%\r\n", memory->peak_percent);
    WRITE("used_memory_overhead:%lld\r\nused_memory_startup:%lld\r\n", ll(memory->overhead), ll(memory->startup));
    WRITE("used_memory_dataset:%lld\r\n", ll(memory->dataset));
    WRITE("used_memory_dataset_perc:%.2f%%\r\n", memory->dataset_percent);
}

/* The allocator's active and resident bytes are those of the process. */
static void write_allocator(const struct info_report *report)
{
    const struct info_memory *memory = &report->info->memory;

    WRITE("allocator_allocated:%lld\r\nallocator_active:%lld\r\n", ll(memory->used), ll(memory->resident));
    WRITE("allocator_resident:%lld\r\nallocator_muzzy:0\r\n", ll(memory->resident));
}

static void write_scripts(const struct info_report *report)
{
    const struct info_part *total = &report->info->total;
    uint64_t lua = total->lua_bytes, functions_lua = total->functions_lua_bytes, both_lua = lua + functions_lua;
    uint64_t texts = total->scripts_bytes, both_texts = texts + total->functions_bytes;

    WRITE("used_memory_lua:%lld\r\nused_memory_vm_eval:%lld\r\n", ll(lua), ll(lua));
    WRITE("used_memory_lua_human:%s\r\nused_memory_scripts_eval:%lld\r\n", human(lua).text, ll(texts));
    WRITE("number_of_cached_scripts:%lld\r\nnumber_of_functions:%lld\r\n", ll(total->scripts), ll(total->functions));
    WRITE("number_of_libraries:%lld\r\nused_memory_vm_functions:%lld\r\n", ll(total->libraries), ll(functions_lua));
    WRITE("used_memory_vm_total:%lld\r\nused_memory_vm_total_human:%s\r\n", ll(both_lua), human(both_lua).text);
    WRITE("used_memory_functions:%lld\r\n", ll(total->functions_bytes));
    WRITE("used_memory_scripts:%lld\r\nused_memory_scripts_human:%s\r\n", ll(both_texts), human(both_texts).text);
}

static void write_fragmentation(const struct info_report *report)
{
    const struct info_memory *memory = &report->info->memory;

    WRITE("allocator_frag_ratio:%.2f\r\n", memory->fragmentation);
    WRITE("allocator_frag_bytes:%lld\r\n", (long long)memory->fragmentation_bytes);
    WRITE("allocator_rss_ratio:1.00\r\nallocator_rss_bytes:0\r\nrss_overhead_ratio:1.00\r\nrss_overhead_bytes:0\r\n");
    WRITE("mem_fragmentation_ratio:%.2f\r\n", memory->fragmentation);
    WRITE("mem_fragmentation_bytes:%lld\r\n", (long long)memory->fragmentation_bytes);
}

static void write_memory(const struct info_report *report)
{
    const struct config *config = &report->core->config;
    uint64_t machine = report->info->process.machine_bytes;

    WRITE("# Memory\r\n");
    write_memory_use(report);
    write_allocator(report);
    WRITE("total_system_memory:%lld\r\ntotal_system_memory_human:%s\r\n", ll(machine), human(machine).text);
    write_scripts(report);
    WRITE("maxmemory:%lld\r\nmaxmemory_human:%s\r\n", ll(config->maxmemory), human(config->maxmemory).text);
    WRITE("maxmemory_policy:%s\r\n", config_maxmemory_policy_name(config));
    write_fragmentation(report);
    WRITE("mem_not_counted_for_evict:%lld\r\nmem_replication_backlog:0\r\nmem_total_replication_buffers:0\r\n"
          "mem_clients_slaves:0\r\nmem_clients_normal:%lld\r\nmem_cluster_links:0\r\nmem_aof_buffer:%lld\r\n",
          ll(report->info->total.uncounted_bytes), ll(report->info->memory.clients),
          ll(report->info->total.aof_buffered_bytes));
    WRITE("mem_allocator:%s\r\nmem_overhead_db_hashtable_rehashing:0\r\nactive_defrag_running:0\r\n",
          memory_allocator_name());
    WRITE("lazyfree_pending_objects:%lld\r\nlazyfreed_objects:%lld\r\n", ll(report->info->total.unfreed_objects),
          ll(report->info->total.keyspace.freed_later));
}

/* Also where nobody has asked yet for the base that an append-only file lacks: after one has failed its pause has to be
 * over, and after it was switched off and on at once a shard has to notice. */
static bool is_rewriting_scheduled(const struct core *core, bool runs)
{
    const struct durability *durability = &core->durability;
    bool is_wanted = core->config.appendonly && core->aof.enabled && durability->has_base;

    return atomic_load_explicit(&core->saves->rewrite_scheduled, memory_order_relaxed) ||
           (!runs && is_wanted && !durability->has_base(durability->context));
}

static void write_rewriting(const struct info_report *report)
{
    const struct save_state *saves = report->core->saves;
    bool runs = save_state_running(saves) == SAVE_AOF_BASE;

    WRITE("aof_enabled:%d\r\naof_rewrite_in_progress:%d\r\naof_rewrite_scheduled:%d\r\n", report->core->aof.enabled,
          runs, is_rewriting_scheduled(report->core, runs));
    WRITE("aof_last_rewrite_time_sec:%lld\r\naof_current_rewrite_time_sec:%lld\r\n",
          (long long)atomic_load_explicit(&saves->rewrite_took_s, memory_order_relaxed),
          runs ? (long long)(report->now_ms / 1000 - atomic_load_explicit(&saves->began_s, memory_order_relaxed)) : -1);
    WRITE("aof_last_bgrewrite_status:%s\r\naof_rewrites:%lld\r\naof_rewrites_consecutive_failures:%lld\r\n",
          atomic_load_explicit(&saves->rewrite_failed, memory_order_relaxed) ? "err" : "ok",
          ll(atomic_load_explicit(&saves->rewrites, memory_order_relaxed)),
          ll(atomic_load_explicit(&saves->rewrite_failures, memory_order_relaxed)));
}

/* aof_writes_held is Shoal's own: writes wait, as the disk has fallen behind. */
static void write_append_only_file(const struct info_report *report)
{
    const struct info_part *total = &report->info->total;
    const struct aof_figures *aof = &report->core->aof;

    WRITE("aof_current_size:%lld\r\naof_base_size:%lld\r\naof_pending_rewrite:0\r\naof_buffer_length:%lld\r\n",
          ll(total->aof_bytes + aof->before_bytes), ll(aof->base_bytes), ll(total->aof_buffered_bytes));
    WRITE("aof_pending_bio_fsync:0\r\naof_delayed_fsync:%lld\r\naof_writes_held:%d\r\n", ll(total->aof_delayed_syncs),
          aof->behind);
}

static void write_load_progress(const struct info_report *report, const struct load_progress *progress)
{
    WRITE("loading_start_time:%lld\r\nloading_total_bytes:%lld\r\nloading_rdb_used_mem:0\r\n",
          (long long)progress->start_ms / 1000, ll(progress->total_bytes));
    WRITE("loading_loaded_bytes:%lld\r\nloading_loaded_perc:%.2f\r\nloading_eta_seconds:%lld\r\n",
          ll(load_progress_count(&progress->loaded_bytes)), load_progress_percent(progress),
          (long long)load_progress_left_s(progress, report->now_ms));
}

static uint64_t loaded(const struct info_report *report, bool expired)
{
    const struct load_progress *progress = report->core->load_progress;

    return progress ? load_progress_count(expired ? &progress->expired : &progress->keys) : 0;
}

static long long relaxed(const _Atomic(int64_t) *figure)
{
    return (long long)atomic_load_explicit(figure, memory_order_relaxed);
}

/* Nothing is copied on write, and nothing forked: what Redis says of that is 0. */
static void write_snapshots(const struct info_report *report)
{
    const struct save_state *saves = report->core->saves;
    enum save_kind running = save_state_running(saves);
    bool saves_now = running != SAVE_NOTHING && running != SAVE_AOF_BASE;
    long long began_s = relaxed(&saves->began_s);
    uint64_t keys = atomic_load_explicit(&saves->keys, memory_order_relaxed);
    uint64_t done = atomic_load_explicit(&saves->keys_done, memory_order_relaxed);

    WRITE("current_cow_peak:0\r\ncurrent_cow_size:0\r\ncurrent_cow_size_age:0\r\n");
    WRITE("current_fork_perc:%.2f\r\n", keys > 0 ? 100 * (double)done / (double)keys : 0);
    WRITE("current_save_keys_processed:%lld\r\ncurrent_save_keys_total:%lld\r\n", ll(done), ll(keys));
    WRITE("rdb_changes_since_last_save:%lld\r\n", ll(report->info->total.unsaved_changes));
    WRITE("rdb_bgsave_in_progress:%d\r\nrdb_last_save_time:%lld\r\n", saves_now, relaxed(&saves->saved_s));
    WRITE("rdb_last_bgsave_status:%s\r\n", atomic_load_explicit(&saves->failed, memory_order_relaxed) ? "err" : "ok");
    WRITE("rdb_last_bgsave_time_sec:%lld\r\n", relaxed(&saves->took_s));
    WRITE("rdb_current_bgsave_time_sec:%lld\r\n", saves_now ? (long long)report->now_ms / 1000 - began_s : -1);
    WRITE("rdb_saves:%lld\r\n", ll(atomic_load_explicit(&saves->saves, memory_order_relaxed)));
    WRITE("rdb_last_cow_size:0\r\nrdb_last_load_keys_expired:%lld\r\nrdb_last_load_keys_loaded:%lld\r\n",
          ll(loaded(report, true)), ll(loaded(report, false)));
}

static void write_persistence(const struct info_report *report)
{
    WRITE("# Persistence\r\nloading:%d\r\nasync_loading:0\r\n", report->core->loading);
    write_snapshots(report);
    write_rewriting(report);
    WRITE("aof_last_write_status:%s\r\naof_last_cow_size:0\r\n"
          "module_fork_in_progress:0\r\nmodule_fork_last_cow_size:0\r\n",
          report->core->aof.error ? "err" : "ok");
    if (report->core->aof.enabled)
        write_append_only_file(report);
    if (report->core->loading)
        write_load_progress(report, report->core->load_progress);
}

static void write_traffic(const struct info_report *report)
{
    const struct info_part *total = &report->info->total;
    const struct stats *stats = &total->stats;

    WRITE("total_connections_received:%lld\r\n", ll(stats->connections_accepted));
    WRITE("total_commands_processed:%lld\r\n", ll(stats->commands));
    WRITE("instantaneous_ops_per_sec:%lld\r\n", ll(total->rate_commands));
    WRITE("total_net_input_bytes:%lld\r\ntotal_net_output_bytes:%lld\r\n", ll(stats->received_bytes),
          ll(stats->sent_bytes));
    WRITE("total_net_repl_input_bytes:0\r\ntotal_net_repl_output_bytes:0\r\n");
    WRITE("instantaneous_input_kbps:%.2f\r\n", (double)total->rate_received / 1024);
    WRITE("instantaneous_output_kbps:%.2f\r\n", (double)total->rate_sent / 1024);
    WRITE("instantaneous_input_repl_kbps:0.00\r\ninstantaneous_output_repl_kbps:0.00\r\n");
    WRITE("rejected_connections:%lld\r\n", ll(stats->connections_rejected));
    WRITE("sync_full:0\r\nsync_partial_ok:0\r\nsync_partial_err:0\r\n");
}

static void write_keys(const struct info_report *report)
{
    const struct info_part *total = &report->info->total;
    const struct keyspace_stats *keyspace = &total->keyspace;

    WRITE("expired_subkeys:%lld\r\n", ll(keyspace->expired_items));
    WRITE("expired_keys:%lld\r\nexpired_stale_perc:0.00\r\nexpired_time_cap_reached_count:0\r\n"
          "expire_cycle_cpu_milliseconds:0\r\n",
          ll(keyspace->expired));
    WRITE("evicted_keys:%lld\r\nevicted_clients:%lld\r\nevicted_scripts:%lld\r\n", ll(keyspace->evicted),
          ll(total->stats.clients_evicted), ll(total->scripts_evicted));
    WRITE("total_eviction_exceeded_time:%lld\r\ncurrent_eviction_exceeded_time:%lld\r\n",
          (long long)(total->stats.memory_exceeded_ms + total->exceeded_ms), (long long)total->exceeded_ms);
    WRITE("keyspace_hits:%lld\r\nkeyspace_misses:%lld\r\n", ll(keyspace->hits), ll(keyspace->misses));
}

static void write_stats(const struct info_report *report)
{
    const struct info_part *total = &report->info->total;
    const struct stats *stats = &total->stats;

    WRITE("# Stats\r\n");
    write_traffic(report);
    write_keys(report);
    WRITE("pubsub_channels:%lld\r\npubsub_patterns:%lld\r\npubsubshard_channels:%lld\r\n", ll(total->channels),
          ll(total->patterns), ll(total->shard_channels));
    WRITE("latest_fork_usec:0\r\ntotal_forks:0\r\n"
          "migrate_cached_sockets:0\r\nslave_expires_tracked_keys:0\r\nactive_defrag_hits:0\r\n"
          "active_defrag_misses:0\r\nactive_defrag_key_hits:0\r\nactive_defrag_key_misses:0\r\n"
          "total_active_defrag_time:0\r\ncurrent_active_defrag_time:0\r\ntracking_total_keys:%lld\r\n"
          "tracking_total_items:%lld\r\ntracking_total_prefixes:%lld\r\nunexpected_error_replies:0\r\n",
          ll(total->tracked_keys), ll(total->tracked_items), ll(total->tracked_prefixes));
    WRITE("total_error_replies:%lld\r\ndump_payload_sanitizations:0\r\n", ll(stats->error_replies));
    WRITE("total_reads_processed:%lld\r\ntotal_writes_processed:%lld\r\n", ll(stats->receives), ll(stats->sends));
    WRITE("io_threaded_reads_processed:0\r\nio_threaded_writes_processed:0\r\n");
    WRITE("client_query_buffer_limit_disconnections:%lld\r\n", ll(stats->clients_killed_by_query_limit));
    WRITE("client_output_buffer_limit_disconnections:%lld\r\n", ll(stats->clients_killed_by_output_limit));
    WRITE("reply_buffer_shrinks:0\r\nreply_buffer_expands:0\r\neventloop_cycles:%lld\r\n", ll(stats->turns));
    WRITE("instantaneous_eventloop_cycles_per_sec:%lld\r\n", ll(total->rate_turns));
    WRITE("acl_access_denied_auth:%lld\r\nacl_access_denied_cmd:0\r\nacl_access_denied_key:0\r\n"
          "acl_access_denied_channel:0\r\n",
          ll(stats->passwords_refused));
}

static void write_replication(const struct info_report *report)
{
    WRITE("# Replication\r\nrole:master\r\nconnected_slaves:0\r\nmaster_failover_state:no-failover\r\n");
    WRITE("master_replid:%s\r\nmaster_replid2:%040d\r\n", report->core->replication_id, 0);
    WRITE("master_repl_offset:0\r\nsecond_repl_offset:-1\r\nrepl_backlog_active:0\r\nrepl_backlog_size:1048576\r\n"
          "repl_backlog_first_byte_offset:0\r\nrepl_backlog_histlen:0\r\n");
}

static void write_cpu_pair(const struct info_report *report, const char *suffix, struct process_cpu cpu)
{
    WRITE("used_cpu_sys%s:%lld.%06lld\r\n", suffix, (long long)cpu.system_us / 1000000,
          (long long)cpu.system_us % 1000000);
    WRITE("used_cpu_user%s:%lld.%06lld\r\n", suffix, (long long)cpu.user_us / 1000000,
          (long long)cpu.user_us % 1000000);
}

/* "main_thread" is the shard that answers. */
static void write_cpu(const struct info_report *report)
{
    const struct process_usage *process = &report->info->process;

    WRITE("# CPU\r\n");
    write_cpu_pair(report, "", process->own);
    write_cpu_pair(report, "_children", process->children);
    write_cpu_pair(report, "_main_thread", process->thread);
}

static void write_modules(const struct info_report *report)
{
    WRITE("# Modules\r\n");
}

static void write_cluster(const struct info_report *report)
{
    WRITE("# Cluster\r\ncluster_enabled:0\r\n");
}

static void write_keyspace(const struct info_report *report)
{
    WRITE("# Keyspace\r\n");
    for (int i = 0; i < report->info->database_count; i++) {
        const struct info_database *database = &report->info->databases[i];

        WRITE("db%d:keys=%lld,expires=%lld,avg_ttl=%lld\r\n", database->index, ll(database->keys),
              ll(database->expiring), (long long)database->average_ttl_ms);
    }
}

static void write_shards(const struct info_report *report)
{
    for (int i = 0; i < report->info->shard_count; i++) {
        const struct info_part *shard = &report->info->shards[i];

        WRITE("shard%d:keys=%lld,clients=%lld,commands=%lld,used_memory=%lld,turns=%lld\r\n", shard->shard,
              ll(shard->keys), ll(shard->clients), ll(shard->stats.executed), ll(shard->used_bytes),
              ll(shard->stats.turns));
    }
}

/* Ours: how the work is spread, and how requests found their way. */
static void write_shoal(const struct info_report *report)
{
    const struct stats *stats = &report->info->total.stats;

    WRITE("# Shoal\r\nshards:%d\r\n", report->info->shard_count);
    write_shards(report);
    WRITE("requests_local:%lld\r\nrequests_crossed:%lld\r\n", ll(stats->local), ll(stats->crossed));
    WRITE("connections_moved:%lld\r\n", ll(stats->connections_moved));
    WRITE("requests_scattered:%lld\r\nrequests_gathered:%lld\r\n", ll(stats->scattered), ll(stats->gathered));
    WRITE("scripts_local:%lld\r\nscripts_gathered:%lld\r\n", ll(stats->scripts_local), ll(stats->scripts_gathered));
    WRITE("scripts_escalated:%lld\r\nscripts_restarted:%lld\r\n", ll(stats->scripts_escalated),
          ll(stats->scripts_restarted));
    WRITE("wakes_sent:%lld\r\nring_full:%lld\r\n", ll(stats->wakes_sent), ll(stats->ring_full));
    WRITE("protocol_errors:%lld\r\n", ll(stats->protocol_errors));
}

const struct info_section info_sections[] = {
    {"server", true, write_server, false},
    {"clients", true, write_clients, false},
    {"memory", true, write_memory, false},
    {"persistence", true, write_persistence, false},
    {"stats", true, write_stats, false},
    {"replication", true, write_replication, false},
    {"cpu", true, write_cpu, false},
    {"modules", true, write_modules, false},
    {"commandstats", false, info_write_commandstats, true},
    {"errorstats", true, info_write_errorstats, true},
    {"latencystats", false, info_write_latencystats, true},
    {"cluster", true, write_cluster, false},
    {"keyspace", true, write_keyspace, false},
    {"shoal", true, write_shoal, false},
    {NULL, false, NULL, false},
};
