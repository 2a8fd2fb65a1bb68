/* One shard's part of a snapshot, and what all parts share: for snapshot*.c. */
#ifndef SHARDS_SNAPSHOT_PART_H
#define SHARDS_SNAPSHOT_PART_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/snapshot_walk.h"
#include "shards/snapshot_writer.h"
#include "shards/errand.h"
#include "shards/file_replace_loop.h"
#include "shards/pace.h"
#include "shards/request.h"
#include "shards/snapshot.h"

/* What lies in one piece in the file. */
struct snapshot_piece {
    uint64_t offset, bytes, checksum;
};

/* Pieces of the file: how many bytes, and what these add to its checksum (crc64_share). */
struct snapshot_sum {
    uint64_t bytes, checksum;
};

/* Keys of a database at the instant. */
struct snapshot_count {
    uint64_t keys, expiring;
};

/* It lies in home's memory, and is the shard's from the instant until the shard has told that it has ended, and again
 * while the shard forgets it. */
struct snapshot_part {
    struct snapshot_sink sink; /* first */
    struct snapshot *snapshot;
    struct shard *shard;
    struct errand errand;
    /* The keyspace's, so that whoever executes commands over it writes here; charged as it is. */
    struct snapshot_writer walked, early;
    bool value_open; /* the walk's writer has begun a value of which more is left */
    int version;     /* that the values need */
    /* The shard's. */
    bool is_walking, is_dropped, has_ended;
    bool has_pen;                                   /* for the open value, */
    struct snapshot_piece large;                    /* which lies there so far */
    struct snapshot_block *waiting, **last_waiting; /* for their places in the file */
    size_t unwritten;                               /* bytes of blocks that wait or are being written */
    int writes;                                     /* under way */
    size_t keys_left;                               /* as last told */
    struct pace pace;
    /* For home. */
    struct snapshot_sum pieces;
    struct snapshot_count *databases;
    size_t used_bytes;
};

struct snapshot {
    /* Home's. */
    struct shard *home;
    struct snapshot_order *order;
    struct origin origin;
    struct file_replace_loop file;
    struct completion told;
    bool is_open, has_met, is_file_over;
    int bytes_given; /* to the file, of head and end */
    int ended, over; /* parts */
    struct buffer functions, head, end;
    int64_t began_s;
    /* Shared. */
    _Atomic(uint64_t) tail; /* where the file ends; 0: nobody writes yet. With SNAPSHOT_PEN: one shard alone writes
                               there. Released by who moves it and acquired by who writes behind */
    _Atomic(int) error;     /* the first one; 0: all is well */
    int part_count;
    struct snapshot_part parts[];
};

#define SNAPSHOT_PEN (UINT64_C(1) << 63)

static inline int snapshot_error(const struct snapshot *snapshot)
{
    return atomic_load_explicit(&snapshot->error, memory_order_relaxed);
}
void snapshot_fail(struct snapshot *snapshot, int error);
/* Home: a part has ended. */
void snapshot_part_ended(struct snapshot *snapshot);

/* The shard has met the instant. */
void snapshot_part_begin(struct snapshot_part *part, struct shard *shard);
void snapshot_part_turn(struct snapshot_part *part);
void snapshot_part_walk(struct snapshot_part *part);
int64_t snapshot_part_idle_us(const struct snapshot_part *part);
/* The shard forgets it. */
void snapshot_part_release(struct snapshot_part *part);

#endif
