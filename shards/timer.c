#include "shards/timer.h"

#include "core/assert.h"
#include "shards/loop.h"

static uint64_t payload_of(const struct timer *timer)
{
    return (uint64_t)(uintptr_t)timer;
}

void timers_init(struct timers *timers, struct memory *memory)
{
    bptree_init(&timers->tree, memory, NULL);
}

void timers_deinit(struct timers *timers)
{
    bptree_deinit(&timers->tree);
}

void timer_disarm(struct timers *timers, struct timer *timer)
{
    uint64_t payload = payload_of(timer);

    if (!timer->armed)
        return;
    timer->armed = false;
    bptree_remove(&timers->tree, (uint64_t)timer->deadline_ms, &payload);
}

void timer_arm(struct timers *timers, struct timer *timer, int64_t deadline_ms)
{
    uint64_t payload = payload_of(timer);

    ASSERT(deadline_ms >= 0);
    timer_disarm(timers, timer);
    timer->deadline_ms = deadline_ms;
    timer->armed = true;
    bptree_insert(&timers->tree, (struct bptree_item){(uint64_t)deadline_ms, payload}, &payload);
}

static struct timer *first(const struct timers *timers)
{
    struct bptree_place place = bptree_first(&timers->tree);
    const struct bptree_item *item = bptree_get(&place);

    return item ? (struct timer *)(uintptr_t)item->payload : NULL;
}

int64_t timers_next_ms(const struct timers *timers)
{
    struct timer *timer = first(timers);

    return timer ? timer->deadline_ms : INT64_MAX;
}

void timers_run(struct timers *timers, int64_t now_ms)
{
    struct timer *timer;

    while ((timer = first(timers)) != NULL && timer->deadline_ms <= now_ms) {
        timer_disarm(timers, timer);
        timer->completion->done(timer->completion);
    }
}
