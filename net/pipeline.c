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

void pipeline_finish(struct pipeline *pipeline, struct request *request)
{
    request->finished = true;
    pipeline->ready_bytes += request->reply.buffer.length;
    if (request->discard_reply)
        pipeline_drop_answer(pipeline, request);
}

void pipeline_drop_answer(struct pipeline *pipeline, struct request *request)
{
    struct buffer *answer = &request->reply.buffer;

    pipeline->ready_bytes -= answer->length;
    if (answer->heap)
        buffer_deinit(answer);
    answer->length = 0;
}

void pipeline_drop_answers(struct pipeline *pipeline)
{
    for (struct request *request = pipeline->first; request; request = request->next)
        if (request->finished)
            pipeline_drop_answer(pipeline, request);
}

int pipeline_drain(struct pipeline *pipeline, struct output *output, struct request_pool *requests)
{
    size_t output_bytes = output->bytes;
    int drained = 0;

    while (pipeline->first && pipeline->first->finished) {
        struct request *request = pipeline->first;

        pipeline->first = request->next;
        output_append(output, &request->reply.buffer);
        request_give_back(requests, request);
        drained++;
    }
    if (!pipeline->first)
        pipeline->last = &pipeline->first;
    pipeline->count -= drained;
    pipeline->ready_bytes -= output->bytes - output_bytes;
    return drained;
}

void pipeline_own_arguments(struct pipeline *pipeline, struct request_pool *requests)
{
    for (struct request *request = pipeline->first; request; request = request->next)
        if (!request->finished)
            request_own_arguments(requests, request);
}
