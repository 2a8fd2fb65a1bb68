/* Unions, intersections and differences of sorted sets.
 *
 * Every member of the result is computed once, from all sources that have it:
 * where a walk over one source comes to a member, the others are asked for it.
 * Scores are combined in the order of the sources' sizes, the smallest first,
 * as in Redis: sums of doubles depend on the order. */
#include "core/handlers.h"

#include <math.h>
#include <stdlib.h>

#include "core/args.h"
#include "core/command.h"
#include "core/zset_call.h"
#include "core/zset_source.h"

enum operation { UNION, INTERSECTION, DIFFERENCE };
enum aggregate { AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX };

struct algebra {
    enum operation operation;
    bool count_only; /* ZINTERCARD */
    int numkeys_at;  /* argument; above 1: the result is stored under the first */
    struct zset_source *sources;
    int count;
    enum aggregate aggregate;
    bool with_scores;
    int64_t limit; /* 0: none */
};

static bool is_stored(const struct algebra *algebra)
{
    return algebra->numkeys_at > 1;
}

/* Options */

static bool parse_count(struct call *call, struct algebra *algebra)
{
    int64_t count;

    if (!args_integer(call->reply, call->argv[algebra->numkeys_at], &count))
        return false;
    if (count < 1) {
        reply_error_format(call->reply, "ERR at least 1 input key is needed for '%s' command", call->command->name);
        return false;
    }
    if (count > call->argc - (algebra->numkeys_at + 1)) {
        args_syntax_error(call->reply);
        return false;
    }
    algebra->count = (int)count;
    return true;
}

static bool open_sources(struct call *call, struct algebra *algebra)
{
    for (int i = 0; i < algebra->count; i++) {
        if (!zset_source_open(call, call->argv[algebra->numkeys_at + 1 + i], &algebra->sources[i]))
            return false;
        algebra->sources[i].position = i;
    }
    return true;
}

static bool parse_weights(struct call *call, int at, struct algebra *algebra)
{
    for (int i = 0; i < algebra->count; i++)
        if (!args_double(call->reply, call->argv[at + i], "ERR weight value is not a float",
                         &algebra->sources[i].weight))
            return false;
    return true;
}

static bool parse_aggregate(struct call *call, struct str word, struct algebra *algebra)
{
    static const char *const words[] = {"sum", "min", "max"};

    for (enum aggregate aggregate = AGGREGATE_SUM; aggregate <= AGGREGATE_MAX; aggregate++) {
        if (arg_is(word, words[aggregate])) {
            algebra->aggregate = aggregate;
            return true;
        }
    }
    args_syntax_error(call->reply);
    return false;
}

/* How many arguments the option at `at` takes; 0: it is none, or wrong, and that has been answered. */
static int parse_option(struct call *call, int at, struct algebra *algebra)
{
    bool combines = algebra->operation != DIFFERENCE && !algebra->count_only;
    struct str word = call->argv[at];
    int left = call->argc - at;

    if (combines && left > algebra->count && arg_is(word, "weights"))
        return parse_weights(call, at + 1, algebra) ? 1 + algebra->count : 0;
    if (combines && left > 1 && arg_is(word, "aggregate"))
        return parse_aggregate(call, call->argv[at + 1], algebra) ? 2 : 0;
    if (algebra->count_only && left > 1 && arg_is(word, "limit"))
        return args_integer_in(call->reply, call->argv[at + 1], 0, INT64_MAX, "ERR LIMIT can't be negative",
                               &algebra->limit)
                   ? 2
                   : 0;
    if (!is_stored(algebra) && !algebra->count_only && arg_is(word, "withscores")) {
        algebra->with_scores = true;
        return 1;
    }
    args_syntax_error(call->reply);
    return 0;
}

static bool parse_options(struct call *call, struct algebra *algebra)
{
    int at = algebra->numkeys_at + 1 + algebra->count;

    while (at < call->argc) {
        int taken = parse_option(call, at, algebra);
        if (taken == 0)
            return false;
        at += taken;
    }
    return true;
}

/* The operations */

static int by_size(const void *a, const void *b)
{
    const struct zset_source *left = a, *right = b;

    if (left->count != right->count)
        return left->count < right->count ? -1 : 1;
    return left->position - right->position;
}

/* 0 for what is no number: infinity times 0, or less infinity. */
static double number_or_zero(double value)
{
    return isnan(value) ? 0 : value;
}

static double combine(enum aggregate aggregate, double a, double b)
{
    if (aggregate == AGGREGATE_MIN)
        return b < a ? b : a;
    if (aggregate == AGGREGATE_MAX)
        return b > a ? b : a;
    return number_or_zero(a + b);
}

