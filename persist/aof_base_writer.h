/* A data set as commands that make it: the base of an append-only file where it is not to be an RDB file.
 *
 * It is given keys one by one, in any order, and hands out the bytes in blocks, as rdb_file_writer.h
 * does: each is a commit group of whole commands (aof_format.h), whose stamp says nothing. Those of several shards
 * may lie in one file in any order of their parts. Belongs to one thread. */
#ifndef PERSIST_AOF_BASE_WRITER_H
#define PERSIST_AOF_BASE_WRITER_H

#include "core/value_commands.h"
#include "persist/aof_writer.h"

struct aof_base_writer {
    struct aof_writer groups;
    struct value_commands value; /* of the key that has been begun */
    int db;                      /* that of the last key; -1: of none */
    bool compress;
};

void aof_base_writer_init(struct aof_base_writer *writer, struct memory *memory, bool compress);
void aof_base_writer_deinit(struct aof_base_writer *writer);

/* Comes first, and always has some bytes. now_s: Unix time, 0: it is not said. */
void aof_base_writer_head(struct aof_base_writer *writer, int64_t now_s);
void aof_base_writer_function(struct aof_base_writer *writer, struct str code);
/* A key in parts, as in rdb_file_writer.h. */
void aof_base_writer_begin_key(struct aof_base_writer *writer, int db, const struct entry *entry);
bool aof_base_writer_go_on(struct aof_base_writer *writer, size_t bytes_most);

/* The bytes so far, now the caller's: buffer_deinit. */
struct buffer aof_base_writer_take(struct aof_base_writer *writer);
/* Everything has been taken, and what follows may lie behind another writer's bytes. */
void aof_base_writer_begin_part(struct aof_base_writer *writer);

#endif
