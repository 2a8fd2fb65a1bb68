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
};

/* The manifest, of what has been loaded or empty, is the folder's from now on. */
void aof_folder_init(struct aof_folder *folder, struct memory *memory, const struct config *config, int shards,
                     struct aof_manifest *manifest);
void aof_folder_deinit(struct aof_folder *folder, int shards);

/* Makes a generation of empty segments, and a manifest that names them, waiting for the disk: at start. False: error
 * says in one line what is wrong. */
MUST_USE bool aof_folder_begin_generation(struct aof_folder *folder, const struct config *config, int shards,
                                          char *error, size_t error_bytes);
/* The shard's keys are journaled into its new segment. True: it was the last shard to begin. Its own thread, or any
 * before it has started. */
bool aof_folder_begin_shard(struct aof_folder *folder, struct shard *shard);

#endif
