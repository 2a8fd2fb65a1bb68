/* Sorted sets member by member: writing, removing and reading scores and ranks. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/zset_call.h"
#include "core/zset_range.h"

/* What ZADD was asked for. */
struct zadd {
    struct zset_rule rule;
    bool count_updated; /* CH */
    int first;          /* argument: score, member, score, member … */
    double *scores;     /* parsed before anything is written */
    int count;
};

static bool zadd_option(struct zadd *zadd, struct str word)
{
    struct zset_rule *rule = &zadd->rule;

    if (arg_is(word, "nx"))
        return rule->only_absent = true;
    if (arg_is(word, "xx"))
        return rule->only_present = true;
    if (arg_is(word, "gt"))
        return rule->only_greater = true;
    if (arg_is(word, "lt"))
        return rule->only_less = true;
    if (arg_is(word, "ch"))
        return zadd->count_updated = true;
    if (arg_is(word, "incr"))
        return rule->increment = true;
    return false;
}

/* NULL: the options go together. */
static const char *zadd_conflict(const struct zadd *zadd)
{
    const struct zset_rule *rule = &zadd->rule;

    if (rule->only_absent && rule->only_present)
        return "ERR XX and NX options at the same time are not compatible";
    if ((rule->only_greater && (rule->only_absent || rule->only_less)) || (rule->only_less && rule->only_absent))
        return "ERR GT, LT, and/or NX options at the same time are not compatible";
    if (rule->increment && zadd->count > 1)
        return "ERR INCR option supports a single increment-element pair";
    return NULL;
}

static bool zadd_parse(struct call *call, struct zadd *zadd)
{
    int at = 2;

    while (at < call->argc && zadd_option(zadd, call->argv[at]))
        at++;
    zadd->first = at;
    zadd->count = (call->argc - at) / 2;
    if (zadd->count == 0 || (call->argc - at) % 2 != 0) {
        args_syntax_error(call->reply);
        return false;
    }
    const char *conflict = zadd_conflict(zadd);
    if (conflict != NULL)
        reply_error(call->reply, conflict);
    return conflict == NULL;
}

static bool zadd_parse_scores(struct call *call, const struct zadd *zadd)
{
    for (int i = 0; i < zadd->count; i++)
        if (!args_double(call->reply, call->argv[zadd->first + 2 * i], NULL, &zadd->scores[i]))
            return false;
    return true;
}

/* With INCR there is one member, and its score is the answer. */
static void zadd_reply(struct call *call, const struct zadd *zadd, const int outcomes[static ZSET_NAN + 1])
{
    if (!zadd->rule.increment)
        reply_integer(call->reply, outcomes[ZSET_ADDED] + (zadd->count_updated ? outcomes[ZSET_UPDATED] : 0));
    else if (outcomes[ZSET_NAN] > 0)
        reply_error(call->reply, "ERR resulting score is not a number (NaN)");
    else if (outcomes[ZSET_REFUSED] > 0)
        reply_null(call->reply);
    else
        reply_double(call->reply, zadd->scores[0]);
}

static void zadd_write(struct call *call, const struct zadd *zadd)
{
    struct zset_limits limits = zset_limits(call);
    int outcomes[ZSET_NAN + 1] = {0};
    struct zset_key key;

    if (!zset_key_open(call, call->argv[1], &key))
        return;
    if (key.entry == NULL && zadd->rule.only_present) {
        outcomes[ZSET_REFUSED] = 1;
        zadd_reply(call, zadd, outcomes);
        return;
    }
    zset_key_fill(&key);
    for (int i = 0; i < zadd->count; i++) {
        struct str member = call->argv[zadd->first + 2 * i + 1];
        outcomes[zset_add(&key.zset, &limits, &zadd->rule, member, &zadd->scores[i])]++;
    }
    zset_key_close(call, &key, zadd->rule.increment ? "zincr" : "zadd",
                   (uint64_t)(outcomes[ZSET_ADDED] + outcomes[ZSET_UPDATED]));
    zadd_reply(call, zadd, outcomes);
}

