/* What a union, an intersection or a difference reads: a sorted set, or a set,
 * whose members have a score of 1 each. Read only. */
#ifndef CORE_ZSET_SOURCE_H
#define CORE_ZSET_SOURCE_H

#include "core/zset_value.h"

struct call;

struct zset_source {
    struct zset zset;
    size_t count;
    double weight;
    int position; /* among the keys as they were named */
};

/* False: the key holds something else, and WRONGTYPE has been answered. */
MUST_USE bool zset_source_open(struct call *call, struct str name, struct zset_source *source);
MUST_USE bool zset_source_find(const struct zset_source *source, struct str member, double *score);

struct zset_source_walk {
    struct zset_walk walk;
};
void zset_source_begin(struct zset_source_walk *walk, const struct zset_source *source);
MUST_USE bool zset_source_next(struct zset_source_walk *walk, struct zset_element *element);

#endif
