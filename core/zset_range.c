#include "core/zset_range.h"

#include <math.h>
#include <stdlib.h>

#include "core/args.h"
#include "core/resp_write.h"

enum { SCORE_TEXT_MAX = 1024 };

/* More is allowed here than in other numbers: spaces in front, nothing at all for 0, and what overflows is infinite. */
static bool parse_score(struct str text, double *score)
{
    char copy[SCORE_TEXT_MAX], *end;
    int64_t integer;

    if (text.length < 16 && number_parse_integer(text, &integer)) {
        *score = (double)integer;
        return true;
    }
    if (text.length >= sizeof copy)
        return false;
    memcpy(copy, text.bytes, text.length);
    copy[text.length] = '\0';
    *score = strtod(copy, &end);
    return *end == '\0' && !isnan(*score);
}

static bool parse_score_bound(struct str text, struct zset_bound *bound)
{
    *bound = (struct zset_bound){.open = text.length > 0 && text.bytes[0] == '('};
    return parse_score((struct str){text.bytes + bound->open, text.length - bound->open}, &bound->score);
}

static bool parse_member_bound(struct str text, struct zset_bound *bound)
{
    char first = text.length > 0 ? text.bytes[0] : '\0';

    *bound = (struct zset_bound){.open = first == '('};
    if (first == '(' || first == '[') {
        bound->member = (struct str){text.bytes + 1, text.length - 1};
        return true;
    }
    bound->infinite = first == '+' ? 1 : -1;
    return text.length == 1 && (first == '+' || first == '-');
}

static bool parse_rank_bound(struct reply *reply, struct str text, struct zset_bound *bound)
{
    *bound = (struct zset_bound){.open = false};
    return args_integer(reply, text, &bound->rank);
}

bool zset_range_parse(struct reply *reply, enum zset_range_by by, struct str low, struct str high,
                      struct zset_range *range)
{
    *range = (struct zset_range){.by = by};
    switch (by) {
    case ZSET_BY_RANK:
        return parse_rank_bound(reply, low, &range->low) && parse_rank_bound(reply, high, &range->high);
    case ZSET_BY_SCORE:
        if (parse_score_bound(low, &range->low) && parse_score_bound(high, &range->high))
            return true;
        reply_error(reply, "ERR min or max is not a float");
        return false;
    case ZSET_BY_MEMBER:
        if (parse_member_bound(low, &range->low) && parse_member_bound(high, &range->high))
            return true;
        reply_error(reply, "ERR min or max not valid string range item");
        return false;
    }
    return false;
}

static struct zset_ranks by_rank(const struct zset *zset, const struct zset_range *range)
{
    int64_t count = (int64_t)zset_count(zset), first = range->low.rank, last = range->high.rank;

    if (first < 0)
        first = first < -count ? 0 : first + count;
    if (last < 0)
        last += count;
    if (last >= count)
        last = count - 1;
    if (first > last)
        return (struct zset_ranks){0, 0};
    return (struct zset_ranks){(size_t)(range->down ? count - 1 - last : first), (size_t)(last - first + 1)};
}

/* How many come before a bound, or, where it is the upper one, are within it. */
static size_t before_score(const struct zset *zset, const struct zset_bound *bound, bool upper)
{
    return zset_count_below(zset, bound->score, upper != bound->open);
}

static size_t before_member(const struct zset *zset, const struct zset_bound *bound, bool upper)
{
    if (bound->infinite != 0)
        return bound->infinite < 0 ? 0 : zset_count(zset);
    return zset_count_below_member(zset, bound->member, upper != bound->open);
}

struct zset_ranks zset_range_ranks(const struct zset *zset, const struct zset_range *range)
{
    size_t first, end;

    if (range->by == ZSET_BY_RANK)
        return by_rank(zset, range);
    if (range->by == ZSET_BY_SCORE) {
        first = before_score(zset, &range->low, false);
        end = before_score(zset, &range->high, true);
    } else {
        first = before_member(zset, &range->low, false);
        end = before_member(zset, &range->high, true);
    }
    return (struct zset_ranks){first, end > first ? end - first : 0};
}

struct zset_ranks zset_ranks_limit(struct zset_ranks ranks, int64_t offset, int64_t limit, bool down)
{
    if (offset < 0 || (uint64_t)offset >= ranks.count)
        return (struct zset_ranks){0, 0};
    size_t left = ranks.count - (size_t)offset;
    size_t count = limit >= 0 && (uint64_t)limit < left ? (size_t)limit : left;
    return (struct zset_ranks){down ? ranks.first + left - count : ranks.first + (size_t)offset, count};
}
