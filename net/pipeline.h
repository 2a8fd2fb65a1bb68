/* Replies leave in request order.
 *
 * A connection's requests stand here from the moment they are parsed; those at
 * the head that have been answered move to the output, whatever order the
 * shards answered in. The connection's thread. */
#ifndef NET_PIPELINE_H
#define NET_PIPELINE_H

#include "net/output.h"
#include "shards/request.h"

struct pipeline {
    struct request *first, **last;
    int count;
};

void pipeline_init(struct pipeline *pipeline);
void pipeline_push(struct pipeline *pipeline, struct request *request);
/* Moves the answers at the head to the output and gives their requests back; returns how many. */
int pipeline_drain(struct pipeline *pipeline, struct output *output, struct request_pool *requests);
/* Has every request that still points into the connection's bytes copy its arguments. */
void pipeline_own_arguments(struct pipeline *pipeline, struct request_pool *requests);

#endif
