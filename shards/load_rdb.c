#include "shards/load_rdb.h"

#include <stdio.h>

#include "core/call.h"
#include "core/handlers.h"
#include "core/keyspace.h"
#include "core/log.h"
#include "core/number.h"
#include "core/rdb_skip.h"
#include "core/rdb_value.h"
#include "persist/rdb_file_reader.h"
#include "shards/load_stream.h"
#include "shards/shard.h"

enum {
    STEPS_PER_LOOK = 4, /* at the clock */
    SKIPPED_SHOWN = 10, /* lines of the log */
    AHEAD = 16,         /* records */
};

struct load_rdb {
    struct shard *shard;
    struct rdb_file_reader reader;
    struct rdb_loader loader;
    struct rdb_record ahead[AHEAD]; /* read, and not yet taken, so that what they need of the table is on its way */
    uint64_t hashes[AHEAD];         /* of their names, where they are keys */
    int ahead_count;
    struct load_file *file;
    uint64_t read; /* bytes of the file */
    const struct load_stage *stage;
    bool drops_expired; /* else they are kept, as what follows may say more of them */
    uint64_t keys, expired, modules, empty;
    char problem[256];                                     /* with the last record */
    uint64_t counted_keys, counted_bytes, counted_expired; /* in the progress */
};

struct load_rdb *load_rdb_begin(struct shard *shard, const struct load_stage *stage)
{
    struct load_rdb *load = memory_alloc_zeroed(&shard->core.memory, sizeof *load);
    const struct config *config = &shard->core.config;

    load->shard = shard;
    load->stage = stage;
    load->file = &stage->run->segments[0].files[0];
    load->drops_expired = !stage->is_past;
    rdb_file_reader_init(&load->reader, &shard->core.memory, load->file->path, load->file->bytes,
                         shard->index == 0 && config->rdbchecksum);
    rdb_loader_init(&load->loader, STR(""), keyspace_memory(shard->core.keyspace), config);
    return load;
}

void load_rdb_end(struct load_rdb *load)
{
    rdb_loader_deinit(&load->loader);
    rdb_file_reader_deinit(&load->reader);
    memory_free(&load->shard->core.memory, load);
}

/* One of the shards says what all of them read. */
static bool speaks(const struct load_rdb *load)
{
    return load->shard->index == 0;
}

/* Each returns NULL, or why the record can't be taken. */

static const char *take_about(struct load_rdb *load, const struct rdb_record *record)
{
    int64_t number;

    if (!speaks(load))
        return NULL;
    if (str_equal(record->name, STR("redis-ver")) || str_equal(record->name, STR("valkey-ver")))
        log_write(LOG_NOTICE, "Loading RDB produced by version %.*s", str_shown_length(record->text),
                  record->text.bytes);
    if (str_equal(record->name, STR("ctime")) && number_parse_integer(record->text, &number))
        log_write(LOG_NOTICE, "RDB age %lld seconds",
                  (long long)(load->shard->now_ms / 1000 > number ? load->shard->now_ms / 1000 - number : 0));
    if (str_equal(record->name, STR("used-mem")) && number_parse_integer(record->text, &number))
        log_write(LOG_NOTICE, "RDB memory usage when created %.2f Mb", (double)number / (1024 * 1024));
    return NULL;
}

static void tell_skipped(uint64_t count, const char *what, const struct rdb_record *record)
{
    if (count <= SKIPPED_SHOWN)
        log_write(LOG_WARNING, "%s: '%.*s' in database %d, byte %llu of the file, is not loaded", what,
                  str_shown_length(record->name), record->name.bytes, record->db, (unsigned long long)record->offset);
    if (count == SKIPPED_SHOWN)
        log_write(LOG_WARNING, "More keys like that are not shown; their number is, when all is loaded");
}

static const char *take_module(struct load_rdb *load, const struct rdb_record *record)
{
    char name[RDB_MODULE_NAME_MAX + 1], what[64];

    if (!speaks(load))
        return NULL;
    rdb_module_name(record->module, name);
    load->modules++;
    if (record->name.bytes) {
        snprintf(what, sizeof what, "A value of the module %s", name);
        tell_skipped(load->modules, what, record);
    } else if (load->modules <= SKIPPED_SHOWN) {
        log_write(LOG_WARNING, "What the module %s has written is not loaded: byte %llu of the file", name,
                  (unsigned long long)record->offset);
    }
    return NULL;
}

/* As FUNCTION LOAD would here, and on no other shard. */
static const char *take_function(struct load_rdb *load, const struct rdb_record *record)
{
    struct shard *shard = load->shard;
    struct str argv[] = {STR("function"), STR("load"), record->text};
    struct reply reply;
    struct call call = {.argv = argv, .argc = 3, .now_ms = shard->now_ms, .reply = &reply, .core = &shard->core};

    reply_init(&reply, &shard->core.memory, NULL, 0, 2);
    cmd_function_load(&call);
    bool failed = reply.buffer.length > 0 && reply.buffer.bytes[0] == '-';
    if (failed)
        snprintf(load->problem, sizeof load->problem, "the library of functions can't be loaded: %.*s",
                 (int)reply.buffer.length - 3, reply.buffer.bytes + 1);
    buffer_deinit(&reply.buffer);
    return failed ? load->problem : NULL;
}

