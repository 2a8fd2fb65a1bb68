#include "tests/sim/workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "shards/router.h"

enum {
    DEADLINE_STEP_MS = 4, /* so that keys share deadlines, which then have to come for all at once */
    WAIT_LONG_MS = 5000,
};

/* Sorted sets in the place of the lists, or both in the same keys. */
static void draw_sorted_weights(struct workload *workload, struct dice *dice)
{
    static const enum operation_kind kinds[][2] = {
        {OPERATION_RPUSH, OPERATION_ZADD},    {OPERATION_LPOP, OPERATION_ZPOPMIN},
        {OPERATION_LRANGE, OPERATION_ZRANGE}, {OPERATION_BLPOP, OPERATION_BZPOPMIN},
        {OPERATION_BRPOP, OPERATION_BRPOP},   {OPERATION_BLMOVE, OPERATION_BLMOVE}};
    bool both = dice_one_in(dice, 3);

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        uint8_t weight = workload->weights[kinds[i][0]];

        if (!both)
            workload->weights[kinds[i][0]] = 0;
        if (kinds[i][1] != kinds[i][0])
            workload->weights[kinds[i][1]] = weight;
    }
}

/* Nothing takes a stream's group away. */
static void draw_stream_weights(struct workload *workload, struct dice *dice)
{
    uint8_t unblock = workload->weights[OPERATION_UNBLOCK], kill = workload->weights[OPERATION_KILL];

    memset(workload->weights, 0, sizeof workload->weights);
    workload->claims = dice_one_in(dice, 2);
    workload->weights[OPERATION_XADD] = (uint8_t)dice_between(dice, 2, 8);
    workload->weights[OPERATION_XREADGROUP] = (uint8_t)dice_between(dice, 1, 5);
    workload->weights[OPERATION_UNBLOCK] = workload->weights[OPERATION_UNBLOCK_ERROR] = unblock > 0;
    if (dice_one_in(dice, 2))
        workload->weights[OPERATION_XACK] = 2;
    if (workload->claims) {
        workload->weights[OPERATION_XREADGROUP_CLAIM] = (uint8_t)dice_between(dice, 1, 5);
        workload->breaks_off = false; /* what somebody has claimed who has left, nobody can tell */
    } else {
        workload->weights[OPERATION_KILL] = kill;
    }
}

static void draw_list_weights(struct workload *workload, struct dice *dice)
{
    static const enum operation_kind list_kinds[] = {OPERATION_LPOP,         OPERATION_LRANGE, OPERATION_BLPOP,
                                                     OPERATION_BRPOP,        OPERATION_BLMOVE, OPERATION_UNBLOCK,
                                                     OPERATION_UNBLOCK_ERROR};
    static const enum operation_kind string_kinds[] = {
        OPERATION_SET,    OPERATION_SETNX, OPERATION_SET_PX, OPERATION_SET_PXAT, OPERATION_APPEND, OPERATION_INCR,
        OPERATION_MSETNX, OPERATION_MSET,  OPERATION_GET,    OPERATION_GETDEL,   OPERATION_SCRIPT};
    static const uint8_t weights[] = {0, 1, 3, 6};

    for (size_t i = 0; i < sizeof list_kinds / sizeof *list_kinds; i++)
        workload->weights[list_kinds[i]] = weights[dice_below(dice, 4)];
    workload->weights[OPERATION_BLPOP] += 2;
    workload->weights[OPERATION_RPUSH] = (uint8_t)dice_between(dice, 4, 16);
    if (!dice_one_in(dice, 2))
        workload->weights[OPERATION_UNBLOCK] = workload->weights[OPERATION_UNBLOCK_ERROR] = 0;
    if (dice_one_in(dice, 4)) { /* waiters that are killed, and pushes right after that */
        memset(workload->weights, 0, sizeof workload->weights);
        workload->weights[OPERATION_RPUSH] = workload->weights[OPERATION_BLPOP] = 4;
        workload->weights[OPERATION_KILL] = 1;
        workload->window_most = 1;
        workload->keys = 2;
    }
    if (dice_one_in(dice, 4))
        return; /* strings and lists in the same keys: most answers are errors */
    for (size_t i = 0; i < sizeof string_kinds / sizeof *string_kinds; i++)
        workload->weights[string_kinds[i]] = 0;
    workload->weights[OPERATION_MGET] = 0;
}

