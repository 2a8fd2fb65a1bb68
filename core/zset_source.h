/* What a union, an intersection or a difference reads: a sorted set, or a set,
 * whose members have a score of 1 each. Read only. */
#ifndef CORE_ZSET_SOURCE_H
#define CORE_ZSET_SOURCE_H

#include "core/set_value.h"
#include "core/zset_value.h"

struct call;

struct zset_source {
    bool is_set;
    union {
        struct zset zset;
        struct set_value set;
    };
    size_t count;
    double weight;
    int position; /* among the keys as they were named */
};

/* False: the key holds something else, and WRONGTYPE has been answered. */
MUST_USE bool zset_source_open(struct call *call, struct str name, struct zset_source *source);
MUST_USE bool zset_source_find(const struct zset_source *source, struct str member, double *score);

/* Is given one member after the other, good until it returns; returns false to have no more. */
typedef bool zset_visit(void *context, struct zset_element element);
/* False: visit had enough. */
bool zset_source_each(const struct zset_source *source, zset_visit *visit, void *context);

#endif
