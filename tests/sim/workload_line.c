/* Clients that come to wait for the first key one after another: each begins when all is at rest, so the line is known.
 * Some wait for further keys, too, on other shards; one may leave, and one be unblocked, at any time. The others push.
 *
 * Stages: one for each who waits, then those of the pushes, then the end of all waiting. */
#include "tests/sim/workload.h"

#include <stdlib.h>

enum { PUSHES_MOST = 12, PUSH_STAGES = 3, KILL_OPERATIONS = 2 };

static struct operation *begin_operations(struct history *history, int client, int count)
{
    struct operation *operations = calloc((size_t)count, sizeof *operations);

    history->operations[client] = operations;
    history->operation_counts[client] = count;
    for (int i = 0; i < count; i++)
        operations[i] = (struct operation){
            .client = client,
            .invoked = NEVER,
            .responded = NEVER,
            .over = NEVER,
            .responded_ms = INT64_MAX / 2,
        };
    return operations;
}

static int other_key(const struct workload *workload, struct dice *dice)
{
    return dice_between(dice, 1, workload->keys - 1);
}

/* Of the commands that are alike, that of the type in use. */
static enum operation_kind of_type(const struct workload *workload, enum operation_kind list,
                                   enum operation_kind sorted, enum operation_kind stream)
{
    return workload->streams ? stream : workload->sorted ? sorted : list;
}

static void plan_wait(const struct workload *workload, struct dice *dice, struct operation *operation)
{
    operation->kind = of_type(workload, OPERATION_BLPOP, OPERATION_BZPOPMIN, OPERATION_XREADGROUP);
    if (operation->kind == OPERATION_BLPOP && dice_one_in(dice, 3))
        operation->kind = OPERATION_BLMOVE;
    if (operation->kind == OPERATION_BLMOVE)
        operation->key_count = 2;
    else
        operation->key_count = dice_one_in(dice, 4) ? 1 : dice_between(dice, 2, OPERATION_KEYS_MAX);
    for (int i = 0; i < operation->key_count; i++)
        operation->keys[i] = (uint8_t)other_key(workload, dice);
    if (operation->kind == OPERATION_BLMOVE)
        operation->keys[0] = 0;
    else
        operation->keys[dice_one_in(dice, 2) ? 0 : dice_below(dice, (uint32_t)operation->key_count)] = 0;
}

/* Now and then somebody takes an element away from under those who wait. */
static void plan_push(const struct workload *workload, struct dice *dice, struct history *history,
                      struct operation *operation, int number)
{
    operation->kind = dice_one_in(dice, 8) ? of_type(workload, OPERATION_LPOP, OPERATION_ZPOPMIN, OPERATION_XACK)
                                           : of_type(workload, OPERATION_RPUSH, OPERATION_ZADD, OPERATION_XADD);
    operation->other = number + 1;
    operation->key_count = 1;
    operation->keys[0] = (uint8_t)(dice_one_in(dice, 2) ? other_key(workload, dice) : 0);
    operation->value_count = dice_one_in(dice, 3) ? dice_between(dice, 1, OPERATION_KEYS_MAX) : 1;
    for (int i = 0; i < operation->value_count; i++)
        operation->values[i] = workload_draw_value(dice, &history->texts, operation->client, number, i);
}

/* Somebody is killed just when he comes, and then there is something for him. */
static void plan_kill(const struct workload *workload, struct operation *operations, int target, int stage)
{
    for (int i = 0; i < KILL_OPERATIONS; i++)
        operations[i].stage = stage;
    operations[0].kind = OPERATION_KILL;
    operations[0].key_count = 0;
    operations[0].other = target;
    operations[1].kind = of_type(workload, OPERATION_RPUSH, OPERATION_ZADD, OPERATION_XADD);
    operations[1].key_count = 1;
    operations[1].keys[0] = 0;
}

static void plan_pusher(const struct workload *workload, struct dice *dice, struct history *history, int client,
                        int waiters, int first, bool ends_all)
{
    int pushes = dice_between(dice, 1, PUSHES_MOST), count = pushes + (ends_all ? waiters : 0);
    int unblock_at = dice_one_in(dice, 4) ? (int)dice_below(dice, (uint32_t)pushes) : -1;
    struct operation *operations = begin_operations(history, client, count);

    for (int i = 0; i < pushes; i++) {
        plan_push(workload, dice, history, &operations[i], i);
        operations[i].stage = waiters + i * PUSH_STAGES / pushes;
        if (i == unblock_at) {
            operations[i].kind = OPERATION_UNBLOCK;
            operations[i].key_count = 0;
            operations[i].other = (int)dice_below(dice, (uint32_t)waiters);
        }
    }
    if (pushes >= KILL_OPERATIONS && dice_one_in(dice, 2)) {
        int target = (int)dice_below(dice, (uint32_t)waiters);

        plan_kill(workload, operations, target, (first + target) % waiters);
    }
    for (int i = 0; i < count - pushes; i++) {
        operations[pushes + i].kind = dice_one_in(dice, 2) ? OPERATION_UNBLOCK : OPERATION_UNBLOCK_ERROR;
        operations[pushes + i].stage = waiters + PUSH_STAGES;
        operations[pushes + i].other = i;
    }
}

void workload_plan_line(const struct workload *workload, struct dice *dice, struct history *history)
{
    int waiters = workload->clients > 2 ? dice_between(dice, 2, workload->clients - 1) : 1;
    int first = (int)dice_below(dice, (uint32_t)waiters);

    history->in_line = true;
    history->client_count = workload->clients;
    history->last_stage = waiters + PUSH_STAGES + 1;
    for (int client = 0; client < waiters; client++) {
        struct operation *operation = begin_operations(history, client, 1);

        plan_wait(workload, dice, operation);
        operation->stage = (first + client) % waiters;
        if (dice_one_in(dice, 6))
            history->leave_stages[client] = dice_between(dice, waiters, waiters + PUSH_STAGES);
    }
    for (int client = waiters; client < workload->clients; client++)
        plan_pusher(workload, dice, history, client, waiters, first, client == waiters);
}
