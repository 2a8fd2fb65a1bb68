/* Ranges of sorted sets: read, stored and removed. ZRANGE and the six commands
 * before it differ only in what is settled before their options are read. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/command.h"
#include "core/effects.h"
#include "core/number.h"
#include "core/zset_call.h"
#include "core/zset_range.h"

struct zrange {
    int source;      /* argument: the key, before the range */
    bool store;      /* the argument before it is where to */
    bool by_settled; /* by the command's name; so is `down` */
    bool down;
    enum zset_range_by by;
    bool with_scores;
    int64_t offset, limit; /* -1: none */
};

static bool parse_limit(struct call *call, int at, struct zrange *zrange)
{
    return args_integer(call->reply, call->argv[at], &zrange->offset) &&
           args_integer(call->reply, call->argv[at + 1], &zrange->limit);
}

/* False: no such option, or not here. */
static bool zrange_word(struct zrange *zrange, struct str word)
{
    bool by_open = !zrange->by_settled && zrange->by == ZSET_BY_RANK;

    if (!zrange->store && arg_is(word, "withscores"))
        zrange->with_scores = true;
    else if (!zrange->by_settled && !zrange->down && arg_is(word, "rev"))
        zrange->down = true;
    else if (by_open && arg_is(word, "bylex"))
        zrange->by = ZSET_BY_MEMBER;
    else if (by_open && arg_is(word, "byscore"))
        zrange->by = ZSET_BY_SCORE;
    else
        return false;
    return true;
}

static bool zrange_options(struct call *call, struct zrange *zrange)
{
    for (int i = zrange->source + 3; i < call->argc; i++) {
        if (arg_is(call->argv[i], "limit") && i + 2 < call->argc) {
            if (!parse_limit(call, i + 1, zrange))
                return false;
            i += 2;
        } else if (!zrange_word(zrange, call->argv[i])) {
            args_syntax_error(call->reply);
            return false;
        }
    }
    return true;
}

/* NULL: the options go together. */
static const char *zrange_conflict(const struct zrange *zrange)
{
    if (zrange->limit != -1 && zrange->by == ZSET_BY_RANK)
        return "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
    if (zrange->with_scores && zrange->by == ZSET_BY_MEMBER)
        return "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
    return NULL;
}

/* Down a range of scores or members, the higher bound is named first. */
static bool zrange_bounds(struct call *call, const struct zrange *zrange, struct zset_range *range)
{
    struct str low = call->argv[zrange->source + 1], high = call->argv[zrange->source + 2];
    bool swapped = zrange->down && zrange->by != ZSET_BY_RANK;
    const char *conflict = zrange_conflict(zrange);

    if (conflict != NULL) {
        reply_error(call->reply, conflict);
        return false;
    }
    if (!zset_range_parse(call->reply, zrange->by, swapped ? high : low, swapped ? low : high, range))
        return false;
    range->down = zrange->down;
    return true;
}

/* A result that is known to be too long is never a pack: what a score was put in shows, as a pack makes 0 of -0. */
static struct zset zrange_result(struct call *call, const struct zrange *zrange, const struct zset_limits *limits,
                                 size_t count)
{
    struct memory *memory = keyspace_memory(call_keyspace(call, call->argv[1]));
    bool too_long = zrange->by == ZSET_BY_RANK && (int64_t)count > limits->entries;

    return too_long ? zset_create_tree(memory) : zset_create(memory);
}

static void zrange_store(struct call *call, const struct zrange *zrange, const struct zset *zset,
                         struct zset_ranks ranks)
{
    struct zset_limits limits = zset_limits(call);
    struct zset result = zrange_result(call, zrange, &limits, ranks.count);
    struct zset_element element;
    struct zset_walk walk;

    zset_walk_begin(&walk, zset, ranks.first, ranks.count, zrange->down);
    while (zset_walk_next(&walk, &element))
        zset_put(&result, &limits, element);
    zset_store(call, call->argv[1], "zrangestore", &result);
    if (zrange->by == ZSET_BY_MEMBER)
        call_record_state(call, call->db, call->argv[1]); /* see record_removal */
}

static void zrange_run(struct call *call, struct zrange zrange)
{
    struct zset_range range;
    struct zset zset;

    zrange.offset = 0;
    zrange.limit = -1;
    if (!zrange_options(call, &zrange) || !zrange_bounds(call, &zrange, &range))
        return;
    if (!zset_read(call, call->argv[zrange.source], &zset))
        return;
    struct zset_ranks ranks = zset_range_ranks(&zset, &range);
    if (zrange.by != ZSET_BY_RANK)
        ranks = zset_ranks_limit(ranks, zrange.offset, zrange.limit, zrange.down);
    if (zrange.store)
        zrange_store(call, &zrange, &zset, ranks);
    else
        zset_reply_ranks(call->reply, &zset, ranks.first, ranks.count, zrange.down, zrange.with_scores);
}

void cmd_zrange(struct call *call)
{
    zrange_run(call, (struct zrange){.source = 1});
}

void cmd_zrangestore(struct call *call)
{
    zrange_run(call, (struct zrange){.source = 2, .store = true});
}

void cmd_zrevrange(struct call *call)
{
    zrange_run(call, (struct zrange){.source = 1, .by_settled = true, .down = true});
}

void cmd_zrangebyscore(struct call *call)
{
    zrange_run(call, (struct zrange){.source = 1, .by_settled = true, .by = ZSET_BY_SCORE});
}

void cmd_zrevrangebyscore(struct call *call)
{
    zrange_run(call, (struct zrange){.source = 1, .by_settled = true, .by = ZSET_BY_SCORE, .down = true});
}

void cmd_zrangebylex(struct call *call)
{
    zrange_run(call, (struct zrange){.source = 1, .by_settled = true, .by = ZSET_BY_MEMBER});
}

void cmd_zrevrangebylex(struct call *call)
{
    zrange_run(call, (struct zrange){.source = 1, .by_settled = true, .by = ZSET_BY_MEMBER, .down = true});
}

/* Of names: where scores differ there is no order of them, and which are found depends on how the set is kept. */
static void record_removal(struct call *call, struct zset_ranks ranks)
{
    char first[NUMBER_TEXT_MAX], last[NUMBER_TEXT_MAX];
    struct str name = call->argv[1];

    if (ranks.count > 0 && call_is_journaled(call, name))
        CALL_RECORD(call, name, STR("ZREMRANGEBYRANK"), name,
                    {first, number_format_integer(first, (int64_t)ranks.first)},
                    {last, number_format_integer(last, (int64_t)(ranks.first + ranks.count - 1))});
}

static void remove_range(struct call *call, enum zset_range_by by)
{
    struct zset_range range;
    struct zset_key key;

    if (!zset_range_parse(call->reply, by, call->argv[2], call->argv[3], &range))
        return;
    if (!zset_key_open(call, call->argv[1], &key))
        return;
    struct zset_ranks ranks = zset_range_ranks(&key.zset, &range);
    zset_remove_ranks(&key.zset, ranks.first, ranks.count);
    zset_key_close(call, &key, call->command->name, ranks.count);
    if (by == ZSET_BY_MEMBER)
        record_removal(call, ranks);
    reply_integer(call->reply, (int64_t)ranks.count);
}

void cmd_zremrangebyrank(struct call *call)
{
    remove_range(call, ZSET_BY_RANK);
}

void cmd_zremrangebyscore(struct call *call)
{
    remove_range(call, ZSET_BY_SCORE);
}

void cmd_zremrangebylex(struct call *call)
{
    remove_range(call, ZSET_BY_MEMBER);
}
