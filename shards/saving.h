/* The data set in one file, dbfilename: when it is saved, and who is told.
 *
 * SAVE and BGSAVE, save points, FLUSHALL and the end of the server order snapshots
 * (snapshot.h), one at a time by core/save_state. Each shard tells how many changes it has that no file
 * holds, and looks whether it is time, at most ten times a second and only after changes. */
#ifndef SHARDS_SAVING_H
#define SHARDS_SAVING_H

#include <stdbool.h>
#include <stdint.h>

#include "shards/loop.h"
#include "shards/timer.h"

struct request;
struct shard;

/* A shard's. */
struct saving {
    struct timer timer; /* when it is to look */
    struct completion look;
    uint64_t told_changes;
    uint64_t config_generation;
    struct request *kept_first, **kept_last; /* answers that wait for the file of a flush */
};

void saving_init(struct shard *shard);

/* A command of ROUTE_SAVE: runs it, begins what it has claimed, and answers when that is to be answered. False: there
 * is no room, or it is not to be run yet; nothing was done. */
bool saving_stage(struct shard *shard, struct request *request);

/* Saves before the server stops, when nobody writes any more. False: something is being saved, which has been told to
 * end; or there is no room. `saved` is called on this shard, with an errno or 0. */
MUST_USE bool saving_begin_last(struct shard *shard, void (*saved)(struct shard *shard, int error));

/* What a command has asked for (core.h). */
void saving_heed(struct shard *shard);
/* FLUSHALL, and what may have executed it, is answered when the file says so, too: else its keys would be back after a
 * crash. True: the request is done then, and is not to be done now. */
MUST_USE bool saving_keeps_answer(struct shard *shard, struct request *request);
/* Something that was scheduled may begin. */
void saving_look_again(struct shard *shard);
/* Each turn. */
void saving_turn(struct shard *shard);

#endif
