/* MEMORY on the server as a whole; MEMORY USAGE, which asks of one key, is with
 * the commands on keys. The reports scatter as INFO does. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/info.h"
#include "core/merge.h"

void cmd_memory_stats(struct call *call)
{
    info_reply_part(call, false);
}

void cmd_memory_doctor(struct call *call)
{
    info_reply_part(call, false);
}

void cmd_memory_malloc_stats(struct call *call)
{
    info_reply_part(call, false);
}

/* Every shard gives back what its own heap does not need. */
void cmd_memory_purge(struct call *call)
{
    memory_purge();
    reply_ok(call->reply);
}

void cmd_memory_help(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Return memory problems reports.",
        "MALLOC-STATS",
        "    Return internal statistics report from the memory allocator.",
        "PURGE",
        "    Attempt to purge dirty pages for reclamation by the allocator.",
        "STATS",
        "    Return information about the memory usage of the server.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return memory in bytes used by <key> and its value. Nested values are",
        "    sampled up to <count> times (default: 5, 0 means sample all).",
        NULL,
    };

    args_help(call, lines);
}

static void pair_integer(struct reply *reply, const char *name, int64_t value)
{
    reply_bulk(reply, str_from(name));
    reply_integer(reply, value);
}

static void pair_double(struct reply *reply, const char *name, double value)
{
    reply_bulk(reply, str_from(name));
    reply_double(reply, value);
}

static void write_databases(struct reply *reply, const struct info *info)
{
    for (int i = 0; i < info->database_count; i++) {
        const struct info_database *database = &info->databases[i];

        reply_bulk_format(reply, "db.%d", database->index);
        reply_map(reply, 3);
        pair_integer(reply, "overhead.hashtable.main", (int64_t)database->table_bytes);
        pair_integer(reply, "overhead.hashtable.expires", (int64_t)database->expiry_bytes);
        pair_integer(reply, "overhead.hashtable.slot-to-keys", 0);
    }
}

static void write_use(struct reply *reply, const struct info *info)
{
    const struct info_memory *memory = &info->memory;

    pair_integer(reply, "peak.allocated", (int64_t)memory->peak);
    pair_integer(reply, "total.allocated", (int64_t)memory->used);
    pair_integer(reply, "startup.allocated", (int64_t)memory->startup);
    pair_integer(reply, "replication.backlog", 0);
    pair_integer(reply, "clients.slaves", 0);
    pair_integer(reply, "clients.normal", (int64_t)memory->clients);
    pair_integer(reply, "cluster.links", 0);
    pair_integer(reply, "aof.buffer", (int64_t)info->total.aof_buffered_bytes);
    pair_integer(reply, "lua.caches", (int64_t)info->total.scripts_bytes);
    pair_integer(reply, "functions.caches", (int64_t)info->total.functions_bytes);
    write_databases(reply, info);
}

static void write_shares(struct reply *reply, const struct info *info)
{
    const struct info_memory *memory = &info->memory;
    uint64_t keys = info->total.keys;

    pair_integer(reply, "overhead.total", (int64_t)memory->overhead);
    pair_integer(reply, "keys.count", (int64_t)keys);
    pair_integer(reply, "keys.bytes-per-key",
                 keys > 0 ? (int64_t)((memory->overhead - memory->startup + memory->dataset) / keys) : 0);
    pair_integer(reply, "dataset.bytes", (int64_t)memory->dataset);
    pair_double(reply, "dataset.percentage", memory->dataset_percent);
    pair_double(reply, "peak.percentage", memory->peak_percent);
}

