#include "core/pushes.h"

#include "core/memory.h"

void push_run_free(struct push_run *run, struct memory *memory)
{
    buffer_deinit(&run->bytes);
    memory_free(memory, run);
}

struct push_run *pushes_take(struct pushes *pushes, uint64_t answered)
{
    struct push_run *run = pushes->first;

    if (!run || run->behind > answered)
        return NULL;
    pushes->first = run->next;
    if (!pushes->first)
        pushes->last = NULL;
    pushes->bytes -= run->bytes.length;
    return run;
}

void pushes_clear(struct pushes *pushes, struct memory *memory)
{
    struct push_run *run;

    while ((run = pushes_take(pushes, UINT64_MAX)) != NULL)
        push_run_free(run, memory);
}

/* The last run whose place is not behind the given one; NULL: there is none. Almost always the last of all. */
static struct push_run *run_before(const struct pushes *pushes, uint64_t behind)
{
    struct push_run *before = NULL;

    if (pushes->last && pushes->last->behind <= behind)
        return pushes->last;
    for (struct push_run *run = pushes->first; run && run->behind <= behind; run = run->next)
        before = run;
    return before;
}

static struct push_run *insert_run(struct pushes *pushes, struct memory *memory, struct push_run *before,
                                   uint64_t behind)
{
    struct push_run *run = memory_alloc(memory, sizeof *run);
    struct push_run **link = before ? &before->next : &pushes->first;

    *run = (struct push_run){.next = *link, .behind = behind};
    buffer_init(&run->bytes, memory, NULL, 0);
    *link = run;
    if (!run->next)
        pushes->last = run;
    return run;
}

void pushes_append(struct pushes *pushes, struct memory *memory, uint64_t behind, struct str bytes)
{
    struct push_run *run = run_before(pushes, behind);

    if (!run || run->behind != behind)
        run = insert_run(pushes, memory, run, behind);
    buffer_append_str(&run->bytes, bytes);
    pushes->bytes += bytes.length;
}
