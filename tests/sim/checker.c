#include "tests/sim/checker.h"

#include <stdlib.h>

#include "core/hash.h"
#include "core/memory.h"
#include "tests/sim/model.h"

enum { TRIED_SLOTS_FIRST = 1 << 12, TRIED_MOST = 1000 * 1000, REPLY_BYTES = 16384 };

/* How far the order has come: it holds the first at[i] operations of client i. */
struct place {
    int at[CLIENTS_MAX];
    int64_t now_ms; /* the clock has come this far at least; 0 where each shard may have its own */
    struct model model;
};

struct search {
    struct checker *checker;
    struct history *history;
    struct memory memory;
    struct buffer reply;
    int ordered_most;
};

void checker_init(struct checker *checker)
{
    *checker = (struct checker){0};
}

void checker_deinit(struct checker *checker)
{
    free(checker->tried);
}

/* What has been tried. */

static void tried_clear(struct checker *checker)
{
    if (checker->tried_slots > TRIED_SLOTS_FIRST) {
        free(checker->tried);
        checker->tried = NULL;
    }
    checker->tried_slots = TRIED_SLOTS_FIRST;
    checker->tried_count = 0;
    if (checker->tried)
        memset(checker->tried, 0, TRIED_SLOTS_FIRST * sizeof *checker->tried);
    else
        checker->tried = calloc(TRIED_SLOTS_FIRST, sizeof *checker->tried);
}

/* Where the hash is, or belongs. */
static uint64_t *tried_slot(const struct checker *checker, uint64_t hash)
{
    uint32_t at = (uint32_t)(hash >> 32) & (checker->tried_slots - 1);

    while (checker->tried[at] && checker->tried[at] != hash)
        at = (at + 1) & (checker->tried_slots - 1);
    return &checker->tried[at];
}

static void tried_grow(struct checker *checker)
{
    uint64_t *before = checker->tried;
    uint32_t count = checker->tried_slots;

    checker->tried_slots *= 2;
    checker->tried = calloc(checker->tried_slots, sizeof *checker->tried);
    for (uint32_t i = 0; i < count; i++)
        if (before[i])
            *tried_slot(checker, before[i]) = before[i];
    free(before);
}

/* False: it had been tried before. */
static bool try_first(struct checker *checker, const struct place *place)
{
    uint64_t hash = hash_digest((struct str){(const char *)place, sizeof *place}) | 1;
    uint64_t *slot = tried_slot(checker, hash);

    if (*slot)
        return false;
    *slot = hash;
    if (++checker->tried_count > checker->tried_slots / 2)
        tried_grow(checker);
    return true;
}

static const struct operation *next_of(const struct search *search, const struct place *place, int client)
{
    if (place->at[client] == search->history->operation_counts[client])
        return NULL;
    return &search->history->operations[client][place->at[client]];
}

static void note_progress(struct search *search, const struct place *place)
{
    int ordered = 0;

    for (int client = 0; client < CLIENTS_MAX; client++)
        ordered += place->at[client];
    if (ordered <= search->ordered_most)
        return;
    search->ordered_most = ordered;
    memcpy(search->checker->farthest, place->at, sizeof place->at);
}

static bool search_from(struct search *search, const struct place *place);

/* Deadlines: which of the operation's keys have passed theirs when it is executed. */

enum passed { PASSED_NO, PASSED_YES, PASSED_PERHAPS };

static enum passed has_passed(const struct model_value *value, const struct operation *operation, int64_t now_ms)
{
    if (!value->latest_ms || operation->responded_ms < value->earliest_ms)
        return PASSED_NO;
    return now_ms >= value->latest_ms ? PASSED_YES : PASSED_PERHAPS;
}

/* Bits of the keys (by their place in the operation) that have passed, or perhaps have. */
static void find_passed(const struct place *place, const struct operation *operation, int64_t now_ms, unsigned *passed,
                        unsigned *perhaps)
{
    *passed = *perhaps = 0;
    for (int i = 0; i < operation->key_count; i++) {
        enum passed it = has_passed(&place->model.values[operation->db][operation->keys[i]], operation, now_ms);

        *passed |= (unsigned)(it == PASSED_YES) << i;
        *perhaps |= (unsigned)(it == PASSED_PERHAPS) << i;
    }
}

/* Removes those keys. */
static void expire(struct place *place, const struct operation *operation, unsigned passed)
{
    for (int i = 0; i < operation->key_count; i++)
        if (passed >> i & 1)
            place->model.values[operation->db][operation->keys[i]] = (struct model_value){0};
}

/* Moves the one clock to where the chosen keys have passed their deadlines. False: others have by then, or the answer
 * had been given before. */