/* What the transactions contain is drawn by the other weights. Nobody can tell when a watched key has expired. */
static void draw_transaction_weights(struct workload *workload, struct dice *dice)
{
    static const uint8_t weights[] = {1, 3, 10, 30};

    workload->weights[OPERATION_EXEC] = weights[dice_below(dice, 4)];
    workload->weights[OPERATION_NAME] = dice_one_in(dice, 4);
    workload->weights[OPERATION_DISCARD] = dice_one_in(dice, 4);
    if (workload->deadlines)
        return;
    workload->weights[OPERATION_WATCH] = dice_one_in(dice, 2) ? weights[dice_below(dice, 3)] : 0;
    workload->weights[OPERATION_UNWATCH] = dice_one_in(dice, 3);
}

/* Rare: each goes on for long. */
static void draw_rewriting_weights(struct workload *workload, struct dice *dice)
{
    workload->weights[OPERATION_REWRITE] = dice_one_in(dice, 2);
    workload->switches = dice_one_in(dice, 4);
    workload->weights[OPERATION_APPEND_ONLY] = workload->switches ? 2 : 0;
}

/* Each command is left out, rare or frequent, differently for each seed; in some seeds nearly all are left out. */
static void draw_weights(struct workload *workload, struct dice *dice)
{
    static const uint8_t weights[] = {0, 1, 4, 4};
    bool narrow = dice_one_in(dice, 3);

    for (int kind = 0; kind < OPERATION_RPUSH; kind++)
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
    if (dice_one_in(dice, workload->breaks_off || workload->lists ? 2 : 20))
        workload->weights[OPERATION_KILL] = 1;
    if (workload->lists)
        draw_list_weights(workload, dice);
    if (workload->sorted)
        draw_sorted_weights(workload, dice);
    if (workload->streams)
        draw_stream_weights(workload, dice);
    workload->weights[OPERATION_SCRIPT] = workload->scripts ? (uint8_t)dice_between(dice, 2, 8) : 0;
    if (workload->transactions)
        draw_transaction_weights(workload, dice);
    if (workload->appends)
        draw_rewriting_weights(workload, dice);
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

void workload_draw(struct workload *workload, struct dice *dice, bool crashes)
{
    static const uint32_t ring_slots[] = {0, 0, 0, 1, 2, 4}, move_least[] = {0, 1, 2, 4};

    *workload = (struct workload){
        .shards = dice_one_in(dice, 20) ? 1 : dice_between(dice, 2, dice_one_in(dice, 3) ? 8 : 3),
        .clients = dice_between(dice, 2, ACTIVE_MAX),
        .keys = dice_between(dice, 2, KEYS_MAX),
        .databases = dice_one_in(dice, 3) ? 2 : 1,
        .operations_most = dice_between(dice, 10, 120),
        .ring_slots = ring_slots[dice_below(dice, 6)],
        .move_least = move_least[dice_below(dice, 4)],
        .spin_us = dice_one_in(dice, 8) ? dice_between(dice, 1, 20) : 0,
        .like_uring = dice_one_in(dice, 2),
        .deadlines = dice_one_in(dice, 3),
        .breaks_off = dice_one_in(dice, 6),
    };
    workload->appends = dice_one_in(dice, 3) || crashes;
    workload->fsync = dice_one_in(dice, 4) ? CONFIG_FSYNC_EVERYSEC : CONFIG_FSYNC_ALWAYS;
    workload->in_channels = dice_one_in(dice, 7) && !crashes;
    if (workload->in_channels) {
        workload->breaks_off = workload->deadlines = false;
        workload->databases = 1;
        workload->window_most = draw_window(workload, dice);
        return;
    }
    workload->lists = workload->deadlines ? dice_one_in(dice, 4) : !dice_one_in(dice, 3);
    workload->in_line = workload->lists && dice_one_in(dice, 2) && !crashes;
    if (workload->in_line)
        workload->breaks_off = workload->deadlines = false;
    if (workload->in_line && dice_one_in(dice, 2))
        workload->ring_slots = 1; /* so that what goes round for a waiter is held up */
    workload->sorted = workload->lists && dice_one_in(dice, 5);
    workload->streams = workload->lists && !workload->sorted && dice_one_in(dice, 5) && !crashes;
    if (workload->streams)
        workload->deadlines = false;
    workload->scripts = !workload->lists && dice_one_in(dice, 2);
    workload->transactions = !workload->in_line && !workload->streams && dice_one_in(dice, 2);
    workload->window_most = workload->in_line && dice_one_in(dice, 2) ? 1 : draw_window(workload, dice);
    workload->crashes =
        workload->appends && !workload->streams && !workload->in_line && (!dice_one_in(dice, 4) || crashes);
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
    case OPERATION_UNBLOCK:
    case OPERATION_UNBLOCK_ERROR:
    case OPERATION_KILL:
    case OPERATION_REWRITE:
    case OPERATION_APPEND_ONLY:
    case OPERATION_NAME:
    case OPERATION_UNWATCH:
        return 0;
    case OPERATION_RENAME:
    case OPERATION_RENAMENX:
    case OPERATION_COPY:
    case OPERATION_COPY_REPLACE:
    case OPERATION_BLMOVE:
    case OPERATION_SCRIPT:
        return 2;
    case OPERATION_MGET:
    case OPERATION_MSET:
    case OPERATION_DEL:
    case OPERATION_EXISTS:
    case OPERATION_MSETNX:
    case OPERATION_BLPOP:
    case OPERATION_BRPOP:
    case OPERATION_BZPOPMIN:
    case OPERATION_XREADGROUP:
    case OPERATION_XREADGROUP_CLAIM:
    case OPERATION_WATCH:
        return dice_between(dice, 1, OPERATION_KEYS_MAX);
    default:
        return 1;
    }
}

