#include "core/zset_source.h"

#include "core/args.h"
#include "core/zset_call.h"

static const double SET_SCORE = 1;

bool zset_source_open(struct call *call, struct str name, struct zset_source *source)
{
    struct entry *entry = call_find_source(call, name);

    *source = (struct zset_source){.weight = 1, .is_set = entry != NULL && entry_type(entry) == VALUE_SET};
    if (source->is_set) {
        source->set = set_value_of(entry);
        source->count = set_value_count(&source->set);
        return true;
    }
    if (entry != NULL && entry_type(entry) != VALUE_ZSET) {
        reply_error(call->reply, "WRONGTYPE Operation against a key holding the wrong kind of value");
        return false;
    }
    source->zset = zset_of_entry(entry);
    source->count = zset_count(&source->zset);
    return true;
}

bool zset_source_find(const struct zset_source *source, struct str member, double *score)
{
    struct set_member of_set;

    if (!source->is_set)
        return zset_find(&source->zset, member, score);
    of_set = set_member_of(member);
    *score = SET_SCORE;
    return set_value_contains(&source->set, &of_set);
}

struct each {
    zset_visit *visit;
    void *context;
};

static bool visit_set_member(void *context, const struct set_member *member)
{
    const struct each *each = context;
    char digits[NUMBER_TEXT_MAX];

    return each->visit(each->context, (struct zset_element){set_member_text(member, digits), SET_SCORE});
}

bool zset_source_each(const struct zset_source *source, zset_visit *visit, void *context)
{
    struct each each = {visit, context};
    struct zset_element element;
    struct zset_walk walk;

    if (source->is_set)
        return set_value_each(&source->set, visit_set_member, &each);
    zset_walk_begin(&walk, &source->zset, 0, source->count, false);
    while (zset_walk_next(&walk, &element))
        if (!visit(context, element))
            return false;
    return true;
}