static bool in_any(const struct zset_source *sources, int count, struct str member)
{
    double score;

    for (int i = 0; i < count; i++)
        if (zset_source_find(&sources[i], member, &score))
            return true;
    return false;
}

/* Adds to the score, that of source `from`, those of the sources behind it. False: one of them lacks the member, and
 * all had to have it. As in Redis a product that is no number spoils an intersection's sum, not a union's. */
static bool combine_from(const struct algebra *algebra, int from, struct zset_element *element)
{
    const struct zset_source *sources = algebra->sources;
    bool is_union = algebra->operation == UNION;
    double score;

    element->score = number_or_zero(sources[from].weight * element->score);
    for (int i = from + 1; i < algebra->count; i++) {
        if (zset_source_find(&sources[i], element->member, &score)) {
            score *= sources[i].weight;
            element->score = combine(algebra->aggregate, element->score, is_union ? number_or_zero(score) : score);
        } else if (!is_union) {
            return false;
        }
    }
    return true;
}

/* Whether this member of source `from` is one of the result, whose score it then has. */
static bool belongs(const struct algebra *algebra, int from, struct zset_element *element)
{
    switch (algebra->operation) {
    case UNION:
        return !in_any(algebra->sources, from, element->member) && combine_from(algebra, from, element);
    case INTERSECTION:
        return combine_from(algebra, from, element);
    case DIFFERENCE:
        return !in_any(algebra->sources + 1, algebra->count - 1, element->member);
    }
    return false;
}

/* The walk over one source. */
struct walk {
    const struct algebra *algebra;
    int source;
    struct zset_limits limits;
    struct zset *result; /* NULL: members are only counted */
    size_t count;
};

static bool visit_member(void *context, struct zset_element element)
{
    struct walk *walk = context;

    if (!belongs(walk->algebra, walk->source, &element))
        return true;
    if (walk->result != NULL)
        zset_put(walk->result, &walk->limits, element);
    return ++walk->count != (uint64_t)walk->algebra->limit;
}

/* result may be NULL. Returns how many members there are, up to the limit. */
static size_t compute(struct call *call, const struct algebra *algebra, struct zset *result)
{
    struct walk walk = {.algebra = algebra, .limits = zset_limits(call), .result = result};
    int walked = algebra->operation == UNION ? algebra->count : 1;

    for (; walk.source < walked; walk.source++)
        zset_source_each(&algebra->sources[walk.source], visit_member, &walk);
    return walk.count;
}

static void compute_and_answer(struct call *call, struct algebra *algebra)
{
    if (algebra->operation != DIFFERENCE)
        qsort(algebra->sources, (size_t)algebra->count, sizeof algebra->sources[0], by_size);
    if (algebra->count_only) {
        reply_integer(call->reply, (int64_t)compute(call, algebra, NULL));
        return;
    }
    struct zset result = is_stored(algebra) ? zset_result(call, call->argv[1]) : zset_create_tree(&call->core->memory);
    compute(call, algebra, &result);
    if (is_stored(algebra)) {
        zset_store(call, call->argv[1], call->command->name, &result);
        return;
    }
    zset_reply_ranks(call->reply, &result, 0, zset_count(&result), false, algebra->with_scores);
    zset_destroy(&result);
}

static void algebra_run(struct call *call, struct algebra algebra)
{
    if (!parse_count(call, &algebra))
        return;
    algebra.sources = memory_alloc(&call->core->memory, (size_t)algebra.count * sizeof algebra.sources[0]);
    if (open_sources(call, &algebra) && parse_options(call, &algebra))
        compute_and_answer(call, &algebra);
    memory_free(&call->core->memory, algebra.sources);
}

void cmd_zunion(struct call *call)
{
    algebra_run(call, (struct algebra){.operation = UNION, .numkeys_at = 1});
}

void cmd_zunionstore(struct call *call)
{
    algebra_run(call, (struct algebra){.operation = UNION, .numkeys_at = 2});
}

void cmd_zinter(struct call *call)
{
    algebra_run(call, (struct algebra){.operation = INTERSECTION, .numkeys_at = 1});
}

void cmd_zinterstore(struct call *call)
{
    algebra_run(call, (struct algebra){.operation = INTERSECTION, .numkeys_at = 2});
}

void cmd_zintercard(struct call *call)
{
    algebra_run(call, (struct algebra){.operation = INTERSECTION, .numkeys_at = 1, .count_only = true});
}

void cmd_zdiff(struct call *call)
{
    algebra_run(call, (struct algebra){.operation = DIFFERENCE, .numkeys_at = 1});
}

void cmd_zdiffstore(struct call *call)
{
    algebra_run(call, (struct algebra){.operation = DIFFERENCE, .numkeys_at = 2});
}
