#include "tests/sim/channels.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct check {
    struct history *history;
    char *failure;
    size_t failure_bytes;
};

static bool fail(const struct check *check, const char *what, const struct operation *publish, int listener)
{
    struct str message = texts_get(&check->history->texts, publish->values[1]);
    struct str channel = texts_get(&check->history->texts, publish->values[0]);

    snprintf(check->failure, check->failure_bytes, "message %.*s of %.*s and client %d: %s", (int)message.length,
             message.bytes, (int)channel.length, channel.bytes, listener, what);
    return false;
}

static const struct operation *operation_at(const struct check *check, int client, int at)
{
    return &check->history->operations[client][at];
}

static const struct operation *published(const struct check *check, const struct heard *heard)
{
    return operation_at(check, heard->publisher, heard->number);
}

static bool changes(const struct operation *operation, const struct operation *publish)
{
    return (operation->kind == OPERATION_SUBSCRIBE || operation->kind == OPERATION_UNSUBSCRIBE) &&
           operation->values[0] == publish->values[0];
}

/* The answers before which it was heard tell whether he was subscribed. */
static bool was_subscribed(const struct check *check, const struct heard *heard)
{
    const struct operation *publish = published(check, heard);

    for (int at = heard->after - 1; at >= 0; at--) {
        const struct operation *operation = operation_at(check, heard->listener, at);

        if (changes(operation, publish))
            return operation->kind == OPERATION_SUBSCRIBE;
    }
    return false;
}

/* The second may not be heard before the first: the same client published both in this order, or whoever published
 * the second had heard the first. */
static bool is_cause(const struct check *check, const struct heard *first, const struct heard *second)
{
    const struct operation *later = published(check, second);

    if (first->publisher == second->publisher)
        return first->number < second->number;
    for (int i = 0; i < check->history->heard_count; i++) {
        const struct heard *heard = &check->history->heard[i];

        if (heard->listener == second->publisher && heard->publisher == first->publisher &&
            heard->number == first->number)
            return heard->at < later->invoked;
    }
    return false;
}

static bool check_order(const struct check *check, const struct heard *first, const struct heard *second)
{
    if (first->publisher == second->publisher && first->number == second->number)
        return fail(check, "heard twice", published(check, first), first->listener);
    if (is_cause(check, second, first)) {
        char what[64];

        snprintf(what, sizeof what, "heard behind %d.%d, which it had caused", first->publisher, first->number);
        return fail(check, what, published(check, second), second->listener);
    }
    return true;
}

static bool check_heard(const struct check *check, int at)
{
    const struct heard *heard = &check->history->heard[at];

    if (published(check, heard)->invoked == NEVER)
        return fail(check, "heard before it was sent", published(check, heard), heard->listener);
    if (!was_subscribed(check, heard))
        return fail(check, "heard while not subscribed", published(check, heard), heard->listener);
    for (int later = at + 1; later < check->history->heard_count; later++)
        if (check->history->heard[later].listener == heard->listener &&
            !check_order(check, heard, &check->history->heard[later]))
            return false;
    return true;
}

static bool has_heard(const struct check *check, int listener, const struct operation *publish, int number)
{
    for (int i = 0; i < check->history->heard_count; i++) {
        const struct heard *heard = &check->history->heard[i];

        if (heard->listener == listener && heard->publisher == publish->client && heard->number == number)
            return true;
    }
    return false;
}

/* Subscribed, or not, from before it was sent until after it was answered. 0: either, for that changed meanwhile. */
static int surely(const struct check *check, int listener, const struct operation *publish)
{
    int state = -1;

    for (int at = 0; at < check->history->operation_counts[listener]; at++) {
        const struct operation *operation = operation_at(check, listener, at);

        if (!changes(operation, publish) || operation->invoked == NEVER || operation->invoked >= publish->responded)
            continue;
        if (operation->responded >= publish->invoked && operation->client != publish->client)
            return 0;
        if (operation->client != publish->client || operation < publish)
            state = operation->kind == OPERATION_SUBSCRIBE ? 1 : -1;
    }
    return state;
}

static bool check_publish(const struct check *check, const struct operation *publish, int number)
{
    long counted = strtol(texts_get(&check->history->texts, publish->reply).bytes + 1, NULL, 10), heard = 0;

    for (int listener = 0; listener < check->history->client_count; listener++) {
        bool hears = has_heard(check, listener, publish, number);
        int sure = surely(check, listener, publish);

        heard += hears;
        if (sure > 0 && !hears)
            return fail(check, "not heard by who was subscribed", publish, listener);
        if (sure < 0 && hears)
            return fail(check, "heard by who was not subscribed", publish, listener);
    }
    return heard == counted || fail(check, "not heard by as many as were counted", publish, (int)counted);
}

static bool check_counts(const struct check *check)
{
    const struct history *history = check->history;

    for (int client = 0; client < history->client_count; client++)
        for (int at = 0; at < history->operation_counts[client]; at++) {
            const struct operation *operation = operation_at(check, client, at);

            if (operation_publishes(operation) && operation->responded != NEVER && !check_publish(check, operation, at))
                return false;
        }
    return true;
}

/* What was sent before the message, on the same connection, was done when it was heard. */
static void note_causes(const struct check *check)
{
    for (int i = 0; i < check->history->heard_count; i++) {
        const struct heard *heard = &check->history->heard[i];

        for (int at = 0; at <= heard->number; at++) {
            struct operation *operation = &check->history->operations[heard->publisher][at];

            if (operation->responded != NEVER && operation->responded > heard->at)
                operation->responded = heard->at;
        }
    }
}

bool channels_check(struct history *history, char *failure, size_t failure_bytes)
{
    struct check check = {history, failure, failure_bytes};

    for (int i = 0; i < history->heard_count; i++)
        if (!check_heard(&check, i))
            return false;
    if (!check_counts(&check))
        return false;
    note_causes(&check);
    return true;
}
