/* What a shard's keys become in a snapshot: an RDB file's records, or commands (aof-use-rdb-preamble no). */
#ifndef SHARDS_SNAPSHOT_WRITER_H
#define SHARDS_SNAPSHOT_WRITER_H

#include "core/config.h"
#include "persist/aof_base_writer.h"
#include "persist/rdb_file_writer.h"

struct snapshot_writer {
    bool as_commands;
    struct rdb_file_writer rdb;
    struct aof_base_writer commands;
};

static inline void snapshot_writer_init(struct snapshot_writer *writer, bool as_commands, struct memory *memory,
                                        const struct config *config, int64_t now_ms)
{
    writer->as_commands = as_commands;
    rdb_file_writer_init(&writer->rdb, memory, config, RDB_VERSION_EXPIRING, now_ms);
    aof_base_writer_init(&writer->commands, memory, config->rdbcompression);
}

static inline void snapshot_writer_deinit(struct snapshot_writer *writer)
{
    rdb_file_writer_deinit(&writer->rdb);
    aof_base_writer_deinit(&writer->commands);
}

static inline void snapshot_writer_begin_key(struct snapshot_writer *writer, int db, const struct entry *entry)
{
    if (writer->as_commands)
        aof_base_writer_begin_key(&writer->commands, db, entry);
    else
        rdb_file_writer_begin_key(&writer->rdb, db, entry);
}

static inline bool snapshot_writer_go_on(struct snapshot_writer *writer, size_t bytes_most)
{
    return writer->as_commands ? aof_base_writer_go_on(&writer->commands, bytes_most)
                               : rdb_file_writer_go_on(&writer->rdb, bytes_most);
}

/* Bytes that have not been taken. */
static inline size_t snapshot_writer_bytes(const struct snapshot_writer *writer)
{
    return writer->as_commands ? writer->commands.groups.block.length : writer->rdb.block.length;
}

/* *checksum: of the part so far; 0 where it has none. */
static inline struct buffer snapshot_writer_take(struct snapshot_writer *writer, uint64_t *checksum)
{
    struct buffer bytes;

    *checksum = 0;
    if (writer->as_commands)
        return aof_base_writer_take(&writer->commands);
    bytes = rdb_file_writer_take(&writer->rdb);
    *checksum = writer->rdb.checksum;
    return bytes;
}

static inline void snapshot_writer_begin_part(struct snapshot_writer *writer)
{
    if (writer->as_commands)
        aof_base_writer_begin_part(&writer->commands);
    else
        rdb_file_writer_begin_part(&writer->rdb);
}

#endif
