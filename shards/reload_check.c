#include "shards/reload_check.h"

#include <string.h>

#include "core/dump.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/rdb_value.h"
#include "persist/rdb_file_reader.h"
#include "shards/load_stream.h"
#include "shards/shard.h"

struct reading {
    const struct reload_check *check;
    struct rdb_file_reader reader;
    uint64_t read;
    struct memory memory;
    struct keyspace *seen; /* the keys so far, with nothing in them */
    struct rdb_loader loader;
    struct rdb_writer libraries;
};

static bool is_there(const struct reading *reading, const struct rdb_record *record)
{
    const struct shard_group *group = reading->check->shard->group;
    const struct shard *owner = group->shards[router_owner(&group->router, record->name)];

    return keyspace_find(owner->core.keyspace, record->db, key_of(record->name), RDB_BEFORE_ALL_MS) != NULL;
}

/* NULL, or why the key can't be taken. */
static const char *take_key(struct reading *reading, const struct rdb_record *record)
{
    struct entry *entry;
    const char *problem =
        rdb_record_put(record, &reading->loader, reading->seen, reading->check->shard->now_ms, &entry);

    if (problem || !entry)
        return problem;
    if (reading->check->wants_absent && is_there(reading, record))
        return "there is such a key already";
    keyspace_set_string(reading->seen, record->db, key_of(record->name), STR(""), -1);
    keyspace_reclaim_all(reading->seen);
    return NULL;
}

static void take_library(struct reading *reading, struct str code)
{
    rdb_write_byte(&reading->libraries, RDB_FUNCTION);
    rdb_write_string(&reading->libraries, code);
}

static void take(struct reading *reading, const struct rdb_record *record)
{
    const char *problem = NULL;

    if (record->kind == RDB_RECORD_KEY)
        problem = take_key(reading, record);
    else if (record->kind == RDB_RECORD_FUNCTION)
        take_library(reading, record->text);
    if (problem)
        rdb_file_reader_refuse(&reading->reader, record, problem);
}

static bool fill(struct reading *reading)
{
    const struct load_file *file = reading->check->file;
    int error = load_read(file, &reading->read, &reading->reader.window);

    if (error != 0)
        log_write(LOG_WARNING, "%s can't be read: %s", file->path, strerror(error));
    return error == 0;
}

static bool read_all(struct reading *reading)
{
    struct rdb_record record;

    for (;;) {
        switch (rdb_file_reader_next(&reading->reader, &record)) {
        case RDB_FILE_RECORD:
            take(reading, &record);
            break;
        case RDB_FILE_HUNGRY:
            if (!fill(reading))
                return false;
            break;
        case RDB_FILE_END:
            reading->check->file->from = file_window_offset(&reading->reader.window);
            return true;
        default:
            log_write(LOG_WARNING, "%s", rdb_file_reader_problem(&reading->reader));
            return false;
        }
    }
}

bool reload_check(const struct reload_check *check)
{
    struct core *core = &check->shard->core;
    struct reading reading = {.check = check, .libraries = {check->libraries, core->config.rdbcompression}};

    memory_init(&reading.memory, &core->memory);
    reading.seen = keyspace_create(&reading.memory, keyspace_database_count(core->keyspace));
    rdb_loader_init(&reading.loader, STR(""), &reading.memory, &core->config);
    rdb_file_reader_init(&reading.reader, &core->memory, check->file->path, check->file->bytes,
                         core->config.rdbchecksum);
    bool is_sound = read_all(&reading);
    dump_close(check->libraries, 0, RDB_VERSION_LEAST);
    rdb_file_reader_deinit(&reading.reader);
    rdb_loader_deinit(&reading.loader);
    keyspace_destroy(reading.seen);
    return is_sound;
}
