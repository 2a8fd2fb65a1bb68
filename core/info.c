#include "core/info.h"

#include "core/assert.h"
#include "core/call.h"
#include "core/merge.h"
#include "core/script_state.h"
#include "core/table.h"
#include "core/tracking.h"
#include "core/transaction.h"
#include "core/waits.h"

static uint64_t bytes_of_clients(const struct sessions *sessions)
{
    uint64_t bytes = 0;

    for (const struct session *session = sessions->oldest; session; session = session->next)
        bytes += session->total_bytes;
    return bytes;
}

static uint64_t count_subscribed(const struct sessions *sessions)
{
    uint64_t count = 0;

    for (const struct session *session = sessions->oldest; session; session = session->next)
        count += subscriptions_total(&session->subscriptions) > 0;
    return count;
}

static uint64_t count_watching(const struct sessions *sessions)
{
    uint64_t count = 0;

    for (const struct session *session = sessions->oldest; session; session = session->next)
        count += session->transaction && session->transaction->watched_count > 0;
    return count;
}

/* An idle shard takes no samples of its rates, so one is due here. */
static struct info_part part_of(struct core *core, int64_t now_ms)
{
    int64_t since_ms = core->stats.memory_exceeded_since_ms;

    stats_sample_rates(&core->stats, now_ms);
    return (struct info_part){
        .shard = core->index,
        .used_bytes = core_used_bytes(core),
        .peak_bytes = core_peak_bytes(core),
        .startup_bytes = core->startup_bytes,
        .scripts_bytes = core->scripts.memory.used_bytes,
        .lua_bytes = script_state_bytes(core->script_state),
        .scripts = scripts_count(&core->scripts),
        .scripts_evicted = core->scripts.evicted,
        .functions_bytes = core->functions.memory.used_bytes,
        .functions_lua_bytes = script_state_bytes(core->function_state),
        .functions = core->functions.table.count,
        .libraries = core->functions.library_count,
        .clients_bytes = bytes_of_clients(&core->sessions),
        .clients = core->sessions.count,
        .blocked_clients = core->sessions.blocked,
        .pubsub_clients = count_subscribed(&core->sessions),
        .channels = core->channels.subscribed[CHANNEL_PLAIN],
        .patterns = core->channels.subscribed[CHANNEL_PATTERN],
        .shard_channels = core->channels.subscribed[CHANNEL_SHARD],
        .blocking_keys = keyspace_waits(core->keyspace)->keys.count,
        .blocking_keys_on_nokey = keyspace_waits(core->keyspace)->any_changes,
        .watching_clients = count_watching(&core->sessions),
        .watched_keys = keyspace_watched_count(core->keyspace),
        .tracking_clients = core->sessions.tracking,
        .tracked_keys = keyspace_tracking(core->keyspace)->keys.count,
        .tracked_items = keyspace_tracking(core->keyspace)->items,
        .tracked_prefixes = core->broadcasts.prefixes.count,
        .unfreed_objects = keyspace_unfreed_objects(core->keyspace),
        .aof_bytes = core->aof.bytes,
        .aof_buffered_bytes = core->aof.buffered_bytes,
        .aof_delayed_syncs = core->aof.delayed_syncs,
        .unsaved_changes = keyspace_stats(core->keyspace)->dirty - core->saved_changes,
        .uncounted_bytes = core_uncounted_bytes(core),
        .exceeded_ms = since_ms > 0 ? now_ms - since_ms : 0,
        .rate_commands = stats_rate(core->stats.rate_commands),
        .rate_received = stats_rate(core->stats.rate_received),
        .rate_sent = stats_rate(core->stats.rate_sent),
        .rate_turns = stats_rate(core->stats.rate_turns),
        .stats = core->stats,
        .keyspace = *keyspace_stats(core->keyspace),
    };
}

static struct info_database database_of(const struct keyspace *keyspace, int db, int64_t now_ms)
{
    size_t of_table = table_bytes(keyspace_table(keyspace, db));

    return (struct info_database){
        .index = db,
        .keys = keyspace_count(keyspace, db),
        .expiring = keyspace_count_expiring(keyspace, db),
        .table_bytes = of_table,
        .expiry_bytes = keyspace_overhead_bytes(keyspace, db) - of_table,
        .average_ttl_ms = keyspace_average_ttl_ms(keyspace, db, now_ms),
    };
}

