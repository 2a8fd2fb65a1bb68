/* Scripts that run for longer than busy-reply-threshold.
 *
 * Such a script is asked every so many instructions whether it shall go on. Meanwhile its shard, within
 * that question, goes on serving its connections, and refuses with -BUSY what is due on it; where the
 * script holds other shards in a gather, these do the same. What cannot be refused without
 * being done in part (the parts of a scatter that write, waiters, what ends watches) waits until the script has ended.
 * SCRIPT KILL, FUNCTION KILL and SHUTDOWN NOSAVE end the script, from a connection of any shard. */
#ifndef SHARDS_BUSY_H
#define SHARDS_BUSY_H

#include <stdbool.h>
#include <stdint.h>

struct command;
struct message;
struct reply;
struct shard;
struct shard_group;

/* What is known of a busy script, as bits. */
enum busy_state {
    BUSY_RUNS = 1 << 0,
    BUSY_WROTE = 1 << 1,    /* it has written, and is not to be killed */
    BUSY_FUNCTION = 1 << 2, /* FCALL's */
};

struct busy_waiting;

struct busy {
    /* This thread. */
    bool active;                                    /* a script of this thread is busy */
    bool serving;                                   /* within its question: what it has to tell is not complete */
    struct busy_waiting *waiting;                   /* what could not be refused, first to last */
    int waiting_first, waiting_count, waiting_room; /* of them */
    /* Shared. */
    _Atomic(uint32_t) state; /* enum busy_state, of the script that this thread runs: for whoever wants to kill it */
    _Atomic(bool) kill;      /* somebody does */
};

void busy_init(struct shard *shard);
void busy_deinit(struct shard *shard);

/* After each message: the script has ended, if there was one. */
void busy_end(struct shard *shard);

/* Refuses what is due, as far as it can be refused. function: FCALL is busy, not EVAL. */
void busy_refuse_due(struct shard *shard, bool function);
void busy_reply(struct reply *reply, bool function);
/* The next of what could not be, to be executed with the stamp that it had; NULL: nothing. */
struct message *busy_take_waiting(struct shard *shard);

/* Whether a script of any shard is busy, as far as is known by now; any shard. */
bool busy_is_any(const struct shard_group *group);

/* A command of the shard's connections that is answered where it is parsed. True: it has been refused. */
bool busy_refuses(const struct shard *shard, const struct command *command, struct reply *reply);

#endif
