/* Transactions: all their commands at once, unless a key that their client watched was touched. */
#include "tests/sim/model.h"

#include <string.h>

static uint16_t bit_of(int db, int key)
{
    return (uint16_t)(1u << (db * KEYS_MAX + key));
}

/* Watching. */

static void touch(struct model *model, uint16_t keys)
{
    for (int client = 0; client < CLIENTS_MAX; client++)
        if (model->watched[client] & keys)
            model->touched[client] = 1;
}

static bool moves_one_to_another(enum operation_kind kind)
{
    return kind == OPERATION_RENAME || kind == OPERATION_RENAMENX || kind == OPERATION_COPY ||
           kind == OPERATION_COPY_REPLACE;
}

static bool is_done(const char *reply)
{
    return memcmp(reply, "+OK\r\n", 5) == 0 || memcmp(reply, ":1\r\n", 4) == 0;
}

/* All values differ, so what was changed differs; but for what takes the place of its like. */
static uint16_t touched_keys(const struct model *before, const struct model *after, const struct operation *operation,
                             const char *reply)
{
    bool swaps = operation->kind == OPERATION_SWAPDB;
    uint16_t touched = 0;

    for (int db = 0; db < DATABASES_MAX; db++)
        for (int key = 0; key < KEYS_MAX; key++) {
            const struct model_value *old = &before->values[db][key], *new = &after->values[db][key];

            if (memcmp(old, new, sizeof *old) != 0 || (swaps && old->text))
                touched |= bit_of(db, key);
        }
    if (moves_one_to_another(operation->kind) && is_done(reply))
        touched |= bit_of(operation->db, operation->keys[1]);
    if (operation->kind == OPERATION_BLMOVE && reply[0] == '$') /* the only element of a list, to its other end */
        touched |= bit_of(operation->db, operation->keys[0]);
    return touched;
}

static void apply_one(struct model *model, struct history *history, const struct operation *operation,
                      struct buffer *reply)
{
    struct model before = *model;
    size_t mark = reply->length;

    model_apply_command(model, history, operation, reply);
    touch(model, touched_keys(&before, model, operation, reply->bytes + mark));
}

static void watch(struct model *model, const struct operation *operation)
{
    for (int i = 0; i < operation->key_count; i++)
        model->watched[operation->client] |= bit_of(operation->db, operation->keys[i]);
}

static void unwatch(struct model *model, int client)
{
    model->watched[client] = model->touched[client] = 0;
}

/* Executing. */

static void apply_queued(struct model *model, struct history *history, const struct operation *operation,
                         struct buffer *reply)
{
    buffer_append_format(reply, "*%d\r\n", operation->queued_count);
    for (int i = 0; i < operation->queued_count; i++) {
        struct operation queued = operation->queued[i];

        queued.invoked_ms = operation->invoked_ms;
        queued.responded_ms = operation->responded_ms;
        apply_one(model, history, &queued, reply);
    }
}

static void apply_transaction(struct model *model, struct history *history, const struct operation *operation,
                              struct buffer *reply)
{
    bool touched = model->touched[operation->client];

    unwatch(model, operation->client);
    buffer_append_str(reply, STR("+OK\r\n"));
    for (int i = 0; i < operation->queued_count; i++)
        buffer_append_str(reply, STR("+QUEUED\r\n"));
    if (operation->kind == OPERATION_DISCARD)
        buffer_append_str(reply, STR("+OK\r\n"));
    else if (touched)
        buffer_append_str(reply, STR("*-1\r\n"));
    else
        apply_queued(model, history, operation, reply);
}

void model_apply(struct model *model, struct history *history, const struct operation *operation, struct buffer *reply)
{
    switch (operation->kind) {
    case OPERATION_WATCH:
        watch(model, operation);
        buffer_append_str(reply, STR("+OK\r\n"));
        break;
    case OPERATION_UNWATCH:
        unwatch(model, operation->client);
        buffer_append_str(reply, STR("+OK\r\n"));
        break;
    case OPERATION_EXEC:
    case OPERATION_DISCARD:
        apply_transaction(model, history, operation, reply);
        break;
    default:
        apply_one(model, history, operation, reply);
    }
}