void info_reply_part(struct call *call, bool with_commands)
{
    const struct keyspace *keyspace = call->core->keyspace;
    struct info_part part = part_of(call->core, call->now_ms);
    struct buffer databases;
    struct buffer bytes;

    buffer_init(&databases, &call->core->memory, NULL, 0);
    for (int db = 0; db < keyspace_database_count(keyspace); db++) {
        struct info_database database = database_of(keyspace, db, call->now_ms);

        if (database.keys == 0)
            continue;
        buffer_append(&databases, &database, sizeof(database));
        part.database_count++;
        part.keys += database.keys;
    }
    buffer_init(&bytes, &call->core->memory, NULL, 0);
    buffer_append(&bytes, &part, sizeof(part));
    if (part.database_count > 0)
        buffer_append_str(&bytes, buffer_str(&databases));
    if (with_commands)
        command_stats_export(&call->core->command_stats, &bytes);
    reply_bulk(call->reply, buffer_str(&bytes));
    buffer_deinit(&bytes);
    buffer_deinit(&databases);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static int64_t longer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The samples of the rates are not added: the parts hold the rates. */
static void add_stats(struct stats *to, const struct stats *from)
{
    to->connections_accepted += from->connections_accepted;
    to->connections_rejected += from->connections_rejected;
    to->connections_moved += from->connections_moved;
    to->commands += from->commands;
    to->received_bytes += from->received_bytes;
    to->sent_bytes += from->sent_bytes;
    to->receives += from->receives;
    to->sends += from->sends;
    to->clients_killed_by_output_limit += from->clients_killed_by_output_limit;
    to->clients_killed_by_query_limit += from->clients_killed_by_query_limit;
    to->clients_evicted += from->clients_evicted;
    to->protocol_errors += from->protocol_errors;
    to->error_replies += from->error_replies;
    to->passwords_refused += from->passwords_refused;
    to->turns += from->turns;
    to->local += from->local;
    to->crossed += from->crossed;
    to->scattered += from->scattered;
    to->gathered += from->gathered;
    to->wakes_sent += from->wakes_sent;
    to->ring_full += from->ring_full;
    to->scripts_local += from->scripts_local;
    to->scripts_gathered += from->scripts_gathered;
    to->scripts_escalated += from->scripts_escalated;
    to->scripts_restarted += from->scripts_restarted;
    /* Memory is everybody's: the shards have looked at different times. */
    to->memory_exceeded_ms = longer(to->memory_exceeded_ms, from->memory_exceeded_ms);
    to->largest_query_bytes = larger(to->largest_query_bytes, from->largest_query_bytes);
    to->largest_output_bytes = larger(to->largest_output_bytes, from->largest_output_bytes);
}

static void add_keyspace_stats(struct keyspace_stats *to, const struct keyspace_stats *from)
{
    to->hits += from->hits;
    to->misses += from->misses;
    to->expired += from->expired;
    to->expired_items += from->expired_items;
    to->freed_later += from->freed_later;
    to->evicted += from->evicted;
    to->dirty += from->dirty;
}

static void add_part(struct info_part *to, const struct info_part *from)
{
    to->used_bytes += from->used_bytes;
    to->peak_bytes += from->peak_bytes;
    to->startup_bytes += from->startup_bytes;
    to->clients_bytes += from->clients_bytes;
    to->scripts_bytes += from->scripts_bytes;
    to->lua_bytes += from->lua_bytes;
    to->scripts = larger(to->scripts, from->scripts);
    to->scripts_evicted += from->scripts_evicted;
    to->functions_bytes += from->functions_bytes;
    to->functions_lua_bytes += from->functions_lua_bytes;
    to->functions = larger(to->functions, from->functions);
    to->libraries = larger(to->libraries, from->libraries);
    to->clients += from->clients;
    to->blocked_clients += from->blocked_clients;
    to->pubsub_clients += from->pubsub_clients;
    to->channels = from->channels;
    to->patterns = from->patterns;
    to->shard_channels = from->shard_channels;
    to->blocking_keys += from->blocking_keys;
    to->blocking_keys_on_nokey += from->blocking_keys_on_nokey;
    to->watching_clients += from->watching_clients;
    to->watched_keys += from->watched_keys;
    to->tracking_clients += from->tracking_clients;
    to->tracked_keys += from->tracked_keys;
    to->tracked_items += from->tracked_items;
    to->tracked_prefixes = from->tracked_prefixes;
    to->unfreed_objects += from->unfreed_objects;
    to->aof_bytes += from->aof_bytes;
    to->aof_buffered_bytes += from->aof_buffered_bytes;
    to->aof_delayed_syncs += from->aof_delayed_syncs;
    to->unsaved_changes += from->unsaved_changes;
    to->keys += from->keys;
    to->uncounted_bytes += from->uncounted_bytes;
    to->exceeded_ms = longer(to->exceeded_ms, from->exceeded_ms);
    to->rate_commands += from->rate_commands;
    to->rate_received += from->rate_received;
    to->rate_sent += from->rate_sent;
    to->rate_turns += from->rate_turns;
    add_stats(&to->stats, &from->stats);
    add_keyspace_stats(&to->keyspace, &from->keyspace);
}

/* The average moves toward the other one by its weight; a sum could overflow. */
static void add_database(struct info_database *to, const struct info_database *from)
{
    to->index = from->index;
    to->keys += from->keys;
    to->expiring += from->expiring;
    to->table_bytes += from->table_bytes;
    to->expiry_bytes += from->expiry_bytes;
    if (from->expiring > 0) {
        double weight = (double)from->expiring / (double)to->expiring;

        to->average_ttl_ms += (int64_t)((double)(from->average_ttl_ms - to->average_ttl_ms) * weight);
    }
}

static void take(struct str *bytes, size_t length)
{
    bytes->bytes += length;
    bytes->length -= length;
}

static void read_part(struct info *info, int shard, struct str bytes, int databases)
{
    struct info_part *part = &info->shards[shard];

    ASSERT(bytes.length >= sizeof(*part));
    memcpy(part, bytes.bytes, sizeof(*part));
    take(&bytes, sizeof(*part));
    add_part(&info->total, part);
    for (int i = 0; i < part->database_count; i++) {
        struct info_database database;

        ASSERT(bytes.length >= sizeof(database));
        memcpy(&database, bytes.bytes, sizeof(database));
        take(&bytes, sizeof(database));
        ASSERT(database.index >= 0 && database.index < databases);
        add_database(&info->databases[database.index], &database);
    }
    if (bytes.length > 0)
        command_stats_import(&info->commands, bytes);
}

/* So far each lies at its number: closes the gaps of those without keys. */
static void pack_databases(struct info *info, int databases)
{
    for (int db = 0; db < databases; db++)
        if (info->databases[db].keys > 0)
            info->databases[info->database_count++] = info->databases[db];
}

/* The percentage of data is of what came after the start. */
static struct info_memory memory_of(const struct info *info)
{
    struct info_memory memory = {
        .used = info->total.used_bytes,
        .peak = info->total.peak_bytes,
        .resident = info->process.resident_bytes,
        .startup = info->total.startup_bytes,
        .clients = info->total.clients_bytes,
    };

    for (int i = 0; i < info->database_count; i++)
        memory.tables += info->databases[i].table_bytes + info->databases[i].expiry_bytes;
    memory.overhead =
        memory.startup + memory.clients + memory.tables + info->total.scripts_bytes + info->total.functions_bytes;
    memory.dataset = memory.used > memory.overhead ? memory.used - memory.overhead : 0;
    if (memory.used > memory.startup)
        memory.dataset_percent = (double)memory.dataset * 100 / (double)(memory.used - memory.startup);
    if (memory.used > 0) {
        memory.peak_percent = (double)memory.used * 100 / (double)memory.peak;
        memory.fragmentation = (double)memory.resident / (double)memory.used;
    }
    memory.fragmentation_bytes = (int64_t)memory.resident - (int64_t)memory.used;
    return memory;
}

void info_open(struct info *info, const struct merge *merge)
{
    struct memory *memory = &merge->core->memory;
    int databases = keyspace_database_count(merge->core->keyspace);

    *info = (struct info){.shard_count = merge->part_count};
    info->shards = memory_alloc(memory, (size_t)merge->part_count * sizeof(struct info_part));
    info->databases = memory_alloc_zeroed(memory, (size_t)databases * sizeof(struct info_database));
    command_stats_init(&info->commands, memory);
    for (int i = 0; i < merge->part_count; i++)
        read_part(info, i, merge_bulk(merge, i), databases);
    pack_databases(info, databases);
    process_usage_read(&info->process);
    info->memory = memory_of(info);
}

void info_close(struct info *info, struct memory *memory)
{
    memory_free(memory, info->shards);
    memory_free(memory, info->databases);
    command_stats_deinit(&info->commands);
}
