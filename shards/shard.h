/* One shard: one thread and all it owns, and its turn.
 *
 * A turn is: wait for completions (connections parse and stage requests), take
 * back answers from other shards, publish the batch, execute what is due, publish
 * answers, let connections send. See the folder's README for the order's why.
 * Every field belongs to the shard's thread unless it says otherwise. */
#ifndef SHARDS_SHARD_H
#define SHARDS_SHARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"
#include "shards/ahead.h"
#include "shards/aof.h"
#include "shards/aof_folder.h"
#include "shards/aof_start.h"
#include "shards/aof_rewrite.h"
#include "shards/busy.h"
#include "shards/durable.h"
#include "shards/loop.h"
#include "shards/memory_limit.h"
#include "shards/mesh.h"
#include "shards/request.h"
#include "shards/router.h"
#include "shards/saving.h"
#include "shards/shutdown.h"
#include "shards/trial.h"
#include "shards/script_memory.h"
#include "shards/timer.h"

struct call;
struct call_wait;
struct gather;
struct load_part;
struct loading;
struct reach;
struct reload;
struct reload_aof;
struct snapshot;
struct snapshot_part;
struct shard;

/* What all shards share. */
struct shard_group {
    /* Frozen before start. */
    int count;
    struct shard **shards;
    struct router router;
    struct memory memory; /* of the shared parts; main's thread */
    const struct server_facts *facts;
    enum loop_backend backend;
    struct loading *loading;   /* NULL: it has not been looked whether there is anything to be loaded */
    struct reload *reload;     /* which all shards do a part of: written by the executor before they are asked to */
    struct reload_aof *reload_aof; /* likewise */
    struct snapshot *snapshot; /* that runs: written by the shard that begins it, before its parts are published */
    /* Shared. */
    struct mesh mesh;
    struct durable durable;
    struct aof_folder aof_folder;
    struct aof_start aof_start;
    struct aof_rewrite aof_rewrite;
    struct memory_share *shares; /* by shard */
    _Atomic(bool) stopping;
    _Atomic(int)
        draining; /* shards that still have connections or requests of their own, and main until it has told all */
    _Atomic(int) turning; /* shards that may still wake another one's loop */
    struct save_state saves;
    struct shutdown shutting_down;
    /* The group is to stop: called on some shard's thread. */
    struct completion *shutdown;
};

struct shard {
    /* Frozen before start. */
    int index;
    int cpu; /* pinned to, -1: not */
    struct shard_group *group;
    struct completion *started;    /* called on the shard's thread when its loop is open */
    struct completion *configured; /* called there when CONFIG SET has changed the shard's settings */
    struct completion *stopping;   /* called there when the group stops: connections are to end */
    struct completion *durable;    /* called there when answers that were kept back may leave, see aof.h */
    pthread_t thread;
    /* This thread. */
    struct core core;
    struct memory loop_memory; /* buffers of fixed size, which traffic fills: no use that a limit could change */
    struct loop *loop;
    const char *loop_why; /* why this backend; main reads it once the shard has started */
    int loop_error;
    struct mesh_port port;
    struct ahead ahead;
    struct request_pool requests;
    struct timers timers;
    struct gather *parked;                       /* execution waits for this one */
    uint32_t asks_done;                          /* parts that its executor has asked for and got */
    size_t gathers;                              /* of this shard's connections, until the last participant has left */
    struct request *held_first, **held_last;     /* the router's: they wait for room in a ring */
    struct request *paused_first, **paused_last; /* those of them that CLIENT PAUSE holds back */
    struct timer pause_end;                      /* armed while there are such */
    struct completion pause_over;
    struct bptree waiters;      /* blocked clients of this shard's connections, by serial */
    uint64_t waiter_serial;     /* the next one's */
    struct bptree safe_waiters; /* those of them that wait until something is safe on disk, by its stamp */
    const struct waits *waits;  /* the keyspace's */
    struct key_owners owners;   /* the router's scratch */
    struct key_shares shares;   /* likewise */
    size_t key_answer_bytes;    /* the scatter's: how long answers to a key may be, by those that were */
    struct script_memory script_memory;
    struct trial_bounces trial_bounces;
    struct busy busy;
    struct aof aof;
    struct saving saving;
    struct snapshot_part *snapshot;  /* in which it takes part, NULL: none */
    struct snapshot *snapshot_begun; /* which it has begun, likewise */
    struct memory_limit memory_limit;
    struct returns_look *returns; /* by source */
    uint64_t returns_looks;
    struct news *own_news, *last_own_news;        /* likewise: to be heard here */
    struct request *unanswered, *last_unanswered; /* executed, and their news have found no room yet */
    struct gather *executed_gather; /* the parked one, or the last of those behind it, where we have executed it and
                                     * its news have found no room yet; else NULL */
    struct load_part *loading;      /* NULL: the data set is there */
    uint64_t turn;
    uint64_t config_generation; /* of the settings that `configured` has been called for */
    int64_t now_ms, now_us;     /* Unix time of this turn, see shard_read_clock; between turns use shard_now_ms */
    int64_t monotonic_us;       /* when that was read */
    int64_t spin_after_us;      /* monotonic: until then a spin would lose this CPU to others */
    uint64_t clock_turn;        /* the turn in which shard_now_ms last read it */
    bool drained;               /* stopping, and nothing of ours is under way any more */
};

