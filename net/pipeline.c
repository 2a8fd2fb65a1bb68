#include "net/pipeline.h"

void pipeline_init(struct pipeline *pipeline, struct pushes *pushes)
{
    *pipeline = (struct pipeline){.last = &pipeline->first, .pushes = pushes};
}

void pipeline_push(struct pipeline *pipeline, struct request *request)
{
    request->next = NULL;
    *pipeline->last = request;
    pipeline->last = &request->next;
    pipeline->count++;
    request->place = (uint16_t)++pipeline->pushes->admitted;
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

static __attribute__((noinline)) void move_runs(struct pipeline *pipeline, struct output *output, uint64_t answered)
{
    struct push_run *run;

    while ((run = pushes_take(pipeline->pushes, answered)) != NULL) {
        output_append_push(output, &run->bytes);
        push_run_free(run, output->pool->memory);
    }
}

/* Pushes whose place is behind at most so many requests. */
static inline void move_pushes(struct pipeline *pipeline, struct output *output, uint64_t answered)
{
    if (__builtin_expect(pushes_has_some(pipeline->pushes), 0))
        move_runs(pipeline, output, answered);
}

static void move_first(struct pipeline *pipeline, struct output *output, struct request_pool *requests)
{
    struct request *request = pipeline->first;

    pipeline->first = request->next;
    if (!pipeline->first)
        pipeline->last = &pipeline->first;
    pipeline->count--;
    pipeline->answered++;
    pipeline->ready_bytes -= request->reply.buffer.length;
    output_append(output, &request->reply.buffer);
    request_give_back(requests, request);
}

int pipeline_drain(struct pipeline *pipeline, struct output *output, struct request_pool *requests, bool blocked)
{
    int drained = 0;

    move_pushes(pipeline, output, pipeline->answered);
    for (; pipeline->first && pipeline->first->finished; drained++) {
        move_first(pipeline, output, requests);
        move_pushes(pipeline, output, pipeline->answered);
    }
    if (blocked && pipeline->count == 1)
        move_pushes(pipeline, output, pipeline->answered + 1);
    return drained;
}

void pipeline_own_arguments(struct pipeline *pipeline, struct request_pool *requests)
{
    for (struct request *request = pipeline->first; request; request = request->next)
        if (!request->finished)
            request_own_arguments(requests, request);
}
