/* The data set is loaded at start, while clients are told so (-LOADING).
 *
 * What there is to be read are stages, one after another: a file that every shard
 * reads, making what is its own of it; files that the shards share among themselves. In
 * each of its turns a shard does a slice of its part, and the next stage begins when all shards
 * are done with this one. When all is read whoever has to do with it is told, and says
 * when commands may come. What is wrong with a file ends the process.
 * Frozen before start, but for what shards count. */
#ifndef SHARDS_LOADING_H
#define SHARDS_LOADING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/load_progress.h"
#include "core/str.h"
#include "persist/aof_manifest.h"
#include "shards/load_run.h"

struct completion;
struct config;
struct memory;
struct shard;
struct shard_group;

enum load_kind {
    LOAD_RDB,        /* a snapshot, the only file there is in the run */
    LOAD_AOF_GROUPS, /* how far each segment is sound, */
    LOAD_AOF_CLAIMS, /* and what its groups say of the others: see aof_cut.h */
    LOAD_AOF,
};

struct load_stage {
    enum load_kind kind;
    bool is_past; /* of a snapshot: what follows may say more of its keys, whose time has not come yet */
    bool replaces, has_functions; /* likewise: a key that is there; the shard has its functions already */
    struct load_run *run;
};

struct loading {
    /* Frozen before start. */
    struct memory *memory;
    struct load_stage *stages;
    int stage_count;
    struct load_run **runs;
    int run_count;
    bool is_aof;
    struct aof_manifest manifest; /* of the append-only file; no files: there was none. Whoever goes on with it takes
                                   * it, see recovery.h */
    const char *from;             /* what is loaded, for the log */
    struct completion *loaded;    /* called on some shard's thread when all has been read: to call loading_end, then or
                                   * later. NULL: it ends by itself */
    struct completion *failed;    /* called on some shard's thread, once: the process is to end */
    /* Shared. */
    struct load_progress progress;
    _Atomic(int) arrivals; /* of shards at the ends of stages */
    _Atomic(bool) has_begun, is_over, has_failed;
    /* While the server runs. */
    _Atomic(bool) is_checked; /* whether it could be loaded is found out: what is wrong ends nothing, */
    _Atomic(bool) is_refused; /* and is noted here */
};

/* What a shard has got done in a slice. */
enum load_status {
    LOAD_GOES_ON,
    LOAD_WAITS, /* for other shards */
    LOAD_DONE,
    LOAD_FAILED, /* has been told */
};

/* A shard's part in the stage that it is at. */
struct load_part {
    int stage;
    bool has_arrived; /* at its end */
    enum load_status status;
    void *work; /* of the stage; NULL: it has not begun */
    bool gives_up;
    /* Of the first shard, which reports. */
    int64_t began_us, reported_us; /* monotonic */
    double reported_percent;
};

/* Main's thread, before the shards start: finds what is to be loaded, if anything. The config says from where. False:
 * error says in one line what is wrong. */
MUST_USE bool loading_prepare(struct shard_group *group, const struct config *config, char *error, size_t error_bytes);
/* The shards have started: now they load. */
void loading_begin(struct shard_group *group);
void loading_deinit(struct shard_group *group);
bool loading_has_failed(const struct shard_group *group);
bool loading_is_under_way(const struct shard_group *group);

/* Commands may come. */
void loading_end(struct shard_group *group);

/* A slice; each turn of a shard that loads. */
void loading_turn(struct shard *shard);
/* How long it may wait for what happens before the next. */
int64_t loading_idle_us(const struct shard *shard);
/* The shard is to stop: what is under way is given up. */
void loading_give_up(struct shard *shard);

/* For the parts of a stage. What is wrong with what is loaded, in one line. */
void loading_fail(struct shard *shard, const char *problem);

#endif