static const char *take_key(struct load_rdb *load, const struct rdb_record *record)
{
    struct shard *shard = load->shard;
    struct entry *entry;

    if (load->drops_expired && rdb_record_has_passed(record, shard->now_ms)) {
        load->expired++;
        return NULL;
    }
    if (load->stage->replaces)
        keyspace_delete(shard->core.keyspace, record->db, key_of(record->name), RDB_BEFORE_ALL_MS);
    const char *problem = rdb_record_put(record, &load->loader, shard->core.keyspace, shard->now_ms, &entry);
    if (!problem && !entry)
        tell_skipped(++load->empty, "A value without items", record);
    if (keyspace_changes(shard->core.keyspace)->heeded & CHANGES_LISTENERS)
        keyspace_tell_listeners(shard->core.keyspace, record->db, record->name, 0);
    load->keys += !problem && entry != NULL;
    return problem;
}

static const char *take(struct load_rdb *load, const struct rdb_record *record)
{
    switch (record->kind) {
    case RDB_RECORD_AUX:
        return take_about(load, record);
    case RDB_RECORD_FUNCTION:
        return load->stage->has_functions ? NULL : take_function(load, record);
    case RDB_RECORD_KEY:
        return take_key(load, record);
    case RDB_RECORD_MODULE:
        return take_module(load, record);
    default:
        return NULL;
    }
}

static void count(struct load_rdb *load)
{
    struct load_progress *progress = &load->shard->group->loading->progress;
    uint64_t passed = file_window_offset(&load->reader.window);

    load_progress_add(&progress->keys, load->keys - load->counted_keys);
    load_progress_add(&progress->expired, load->expired - load->counted_expired);
    if (speaks(load))
        load_progress_add(&progress->loaded_bytes, passed - load->counted_bytes);
    load->counted_keys = load->keys;
    load->counted_expired = load->expired;
    load->counted_bytes = passed;
}

static void summarize(const struct load_rdb *load)
{
    if (load->modules > SKIPPED_SHOWN)
        log_write(LOG_WARNING, "Not loaded, as modules have written it: %llu keys or other data",
                  (unsigned long long)load->modules);
    if (load->empty > SKIPPED_SHOWN)
        log_write(LOG_WARNING, "Not loaded, as they had no items: %llu keys", (unsigned long long)load->empty);
}

/* Records ahead. */

static bool is_others(const struct load_rdb *load, const struct rdb_record *record)
{
    const struct shard *shard = load->shard;

    return record->kind == RDB_RECORD_KEY && router_owner(&shard->group->router, record->name) != shard->index;
}

static bool has_place(const struct load_rdb *load, const struct rdb_record *record)
{
    return record->kind == RDB_RECORD_KEY && record->db < keyspace_database_count(load->shard->core.keyspace);
}

/* Asks for where the key is to go: its bucket. */
static void prefetch_bucket(struct load_rdb *load, int index)
{
    const struct rdb_record *record = &load->ahead[index];

    if (!has_place(load, record))
        return;
    load->hashes[index] = keyspace_hash(record->name);
    keyspace_prefetch(load->shard->core.keyspace, record->db, load->hashes[index]);
}

/* And what has to be looked at besides, when that is there. */
static void prefetch_more(const struct load_rdb *load, int index)
{
    const struct rdb_record *record = &load->ahead[index];

    if (has_place(load, record))
        keyspace_prefetch_entry(load->shard->core.keyspace, record->db, load->hashes[index]);
}

/* As far as what the records borrow stays where it is. Returns what came last. */
static enum rdb_file_status read_ahead(struct load_rdb *load)
{
    enum rdb_file_status status = RDB_FILE_RECORD;
    bool is_held = false;

    for (int read = 0; status == RDB_FILE_RECORD && read < AHEAD && !is_held; read++) {
        struct rdb_record *record = &load->ahead[load->ahead_count];

        status = rdb_file_reader_next(&load->reader, record);
        if (status != RDB_FILE_RECORD || is_others(load, record))
            continue;
        prefetch_bucket(load, load->ahead_count++);
        is_held = rdb_file_reader_holds(&load->reader, record);
    }
    return status;
}

/* False: one of them can't be taken, nor any behind it. */
static bool take_ahead(struct load_rdb *load)
{
    int count = load->ahead_count;

    load->ahead_count = 0;
    for (int i = 0; i < count; i++)
        prefetch_more(load, i);
    for (int i = 0; i < count; i++) {
        const char *problem = take(load, &load->ahead[i]);

        if (problem) {
            rdb_file_reader_refuse(&load->reader, &load->ahead[i], problem);
            return false;
        }
    }
    return true;
}

static enum load_status fail(const struct load_rdb *load)
{
    loading_fail(load->shard, rdb_file_reader_problem(&load->reader));
    return LOAD_FAILED;
}

static enum load_status step(struct load_rdb *load)
{
    enum rdb_file_status status = read_ahead(load);

    if (!take_ahead(load))
        return fail(load);
    switch (status) {
    case RDB_FILE_HUNGRY:
        return load_fill(load->shard, load->file, &load->read, &load->reader.window) ? LOAD_GOES_ON : LOAD_FAILED;
    case RDB_FILE_RECORD:
        return LOAD_GOES_ON;
    case RDB_FILE_END:
        summarize(load);
        if (speaks(load)) /* an append-only file may go on behind it */
            load->file->from = file_window_offset(&load->reader.window);
        return LOAD_DONE;
    default:
        return fail(load);
    }
}

enum load_status load_rdb_slice(struct load_rdb *load, int64_t until_us)
{
    enum load_status status;

    do {
        int steps = 0;

        do {
            status = step(load);
        } while (status == LOAD_GOES_ON && ++steps < STEPS_PER_LOOK);
    } while (status == LOAD_GOES_ON && loop_monotonic_us(load->shard->loop) < until_us);
    count(load);
    return status;
}
