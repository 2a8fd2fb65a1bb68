#include "tests/sim/line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct complaint {
    char *why;
    size_t bytes;
};

/* What a waiter got: the push of its element, and the place in it. */
struct prize {
    const struct operation *push;
    int place;
};

static struct str reply_of(const struct history *history, const struct operation *operation)
{
    return texts_get(&history->texts, operation->reply);
}

static bool reply_is(const struct history *history, const struct operation *operation, struct str text)
{
    return operation->responded != NEVER && str_equal(reply_of(history, operation), text);
}

/* Calls until one says false. */
static bool each_operation(const struct history *history, struct complaint *complaint,
                           bool (*check)(const struct history *, const struct operation *, struct complaint *))
{
    for (int client = 0; client < history->client_count; client++)
        for (int i = 0; i < history->operation_counts[client]; i++)
            if (!check(history, &history->operations[client][i], complaint))
                return false;
    return true;
}

/* Keys. */

static bool waits_for(const struct operation *operation, int key)
{
    int count = operation->kind == OPERATION_BLMOVE ? 1 : operation->key_count;

    for (int i = 0; i < count; i++)
        if (operation->keys[i] == key)
            return true;
    return false;
}

/* BLMOVE waits for one key; others are told which. What was pending is not for all in line. */
static bool came_from(const struct history *history, const struct operation *operation, int key)
{
    struct str name = history->keys[key], reply = reply_of(history, operation);
    char text[64];
    size_t length = (size_t)snprintf(text, sizeof text, "$%zu\r\n%.*s\r\n", name.length, (int)name.length, name.bytes);

    if (operation->responded == NEVER || !waits_for(operation, key))
        return false;
    if (operation->kind == OPERATION_BLMOVE)
        return reply.bytes[0] == '$';
    return operation->kind != OPERATION_XREADGROUP_CLAIM && memmem(reply.bytes, reply.length, text, length);
}

/* Elements, where nothing but pushes puts them into the key. */

/* Whether the reply's last bulk string is the text. */
static bool ends_with(struct str reply, struct str text)
{
    return reply.length > text.length + 3 && reply.bytes[reply.length - text.length - 3] == '\n' &&
           memcmp(reply.bytes + reply.length - text.length - 2, text.bytes, text.length) == 0;
}

static bool find_in_push(const struct history *history, struct str reply, const struct operation *push, int key,
                         struct prize *prize)
{
    if (push->kind != OPERATION_RPUSH || push->keys[0] != key)
        return false;
    for (int i = 0; i < push->value_count; i++) {
        if (!ends_with(reply, texts_get(&history->texts, push->values[i])))
            continue;
        *prize = (struct prize){push, i};
        return true;
    }
    return false;
}

