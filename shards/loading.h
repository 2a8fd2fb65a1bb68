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

struct completion;
struct config;
struct memory;
struct shard;
struct shard_group;

struct load_file {
    char *path; /* for messages, too */
    int descriptor;
    uint64_t end; /* what lies behind it is not read */
};

enum load_kind { LOAD_RDB };

struct load_stage {
    enum load_kind kind;
    bool is_past; /* what it holds was followed by what comes in later stages: no deadline has come yet */
    struct load_file *files;
    int file_count;
};

struct loading {
    /* Frozen before start. */
    struct memory *memory;
    struct load_stage *stages;
    int stage_count;
    const char *from;          /* what is loaded, for the log */
    struct completion *loaded; /* called on some shard's thread when all has been read: to call loading_end, then or
                                * later. NULL: it ends by itself */
    struct completion *failed; /* called on some shard's thread, once: the process is to end */
    /* Shared. */
    struct load_progress progress;
    _Atomic(int) arrivals; /* of shards at the ends of stages */
    _Atomic(bool) has_begun, is_over, has_failed;
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
