/* The folder of the append-only file: its manifest, and which segments belong to which shard.
 *
 * A generation are segments that begin together, one for each shard. The manifest names them before any
 * of them has a record, so what is written there can be found. At start a generation is added
 * to what was loaded; a rewrite adds one, and takes away everything before it when its base is there.
 * One thread at a time uses it: main's before the shards start, then whichever shard ends loading, then the first. */
#ifndef SHARDS_AOF_FOLDER_H
#define SHARDS_AOF_FOLDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "persist/aof_manifest.h"

enum { AOF_MANIFEST_NAME_MAX = 512 };

struct config;
struct memory;
struct shard;
struct shard_group;

struct aof_folder {
    struct memory *memory;
    struct buffer path;           /* terminated */
    struct aof_manifest manifest; /* what is on the disk */
    int *descriptors;             /* by shard: of segments that nobody has begun yet; -1: none */
    _Atomic(int) to_begin;        /* shards that have not begun theirs */
    /* While it is rewritten. */
    uint64_t *ends;            /* by shard: where its segment of before ends */
    _Atomic(int) rewriter;     /* the shard that is at it; -1: none */
    _Atomic(int) to_end;       /* shards whose segment of before is not on disk yet; releases the end */
    uint64_t generation;       /* of the newest segments */
    uint64_t newest_sequence;  /* the first one of them that the manifest names; UINT64_MAX: none has begun */
    _Atomic(uint64_t) named;   /* the last generation that the manifest names */
    _Atomic(bool) is_complete; /* what the manifest names is the whole data set; else its base is yet to come */
    /* For reports. */
    _Atomic(uint64_t) before_bytes; /* of all files but the newest segments */
    _Atomic(uint64_t) base_bytes;   /* of all, when it was last rewritten or loaded */
};

/* The manifest, of what has been loaded or empty, is the folder's from now on. */
void aof_folder_init(struct aof_folder *folder, struct memory *memory, const struct config *config, int shards,
                     struct aof_manifest *manifest);
void aof_folder_deinit(struct aof_folder *folder, int shards);

/* Any thread: whether what the manifest names is the whole data set. */
static inline bool aof_folder_is_complete(const struct aof_folder *folder)
{
    return atomic_load_explicit(&folder->is_complete, memory_order_relaxed);
}

/* Makes a generation of empty segments, and a manifest that names them, waiting for the disk: at start. False: error
 * says in one line what is wrong. */
MUST_USE bool aof_folder_begin_generation(struct aof_folder *folder, const struct config *config, int shards,
                                          char *error, size_t error_bytes);
/* Another generation: the names of its segments, which are not in the manifest, and what they are to become there. */
void aof_folder_name_segment(struct aof_folder *folder, const struct config *config, uint64_t sequence,
                             struct buffer *path);
/* The manifest says where the newest segments end, and names those of the next generation, numbered from that sequence
 * on. */
void aof_folder_add_generation(struct aof_folder *folder, const struct config *config, int shards, uint64_t sequence);
/* The manifest's name in the folder, and that under which it is written. */
void aof_folder_manifest_names(const struct config *config, char name[static AOF_MANIFEST_NAME_MAX],
                               char temporary[static AOF_MANIFEST_NAME_MAX + 8]);
/* The text of the manifest. */
void aof_folder_write(const struct aof_folder *folder, struct buffer *text);
/* Waits for the disk. 0, or an errno. */
int aof_folder_save(struct aof_folder *folder, const struct config *config);

/* The shard's keys are journaled into its new segment. True: it was the last shard to begin. Its own thread, or any
 * before it has started. */
bool aof_folder_begin_shard(struct aof_folder *folder, struct shard *shard);

#endif
