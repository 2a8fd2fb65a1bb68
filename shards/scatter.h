/* A command whose parts run on several shards side by side: MGET, DEL, FLUSHALL …
 *
 * Each part is a request of its own, with the part's keys as arguments; all are
 * published in one batch, and so have one stamp. When the last part is back on the
 * connection's shard, the command's merge combines the replies.
 *
 * A part may change what its shard's router and connections let pass (CLIENT
 * PAUSE, KILL), while requests that passed before are still under way. Such a
 * command has CMD_SETTLE: once all its parts are back, empty ones go to every
 * shard, whose stamp is later than whatever was staged before any part was
 * executed; the answer waits for those, and so until all of it is executed. */
#ifndef SHARDS_SCATTER_H
#define SHARDS_SCATTER_H

#include <stdbool.h>

struct command;
struct key_owners;
struct key_shares;
struct request;
struct scatter;
struct shard;

/* One part for every shard. False: a ring is full, nothing was staged. */
bool scatter_stage(struct shard *shard, struct request *request);

/* The same with one for every owner of some of its keys, of which there is more than one. False: likewise. */
bool scatter_stage_by_keys(struct shard *shard, struct request *request, const struct key_shares *shares);

/* The same for a request whose reply is complete: its parts, one for every owner, run its command without arguments,
 * and answer nothing. */
bool scatter_stage_silent(struct shard *shard, struct request *request, const struct key_owners *owners);

/* Likewise, with the request's arguments, which are lent to it. */
bool scatter_stage_lent(struct shard *shard, struct request *request, const struct key_owners *owners);

/* Whether there is room for a part for every shard. */
bool scatter_has_room(struct shard *shard);
/* Likewise, one for every shard, which run that command. */
bool scatter_stage_on_all(struct shard *shard, struct request *request, const struct command *command);

/* The request has been executed, and is to be answered when what was staged before has been, too: see above. */
void scatter_settle_after(struct shard *shard, struct request *request);

/* SUBSCRIBE and its kin, or what ends a session's subscriptions: plans the change, answers it, and has a part of it
 * counted on every shard; see core/subscriptions.h. Nothing is staged where nothing changes: then the request is done
 * when this returns. False: likewise. */
bool scatter_stage_change(struct shard *shard, struct request *request);

/* Stages the empty parts; for the router too, which holds the whole request where there was no room. False: likewise.
 */
bool scatter_settle(struct scatter *scatter);

/* The whole command, for the part that speaks for all of them; NULL: another part does. Any shard, before the part is
 * answered. */
const struct request *scatter_whole(const struct request *part);

#endif
