/* Room that is made in a shard's segment before its groups come: filling (persist/aof_fill.h) behind them.
 *
 * A sync of what makes a file longer has to bring its inode to the disk, too, and where the file system has a journal
 * waits for a commit of that, which all files share: so two shards wait for each other's. What is written over bytes
 * that are there needs nothing but itself: under `always`, where each answer waits for it, groups are written so. Room
 * is made in the background, a step at a time; a group that would be written where that is under way waits for it, and
 * one that is behind it, or too large, makes the file longer as ever. What room was left when the process ended is cut
 * off in order, or by the next start; the disk may keep of it what it likes.
 *
 * Belongs to the shard's thread. */
#ifndef SHARDS_AOF_ROOM_H
#define SHARDS_AOF_ROOM_H

#include <stdint.h>
#include <sys/uio.h>

#include "persist/aof_fill.h"
#include "shards/loop.h"

struct aof_disk;
struct aof_group;
struct aof_segment;

enum { AOF_ROOM_PIECE_BYTES = AOF_FILL_STEP < 65536 ? AOF_FILL_STEP : 65536 };

struct aof_room {
    struct completion step;
    struct aof_segment *segment; /* whose room is being made; NULL: none is */
    uint64_t from, to;
    uint64_t next; /* after a failure none is made before the segment is so long */
    char first[AOF_FILL_FIRST_MAX];
    char *lines;
    struct iovec vectors[1 + 2 * AOF_FILL_STEP / AOF_ROOM_PIECE_BYTES];
};

/* Makes some, where there is little left and the last group was not too large for it. */
void aof_room_go_on(struct aof_disk *disk);
/* Whether the group may be written where it belongs: room is not being made there. */
bool aof_room_admits(const struct aof_room *room, const struct aof_group *group);
/* The group's bytes, and what makes a line of the rest of that which it ends in: how many of the vectors. */
int aof_room_fit(struct aof_group *group);
/* Cuts off what is left, waiting for it: no group is there behind that place. 0, or an errno. */
int aof_room_cut(struct aof_segment *segment, uint64_t end);

#endif
