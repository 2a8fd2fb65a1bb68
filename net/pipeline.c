#include "net/pipeline.h"

void pipeline_init(struct pipeline *pipeline)
{
    *pipeline = (struct pipeline){.last = &pipeline->first};
}

void pipeline_push(struct pipeline *pipeline, struct request *request)
{
    request->next = NULL;
    *pipeline->last = request;
    pipeline->last = &request->next;
    pipeline->count++;
}

int pipeline_drain(struct pipeline *pipeline, struct output *output, struct request_pool *requests)
{
    int drained = 0;

    while (pipeline->first && pipeline->first->finished) {
        struct request *request = pipeline->first;

        pipeline->first = request->next;
        if (!request->discard_reply)
            output_append(output, &request->reply.buffer);
        request_give_back(requests, request);
        drained++;
    }
    if (!pipeline->first)
        pipeline->last = &pipeline->first;
    pipeline->count -= drained;
    return drained;
}

void pipeline_own_arguments(struct pipeline *pipeline, struct request_pool *requests)
{
    for (struct request *request = pipeline->first; request; request = request->next)
        if (!request->finished)
            request_own_arguments(requests, request);
}