/* config is copied. False: *wrong names an affinity pattern that is none. */
MUST_USE bool shard_group_init(struct shard_group *group, const struct config *config, const struct server_facts *facts,
                               int shards, const char **wrong);
void shard_group_deinit(struct shard_group *group);

/* Starts all threads and waits until each has its loop. False: one failed; its loop_error and loop_why say why, and
 * all have been stopped again. cpus: one per shard, or NULL. */
MUST_USE bool shard_group_start(struct shard_group *group, const uint16_t *cpus);
/* Ends every shard after its present turn and joins the threads. Main's thread. */
void shard_group_stop(struct shard_group *group);

/* Opens and closes what belongs to the shard's own thread (the simulator calls these itself). */
MUST_USE bool shard_open(struct shard *shard, struct loop *loop);
void shard_close(struct shard *shard);
/* One turn; may sleep in the loop until there is something to do. */
void shard_turn(struct shard *shard);

/* Whether keys may expire now: not while it is parked, loads, or holds writes back (CLIENT PAUSE). */
bool shard_expires(const struct shard *shard);

/* Unix time, which never goes back: when the system's clock is set back, ours goes on at half
 * its pace until the other has caught up. */
void shard_read_clock(struct shard *shard);

/* Unix time of the turn: read once, after the loop has slept. */
static inline int64_t shard_now_ms(struct shard *shard)
{
    if (shard->clock_turn != shard->turn) {
        shard->clock_turn = shard->turn;
        shard_read_clock(shard);
    }
    return shard->now_ms;
}
static inline int64_t shard_now_us(struct shard *shard)
{
    shard_now_ms(shard);
    return shard->now_us;
}

/* A request of the shard's pool, with its connection's settings. argv is to be filled by the caller. */
struct request *shard_take_request(struct shard *shard, int argc, const struct session *session);

/* Runs the request's command at now_ms, the time in its stamp, or the turn's for what is answered where it was
 * parsed. reach: NULL unless this is a gather. wait: NULL unless it may block. */
void shard_execute(struct shard *shard, struct request *request, const struct reach *reach, int64_t now_ms,
                   struct call_wait *wait);
/* The command alone, and what it has asked of the shard: a part that is no request. */
void shard_run_call(struct shard *shard, struct call *call);
/* The same for a message that is due, which is then answered, unless it blocks. */
void shard_run(struct shard *shard, struct request *request, const struct reach *reach);
/* Counts a call of the request that was not run as one, see call_count_whole. */
void shard_count(struct shard *shard, struct request *request, int64_t ns);
/* The two halves of shard_execute, between which the call is run, and counted (call_count.h): for
 * whoever has to look at it afterwards. */
void shard_prepare_call(struct call *call, struct shard *shard, struct request *request, const struct reach *reach);
void shard_end_call(struct shard *shard, const struct call *call, const struct request *request);
/* Of requests of the own batch that are not executed in this turn. */
void shard_own_arguments(struct shard *shard);
/* Connections whose sessions ask for it. */
void shard_attend_sessions(struct shard *shard);
/* The time of the message that the shard is about to execute. */
int64_t shard_message_ms(const struct shard *shard);
/* Gives the executed request back to its home, which calls request->done. */
void shard_answer(struct shard *shard, struct request *request);
/* Home: calls request->done. */
void shard_finish(struct shard *shard, struct request *request);

#endif