/* False: it got nothing that was pushed to that key. */
static bool find_prize(const struct history *history, const struct operation *operation, int key, struct prize *prize)
{
    if (!came_from(history, operation, key))
        return false;
    for (int client = 0; client < history->client_count; client++)
        for (int i = 0; i < history->operation_counts[client]; i++)
            if (find_in_push(history, reply_of(history, operation), &history->operations[client][i], key, prize))
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

/* The line. */

/* An element that lay before the one that the first got has gone to somebody behind it. */
static bool was_overtaken(const struct history *history, const struct operation *first, const struct operation *later,
                          int key)
{
    struct prize prize, earlier;

    return history->in_line && find_prize(history, first, key, &prize) && find_prize(history, later, key, &earlier) &&
           lay_before(earlier, prize);
}

/* It was still waiting when all was at rest, and one behind it had been served. */
static bool was_passed_over(const struct history *history, const struct operation *first, const struct operation *later,
                            int key)
{
    return waits_for(first, key) && came_from(history, later, key) && later->responded <= first->last_rest;
}

/* Whether they wait for values of one type. */
static bool wait_alike(const struct operation *a, const struct operation *b)
{
    if (a->kind == OPERATION_BZPOPMIN || b->kind == OPERATION_BZPOPMIN)
        return a->kind == b->kind;
    return operation_reads_group(a) == operation_reads_group(b);
}

/* Both have stood in line, so neither was served at once. */
static bool stands_before(const struct operation *first, const struct operation *later)
{
    return operation_may_wait(first) && operation_has_rested(first) && operation_has_rested(later) &&
           first->first_rest < later->invoked && first->db == later->db && wait_alike(first, later);
}

static bool check_pair(const struct history *history, const struct operation *first, const struct operation *later,
                       struct complaint *complaint)
{
    for (int key = 0; key < history->key_count && stands_before(first, later); key++) {
        if (!was_overtaken(history, first, later, key) && !was_passed_over(history, first, later, key))
            continue;
        snprintf(complaint->why, complaint->bytes, "client %d, which came later, was served before client %d",
                 later->client, first->client);
        return false;
    }
    return true;
}

static bool check_place(const struct history *history, const struct operation *later, struct complaint *complaint)
{
    if (!operation_may_wait(later))
        return true;
    for (int client = 0; client < history->client_count; client++)
        for (int i = 0; i < history->operation_counts[client]; i++)
            if (!check_pair(history, &history->operations[client][i], later, complaint))
                return false;
    return true;
}

/* CLIENT UNBLOCK. */

static bool is_unblock(const struct operation *operation)
{
    return operation->kind == OPERATION_UNBLOCK || operation->kind == OPERATION_UNBLOCK_ERROR;
}

/* Whether somebody may have unblocked it in this way. */
static bool may_be_unblocked(const struct history *history, const struct operation *operation, enum operation_kind how)
{
    for (int client = 0; client < history->client_count; client++)
        for (int i = 0; i < history->operation_counts[client]; i++) {
            const struct operation *other = &history->operations[client][i];

            if (other->kind == how && other->other == operation->client && other->invoked < operation->responded &&
                other->responded > operation->invoked && !reply_is(history, other, STR(":0\r\n")))
                return true;
        }
    return false;
}

/* Whom it speaks of had waited before, and does not afterwards. */
static bool check_unblock(const struct history *history, const struct operation *unblock, struct complaint *complaint)
{
    int target = unblock->other;

    if (!is_unblock(unblock) || unblock->responded == NEVER)
        return true;
    for (int i = 0; i < history->operation_counts[target]; i++) {
        const struct operation *operation = &history->operations[target][i];

        if (!operation_has_rested(operation) || operation->first_rest >= unblock->invoked ||
            operation->last_rest < unblock->responded)
            continue;
        snprintf(complaint->why, complaint->bytes, "client %d has unblocked client %d, which waits nevertheless",
                 unblock->client, target);
        return false;
    }
    return true;
}

/* Time. */

/* Nobody ends without a reason. */
static bool check_end(const struct history *history, const struct operation *operation, struct complaint *complaint)
{
    int64_t waited_ms = operation->responded_ms - operation->invoked_ms;
    bool in_time = operation->deadline_ms > 0 && waited_ms >= operation->deadline_ms;

    if (!operation_may_wait(operation) || operation->responded == NEVER)
        return true;
    if (reply_is(history, operation, STR("*-1\r\n")) && !in_time &&
        !may_be_unblocked(history, operation, OPERATION_UNBLOCK)) {
        snprintf(complaint->why, complaint->bytes, "client %d's time was over after %" PRId64 " of %" PRId64 " ms",
                 operation->client, waited_ms, operation->deadline_ms);
        return false;
    }
    if (reply_is(history, operation, STR("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")) &&
        !may_be_unblocked(history, operation, OPERATION_UNBLOCK_ERROR)) {
        snprintf(complaint->why, complaint->bytes, "client %d was unblocked by nobody", operation->client);
        return false;
    }
    return true;
}

bool line_check(const struct history *history, char *why, size_t why_bytes)
{
    struct complaint complaint = {why, why_bytes};

    return each_operation(history, &complaint, check_end) && each_operation(history, &complaint, check_unblock) &&
           each_operation(history, &complaint, check_place);
}
