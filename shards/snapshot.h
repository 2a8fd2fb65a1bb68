/* A file that holds all keys of all shards as they were at one instant, while commands go on.
 *
 * The instant is a command with a part for every shard, which all shards meet at the
 * same place in the one order. From then on each shard walks over its keyspace in
 * its turns (core/snapshot_walk), a little at a time, and writes what it finds through its loop, a block at a
 * time, each wherever the file ends by then: one shared number says where, and
 * which shard alone may write behind it while a value that is larger than a block
 * goes out in parts. Blocks that are not yet written hold up the walk, and nothing
 * else. What commands save early, before they change it, has a writer of its own.
 *
 * The walk goes on while nobody waits for the shard, and has a share of its time in small slices when somebody always
 * does (pace.h).
 *
 * When all shards are done, home, the shard that began it, adds up the checksums of all parts, writes head and end, and
 * makes it the file (persist/file_replace). Then all shards forget it, and home tells whoever ordered it. The base of
 * an append-only file may be commands instead (snapshot_writer.h): then there are no checksums to join, and no end. An
 * error anywhere, or somebody's wish, ends it: the walks go to their ends without writing anything, and the temporary
 * file is removed. */
#ifndef SHARDS_SNAPSHOT_H
#define SHARDS_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

struct shard;
struct snapshot;
struct snapshot_part;

/* Who wants it. Borrowed until done is called; the texts are copied. */
struct snapshot_order {
    const char *folder, *temporary, *name; /* the names are of files in the folder */
    bool is_aof_base;
    bool as_commands; /* else an RDB file */
    /* At the instant, on each shard's own thread: what was executed before is in the file, what comes is not. May be
     * NULL. */
    void (*at_instant)(struct snapshot_order *order, struct shard *shard);
    /* Home: all shards have met the instant. May be NULL. */
    void (*begun)(struct snapshot_order *order, struct shard *shard);
    /* On each shard: the file is there (error 0) or will not be. May be NULL. */
    void (*ended)(struct snapshot_order *order, struct shard *shard, int error);
    /* Home, at last: error is 0 or an errno, ECANCELED where snapshot_cancel was called. */
    void (*done)(struct snapshot_order *order, struct shard *shard, int error);
};

/* Whether one can begin in this turn. */
bool snapshot_has_room(struct shard *shard);
/* One at a time: the caller has claimed save_state. False: a ring is full, nothing was begun. */
bool snapshot_begin(struct shard *shard, struct snapshot_order *order);
/* Ends the one whose instant this shard has met, if any. (save_state_cancel ends what has only been claimed, too.) */
void snapshot_cancel(struct shard *shard);

/* Each turn: what is to be done for it at once, */
void snapshot_turn(struct shard *shard);
/* … and, when the answers have left, and nothing of what has come is executed yet, a slice of the walk. */
void snapshot_walk(struct shard *shard);
/* How long the shard may sleep for its sake: 0 while there is work, INT64_MAX where somebody will tell. */
int64_t snapshot_idle_us(const struct shard *shard);
/* Whether the shard still takes part in one, or has begun it. While the group stops that ends. */
bool snapshot_is_under_way(const struct shard *shard);

#endif
