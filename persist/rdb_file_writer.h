/* A data set as bytes in Redis's RDB format: a snapshot, the base of an AOF, what
 * a replica is sent.
 *
 *     "REDIS" | version, four digits | record... | RDB_END | CRC-64 of all before it (8)
 *
 * It is given keys one by one, in any order, and hands out the bytes in blocks that
 * the caller writes one behind the other, when and how it can. As it does no I/O,
 * nothing fails here: who can't write a block drops the writer.
 *
 * The keys of several shards go into one file without being brought together: each
 * shard has a writer without head and end, whose parts may lie anywhere in between.
 * The file's own writer is told of them (rdb_file_writer_join) in the order in which
 * they lie there, and writes head and end. A writer stays where it was initialised, and
 * belongs to one thread. */
#ifndef PERSIST_RDB_FILE_WRITER_H
#define PERSIST_RDB_FILE_WRITER_H

#include <stdint.h>

#include "core/rdb_value.h"

struct config;
struct entry;

/* From so many bytes on a block is worth writing, where nobody waits. */
enum { RDB_FILE_BLOCK_BYTES = 256 * 1024 };

struct rdb_file_writer {
    struct buffer block; /* what was not yet taken */
    uint64_t part_bytes; /* since the part began, without the block */
    uint64_t checksum;   /* of those, and of what it covers of the block */
    size_t covered;
    struct rdb_writer parts; /* into the block */
    const struct config *config;
    int64_t now_ms;
    int version;
    int db;                       /* that of the last key; -1: of none */
    struct rdb_value_steps steps; /* of the key that has been begun */
};

/* version: at least that of every value that comes (rdb_version_of). The config is borrowed, and says whether strings
 * are compressed, whether there is a checksum, and what is written of the keys' use, which is looked at from now_ms. */
void rdb_file_writer_init(struct rdb_file_writer *writer, struct memory *memory, const struct config *config,
                          int version, int64_t now_ms);
void rdb_file_writer_deinit(struct rdb_file_writer *writer);

/* What a file says of itself. */
struct rdb_file_facts {
    int64_t created_seconds;
    uint64_t memory_bytes; /* that the data takes */
    bool is_aof_base;
};
/* The head: comes first, then functions, then keys. */
void rdb_file_writer_head(struct rdb_file_writer *writer, const struct rdb_file_facts *facts);
void rdb_file_writer_function(struct rdb_file_writer *writer, struct str code);
/* How many keys of that database will come, as far as the caller knows: its reader makes room for them. */
void rdb_file_writer_sizes(struct rdb_file_writer *writer, int db, uint64_t keys, uint64_t expiring);
/* A key in parts, as its value may be large: a block may be taken between them, nothing else is done with the writer,
 * and the entry stays as and where it is. The second writes so many bytes, or a little more. Whether more is left. */
void rdb_file_writer_begin_key(struct rdb_file_writer *writer, int db, const struct entry *entry);
bool rdb_file_writer_go_on(struct rdb_file_writer *writer, size_t bytes_most);
void rdb_file_writer_end(struct rdb_file_writer *writer);

/* The bytes so far, now the caller's: buffer_deinit. They come next in the file, or in the part. */
struct buffer rdb_file_writer_take(struct rdb_file_writer *writer);
/* A part begins: everything has been taken, and what follows may lie behind another writer's bytes. */
void rdb_file_writer_begin_part(struct rdb_file_writer *writer);
/* Everything has been taken, and a part with that checksum and so many bytes comes next in the file. */
void rdb_file_writer_join(struct rdb_file_writer *writer, uint64_t checksum, uint64_t bytes);

#endif
