#include "tests/sim/workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shards/router.h"

enum { DEADLINE_STEP_MS = 4 }; /* so that keys share deadlines, which then have to come for all at once */

/* Each command is left out, rare or frequent, differently for each seed; in some seeds nearly all are left out. */
static void draw_weights(struct workload *workload, struct dice *dice)
{
    static const uint8_t weights[] = {0, 1, 4, 4};
    bool narrow = dice_one_in(dice, 3);

    for (int kind = 0; kind < OPERATION_KINDS; kind++)
        if (!narrow || dice_one_in(dice, 10))
            workload->weights[kind] = weights[dice_below(dice, 4)];
    workload->weights[OPERATION_GET] += 2;
    workload->weights[OPERATION_SET] += 2;
    workload->weights[OPERATION_MGET] += 2;
    if (!dice_one_in(dice, 3)) /* these leave little to see */
        workload->weights[OPERATION_FLUSHDB] = workload->weights[OPERATION_FLUSHALL] = 0;
    if (!dice_one_in(dice, 2))
        workload->weights[OPERATION_SWAPDB] = 0;
    if (workload->deadlines)
        workload->weights[OPERATION_DBSIZE] = 0;       /* counts keys that have expired and are not removed yet */
    if (workload->deadlines && dice_one_in(dice, 2)) { /* many readers of keys that die together */
        memset(workload->weights, 0, sizeof workload->weights);
        workload->weights[OPERATION_SET_PXAT] = 2;
        workload->weights[OPERATION_MGET] = workload->weights[OPERATION_EXISTS] = 3;
    }
    if (!workload->deadlines)
        workload->weights[OPERATION_SET_PX] = workload->weights[OPERATION_SET_PXAT] =
            workload->weights[OPERATION_PERSIST] = 0;
}

/* Long pipelines with few clients, so that the checker can still tell all orders apart. */
static int draw_window(const struct workload *workload, struct dice *dice)
{
    if (workload->breaks_off)
        return dice_between(dice, 1, 3);
    if (dice_one_in(dice, 3))
        return dice_between(dice, 1, 36 / workload->clients);
    return dice_between(dice, 1, 4);
}

void workload_draw(struct workload *workload, struct dice *dice)
{
    static const uint32_t ring_slots[] = {0, 0, 0, 1, 2, 4};

    *workload = (struct workload){
        .shards = dice_one_in(dice, 20) ? 1 : dice_between(dice, 2, dice_one_in(dice, 3) ? 8 : 3),
        .clients = dice_between(dice, 2, CLIENTS_MAX),
        .keys = dice_between(dice, 2, KEYS_MAX),
        .databases = dice_one_in(dice, 3) ? 2 : 1,
        .operations_most = dice_between(dice, 10, 120),
        .ring_slots = ring_slots[dice_below(dice, 6)],
        .spin_us = dice_one_in(dice, 8) ? dice_between(dice, 1, 20) : 0,
        .like_uring = dice_one_in(dice, 2),
        .deadlines = dice_one_in(dice, 4),
        .breaks_off = dice_one_in(dice, 6),
    };
    workload->window_most = draw_window(workload, dice);
    draw_weights(workload, dice);
}

/* Keys. */

static struct str key_on_shard(const struct router *router, struct texts *texts, int number, int shard)
{
    char name[24];

    for (int suffix = 0;; suffix++) {
        snprintf(name, sizeof name, "%c%d", 'a' + number, suffix);
        if (router_owner(router, str_from(name)) == shard)
            return texts_get(texts, texts_add(texts, str_from(name)));
    }
}

static void plan_keys(const struct workload *workload, struct dice *dice, const struct router *router,
                      struct history *history)
{
    int first = (int)dice_below(dice, (uint32_t)workload->shards);

    history->key_count = workload->keys;
    for (int i = 0; i < workload->keys; i++)
        history->keys[i] = key_on_shard(router, &history->texts, i, (first + i) % workload->shards);
}

/* Operations. */

