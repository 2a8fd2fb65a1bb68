#include "shards/reload_save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/config.h"
#include "core/functions.h"
#include "persist/file_replace.h"
#include "persist/rdb_file_writer.h"
#include "persist/rdb_record.h"
#include "shards/shard.h"

struct save {
    struct shard *shard;
    struct file_replace replace;
    struct rdb_file_writer writer;
    int version;
    int db; /* of the keys that come */
};

/* Keys */

static struct keyspace *keyspace_of(const struct save *save, int shard)
{
    return save->shard->group->shards[shard]->core.keyspace;
}

static void walk(struct save *save, int db, void (*visit)(void *context, struct entry *entry))
{
    save->db = db;
    for (int i = 0; i < save->shard->group->count; i++)
        keyspace_each(keyspace_of(save, i), db, RDB_BEFORE_ALL_MS, visit, save);
}

static void note_version(void *context, struct entry *entry)
{
    struct save *save = context;
    int version = rdb_version_of(rdb_type_of(entry));

    if (version > save->version)
        save->version = version;
}

/* The file */

/* Where it has failed what comes is for nothing. */
static void write_block(struct save *save)
{
    struct buffer block = rdb_file_writer_take(&save->writer);

    if (save->replace.step == FILE_STEP_BYTES) {
        file_replace_add(&save->replace, buffer_str(&block));
        file_replace_advance(&save->replace);
    }
    buffer_deinit(&block);
}

static void write_key(void *context, struct entry *entry)
{
    struct save *save = context;

    rdb_file_writer_begin_key(&save->writer, save->db, entry);
    while (rdb_file_writer_go_on(&save->writer, RDB_FILE_BLOCK_BYTES))
        write_block(save);
    if (save->writer.block.length >= RDB_FILE_BLOCK_BYTES)
        write_block(save);
}

static void write_head(struct save *save)
{
    struct rdb_file_facts facts = {.created_seconds = save->shard->now_ms / 1000};

    for (int i = 0; i < save->shard->group->count; i++)
        facts.memory_bytes += keyspace_memory(keyspace_of(save, i))->used_bytes;
    rdb_file_writer_head(&save->writer, &facts);
    for (const struct function_library *library = save->shard->core.functions.first; library; library = library->next)
        rdb_file_writer_function(&save->writer, library->code);
}

static void write_database(struct save *save, int db)
{
    uint64_t keys = 0, expiring = 0;

    for (int i = 0; i < save->shard->group->count; i++) {
        keys += keyspace_count(keyspace_of(save, i), db);
        expiring += keyspace_count_expiring(keyspace_of(save, i), db);
    }
    if (keys == 0)
        return;
    rdb_file_writer_sizes(&save->writer, db, keys, expiring);
    walk(save, db, write_key);
}

static void write_all(struct save *save)
{
    struct core *core = &save->shard->core;
    int databases = keyspace_database_count(core->keyspace);

    for (int db = 0; db < databases; db++)
        walk(save, db, note_version);
    rdb_file_writer_init(&save->writer, &core->memory, &core->config, save->version, save->shard->now_ms);
    write_head(save);
    for (int db = 0; db < databases; db++)
        write_database(save, db);
    rdb_file_writer_end(&save->writer);
    write_block(save);
    rdb_file_writer_deinit(&save->writer);
}

int reload_save(struct shard *shard, int *descriptor)
{
    struct save save = {.shard = shard, .version = RDB_VERSION_LEAST};
    struct core *core = &shard->core;
    char temporary[64];

    snprintf(temporary, sizeof temporary, "temp-reload-%d.rdb", core->facts->process_id);
    file_replace_init(&save.replace, &core->memory, core->config.dir, temporary, core->config.dbfilename);
    bool is_open = file_replace_advance(&save.replace);
    *descriptor = is_open ? open(save.replace.temporary.bytes, O_RDONLY | O_CLOEXEC) : -1;
    if (is_open && *descriptor < 0)
        file_replace_give_up(&save.replace, errno);
    write_all(&save);
    if (save.replace.step == FILE_STEP_BYTES)
        file_replace_end(&save.replace);
    file_replace_advance(&save.replace);
    int error = save.replace.step == FILE_STEP_FAILED ? save.replace.error : 0;
    file_replace_deinit(&save.replace);
    if (error != 0 && *descriptor >= 0)
        close(*descriptor);
    return error;
}
