/* Rewriting the append-only file: a snapshot takes the place of all that is in it (BGREWRITEAOF).
 *
 *     new segments are opened · at the instant of the snapshot each shard goes on in
 *     its new one · when the old ones are on disk, the manifest says where they end, and names
 *     the new ones, which nothing is written to before · when the snapshot is there, the
 *     manifest names it, and nothing of before · what is of before is removed
 *
 * So at any time the manifest's files are the data set up to the end of what is on disk, and only the
 * segments named last may end anywhere. Under `always` answers wait while the manifest is written, as nothing
 * that is in a segment which it does not name would be found.
 * The same begins an append-only file while the server runs (CONFIG SET appendonly yes): then nothing is before.
 * The shard that has claimed save_state for it is home, and uses the folder meanwhile. */
#ifndef SHARDS_AOF_REWRITE_H
#define SHARDS_AOF_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "shards/file_replace_loop.h"
#include "shards/loop.h"
#include "shards/snapshot.h"
#include "shards/timer.h"

struct shard;
struct shard_group;

enum aof_rewrite_step {
    AOF_REWRITE_RESTS,
    AOF_REWRITE_OPENS,    /* the new segments */
    AOF_REWRITE_BEGINS,   /* the snapshot */
    AOF_REWRITE_SAVES,    /* all shards write to their new segments */
    AOF_REWRITE_REPLACES, /* the manifest: by one with the snapshot */
    AOF_REWRITE_REMOVES,  /* what is of before */
    AOF_REWRITE_FORGETS,  /* the same in the manifest */
    AOF_REWRITE_ENDS,     /* after a failure: the new segments are removed, if nothing names them */
};

struct aof_rewrite {
    struct snapshot_order order; /* first */
    enum aof_rewrite_step step;
    struct shard *home;
    bool begins;              /* an append-only file, of which there was none */
    bool has_segments;        /* else there is no append-only file, and there will be a snapshot in its folder */
    bool is_naming, is_named; /* the new segments */
    bool is_held_up;          /* by a disk that takes no manifest, which shards write behind */
    bool as_commands;         /* the snapshot */
    bool is_writing;          /* the manifest */
    bool is_given;            /* its text, to who writes it */
    bool is_saved;            /* the snapshot has ended */
    int error;                /* of the snapshot */
    int opened;               /* segments */
    bool removes_left;        /* what lies in the next one's place */
    uint64_t first_sequence;  /* of those */
    uint64_t base_sequence;
    size_t removed; /* files of the manifest that have been looked at */
    struct buffer path, base_name, temporary, text;
    struct completion file, told; /* a file's operation; the manifest is there */
    struct file_replace_loop replace;
    struct timer again;
    struct completion go_on;
};

/* Home. */
void aof_rewrite_begin(struct shard *home);
/* Each turn of a shard whose append-only file is on. */
void aof_rewrite_turn(struct shard *shard);
/* Whether there is something for it to do, that other shards have brought about. */
bool aof_rewrite_calls(const struct shard *shard);
/* The shard is home, and files that the manifest on the disk may name are about to go. */
bool aof_rewrite_replaces(const struct shard *shard);
/* The shard's segment of before is whole on disk, and ends there. Its thread. */
void aof_rewrite_segment_ended(struct shard *shard, uint64_t bytes);
/* When all shards have stopped: if it has been interrupted where shards write to segments that the manifest does not
 * name, it does. Frees what an interrupted one has. 0, or an errno. */
int aof_rewrite_finish(struct shard_group *group);

#endif
