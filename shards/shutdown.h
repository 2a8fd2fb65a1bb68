/* SHUTDOWN, and the signals that stop the server: what is to be saved is saved first.
 *
 * Then nothing may be lost that was answered: writes are held back on all shards as by CLIENT PAUSE, what was staged
 * before is executed, and only then is the instant of the last snapshot. When the file is there the
 * group is told to stop; if it can't be written, or by SHUTDOWN ABORT, writes go on.
 * One shard sees to it, home: the one that has claimed it. */
#ifndef SHARDS_SHUTDOWN_H
#define SHARDS_SHUTDOWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shards/loop.h"
#include "shards/request.h"
#include "shards/timer.h"

struct config;
struct shard;
struct shard_group;

enum shutdown_state { SHUTDOWN_NOT, SHUTDOWN_UNDER_WAY, SHUTDOWN_ABORTED, SHUTDOWN_STOPS };

struct shutdown {
    /* Shared. */
    _Atomic(int) state; /* acquired by who claims it, released by home; whoever aborts it is before home, or too late */
    _Atomic(int) signalled;             /* enum shutdown_flag, by main: for the first shard */
    _Atomic(int) on_sigterm, on_sigint; /* likewise, what these signals are to do */
    /* Home's. */
    struct request *request; /* SHUTDOWN's, NULL: it was a signal */
    int flags;
    struct origin origin;
    struct timer retry;
    struct completion try_again;
    struct shard *home;
    void (*step)(struct shard *home);
};

/* SHUTDOWN: runs it, and begins or ends what it asks for. False: another one is under way, to be tried again. */
bool shutdown_stage(struct shard *shard, struct request *request);

/* What signals mean, by the settings: before the shards start, and then the first shard. */
void shutdown_note_settings(struct shard_group *group, const struct config *config);
/* Main's thread: stops the group as if a client had said so, and had no answer. */
void shutdown_by_signal(struct shard_group *group, int flags);
/* Each turn of the first shard. */
void shutdown_turn(struct shard *shard);

#endif
