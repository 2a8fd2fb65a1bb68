#include "core/set_algebra.h"

#include "core/config.h"
#include "core/idset.h"

/* Output */

static bool emit(const struct set_output *output, const struct set_member *member)
{
    if (output->into == NULL)
        return output->visit(output->context, member);
    set_value_add(output->into, member);
    return true;
}

static void emit_ids(const struct set_output *output, struct idset *ids)
{
    if (output->into != NULL) {
        set_value_take_ids(output->into, ids);
        return;
    }
    set_large_each_id(ids, output->visit, output->context);
    idset_destroy(ids);
}

/* The sets of an operation */

static bool all_are_large(const struct set_value *sets, size_t count)
{
    for (size_t at = 0; at < count; at++)
        if (!set_value_is_large(&sets[at]))
            return false;
    return true;
}

static bool any_is_empty(const struct set_value *sets, size_t count)
{
    for (size_t at = 0; at < count; at++)
        if (set_value_count(&sets[at]) == 0)
            return true;
    return false;
}

static const struct set_value *smallest_of(const struct set_value *sets, size_t count)
{
    const struct set_value *smallest = sets;

    for (size_t at = 1; at < count; at++)
        if (set_value_count(&sets[at]) < set_value_count(smallest))
            smallest = &sets[at];
    return smallest;
}

/* Of large sets the one with the fewest strings. */
static const struct set_value *fewest_strings_of(const struct set_value *sets, size_t count)
{
    const struct set_value *fewest = sets;

    for (size_t at = 1; at < count; at++)
        if (set_value_large(&sets[at])->strings.count < set_value_large(fewest)->strings.count)
            fewest = &sets[at];
    return fewest;
}

/* The integers of those sets that are large. The list is freed by the caller. */
static const struct idset **ids_of(const struct set_value *sets, size_t count, struct memory *scratch, size_t *found)
{
    const struct idset **list = memory_alloc(scratch, count * sizeof *list);

    *found = 0;
    for (size_t at = 0; at < count; at++)
        if (set_value_is_large(&sets[at]))
            list[(*found)++] = set_value_large(&sets[at])->ids;
    return list;
}

/* A walk over one set's members that looks each up in the other sets. */
struct comparison {
    const struct set_value *sets, *walked;
    size_t count;
    bool wanted; /* whether the others are to have the member, or none of them */
    const struct set_output *output;
};

static bool compare(void *context, const struct set_member *member)
{
    const struct comparison *comparison = context;

    for (size_t at = 0; at < comparison->count; at++) {
        const struct set_value *other = &comparison->sets[at];

        if (other->value != comparison->walked->value && set_value_contains(other, member) != comparison->wanted)
            return true;
    }
    return emit(comparison->output, member);
}

/* Intersections */

static struct idset *common_ids(const struct set_value *sets, size_t count, struct memory *scratch)
{
    size_t found;
    const struct idset **list = ids_of(sets, count, scratch, &found);
    struct idset *common = idset_and(scratch, list, found);

    memory_free(scratch, list);
    return common;
}

static void intersect_strings(const struct set_value *sets, size_t count, const struct set_output *output)
{
    const struct set_value *fewest = fewest_strings_of(sets, count);
    struct comparison comparison = {sets, fewest, count, true, output};

    set_large_each_string(fewest->value, compare, &comparison);
}

static void intersect_one_by_one(const struct set_value *sets, size_t count, const struct set_output *output)
{
    const struct set_value *smallest = smallest_of(sets, count);
    struct comparison comparison = {sets, smallest, count, true, output};

    set_value_each(smallest, compare, &comparison);
}

void set_algebra_intersect(const struct set_value *sets, size_t count, struct memory *scratch,
                           const struct set_output *output)
{
    if (any_is_empty(sets, count))
        return;
    if (!all_are_large(sets, count)) {
        intersect_one_by_one(sets, count, output);
        return;
    }
    emit_ids(output, common_ids(sets, count, scratch));
    intersect_strings(sets, count, output);
}

struct tally {
    uint64_t count, limit;
};

static bool tally_member(void *context, const struct set_member *member)
{
    struct tally *tally = context;

    return ++tally->count < tally->limit;
}

static uint64_t count_common_ids(const struct set_value *sets, size_t count, struct memory *scratch, uint64_t limit)
{
    size_t found;
    const struct idset **list = ids_of(sets, count, scratch, &found);
    uint64_t common = idset_and_count(list, found, limit);

    memory_free(scratch, list);
    return common;
}

