#include "tests/sim/scheduler.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/assert.h"

enum {
    DECISIONS_MOST = 3 * 1000 * 1000,
    REST_US = 5000, /* whoever tries something again does it sooner */
};

static const int64_t START_US = INT64_C(1700000000000000);

static struct scheduler *present; /* whose run it is */

static struct tempo draw_tempo(struct dice *dice)
{
    static const uint32_t switches[] = {1, 2, 3, 6, 15, 60}, ticks[] = {1, 3, 20, 100};

    return (struct tempo){
        .switch_one_in = switches[dice_below(dice, 6)],
        .rest_one_in = dice_one_in(dice, 2) ? 0 : (uint32_t)dice_between(dice, 5, 60),
        .rest_most = 1u << dice_between(dice, 4, 13),
        .has_bad_places = dice_one_in(dice, 2),
        .tick_us = ticks[dice_below(dice, 4)],
        .uneven = dice_one_in(dice, 3),
    };
}

void scheduler_init(struct scheduler *scheduler, uint64_t seed, int fault)
{
    struct dice dice = {seed};

    /* The dice count on from their state, so those of neighbouring seeds have to begin far apart. */
    *scheduler = (struct scheduler){.dice = {dice_bits(&dice)}, .now_us = START_US, .fault = fault};
    scheduler->tempo = draw_tempo(&scheduler->dice);
    scheduler->places = dice_bits(&scheduler->dice);
    present = scheduler;
}

void scheduler_deinit(struct scheduler *scheduler)
{
    present = NULL;
}

void scheduler_add(struct scheduler *scheduler, struct actor *actor)
{
    ASSERT(scheduler->actor_count < ACTORS_MAX);
    actor->weight = scheduler->tempo.uneven ? 1u << dice_below(&scheduler->dice, 8) : 8;
    actor->deadline_us = INT64_MAX;
    actor->rests_until = 0;
    scheduler->actors[scheduler->actor_count++] = actor;
}

void scheduler_fail(struct scheduler *scheduler, const char *format, ...)
{
    va_list arguments;

    if (scheduler->failure[0])
        return;
    va_start(arguments, format);
    vsnprintf(scheduler->failure, sizeof scheduler->failure, format, arguments);
    va_end(arguments);
}

/* Choosing. */

static bool can_act(const struct scheduler *scheduler, struct actor *actor)
{
    return actor->deadline_us <= scheduler->now_us || actor->ready(actor);
}

/* One of those that are ready, by weight. */
static struct actor *draw(struct scheduler *scheduler, bool rested_only)
{
    struct actor *ready[ACTORS_MAX];
    uint32_t count = 0, weights = 0;

    for (int i = 0; i < scheduler->actor_count; i++) {
        struct actor *actor = scheduler->actors[i];

        if ((rested_only && actor->rests_until > scheduler->decisions) || !can_act(scheduler, actor))
            continue;
        ready[count++] = actor;
        weights += actor->weight;
    }
    if (count == 0)
        return NULL;

    uint32_t drawn = dice_below(&scheduler->dice, weights);
    uint32_t at = 0;

    while (drawn >= ready[at]->weight)
        drawn -= ready[at++]->weight;
    return ready[at];
}

/* False: nobody waits for a time. */
static bool jump_to_next_deadline(struct scheduler *scheduler)
{
    int64_t next_us = INT64_MAX;

    for (int i = 0; i < scheduler->actor_count; i++)
        if (scheduler->actors[i]->deadline_us < next_us)
            next_us = scheduler->actors[i]->deadline_us;
    if (next_us >= scheduler->now_us + REST_US && scheduler->at_rest)
        scheduler->at_rest(scheduler->context);
    if (next_us == INT64_MAX)
        return false;
    scheduler->now_us = next_us;
    return true;
}

static struct actor *choose(struct scheduler *scheduler)
{
    struct actor *actor = draw(scheduler, true);

    if (!actor)
        actor = draw(scheduler, false);
    if (!actor && jump_to_next_deadline(scheduler))
        actor = draw(scheduler, false);
    return actor;
}

bool scheduler_run(struct scheduler *scheduler)
{
    while (!scheduler->failure[0]) {
        struct actor *actor = choose(scheduler);

        if (!actor)
            return true;
        if (++scheduler->decisions == DECISIONS_MOST)
            scheduler_fail(scheduler, "the run does not come to rest");
        scheduler->now_us += dice_below(&scheduler->dice, scheduler->tempo.tick_us + 1);
        if (!actor->coroutine) {
            actor->act(actor);
            continue;
        }
        scheduler->running = actor;
        coroutine_enter(actor->coroutine);
        scheduler->running = NULL;
    }
    return false;
}

/* Keeps the running shard off for a while, more often a short one. */
static void rest(struct scheduler *scheduler)
{
    uint32_t most = scheduler->tempo.rest_most >> dice_below(&scheduler->dice, 4);

    scheduler->running->rests_until = scheduler->decisions + dice_below(&scheduler->dice, most + 1);
}

void scheduler_give_way(struct scheduler *scheduler)
{
    if (dice_one_in(&scheduler->dice, scheduler->tempo.rest_one_in))
        rest(scheduler);
    coroutine_give_way(scheduler->running->coroutine);
}

/* What shards/ sees of the simulator. */

/* One place in eight, others for each seed. place: where the code is that takes the step. */
static bool is_bad(const struct scheduler *scheduler, const char *place)
{
    uint64_t offset = (uint64_t)(place - (const char *)(uintptr_t)simulate_step);

    return scheduler->tempo.has_bad_places && ((offset ^ scheduler->places) * 0x9e3779b97f4a7c15u) >> 61 == 0;
}

void simulate_step(void)
{
    if (!present || !present->running)
        return;
    if (is_bad(present, __builtin_return_address(0)) && dice_one_in(&present->dice, 8)) {
        rest(present);
        coroutine_give_way(present->running->coroutine);
    } else if (dice_one_in(&present->dice, present->tempo.switch_one_in)) {
        scheduler_give_way(present);
    }
}

bool simulate_fault(enum simulate_fault fault)
{
    return present && present->fault == (int)fault;
}

uint32_t simulate_ring_slots(uint32_t slots)
{
    return present && present->ring_slots ? present->ring_slots : slots;
}

uint32_t simulate_move_least(uint32_t requests)
{
    return present && present->move_least ? present->move_least : requests;
}

int64_t simulate_move_rest_ms(int64_t rest_ms)
{
    return present && present->move_least ? 0 : rest_ms;
}
