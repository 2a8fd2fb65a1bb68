#include "tests/sim/crash.h"

#include <stdlib.h>

static bool is_due(struct actor *actor)
{
    const struct crash *crash = (const struct crash *)actor;
    int answered = 0;

    for (int i = 0; i < crash->client_count && !crash->has_happened; i++)
        answered += crash->clients[i].answered;
    return !crash->has_happened && answered >= crash->after;
}

static void happen(struct actor *actor)
{
    crash_now((struct crash *)actor);
}

void crash_now(struct crash *crash)
{
    struct dice *dice = &crash->scheduler->dice;

    if (crash->has_happened)
        return;
    crash->has_happened = true;
    crash->at = crash->scheduler->decisions;
    for (int i = 0; i < crash->client_count; i++) {
        crash->sent[i] = crash->clients[i].sent;
        crash->answered[i] = crash->clients[i].answered;
    }
    crash->has_rotted = sim_disk_crash(crash->disk, &crash->left, dice, dice_one_in(dice, 4));
}

void crash_plan(struct crash *crash, struct scheduler *scheduler, struct history *history, const struct client *clients,
                int client_count, const struct sim_disk *disk, bool loses_answered)
{
    int operations = 0;

    for (int i = 0; i < client_count; i++)
        operations += history->operation_counts[i];
    *crash = (struct crash){
        .actor = {.ready = is_due, .act = happen},
        .is_planned = true,
        .after = (int)dice_below(&scheduler->dice, (uint32_t)operations + 1),
        .scheduler = scheduler,
        .history = history,
        .clients = clients,
        .client_count = client_count,
        .disk = disk,
        .loses_answered = loses_answered,
    };
    scheduler_add(scheduler, &crash->actor);
}

static void forget_answer(struct operation *operation, uint64_t at)
{
    operation->responded = NEVER;
    operation->responded_ms = INT64_MAX / 2;
    operation->reply = 0;
    operation->over = operation->over < at ? operation->over : at;
}

/* What was answered, was so; but it may not have survived. */
static void lose(struct operation *operation, uint64_t at)
{
    operation->may_be_lost = true;
    operation->over = operation->over < at ? operation->over : at;
}

void crash_cut_history(const struct crash *crash)
{
    struct history *history = crash->history;

    for (int client = 0; client < crash->client_count; client++) {
        int before = history->operation_counts[client];

        history->operation_counts[client] = crash->sent[client];
        for (int i = crash->answered[client]; i < crash->sent[client]; i++)
            forget_answer(&history->operations[client][i], crash->at);
        for (int i = 0; i < crash->sent[client] && crash->loses_answered; i++)
            lose(&history->operations[client][i], crash->at);
        for (int i = crash->sent[client]; i < before; i++)
            free(history->operations[client][i].queued);
    }
}

void crash_deinit(struct crash *crash)
{
    if (crash->has_happened)
        sim_disk_deinit(&crash->left);
}
