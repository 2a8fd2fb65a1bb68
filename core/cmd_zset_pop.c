/* Taking the lowest or highest members out, at once or when there are some. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/effects.h"
#include "core/zset_call.h"

static const char out_of_range[] = "ERR value is out of range, must be positive";

/* Of one of several keys, and maybe long after it was called. */
static void record_pop(const struct call *call, struct str name, bool highest, size_t count)
{
    char digits[NUMBER_TEXT_MAX];

    if (count > 0 && call_is_journaled(call, name))
        CALL_RECORD(call, name, highest ? STR("ZPOPMAX") : STR("ZPOPMIN"), name,
                    {digits, number_format_integer(digits, (int64_t)count)});
}

/* Takes out `count` members from one end, as far as there are so many. pairs: each is an array of its own. */
static void pop(struct call *call, struct zset_key *key, bool highest, int64_t count, bool pairs)
{
    size_t size = zset_count(&key->zset), taken = (uint64_t)count < size ? (size_t)count : size;
    size_t first = highest ? size - taken : 0;
    struct zset_element element;
    struct zset_walk walk;

    zset_walk_begin(&walk, &key->zset, first, taken, highest);
    while (zset_walk_next(&walk, &element)) {
        if (pairs)
            reply_array(call->reply, 2);
        reply_bulk(call->reply, element.member);
        reply_double(call->reply, element.score);
    }
    zset_remove_ranks(&key->zset, first, taken);
    zset_key_close(call, key, highest ? "zpopmax" : "zpopmin", taken);
    record_pop(call, key->name, highest, taken);
}

static void pop_one_key(struct call *call, bool highest)
{
    bool pairs = call->argc == 3 && call->reply->protocol == 3;
    struct zset_key key;
    int64_t count = 1;

    if (call->argc > 3) {
        args_syntax_error(call->reply);
        return;
    }
    if (call->argc == 3 && !args_integer_in(call->reply, call->argv[2], 0, INT64_MAX, out_of_range, &count))
        return;
    if (!zset_key_open(call, call->argv[1], &key))
        return;
    size_t size = zset_count(&key.zset), taken = (uint64_t)count < size ? (size_t)count : size;
    reply_array(call->reply, (int64_t)(pairs ? taken : 2 * taken));
    pop(call, &key, highest, count, pairs);
}

void cmd_zpopmin(struct call *call)
{
    pop_one_key(call, false);
}

void cmd_zpopmax(struct call *call)
{
    pop_one_key(call, true);
}

/* Which keys to look at, in this order. */
struct candidates {
    const struct str *names;
    int64_t count;
};

enum search { FOUND, NOTHING, ANSWERED };

/* ANSWERED: one of another type came first, and WRONGTYPE has been answered. */
static enum search first_filled(struct call *call, struct candidates keys, struct zset_key *key)
{
    for (int64_t i = 0; i < keys.count; i++) {
        if (!zset_key_open(call, keys.names[i], key))
            return ANSWERED;
        if (key->entry != NULL)
            return FOUND;
    }
    return NOTHING;
}

/* What ZMPOP and BZMPOP say behind their keys. */
struct zmpop {
    struct candidates keys;
    bool highest;
    int64_t count;
};

static bool zmpop_count(struct call *call, int at, struct zmpop *zmpop)
{
    if (at >= call->argc)
        return true;
    if (!arg_is(call->argv[at], "count") || at + 1 >= call->argc) {
        args_syntax_error(call->reply);
        return false;
    }
    if (!args_integer_in(call->reply, call->argv[at + 1], 1, INT64_MAX, "ERR count should be greater than 0",
                         &zmpop->count))
        return false;
    if (at + 2 == call->argc)
        return true;
    args_syntax_error(call->reply);
    return false;
}

/* at: the argument that says how many keys there are. */
static bool zmpop_parse(struct call *call, int at, struct zmpop *zmpop)
{
    int64_t count;

    if (!args_integer_in(call->reply, call->argv[at], 1, INT64_MAX, "ERR numkeys should be greater than 0", &count))
        return false;
    if (count >= call->argc - at - 1) {
        args_syntax_error(call->reply);
        return false;
    }
    int where = at + 1 + (int)count;
    *zmpop =
        (struct zmpop){.keys = {call->argv + at + 1, count}, .highest = arg_is(call->argv[where], "max"), .count = 1};
    if (zmpop->highest || arg_is(call->argv[where], "min"))
        return zmpop_count(call, where + 1, zmpop);
    args_syntax_error(call->reply);
    return false;
}

static void zmpop_reply(struct call *call, struct zset_key *key, const struct zmpop *zmpop)
{
    size_t size = zset_count(&key->zset), taken = (uint64_t)zmpop->count < size ? (size_t)zmpop->count : size;

    reply_array(call->reply, 2);
    reply_bulk(call->reply, key->name);
    reply_array(call->reply, (int64_t)taken);
    pop(call, key, zmpop->highest, zmpop->count, true);
}

void cmd_zmpop(struct call *call)
{
    struct zmpop zmpop;
    struct zset_key key;

    if (!zmpop_parse(call, 1, &zmpop))
        return;
    switch (first_filled(call, zmpop.keys, &key)) {
    case FOUND:
        zmpop_reply(call, &key, &zmpop);
        return;
    case NOTHING:
        reply_null_array(call->reply);
        return;
    case ANSWERED:
        return;
    }
}

static void wait_for(struct call *call, int64_t timeout_ms)
{
    if (!call_block(call, VALUE_ZSET, timeout_ms))
        reply_null_array(call->reply);
}

void cmd_bzmpop(struct call *call)
{
    struct zmpop zmpop;
    struct zset_key key;
    int64_t timeout_ms;

    if (!zmpop_parse(call, 2, &zmpop) || !args_timeout(call, call->argv[1], &timeout_ms))
        return;
    switch (first_filled(call, zmpop.keys, &key)) {
    case FOUND:
        zmpop_reply(call, &key, &zmpop);
        return;
    case NOTHING:
        wait_for(call, timeout_ms);
        return;
    case ANSWERED:
        return;
    }
}

static void pop_or_wait(struct call *call, bool highest)
{
    struct candidates keys = {call->argv + 1, call->argc - 2};
    struct zset_key key;
    int64_t timeout_ms;

    if (!args_timeout(call, call->argv[call->argc - 1], &timeout_ms))
        return;
    switch (first_filled(call, keys, &key)) {
    case FOUND:
        reply_array(call->reply, 3);
        reply_bulk(call->reply, key.name);
        pop(call, &key, highest, 1, false);
        return;
    case NOTHING:
        wait_for(call, timeout_ms);
        return;
    case ANSWERED:
        return;
    }
}

void cmd_bzpopmin(struct call *call)
{
    pop_or_wait(call, false);
}

void cmd_bzpopmax(struct call *call)
{
    pop_or_wait(call, true);
}