uint64_t set_algebra_count_common(const struct set_value *sets, size_t count, struct memory *scratch, uint64_t limit)
{
    struct tally tally = {.limit = limit};
    struct set_output output = {.visit = tally_member, .context = &tally};

    if (any_is_empty(sets, count))
        return 0;
    if (!all_are_large(sets, count)) {
        intersect_one_by_one(sets, count, &output);
        return tally.count;
    }
    tally.count = count_common_ids(sets, count, scratch, limit);
    if (tally.count < limit)
        intersect_strings(sets, count, &output);
    return tally.count;
}

/* Differences */

static bool remove_id(void *context, const struct set_member *member)
{
    if (set_member_is_id(member))
        idset_remove(context, (uint32_t)member->integer);
    return true;
}

/* The first set is large. */
static struct idset *remaining_ids(const struct set_value *sets, size_t count, struct memory *scratch)
{
    size_t found;
    const struct idset **list = ids_of(sets, count, scratch, &found);
    struct idset *ids = idset_andnot(scratch, list, found);

    memory_free(scratch, list);
    for (size_t at = 1; at < count; at++)
        if (!set_value_is_large(&sets[at]))
            set_value_each(&sets[at], remove_id, ids);
    return ids;
}

static bool is_among_the_others(const struct set_value *sets, size_t count)
{
    for (size_t at = 1; at < count; at++)
        if (sets[at].value == sets[0].value)
            return true;
    return false;
}

void set_algebra_subtract(const struct set_value *sets, size_t count, struct memory *scratch,
                          const struct set_output *output)
{
    struct comparison comparison = {sets, sets, count, false, output};

    if (sets[0].value == NULL || is_among_the_others(sets, count))
        return;
    if (!set_value_is_large(&sets[0])) {
        set_value_each(&sets[0], compare, &comparison);
        return;
    }
    emit_ids(output, remaining_ids(sets, count, scratch));
    set_large_each_string(sets[0].value, compare, &comparison);
}

static bool add_member(void *context, const struct set_member *member)
{
    set_value_add(context, member);
    return true;
}

static bool remove_member(void *context, const struct set_member *member)
{
    set_value_remove(context, member);
    return true;
}

/* Where the first set is looked up often and the others are small, Redis copies the first and removes the others
 * from it: the copy's encoding is that of the whole first set. */
static bool redis_would_copy(const struct set_value *sets, size_t count)
{
    size_t first = set_value_count(&sets[0]), lookups = 0, members = 0;

    for (size_t at = 0; at < count; at++) {
        lookups += sets[at].value != NULL ? first : 0;
        members += set_value_count(&sets[at]);
    }
    return lookups / 2 > members;
}

void set_algebra_subtract_into(const struct set_value *sets, size_t count, struct memory *scratch,
                               struct set_value *into)
{
    struct set_output output = {.into = into};

    if (sets[0].value == NULL || is_among_the_others(sets, count))
        return;
    if (!redis_would_copy(sets, count)) {
        set_algebra_subtract(sets, count, scratch, &output);
        return;
    }
    size_t first = set_value_count(&sets[0]);
    if (first > set_value_small_most(into->config)) {
        set_value_expect(into, first);
        set_algebra_subtract(sets, count, scratch, &output);
        return;
    }
    set_value_each(&sets[0], add_member, into);
    for (size_t at = 1; at < count; at++)
        set_value_each(&sets[at], remove_member, into);
}

/* Unions */

static bool any_exceeds(const struct set_value *sets, size_t count, size_t most)
{
    for (size_t at = 0; at < count; at++)
        if (set_value_count(&sets[at]) > most)
            return true;
    return false;
}

/* The integers of large sets at once, then what is left of each set. */
static void unite_parts(const struct set_value *sets, size_t count, struct memory *scratch, struct set_value *into)
{
    size_t found;
    const struct idset **list = ids_of(sets, count, scratch, &found);

    if (found > 0)
        set_value_take_ids(into, idset_or(scratch, list, found));
    memory_free(scratch, list);
    for (size_t at = 0; at < count; at++) {
        if (set_value_is_large(&sets[at]))
            set_large_each_string(sets[at].value, add_member, into);
        else
            set_value_each(&sets[at], add_member, into);
    }
}

void set_algebra_unite(const struct set_value *sets, size_t count, struct memory *scratch, struct set_value *into)
{
    if (any_exceeds(sets, count, set_value_small_most(into->config))) {
        unite_parts(sets, count, scratch, into);
        return;
    }
    for (size_t at = 0; at < count; at++)
        set_value_each(&sets[at], add_member, into);
}
