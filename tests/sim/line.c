#include "tests/sim/line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What a waiter got from the first key: its push, and the place in it. */
struct prize {
    const struct operation *push;
    int place;
};

static bool is_nil(const struct history *history, const struct operation *operation)
{
    return str_equal(texts_get(&history->texts, operation->reply), STR("*-1\r\n"));
}

/* Whether the reply's last bulk string is the text. */
static bool ends_with(struct str reply, struct str text)
{
    return reply.length > text.length + 3 && reply.bytes[reply.length - text.length - 3] == '\n' &&
           memcmp(reply.bytes + reply.length - text.length - 2, text.bytes, text.length) == 0;
}

static bool find_in_push(const struct history *history, struct str reply, const struct operation *push,
                         struct prize *prize)
{
    if (push->kind != OPERATION_RPUSH || push->keys[0] != 0)
        return false;
    for (int i = 0; i < push->value_count; i++) {
        if (!ends_with(reply, texts_get(&history->texts, push->values[i])))
            continue;
        *prize = (struct prize){push, i};
        return true;
    }
    return false;
}

/* BLMOVE waits for that alone; others are told the key. */
static bool came_from_first_key(const struct history *history, const struct operation *operation, struct str reply)
{
    char start[64];

    if (operation->kind == OPERATION_BLMOVE)
        return reply.bytes[0] == '$';
    snprintf(start, sizeof start, "*2\r\n$%zu\r\n%.*s\r\n", history->keys[0].length, (int)history->keys[0].length,
             history->keys[0].bytes);
    return reply.length > strlen(start) && memcmp(reply.bytes, start, strlen(start)) == 0;
}

/* False: it got nothing that was pushed to the first key. */
static bool find_prize(const struct history *history, const struct operation *operation, struct prize *prize)
{
    struct str reply = texts_get(&history->texts, operation->reply);

    if (operation->responded == NEVER || !came_from_first_key(history, operation, reply))
        return false;
    for (int client = 0; client < history->client_count; client++)
        for (int i = 0; i < history->operation_counts[client]; i++)
            if (find_in_push(history, reply, &history->operations[client][i], prize))
                return true;
    return false;
}

static bool lay_before(struct prize a, struct prize b)
{
    if (a.push == b.push)
        return a.place < b.place;
    if (a.push->client == b.push->client)
        return a.push < b.push;
    return a.push->responded < b.push->invoked;
}

/* An element that lay before the one that the first got has gone to somebody who came later. */
static bool was_overtaken(const struct history *history, const struct operation *first, const struct operation *later)
{
    struct prize prize, earlier;

    return later->stage > first->stage && find_prize(history, first, &prize) && find_prize(history, later, &earlier) &&
           lay_before(earlier, prize);
}

/* It was still waiting when all was at rest, and one behind it had been served. */
static bool was_passed_over(const struct history *history, const struct operation *first, const struct operation *later)
{
    struct prize prize;

    return later->stage > first->stage && first->served_stage > later->served_stage &&
           find_prize(history, later, &prize);
}

static bool check_line(const struct history *history, char *why, size_t why_bytes)
{
    for (int a = 0; a < history->client_count; a++)
        for (int b = 0; b < history->client_count; b++) {
            const struct operation *first = history->operations[a], *later = history->operations[b];

            if (!operation_may_wait(first) || !operation_may_wait(later))
                continue;
            if (was_overtaken(history, first, later) || was_passed_over(history, first, later)) {
                snprintf(why, why_bytes, "client %d, which came later, was served before client %d", b, a);
                return false;
            }
        }
    return true;
}

static bool may_be_unblocked(const struct history *history)
{
    for (int client = 0; client < history->client_count; client++)
        for (int i = 0; i < history->operation_counts[client]; i++)
            if (history->operations[client][i].kind == OPERATION_UNBLOCK ||
                history->operations[client][i].kind == OPERATION_UNBLOCK_ERROR)
                return true;
    return false;
}

static bool check_times(const struct history *history, char *why, size_t why_bytes)
{
    for (int client = 0; client < history->client_count; client++)
        for (int i = 0; i < history->operation_counts[client]; i++) {
            const struct operation *operation = &history->operations[client][i];

            if (!operation_may_wait(operation) || operation->responded == NEVER || !is_nil(history, operation) ||
                operation->responded_ms - operation->invoked_ms >= operation->deadline_ms)
                continue;
            snprintf(why, why_bytes, "client %d's time was over after %" PRId64 " of %" PRId64 " ms", client,
                     operation->responded_ms - operation->invoked_ms, operation->deadline_ms);
            return false;
        }
    return true;
}

bool line_check(const struct history *history, char *why, size_t why_bytes)
{
    if (history->in_line)
        return check_line(history, why, why_bytes);
    return may_be_unblocked(history) || check_times(history, why, why_bytes);
}