/* Some clients only look: what others do shows in what they see. */
static const uint8_t only_read[OPERATION_KINDS] = {[OPERATION_GET] = 6, [OPERATION_MGET] = 1, [OPERATION_EXISTS] = 1};

static const uint8_t only_read_at_once[OPERATION_KINDS] = {
    [OPERATION_GET] = 6, [OPERATION_MGET] = 1, [OPERATION_EXEC] = 4};

uint32_t workload_draw_value(struct dice *dice, struct texts *texts, int client, int number, int which)
{
    char value[48];

    if (dice_one_in(dice, 4))
        snprintf(value, sizeof value, "%d", (client + 1) * 10000000 + number * 10000 + which * 100);
    else
        snprintf(value, sizeof value, "<%d.%d.%d>", client, number, which);
    return texts_add(texts, str_from(value));
}

/* Of the kind that it is. first_value: of its values. */
static void draw_arguments(const struct workload *workload, struct dice *dice, struct history *history, int64_t now_ms,
                           struct operation *operation, int number, int first_value)
{
    operation->key_count = draw_key_count(dice, operation->kind);
    operation->invoked = operation->responded = NEVER;
    operation->over = NEVER;
    operation->responded_ms = INT64_MAX / 2;
    operation->other = (int)dice_below(dice, (uint32_t)workload->clients);
    if (operation->kind == OPERATION_XACK)
        operation->other = dice_between(dice, 1, 20);
    operation->claim_ms = dice_one_in(dice, 4) ? 0 : dice_between(dice, 1, 40);
    operation->value_count = dice_one_in(dice, 3) ? dice_between(dice, 1, OPERATION_KEYS_MAX) : 1;
    for (int i = 0; i < operation->key_count; i++)
        operation->keys[i] = (uint8_t)dice_below(dice, (uint32_t)workload->keys);
    if (operation->key_count == 2 && operation->keys[0] == operation->keys[1] && operation->kind != OPERATION_BLMOVE)
        operation->keys[1] = (uint8_t)((operation->keys[0] + 1) % workload->keys); /* COPY refuses a key onto itself */
    for (int i = 0; i < OPERATION_KEYS_MAX; i++)
        operation->values[i] = workload_draw_value(dice, &history->texts, operation->client, number, first_value + i);
    operation->deadline_ms = dice_between(dice, 1, 12);
    if (operation->kind == OPERATION_SET_PXAT)
        operation->deadline_ms = now_ms + dice_between(dice, 0, 8) * DEADLINE_STEP_MS;
    if (operation_may_wait(operation))
        operation->deadline_ms = dice_one_in(dice, 3) ? WAIT_LONG_MS : dice_between(dice, 1, 30);
}

/* Blocking commands do not wait in it; BLMOVE says so in words of its own. The model
 * looks for deadlines that have passed where a transaction begins. */
static bool may_be_queued(const struct workload *workload, enum operation_kind kind)
{
    if (kind == OPERATION_SWAPDB || kind == OPERATION_SET_PXAT)
        return !workload->deadlines; /* these bring deadlines that may have passed */
    return kind < OPERATION_XGROUP || kind == OPERATION_BLPOP || kind == OPERATION_BRPOP ||
           kind == OPERATION_BZPOPMIN || kind == OPERATION_NAME;
}

static void add_keys_of(struct operation *transaction, const struct operation *queued)
{
    for (int i = 0; i < queued->key_count; i++)
        if (transaction->key_count == 0 || !memchr(transaction->keys, queued->keys[i], (size_t)transaction->key_count))
            transaction->keys[transaction->key_count++] = queued->keys[i];
}

