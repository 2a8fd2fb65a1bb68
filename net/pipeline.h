/* Replies leave in request order, and what the client is told unasked between them.
 *
 * A connection's requests stand here from the moment they are admitted; those at
 * the head that have been answered move to the output, whatever order the
 * shards answered in, and after each of them the pushes that have their place there. A
 * request that is blocked may stay so for long, so what waits behind it leaves before it.
 * The connection's thread. */
#ifndef NET_PIPELINE_H
#define NET_PIPELINE_H

#include "core/pushes.h"
#include "net/output.h"
#include "shards/request.h"

struct pipeline {
    struct request *first, **last;
    int count;
    uint64_t answered;     /* requests that have left, ever */
    struct pushes *pushes; /* the session's */
    size_t ready_bytes;    /* of answers that are finished and still wait here for an earlier one */
};

void pipeline_init(struct pipeline *pipeline, struct pushes *pushes);
void pipeline_push(struct pipeline *pipeline, struct request *request);
/* The request has been answered. */
void pipeline_finish(struct pipeline *pipeline, struct request *request);
/* Moves the answers at the head to the output and gives their requests back; returns how many. blocked: the
 * connection's last request waits for a key. */
int pipeline_drain(struct pipeline *pipeline, struct output *output, struct request_pool *requests, bool blocked);
/* Frees a finished answer that nobody is to read, or all that there are. */
void pipeline_drop_answer(struct pipeline *pipeline, struct request *request);
void pipeline_drop_answers(struct pipeline *pipeline);
/* Has every request that still points into the connection's bytes copy its arguments. */
void pipeline_own_arguments(struct pipeline *pipeline, struct request_pool *requests);

#endif