static void zadd_run(struct call *call, struct zadd *zadd)
{
    enum { SCORES_ON_STACK = 32 };
    double few[SCORES_ON_STACK];
    struct memory *memory = &call->core->memory;

    if (!zadd_parse(call, zadd))
        return;
    bool many = zadd->count > SCORES_ON_STACK;
    zadd->scores = many ? memory_alloc(memory, (size_t)zadd->count * sizeof(double)) : few;
    if (zadd_parse_scores(call, zadd))
        zadd_write(call, zadd);
    if (many)
        memory_free(memory, zadd->scores);
}

void cmd_zadd(struct call *call)
{
    struct zadd zadd = {.count_updated = false};

    zadd_run(call, &zadd);
}

void cmd_zincrby(struct call *call)
{
    struct zadd zadd = {.rule.increment = true};

    zadd_run(call, &zadd);
}

void cmd_zrem(struct call *call)
{
    struct zset_key key;
    size_t removed = 0;

    if (!zset_key_open(call, call->argv[1], &key))
        return;
    for (int i = 2; i < call->argc; i++)
        removed += zset_remove(&key.zset, call->argv[i]);
    zset_key_close(call, &key, "zrem", removed);
    reply_integer(call->reply, (int64_t)removed);
}

void cmd_zcard(struct call *call)
{
    struct zset zset;

    if (zset_read(call, call->argv[1], &zset))
        reply_integer(call->reply, (int64_t)zset_count(&zset));
}

static void reply_score(struct reply *reply, const struct zset *zset, struct str member)
{
    double score;

    if (zset_find(zset, member, &score))
        reply_double(reply, score);
    else
        reply_null(reply);
}

void cmd_zscore(struct call *call)
{
    struct zset zset;

    if (zset_read(call, call->argv[1], &zset))
        reply_score(call->reply, &zset, call->argv[2]);
}

void cmd_zmscore(struct call *call)
{
    struct zset zset;

    if (!zset_read(call, call->argv[1], &zset))
        return;
    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++)
        reply_score(call->reply, &zset, call->argv[i]);
}

static bool zrank_options(struct call *call, bool *with_score)
{
    *with_score = call->argc > 3;
    if (call->argc > 4)
        reply_error_format(call->reply, "ERR wrong number of arguments for '%s' command", call->command->name);
    else if (*with_score && !arg_is(call->argv[3], "withscore"))
        args_syntax_error(call->reply);
    else
        return true;
    return false;
}

static void zrank(struct call *call, bool down)
{
    struct zset zset;
    bool with_score;
    double score;
    size_t rank;

    if (!zrank_options(call, &with_score) || !zset_read(call, call->argv[1], &zset))
        return;
    if (!zset_rank(&zset, call->argv[2], &rank, &score)) {
        if (with_score)
            reply_null_array(call->reply);
        else
            reply_null(call->reply);
        return;
    }
    if (with_score)
        reply_array(call->reply, 2);
    reply_integer(call->reply, (int64_t)(down ? zset_count(&zset) - 1 - rank : rank));
    if (with_score)
        reply_double(call->reply, score);
}

void cmd_zrank(struct call *call)
{
    zrank(call, false);
}

void cmd_zrevrank(struct call *call)
{
    zrank(call, true);
}

static void count_range(struct call *call, enum zset_range_by by)
{
    struct zset_range range;
    struct zset zset;

    if (!zset_range_parse(call->reply, by, call->argv[2], call->argv[3], &range))
        return;
    if (zset_read(call, call->argv[1], &zset))
        reply_integer(call->reply, (int64_t)zset_range_ranks(&zset, &range).count);
}

void cmd_zcount(struct call *call)
{
    count_range(call, ZSET_BY_SCORE);
}

void cmd_zlexcount(struct call *call)
{
    count_range(call, ZSET_BY_MEMBER);
}
