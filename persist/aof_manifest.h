/* Which files the data set of an AOF is made of: the manifest in its folder, in
 * the format of Redis 7.
 *
 *     file appendonly.aof.2.base.rdb seq 2 type b
 *     file appendonly.aof.3.incr.aof seq 3 type i
 *     file appendonly.aof.4.incr.aof seq 4 type i shard 0 shards 2 end 4711
 *     file appendonly.aof.6.incr.aof seq 6 type i shard 0 shards 2 survivors 1
 *
 * A base, which there may be, and what has happened since, in files that follow each
 * other by their sequence numbers; history is what is to be deleted. Shoal says of
 * which of how many shards a file is a segment, up to where a file is sound that
 * has been cut, and which files have what survived of the groups that were. Pairs
 * of words beyond those that are known are ignored, as Redis ignores ours.
 * Belongs to one thread. */
#ifndef PERSIST_AOF_MANIFEST_H
#define PERSIST_AOF_MANIFEST_H

#include <stdint.h>

#include "core/buffer.h"

#define AOF_FILE_WHOLE UINT64_MAX

enum aof_file_type { AOF_FILE_BASE = 'b', AOF_FILE_HISTORY = 'h', AOF_FILE_INCREMENTAL = 'i' };

struct aof_file {
    enum aof_file_type type;
    uint64_t sequence;
    char *name;         /* in the folder */
    int shard, shards;  /* -1 and 0: not said */
    uint64_t end;       /* what lies behind it in the file is not to be read; AOF_FILE_WHOLE: nothing does */
    bool has_survivors; /* of groups that were cut from the shard's file before it, to be read in their place */
};

struct aof_manifest {
    struct memory *memory;
    struct aof_file *files; /* incremental ones by rising sequence */
    size_t count;
};

void aof_manifest_init(struct aof_manifest *manifest, struct memory *memory);
void aof_manifest_deinit(struct aof_manifest *manifest);

/* What the file of that name holds, into a manifest without files. False: error says in one line what is wrong in
 * which, and the manifest is to be deinitialised. */
MUST_USE bool aof_manifest_parse(struct aof_manifest *manifest, const char *name, struct str text, char *error,
                                 size_t error_bytes);
void aof_manifest_write(const struct aof_manifest *manifest, struct buffer *text);

/* NULL: there is none. */
const struct aof_file *aof_manifest_base(const struct aof_manifest *manifest);
/* The number for another file of that type, above all that are or were in use as far as is known. */
uint64_t aof_manifest_next_sequence(const struct aof_manifest *manifest, enum aof_file_type type);
/* A base where there is none, or an incremental file. Its shard and end are not said; the caller may, until files come
 * or go. */
struct aof_file *aof_manifest_add(struct aof_manifest *manifest, enum aof_file_type type, uint64_t sequence,
                                  const char *name);
/* After a rewrite: the base, and incremental files below this sequence, are history. */
void aof_manifest_retire(struct aof_manifest *manifest, uint64_t sequence);
/* History has been deleted. */
void aof_manifest_forget_history(struct aof_manifest *manifest);

/* How Redis names the files; appendfilename comes first. */
void aof_manifest_name_base(struct buffer *name, const char *appendfilename, uint64_t sequence, bool is_rdb);
void aof_manifest_name_incremental(struct buffer *name, const char *appendfilename, uint64_t sequence);

#endif
