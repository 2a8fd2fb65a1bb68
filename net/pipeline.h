/* Replies leave in request order.
 *
 * A connection's requests stand here from the moment they are admitted; those at
 * the head that have been answered move to the output, whatever order the
 * shards answered in. The connection's thread. */
#ifndef NET_PIPELINE_H
#define NET_PIPELINE_H

#include "net/output.h"
#include "shards/request.h"

struct pipeline {
    struct request *first, **last;
    int count;
    size_t ready_bytes; /* of answers that are finished and still wait here for an earlier one */
};

void pipeline_init(struct pipeline *pipeline);
void pipeline_push(struct pipeline *pipeline, struct request *request);
/* The request has been answered. */
void pipeline_finish(struct pipeline *pipeline, struct request *request);
/* Moves the answers at the head to the output and gives their requests back; returns how many. */
int pipeline_drain(struct pipeline *pipeline, struct output *output, struct request_pool *requests);
/* Frees a finished answer that nobody is to read, or all that there are. */
void pipeline_drop_answer(struct pipeline *pipeline, struct request *request);
void pipeline_drop_answers(struct pipeline *pipeline);
/* Has every request that still points into the connection's bytes copy its arguments. */
void pipeline_own_arguments(struct pipeline *pipeline, struct request_pool *requests);

#endif
