/* Clients that wait: BLPOP, XREAD BLOCK and their kin for keys, WAIT and WAITAOF for time or the disk.
 *
 * A blocking command runs like any other. When its handler finds nothing, the
 * request is not answered but gets a ticket in the queue of each of its keys, in the
 * keyspaces that own them (core/waits.h), and its connection reads nothing more.
 * Whatever then brings a key signals it; right after that command, before any
 * other, the shard runs the first waiter's command again, then the next one's.
 *
 * Keys on several shards: the command ran as a gather. The shard whose key was
 * signalled tells the waiter's home, which sends the request round once more, a
 * gather again; until that has been, the waiters behind it stand still (but for
 * streams, whose entries are there for all). So it is served at one instant at which
 * all its keys are looked at, in the order in which it names them. And where one key has brought it while another is
 * there for somebody in front of it who is still on his way, it goes round once more: nobody is overtaken by a waiter.
 * A command that comes new does not wait for those who have been told.
 *
 * The request ends in the same way when its time is over, when CLIENT UNBLOCK says so
 * or when its client has gone: home sends it round, and whoever owns the keys
 * takes the tickets back and answers. So that no element is given to a client that
 * has gone, or to one twice, all this needs the waiter's claim: whoever takes it
 * runs the command or sends the request, and gives it back when it waits again. From the moment at which home knows
 * that the client has gone nothing is taken for it, so nothing after the answer to CLIENT KILL.
 *
 * A command without keys has no tickets: home runs it again, when everything up to the stamp that it has named is
 * safe on disk, and when its time is over, since it has an answer for that, too. */
#ifndef SHARDS_BLOCKED_H
#define SHARDS_BLOCKED_H

#include <stdbool.h>
#include <stdint.h>

#include "core/value.h"
#include "shards/loop.h"
#include "shards/timer.h"

struct reach;
struct request;
struct session;
struct shard;
struct waits_ticket;

enum waiter_end { WAITER_RUNS, WAITER_TIMED_OUT, WAITER_UNBLOCKED, WAITER_GONE };

struct waiter_place {
    struct waits_ticket *ticket;
    uint16_t shard;
    bool notified; /* home has been told that the key is ready, and has not come round yet */
};

struct waiter {
    /* Home. */
    struct shard *home;
    struct request *request;
    struct session *session;
    uint64_t serial;    /* among those of this home */
    struct timer timer; /* of the deadline, or a moment later where the claim was taken */
    struct completion look;
    int64_t deadline_ms;    /* INT64_MAX: none, or not heard of yet */
    enum waiter_end wanted; /* how home wants it to end */
    int64_t again_ms;       /* when it is to be tried again whatever happens, INT64_MAX: never */
    bool ready;             /* home wants it to be tried again */
    uint64_t awaited;       /* in safe_waiters: it is to be tried again when the stamp below it is safe; 0: not */
    /* Shared. */
    _Atomic(bool) claimed; /* from the beginning to the first wait, and from then on by whoever took it */
    _Atomic(bool) gone;    /* home knows that its client has gone: nothing more is to be taken for it */
    /* Whoever has the claim; type stays as it is once it waits. */
    enum waiter_end end;
    bool waits;     /* has tickets, or no keys */
    uint64_t stamp; /* see struct call_wait */
    bool by_home; /* served by way of home: its keys lie on several shards, or it or others in front were on the way */
    enum value_type type;
    struct waiter_place *places; /* charged to nobody, as is what follows */
    int place_count;
    char *rewritten;
};

/* Home, before it submits a request whose command may block. */
void blocked_prepare(struct shard *shard, struct request *request, struct session *session);
/* Home, when the request has been answered. */
void blocked_forget(struct shard *shard, struct request *request);
/* Home: ends the session's wait, if there is one. */
void blocked_end(struct shard *shard, struct session *session, enum waiter_end end);

/* Home: tries those again who wait for nothing above that stamp to be safe on disk. */
void blocked_serve_safe(struct shard *shard, uint64_t safe);

/* The shard that executes: runs the request, which has a waiter, and answers it or has it wait. reach: as for
 * shard_execute. */
void blocked_run(struct shard *shard, struct request *request, const struct reach *reach, int64_t now_ms);
/* Serves the waiters of all keys of this shard that have been signalled. Between two commands, never while parked. */
void blocked_serve(struct shard *shard, int64_t now_ms);

#endif