static void draw_queued(const struct workload *workload, struct dice *dice, const uint8_t weights[OPERATION_KINDS],
                        struct history *history, int64_t now_ms, struct operation *transaction, int number)
{
    int count = dice_one_in(dice, 20) ? 0 : dice_between(dice, 1, QUEUED_MAX);

    transaction->key_count = 0;
    transaction->queued_count = count;
    transaction->queued = calloc((size_t)count + 1, sizeof *transaction->queued);
    for (int i = 0; i < count; i++) {
        struct operation *queued = &transaction->queued[i];

        queued->client = transaction->client;
        queued->db = transaction->db;
        queued->kind = draw_kind(weights, dice);
        if (!may_be_queued(workload, queued->kind))
            queued->kind = OPERATION_GET;
        draw_arguments(workload, dice, history, now_ms, queued, number, (i + 1) * OPERATION_KEYS_MAX);
        add_keys_of(transaction, queued);
    }
}

static void draw_operation(const struct workload *workload, struct dice *dice, const uint8_t weights[OPERATION_KINDS],
                           struct history *history, int64_t now_ms, struct operation *operation, int number)
{
    operation->kind = draw_kind(weights, dice);
    draw_arguments(workload, dice, history, now_ms, operation, number, 0);
    if (operation_is_transaction(operation))
        draw_queued(workload, dice, weights, history, now_ms, operation, number);
}

static void plan_one_look(struct operation *operation, enum operation_kind kind, int client, int db, int key, int stage)
{
    *operation = (struct operation){
        .kind = kind,
        .client = client,
        .db = db,
        .key_count = 1,
        .keys = {(uint8_t)key},
        .stage = stage,
        .deadline_ms = 1,
        .invoked = NEVER,
        .responded = NEVER,
        .over = NEVER,
        .responded_ms = INT64_MAX / 2,
    };
}

/* At the end somebody looks at all keys of each database: what is there has to be explained, too. Before all begins
 * they found the groups. */
static void plan_look(const struct workload *workload, struct history *history, int db)
{
    static const enum operation_kind looks[] = {OPERATION_GET, OPERATION_LRANGE, OPERATION_ZRANGE};
    static const enum operation_kind looks_at_streams[] = {OPERATION_XREADGROUP, OPERATION_XREADGROUP, OPERATION_GET};
    int client = history->client_count++, count = 0;
    struct operation *operations = calloc((size_t)workload->keys * 4, sizeof *operations);

    for (int key = 0; key < workload->keys && workload->streams; key++)
        plan_one_look(&operations[count++], OPERATION_XGROUP, client, db, key, 0);
    for (int key = 0; key < workload->keys; key++)
        for (int i = 0; i < 3; i++)
            plan_one_look(&operations[count++], (workload->streams ? looks_at_streams : looks)[i], client, db, key,
                          history->last_stage);
    history->operations[client] = operations;
    history->operation_counts[client] = count;
}

/* There is a stage before the others. */
static void shift_stages(struct history *history)
{
    history->last_stage++;
    for (int client = 0; client < history->client_count; client++) {
        history->leave_stages[client] += history->leave_stages[client] > 0;
        for (int i = 0; i < history->operation_counts[client]; i++)
            history->operations[client][i].stage++;
    }
}

static void plan_pipelines(const struct workload *workload, struct dice *dice, int64_t now_ms, struct history *history)
{
    history->client_count = workload->clients;
    history->last_stage = 1;
    for (int client = 0; client < workload->clients; client++) {
        int count = dice_between(dice, workload->operations_most / 2, workload->operations_most);
        int db = (int)dice_below(dice, (uint32_t)workload->databases);
        const uint8_t *readers = workload->transactions && dice_one_in(dice, 2) ? only_read_at_once : only_read;
        const uint8_t *weights = dice_one_in(dice, 3) ? readers : workload->weights;

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

void workload_plan(const struct workload *workload, struct dice *dice, const struct router *router, int64_t now_ms,
                   struct history *history)
{
    plan_keys(workload, dice, router, history);
    if (workload->in_channels)
        workload_plan_channels(workload, dice, history);
    else if (workload->in_line)
        workload_plan_line(workload, dice, history);
    else
        plan_pipelines(workload, dice, now_ms, history);
    if (workload->streams)
        shift_stages(history);
    for (int db = 0; db < workload->databases; db++)
        plan_look(workload, history, db);
}
