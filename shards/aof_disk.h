/* Groups of a shard's append-only file on their way to the disk.
 *
 * A group is kept until it is synced. When writing or syncing has failed, what was not synced is
 * written once more at its place, once a second, until that works: after a failed sync the
 * kernel may have dropped what it had. Files are closed when all their groups are synced.
 * No call waits for the disk. Belongs to the shard's thread. */
#ifndef SHARDS_AOF_DISK_H
#define SHARDS_AOF_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "core/buffer.h"
#include "shards/aof_room.h"
#include "shards/durable.h"
#include "shards/loop.h"
#include "shards/timer.h"

struct shard;

struct aof_segment {
    int fd;
    uint64_t generation; /* nothing is written before the folder's manifest names it */
    uint64_t bytes;      /* where the next group goes */
    uint64_t filled;     /* if above that: up to there is room for groups */
    size_t newest_bytes; /* of the last group */
    size_t groups;       /* that are not on disk; and one while room is made */
    bool is_closing;     /* no more will come */
    bool is_awaited;     /* a rewriting goes on when it is on disk */
};

struct aof_group {
    struct aof_group *next;
    struct aof_segment *segment;
    struct buffer bytes;
    char rest[AOF_FILL_FIRST_MAX]; /* of the line of filling that it ends in */
    struct iovec vectors[2];
    uint64_t offset;
    uint64_t last;              /* stamp of its last record, or of the last before it */
    uint64_t executed;          /* calls that have left records in it */
    struct durable_claim claim; /* its array lies behind the group */
};

struct aof_disk {
    struct shard *shard;
    struct aof_segment *segment;    /* that groups are added to */
    struct aof_group *first, **end; /* not on disk, first to last */
    struct aof_group *unwritten;    /* the first of them that is not written; NULL: all are */
    struct aof_group *sync_last;    /* the last of them that the sync under way covers */
    bool behind;                    /* pending_bytes are too many */
    bool is_news;                   /* other shards are to look at our troubles */
    struct completion write, sync;
    struct aof_group *writing; /* NULL: no write is under way */
    struct aof_room room;
    bool syncing;
    int error;                /* an errno: nothing gets through to the disk; 0: all is well */
    struct aof_group *failed; /* the last group that was there when it failed; NULL: that is on disk */
    struct timer retry;
    struct completion retried;
    int64_t sync_began_us;
    size_t pending_bytes; /* of groups that are not on disk */
    uint64_t delayed;     /* seconds in which a sync took longer than two */
};

void aof_disk_init(struct aof_disk *disk, struct shard *shard);
void aof_disk_deinit(struct aof_disk *disk);

void aof_disk_open(struct aof_disk *disk, struct aof_segment *segment);
/* It rests. */
void aof_disk_close(struct aof_disk *disk);
/* Owned from now on; its bytes go to the end of the file. */
void aof_disk_add(struct aof_disk *disk, struct aof_group *group);

/* Whether the group that is to be written next may be. */
bool aof_disk_may_write(const struct aof_disk *disk);
/* Up to where the file that groups are added to is known to be on disk. */
uint64_t aof_disk_synced(const struct aof_disk *disk);
/* Starts what is to be started: a write, and a sync where wanted. */
void aof_disk_go_on(struct aof_disk *disk, bool sync);
static inline bool aof_disk_is_clean(const struct aof_disk *disk)
{
    return disk->first == NULL;
}
/* Nothing is under way. */
static inline bool aof_disk_rests(const struct aof_disk *disk)
{
    return aof_disk_is_clean(disk) && !disk->syncing && !disk->room.segment;
}
/* If it is closing and nothing of it is under way, it ends. */
void aof_disk_release(struct aof_disk *disk, struct aof_segment *segment);
/* aof.c: the group is on disk, and aof's. */
void aof_group_synced(struct shard *shard, struct aof_group *group);

/* Does all that is left at once, waiting for it, without the loop. 0, or an errno. */
int aof_disk_finish(struct aof_disk *disk);

#endif
