/* Scripts: where they run, and what happens when they need more than is there.
 *
 * A script that is not known to touch other keys than it declares runs on the shards of
 * those, mostly one. Should it then want a key of another shard, all that it has done is
 * undone, and it goes home, to be staged again over all shards. Nothing that its
 * connection sent later may be executed before it: home lets no later request go to other
 * shards while a script is tried, and the script's shard sends back, unexecuted, what has
 * come to it behind the script, until home has taken note of that, which a
 * number in the requests (epoch) tells. Home then stages all of them again, in order.
 * tests/sim/trials.pml is this as a Spin model. */
#ifndef SHARDS_TRIAL_H
#define SHARDS_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct core;
struct memory;
struct reach;
struct request;
struct shard;

/* What a request has to do with scripts. */
enum request_trial {
    TRIAL_NONE,
    TRIAL_WIDE, /* a script that has come back out of reach: it is to be staged over all shards */
    /* Staged: */
    TRIAL_TRIED,    /* a script on the shards of its declared keys */
    TRIAL_BEHIND,   /* a request behind such a one, to the same shard */
    TRIAL_GATHERED, /* a script over all shards */
    TRIAL_AGAIN,    /* the same, after it was tried */
    /* Come home: */
    TRIAL_STAYED,         /* it was over all shards, and kept to those of its declared keys */
    TRIAL_OUT_OF_REACH,   /* it was tried, and has left no trace */
    TRIAL_BOUNCED,        /* it was tried behind one of these, and not executed */
    TRIAL_BEHIND_BOUNCED, /* it was behind one of these, and not executed */
};

/* The connections of which the shard sends back what was staged in this epoch. */
struct trial_bounces {
    struct trial_bounce *bounces;
    int count, capacity;
};

/* Home: stages a script. False: it finds no room, or has to wait. */
bool trial_stage(struct shard *shard, struct request *request);
/* Home: stages another request of a connection that has a script on trial, or some that are coming back. */
bool trial_stage_behind(struct shard *shard, struct request *request);
/* Home: a request with something of the above has come back. False: it is to be staged again. */
bool trial_finish(struct shard *shard, struct request *request);

/* The owner: a request with something of the above is due. */
void trial_run(struct shard *shard, struct request *request);
/* The executor of a gather that is a script; cores of the participants; touched: set of shards, filled by the run. */
void trial_run_gathered(struct shard *shard, struct request *request, const struct reach *reach,
                        struct core *const *cores, int count, const uint64_t *touched);
/* A participant reaches a gather that was a script on trial here: what follows has been staged since. */
void trial_met_again(struct shard *shard, const struct request *request);

void trial_deinit(struct shard *shard);

#endif
