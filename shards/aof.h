/* One shard's segment of the append-only file: what its journal has goes to disk in commit groups.
 *
 * At the end of a turn the journal's records become a group (persist/aof_format.h), unless one is
 * on its way to the disk; so a group has all turns' records since then. Its first lines say
 * what is known of all shards (durable.h):
 *
 *     #SYNCED:offset\r\n               where not all before the group is on disk: persist/aof_format.h
 *     #KNOWN:until known\r\n           16 hexadecimal digits each
 *     #LAST:last last ...\r\n          the same, by shard, AOF_LASTS_A_LINE in a line; 0: its newest segment has none
 *     #TS:seconds\r\n                  Unix time at which the group was closed; once a second at most, if
 *                                      aof-timestamp-enabled
 *
 * and where there are several shards, #STAMP lines say the stamp of the records behind them. Under `always`
 * a group is closed when all shards have executed up to its last record, so that it speaks for itself; else
 * one that nobody could speak for yet is followed by another within a few milliseconds. It is left open for a moment
 * for those whom the sync before it has answered (patience.h).
 *
 * While something else is saved, no-appendfsync-on-rewrite puts off the syncs of `everysec`, but for a segment that
 * ends there, and where too much would wait for it. It does nothing under `always`, where no answer is to be lost.
 *
 * A group is kept in memory until it is on disk (aof_disk.h). Everything here runs on the shard's thread. */
#ifndef SHARDS_AOF_H
#define SHARDS_AOF_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "persist/aof_writer.h"
#include "shards/aof_disk.h"
#include "shards/durable.h"
#include "shards/patience.h"

struct shard;
struct shard_group;

enum { AOF_LASTS_A_LINE = 48 };

struct aof {
    bool on;
    bool stops; /* nothing is added any more */
    struct aof_disk disk;
    struct aof_writer writer;
    struct aof_segment *next; /* what was recorded from some instant on goes there, behind `before`; else NULL */
    struct buffer before;     /* records of before that instant */
    uint64_t before_until;    /* all up to that stamp are among them, or were before */
    uint64_t closed;          /* all records up to that stamp are in groups */
    struct patience patience; /* of the group that is open */
    size_t noted;             /* bytes of the journal's records that others know of */
    uint64_t last;            /* stamp of the last record */
    uint64_t claimed;         /* up to where it has been said that no record will still come */
    uint64_t told;            /* claimed, when others were last told */
    bool tells;               /* our marks say something new beside that */
    int64_t timed_s;          /* the second that the newest segment has last told */
    uint64_t spoken;          /* the highest stamp that a group of ours has said to be known */
    struct aof_group *proof, *next_proof; /* on disk: their claims are to be proved, one after the other */
    uint64_t answers_wait;                /* connections keep answers back until it is safe; 0: none do */
    uint64_t awaited;                     /* 1 + the lowest that a WAITAOF of a client here waits for, likewise */
    bool wants_base;                      /* whole databases have been emptied or exchanged */
    int64_t looked_ms;                    /* whether it is to be rewritten */
    struct timer tick; /* once a second while there is something to sync, to be said or to be begun, or no base */
    struct completion ticked;
};

void aof_init(struct shard *shard);
void aof_deinit(struct shard *shard);

/* From now on the keyspace is journaled, into that empty file, which is aof's now. */
void aof_begin(struct shard *shard, int fd, uint64_t generation);
/* What is executed from now on goes into that file instead. Between two commands. begins: there is no append-only file
 * before the base that belongs to it is there; where the journal had been stopped and has not ended, it goes on. */
void aof_switch(struct shard *shard, int fd, uint64_t generation, bool begins);
/* The keyspace is journaled no longer; the file is closed when all of it is on the disk. */
void aof_stop(struct shard *shard);
/* Its executor waits for the disk while the shard is parked, between two commands: what has been recorded goes there,
 * whatever the policy. True: all of it is there, and nothing is under way. */
MUST_USE bool aof_settle(struct shard *shard);
/* When all shards have stopped, whichever thread: writes and syncs what is left, and says that it is all; closes. 0, or
 * an errno. */
int aof_end(struct shard *shard);

/* The journal may have grown, by records of its present stamp: to be called before anybody is told of what they did; by
 * the executor of a gather for its participants. */
void aof_note_records(struct shard *shard);

/* The end of a turn, before answers leave: everything up to `until` has been executed. */
void aof_turn(struct shard *shard, uint64_t until);
/* Whether something has come about that aof_turn waits for: to be asked after the shard has declared itself asleep. */
bool aof_calls(const struct shard *shard);

/* What the other shards' disks do, as core.aof tells commands. aof_turn hears it; and while one fails also who is about to
 * refuse a write for it, as a client may have been told by another shard already that the disk works again. */
void aof_hear_troubles(struct shard *shard);

/* How long the loop may wait for aof_turn; INT64_MAX: as long as nothing happens. */
int64_t aof_idle_us(const struct shard *shard);

/* Answers that were given until now may leave when everything up to this stamp is safe; 0: at once. */
uint64_t aof_answers_wait_for(const struct shard *shard);
/* Some are kept back, and the first to leave wait for that stamp; 0: none are. shard->durable is called when it is
 * safe.
 */
void aof_keep_answers(struct shard *shard, uint64_t stamp);
/* Clients of this shard wait until something is safe, and the first to be answered wait for the stamp below this; 0:
 * none do. blocked_serve_safe is called when it is, or will not be. */
void aof_await(struct shard *shard, uint64_t stamp);
/* Up to which stamp everything is safe; UINT64_MAX: nobody is to wait for that. */
uint64_t aof_safe(const struct shard *shard);

#endif
