/* Ranges of a sorted set as clients state them, by rank, score or member, and
 * the ranks that they come to.
 *
 * Whatever the range, two searches turn it into a first rank and a count; the
 * rest (LIMIT, from the end, counting, removing) is arithmetic on ranks.
 * Functions that return false have answered with Redis's error. */
#ifndef CORE_ZSET_RANGE_H
#define CORE_ZSET_RANGE_H

#include "core/zset_value.h"

struct reply;

enum zset_range_by { ZSET_BY_RANK, ZSET_BY_SCORE, ZSET_BY_MEMBER };

struct zset_bound {
    bool open;       /* without what is equal */
    int8_t infinite; /* of a member: -1 before all, 1 behind all */
    union {
        int64_t rank; /* negative: from the end */
        double score;
        struct str member;
    };
};

struct zset_range {
    enum zset_range_by by;
    struct zset_bound low, high;
    bool down; /* from the highest; ranks count from there too */
};

struct zset_ranks {
    size_t first, count;
};

/* low and high are borrowed. */
MUST_USE bool zset_range_parse(struct reply *reply, enum zset_range_by by, struct str low, struct str high,
                               struct zset_range *range);
struct zset_ranks zset_range_ranks(const struct zset *zset, const struct zset_range *range);
/* LIMIT: of what lies in the range without the first `offset`, at most `limit`; a negative limit is none, a negative
 * offset leaves nothing. */
struct zset_ranks zset_ranks_limit(struct zset_ranks ranks, int64_t offset, int64_t limit, bool down);

#endif
