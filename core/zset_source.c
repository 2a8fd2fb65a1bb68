#include "core/zset_source.h"

#include "core/zset_call.h"

bool zset_source_open(struct call *call, struct str name, struct zset_source *source)
{
    *source = (struct zset_source){.weight = 1};
    if (!zset_read(call, name, &source->zset))
        return false;
    source->count = zset_count(&source->zset);
    return true;
}

bool zset_source_find(const struct zset_source *source, struct str member, double *score)
{
    return zset_find(&source->zset, member, score);
}

void zset_source_begin(struct zset_source_walk *walk, const struct zset_source *source)
{
    zset_walk_begin(&walk->walk, &source->zset, 0, source->count, false);
}

bool zset_source_next(struct zset_source_walk *walk, struct zset_element *element)
{
    return zset_walk_next(&walk->walk, element);
}