static bool move_clock(const struct place *place, const struct operation *operation, unsigned passed, int64_t *now_ms)
{
    const struct model_value *db = place->model.values[operation->db];

    for (int i = 0; i < operation->key_count; i++)
        if (passed >> i & 1 && *now_ms < db[operation->keys[i]].earliest_ms)
            *now_ms = db[operation->keys[i]].earliest_ms;
    for (int i = 0; i < operation->key_count; i++) {
        int64_t latest_ms = db[operation->keys[i]].latest_ms;

        if (!(passed >> i & 1) && latest_ms && *now_ms >= latest_ms)
            return false;
    }
    return *now_ms <= operation->responded_ms;
}

static bool answer_fits(struct search *search, struct place *place, const struct operation *operation)
{
    search->reply.length = 0;
    model_apply(&place->model, search->history, operation, &search->reply);
    return operation->responded == NEVER ||
           str_equal(buffer_str(&search->reply), texts_get(&search->history->texts, operation->reply));
}

/* The place after the operation, where the chosen keys have passed their deadlines. False: its answer says otherwise.
 */
static bool step(struct search *search, const struct place *place, const struct operation *operation, unsigned passed,
                 int64_t now_ms, struct place *next)
{
    if (!move_clock(place, operation, passed, &now_ms))
        return false;
    *next = *place;
    next->now_ms = now_ms;
    expire(next, operation, passed);
    if (!answer_fits(search, next, operation))
        return false;
    next->at[operation->client]++;
    return true;
}

static int64_t clock_at(const struct place *place, const struct operation *operation)
{
    return place->now_ms > operation->invoked_ms ? place->now_ms : operation->invoked_ms;
}

static bool only_reads(enum operation_kind kind)
{
    return kind == OPERATION_GET || kind == OPERATION_ECHO || kind == OPERATION_MGET || kind == OPERATION_EXISTS ||
           kind == OPERATION_DBSIZE || kind == OPERATION_LRANGE || kind == OPERATION_ZRANGE || kind == OPERATION_NAME;
}

/* EXEC was answered with nothing, after MULTI and each command. */
static bool is_aborted(const struct operation *operation, struct str reply)
{
    size_t before = strlen("+OK\r\n") + (size_t)operation->queued_count * strlen("+QUEUED\r\n");

    return str_equal((struct str){reply.bytes + before, reply.length - before}, STR("*-1\r\n"));
}

/* That it ends its own client's watches nobody else sees. */
static bool transaction_has_changed_nothing(const struct operation *operation, struct str reply)
{
    if (operation->kind == OPERATION_DISCARD || is_aborted(operation, reply))
        return true;
    for (int i = 0; i < operation->queued_count; i++)
        if (!only_reads(operation->queued[i].kind))
            return false;
    return true;
}

/* Whether the operation's answer shows that it has changed nothing, wherever it was executed. */
static bool has_changed_nothing(const struct search *search, const struct operation *operation)
{
    struct str reply = texts_get(&search->history->texts, operation->reply);

    if (operation->responded == NEVER)
        return false;
    if (reply.bytes[0] == '-')
        return true;
    if (only_reads(operation->kind))
        return true;
    switch (operation->kind) {
    case OPERATION_UNBLOCK:
    case OPERATION_UNBLOCK_ERROR:
    case OPERATION_KILL:
    case OPERATION_REWRITE:
    case OPERATION_APPEND_ONLY:
    case OPERATION_UNWATCH:
    case OPERATION_SUBSCRIBE:
    case OPERATION_UNSUBSCRIBE:
    case OPERATION_PUBLISH:
    case OPERATION_SCRIPT_PUBLISH:
        return true;
    case OPERATION_EXEC:
    case OPERATION_DISCARD:
        return transaction_has_changed_nothing(operation, reply);
    case OPERATION_BLPOP:
    case OPERATION_BRPOP:
    case OPERATION_BLMOVE:
    case OPERATION_BZPOPMIN:
    case OPERATION_XREADGROUP:
    case OPERATION_XREADGROUP_CLAIM:
        return str_equal(reply, STR("*-1\r\n"));
    case OPERATION_LPOP:
    case OPERATION_SETNX:
    case OPERATION_GETDEL:
        return str_equal(reply, STR("$-1\r\n"));
    case OPERATION_ZPOPMIN:
        return str_equal(reply, STR("*0\r\n"));
    case OPERATION_XACK:
    case OPERATION_DEL:
    case OPERATION_PERSIST:
    case OPERATION_MSETNX:
    case OPERATION_RENAMENX:
    case OPERATION_COPY:
    case OPERATION_COPY_REPLACE:
        return str_equal(reply, STR(":0\r\n"));
    default:
        return false;
    }
}