static void write_allocator(struct reply *reply, const struct info *info)
{
    const struct info_memory *memory = &info->memory;

    pair_integer(reply, "allocator.allocated", (int64_t)memory->used);
    pair_integer(reply, "allocator.active", (int64_t)memory->resident);
    pair_integer(reply, "allocator.resident", (int64_t)memory->resident);
    pair_double(reply, "allocator-fragmentation.ratio", memory->fragmentation);
    pair_integer(reply, "allocator-fragmentation.bytes", memory->fragmentation_bytes);
    pair_double(reply, "allocator-rss.ratio", 1);
    pair_integer(reply, "allocator-rss.bytes", 0);
    pair_double(reply, "rss-overhead.ratio", 1);
    pair_integer(reply, "rss-overhead.bytes", 0);
    pair_double(reply, "fragmentation", memory->fragmentation);
    pair_integer(reply, "fragmentation.bytes", memory->fragmentation_bytes);
}

enum { PAIRS_BUT_DATABASES = 27 };

void merge_memory_stats(struct merge *merge)
{
    struct info info;

    info_open(&info, merge);
    reply_map(merge->reply, PAIRS_BUT_DATABASES + info.database_count);
    write_use(merge->reply, &info);
    write_shares(merge->reply, &info);
    write_allocator(merge->reply, &info);
    info_close(&info, &merge->core->memory);
}

enum { DOCTOR_LEAST_BYTES = 5 << 20, DOCTOR_SLACK_BYTES = 10 << 20, DOCTOR_CLIENT_BYTES = 200 << 10 };

/* Each finding is a line of the answer. */
static void append_findings(struct buffer *text, const struct info *info)
{
    const struct info_memory *memory = &info->memory;

    if (memory->peak > memory->used + memory->used / 2)
        buffer_append_format(text,
                             " * Peak: %llu bytes were in use at some time, now it is %llu. The system may not have "
                             "got the rest back; MEMORY PURGE can help.\n",
                             (unsigned long long)memory->peak, (unsigned long long)memory->used);
    if (memory->fragmentation > 1.4 && memory->fragmentation_bytes > DOCTOR_SLACK_BYTES)
        buffer_append_format(text,
                             " * Fragmentation: the process holds %.2f bytes of memory for each one in use. Either "
                             "much was freed lately or sizes vary a lot.\n",
                             memory->fragmentation);
    if (info->total.clients > 0 && memory->clients / info->total.clients > DOCTOR_CLIENT_BYTES)
        buffer_append_format(text,
                             " * Clients: a client's buffers take %llu bytes on average. Some may send large requests "
                             "or read their replies slowly; CLIENT LIST tells which (tot-mem).\n",
                             (unsigned long long)(memory->clients / info->total.clients));
}

static void diagnose(struct buffer *text, const struct info *info)
{
    if (info->memory.used < info->memory.startup + DOCTOR_LEAST_BYTES) {
        buffer_append_str(text, STR("Too little memory is in use to say anything about it.\n"));
        return;
    }
    append_findings(text, info);
    if (text->length == 0)
        buffer_append_str(text, STR("No trouble was found in the use of memory.\n"));
}

void merge_memory_doctor(struct merge *merge)
{
    struct info info;
    struct buffer text;

    info_open(&info, merge);
    buffer_init(&text, &merge->core->memory, NULL, 0);
    diagnose(&text, &info);
    reply_verbatim(merge->reply, buffer_str(&text), "txt");
    buffer_deinit(&text);
    info_close(&info, &merge->core->memory);
}

static void append_report(const char *piece, void *buffer)
{
    buffer_append_str(buffer, str_from(piece));
}

static void append_counts(struct buffer *text, const struct info *info)
{
    for (int i = 0; i < info->shard_count; i++)
        buffer_append_format(text, "shard %d: %llu bytes in use, at most %llu\n", info->shards[i].shard,
                             (unsigned long long)info->shards[i].used_bytes,
                             (unsigned long long)info->shards[i].peak_bytes);
}

void merge_memory_malloc_stats(struct merge *merge)
{
    struct info info;
    struct buffer text;

    info_open(&info, merge);
    buffer_init(&text, &merge->core->memory, NULL, 0);
    append_counts(&text, &info);
    memory_report(append_report, &text);
    reply_verbatim(merge->reply, buffer_str(&text), "txt");
    buffer_deinit(&text);
    info_close(&info, &merge->core->memory);
}
