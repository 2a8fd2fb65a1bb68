/* Clients that publish, and subscribe and unsubscribe all the time; between that they write and read keys, so that it
 * shows whether who hears of a write reads it. Some messages are a script's, which another shard executes. */
#include "tests/sim/workload.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHANNELS_MOST = 3 };

static enum operation_kind draw(struct dice *dice, bool listens)
{
    static const enum operation_kind listening[] = {OPERATION_SUBSCRIBE,     OPERATION_SUBSCRIBE, OPERATION_UNSUBSCRIBE,
                                                    OPERATION_PUBLISH,       OPERATION_GET,       OPERATION_GET,
                                                    OPERATION_SCRIPT_PUBLISH};
    static const enum operation_kind talking[] = {OPERATION_PUBLISH, OPERATION_PUBLISH, OPERATION_SCRIPT_PUBLISH,
                                                  OPERATION_SET,     OPERATION_SET,     OPERATION_ECHO};

    return listens ? listening[dice_below(dice, sizeof listening / sizeof *listening)]
                   : talking[dice_below(dice, sizeof talking / sizeof *talking)];
}

static uint32_t channel_name(struct dice *dice, struct history *history, int channels)
{
    char name[8];

    snprintf(name, sizeof name, "c%u", dice_below(dice, (uint32_t)channels));
    return texts_add(&history->texts, str_from(name));
}

/* "2.17": whose it is. */
static uint32_t message_text(struct history *history, int client, int number)
{
    char text[24];

    snprintf(text, sizeof text, "%d.%d", client, number);
    return texts_add(&history->texts, str_from(text));
}

static void plan_operation(const struct workload *workload, struct dice *dice, struct history *history,
                           struct operation *operation, int client, int number, bool listens, int channels)
{
    *operation = (struct operation){
        .kind = draw(dice, listens),
        .client = client,
        .value_count = 2,
        .invoked = NEVER,
        .responded = NEVER,
        .over = NEVER,
        .responded_ms = INT64_MAX / 2,
    };
    operation->values[0] = operation->kind <= OPERATION_ECHO
                               ? workload_draw_value(dice, &history->texts, client, number, 0)
                               : channel_name(dice, history, channels);
    operation->values[1] = message_text(history, client, number);
    if (operation->kind <= OPERATION_SET || operation->kind == OPERATION_SCRIPT_PUBLISH) {
        operation->key_count = 1;
        operation->keys[0] = (uint8_t)dice_below(dice, (uint32_t)workload->keys);
    }
}

void workload_plan_channels(const struct workload *workload, struct dice *dice, struct history *history)
{
    int channels = dice_between(dice, 1, CHANNELS_MOST);

    history->in_channels = true;
    history->client_count = workload->clients;
    history->last_stage = 1;
    for (int client = 0; client < workload->clients; client++) {
        int count = dice_between(dice, workload->operations_most / 4 + 1, workload->operations_most / 2 + 1);
        bool listens = client == 0 || !dice_one_in(dice, 3);

        history->operation_counts[client] = count;
        history->operations[client] = calloc((size_t)count, sizeof(struct operation));
        for (int i = 0; i < count; i++)
            plan_operation(workload, dice, history, &history->operations[client][i], client, i, listens, channels);
    }
}