/* Whether something that has not been answered can be put before it only. */
static bool closes_a_door(const struct search *search, const struct place *place, const struct operation *operation)
{
    for (int client = 0; client < search->history->client_count; client++) {
        const struct operation *other = next_of(search, place, client);

        if (other && other->over < operation->invoked)
            return true;
    }
    return false;
}

/* Whether the operation gets its answer when it is put next, and changes nothing: then, if there is an order at all,
 * there is one with it here, and no other place for it needs to be tried. */
static bool is_free(struct search *search, const struct place *place, const struct operation *operation,
                    struct place *next)
{
    unsigned passed, perhaps;

    if (!has_changed_nothing(search, operation) || closes_a_door(search, place, operation))
        return false;
    find_passed(place, operation, clock_at(place, operation), &passed, &perhaps);
    return passed == 0 && perhaps == 0 && step(search, place, operation, 0, clock_at(place, operation), next) &&
           next->now_ms == place->now_ms;
}

/* Puts the operation next and goes on from there. */
static bool order_next(struct search *search, const struct place *place, const struct operation *operation)
{
    int64_t now_ms = clock_at(place, operation);
    unsigned passed, perhaps, chosen;
    struct place next;

    find_passed(place, operation, now_ms, &passed, &perhaps);
    chosen = perhaps;
    for (;;) {
        if (step(search, place, operation, passed | chosen, now_ms, &next) && search_from(search, &next))
            return true;
        if (chosen == 0)
            return false;
        chosen = (chosen - 1) & perhaps;
    }
}

/* The search. */

/* When the last of those that are ordered was asked: what was over before can no longer be put. */
static uint64_t last_invocation(const struct search *search, const struct place *place)
{
    uint64_t last = 0;

    for (int client = 0; client < search->history->client_count; client++) {
        uint64_t invoked =
            place->at[client] > 0 ? search->history->operations[client][place->at[client] - 1].invoked : 0;

        if (invoked > last)
            last = invoked;
    }
    return last;
}

/* When the first of those that are still to be ordered was answered: those that have to be, or those that may be lost.
 */
static uint64_t first_answer_of(const struct search *search, const struct place *place, bool may_be_lost)
{
    uint64_t first = NEVER;

    for (int client = 0; client < search->history->client_count; client++) {
        const struct operation *operation = next_of(search, place, client);

        if (operation && operation->may_be_lost == may_be_lost && operation->responded < first)
            first = operation->responded;
    }
    return first;
}

/* Operations that may come next: nothing that is still to be ordered was answered before they were asked, but what is
 * lost where they were not. In the order of their answers, which is the likeliest. Returns how many; -1: all that was
 * answered and had to survive is ordered. */
static int candidates(const struct search *search, const struct place *place,
                      const struct operation *found[CLIENTS_MAX])
{
    uint64_t first_answer = first_answer_of(search, place, false), first_lost = first_answer_of(search, place, true);
    uint64_t last = last_invocation(search, place);
    int count = 0;

    if (first_answer == NEVER)
        return -1;
    for (int client = 0; client < search->history->client_count; client++) {
        const struct operation *operation = next_of(search, place, client);
        int at = count;

        if (!operation || operation->invoked == NEVER || operation->invoked > first_answer || operation->over < last)
            continue;
        if (operation->may_be_lost && operation->invoked > first_lost)
            continue;
        for (; at > 0 && found[at - 1]->responded > operation->responded; at--)
            found[at] = found[at - 1];
        found[at] = operation;
        count++;
    }
    return count;
}

static bool search_from(struct search *search, const struct place *place)
{
    const struct operation *found[CLIENTS_MAX];
    int count = candidates(search, place, found);
    struct place next;

    if (count < 0)
        return true;
    if (search->checker->tried_count >= TRIED_MOST || !try_first(search->checker, place))
        return false;
    note_progress(search, place);
    for (int i = 0; i < count; i++)
        if (is_free(search, place, found[i], &next))
            return search_from(search, &next);
    for (int i = 0; i < count; i++)
        if (order_next(search, place, found[i]))
            return true;
    return false;
}

enum verdict checker_check(struct checker *checker, struct history *history)
{
    char reply[REPLY_BYTES];
    struct search search = {.checker = checker, .history = history};
    struct place start;

    tried_clear(checker);
    memset(&start, 0, sizeof start);
    memset(checker->farthest, 0, sizeof checker->farthest);
    buffer_init(&search.reply, &search.memory, reply, sizeof reply);
    bool holds = search_from(&search, &start);

    buffer_deinit(&search.reply);
    if (holds)
        return VERDICT_HOLDS;
    return checker->tried_count >= TRIED_MOST ? VERDICT_UNDECIDED : VERDICT_BROKEN;
}