static enum operation_kind draw_kind(const uint8_t weights[OPERATION_KINDS], struct dice *dice)
{
    uint32_t total = 0, drawn;
    int kind = 0;

    for (int i = 0; i < OPERATION_KINDS; i++)
        total += weights[i];
    drawn = dice_below(dice, total);
    while (drawn >= weights[kind])
        drawn -= weights[kind++];
    return (enum operation_kind)kind;
}

static int draw_key_count(struct dice *dice, enum operation_kind kind)
{
    switch (kind) {
    case OPERATION_ECHO:
    case OPERATION_DBSIZE:
    case OPERATION_FLUSHDB:
    case OPERATION_FLUSHALL:
    case OPERATION_SWAPDB:
        return 0;
    case OPERATION_RENAME:
    case OPERATION_RENAMENX:
    case OPERATION_COPY:
    case OPERATION_COPY_REPLACE:
        return 2;
    case OPERATION_MGET:
    case OPERATION_MSET:
    case OPERATION_DEL:
    case OPERATION_EXISTS:
    case OPERATION_MSETNX:
        return dice_between(dice, 1, OPERATION_KEYS_MAX);
    default:
        return 1;
    }
}

/* Some clients only look: what others do shows in what they see. */
static const uint8_t only_read[OPERATION_KINDS] = {[OPERATION_GET] = 6, [OPERATION_MGET] = 1, [OPERATION_EXISTS] = 1};

/* Unique, so that a reader shows whom it saw; a number now and then, for INCR. */
static uint32_t draw_value(struct dice *dice, struct texts *texts, int client, int number, int which)
{
    char value[48];

    if (dice_one_in(dice, 4))
        snprintf(value, sizeof value, "%d", (client + 1) * 1000000 + number * 1000 + which * 100);
    else
        snprintf(value, sizeof value, "<%d.%d.%d>", client, number, which);
    return texts_add(texts, str_from(value));
}

static void draw_operation(const struct workload *workload, struct dice *dice, const uint8_t weights[OPERATION_KINDS],
                           struct history *history, int64_t now_ms, struct operation *operation, int number)
{
    operation->kind = draw_kind(weights, dice);
    operation->key_count = draw_key_count(dice, operation->kind);
    operation->invoked = operation->responded = NEVER;
    operation->responded_ms = INT64_MAX / 2;
    for (int i = 0; i < operation->key_count; i++)
        operation->keys[i] = (uint8_t)dice_below(dice, (uint32_t)workload->keys);
    if (operation->key_count == 2 && operation->keys[0] == operation->keys[1])
        operation->keys[1] = (uint8_t)((operation->keys[0] + 1) % workload->keys); /* COPY refuses a key onto itself */
    for (int i = 0; i < OPERATION_KEYS_MAX; i++)
        operation->values[i] = draw_value(dice, &history->texts, operation->client, number, i);
    operation->deadline_ms = dice_between(dice, 1, 12);
    if (operation->kind == OPERATION_SET_PXAT)
        operation->deadline_ms = now_ms + dice_between(dice, 0, 8) * DEADLINE_STEP_MS;
}

void workload_plan(const struct workload *workload, struct dice *dice, const struct router *router, int64_t now_ms,
                   struct history *history)
{
    plan_keys(workload, dice, router, history);
    history->client_count = workload->clients;
    for (int client = 0; client < workload->clients; client++) {
        int count = dice_between(dice, workload->operations_most / 2, workload->operations_most);
        int db = (int)dice_below(dice, (uint32_t)workload->databases);
        const uint8_t *weights = dice_one_in(dice, 3) ? only_read : workload->weights;

        history->operation_counts[client] = count;
        history->operations[client] = calloc((size_t)count, sizeof(struct operation));
        for (int i = 0; i < count; i++) {
            struct operation *operation = &history->operations[client][i];

            operation->client = client;
            operation->db = db;
            draw_operation(workload, dice, weights, history, now_ms, operation, i);
        }
    }
}
