/* One segment that is executed, see load_aof.h: its records, in their order, as requests of one origin. */
#ifndef SHARDS_LOAD_REPLAY_H
#define SHARDS_LOAD_REPLAY_H

#include "core/session.h"
#include "shards/load_stream.h"
#include "shards/loading.h"
#include "shards/request.h"

struct call;
struct shard;

struct load_requests {
    struct request *first, *last;
};

/* Who executes what is read where the shards wait: the executor of a gather over all of them, within its call. */
struct load_executor {
    const struct call *call;
    bool only_looks; /* whether it could be executed */
};

struct load_replay {
    struct shard *shard;
    const struct load_executor *executor; /* NULL: it is submitted, as a connection does */
    struct load_run *run;
    struct load_segment *segment;
    int index;
    uint64_t cut; /* records with a higher stamp are not executed */
    struct load_stream stream;
    bool is_hungry, has_ended;
    uint64_t counted_bytes; /* of the file that is being read, in the progress */
    struct session session; /* its database */
    struct origin origin;
    /* The group that is being read. */
    bool in_group;
    uint64_t group_at, group_stamp; /* where it begins in the file */
    struct str group_body;
    struct aof_body body;
    uint64_t stamp;      /* of the next record */
    size_t records_at;   /* in the body, behind what is said of the group */
    int group_db;        /* that was selected when it began */
    uint64_t last_stamp; /* of the last record that was taken */
    bool is_cut;         /* what follows is counted, and not executed */
    /* What has been read and not yet submitted. */
    struct load_requests ready, unit; /* the latter between MULTI and EXEC */
    bool in_unit;
    int unit_file;
    uint64_t unit_at; /* where MULTI is, outside of a group */
    /* Waiting for other segments. */
    bool in_tail, has_reached, executes;
    uint64_t reached;
    /* Under way. */
    int in_flight;
    uint64_t errors, passed_over;
    char first_error[128], first_passed[64];
};

enum load_step {
    LOAD_STEP_NEXT,
    LOAD_STEP_TURN, /* go on in the next turn */
    LOAD_STEP_WAIT, /* for answers, or other shards */
    LOAD_STEP_END,
    LOAD_STEP_FAILED, /* has been told */
};

void load_replay_open(struct load_replay *replay, struct shard *shard, struct load_run *run, int index, uint64_t cut);
/* Nothing of it is under way. */
void load_replay_close(struct load_replay *replay);
/* The turn's first. False: it failed. */
MUST_USE bool load_replay_turn(struct load_replay *replay);
enum load_step load_replay_step(struct load_replay *replay);

#endif
