/* Intersections, unions and differences of sets, answered or stored. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/change.h"
#include "core/command.h"
#include "core/memory.h"
#include "core/set_algebra.h"
#include "core/set_key.h"

/* The sets at some of the arguments. */
struct sources {
    struct set_value *sets;
    size_t count;
};

static void sources_end(struct call *call, struct sources *sources)
{
    memory_free(&call->core->memory, sources->sets);
}

/* False: one of the keys holds another type, and that has been answered. */
static bool sources_find(struct call *call, int first, int end, struct sources *sources)
{
    sources->count = (size_t)(end - first);
    sources->sets = memory_alloc(&call->core->memory, sources->count * sizeof *sources->sets);
    for (int i = first; i < end; i++)
        if (!set_key_read(call, call->argv[i], &sources->sets[i - first])) {
            sources_end(call, sources);
            return false;
        }
    return true;
}

/* Answers */

typedef void operate(const struct set_value *sets, size_t count, struct memory *scratch,
                     const struct set_output *output);

struct listing {
    struct reply *reply;
    int64_t count;
};

static bool list_member(void *context, const struct set_member *member)
{
    struct listing *listing = context;

    listing->count++;
    return set_reply_member(listing->reply, member);
}

static void answer(struct call *call, operate *operation)
{
    struct listing listing = {.reply = call->reply};
    struct set_output output = {.visit = list_member, .context = &listing};
    struct sources sources;

    if (!sources_find(call, 1, call->argc, &sources))
        return;
    size_t mark = reply_mark(call->reply);
    operation(sources.sets, sources.count, &call->core->memory, &output);
    reply_set_at(call->reply, mark, listing.count);
    sources_end(call, &sources);
}

void cmd_sinter(struct call *call)
{
    answer(call, set_algebra_intersect);
}

void cmd_sdiff(struct call *call)
{
    answer(call, set_algebra_subtract);
}

/* Where there is none but intsets, their union is quickest as one. */
static enum value_encoding encoding_to_unite_in(const struct sources *sources)
{
    for (size_t at = 0; at < sources->count; at++)
        if (sources->sets[at].value != NULL && sources->sets[at].encoding != ENCODING_INTSET)
            return ENCODING_ROARING;
    return ENCODING_INTSET;
}

void cmd_sunion(struct call *call)
{
    struct memory *memory = &call->core->memory;
    struct sources sources;

    if (!sources_find(call, 1, call->argc, &sources))
        return;
    struct set_value all = set_value_create(memory, &call->core->config, encoding_to_unite_in(&sources));
    set_algebra_unite(sources.sets, sources.count, memory, &all);
    reply_set(call->reply, (int64_t)set_value_count(&all));
    set_value_each(&all, set_reply_member, call->reply);
    set_value_destroy(&all);
    sources_end(call, &sources);
}

/* SINTERCARD */

/* Where the keys end in argv. False: answered. */
static bool intercard_keys(struct call *call, int *end)
{
    int64_t count;

    if (!args_integer_in(call->reply, call->argv[1], 1, INT64_MAX, "ERR numkeys should be greater than 0", &count))
        return false;
    if (count > call->argc - 2) {
        reply_error(call->reply, "ERR Number of keys can't be greater than number of args");
        return false;
    }
    *end = 2 + (int)count;
    return true;
}

/* limit 0: none. False: answered. */
static bool intercard_limit(struct call *call, int first, int64_t *limit)
{
    *limit = 0;
    for (int i = first; i < call->argc; i += 2) {
        if (!arg_is(call->argv[i], "limit") || i + 1 == call->argc) {
            args_syntax_error(call->reply);
            return false;
        }
        if (!args_integer_in(call->reply, call->argv[i + 1], 0, INT64_MAX, "ERR LIMIT can't be negative", limit))
            return false;
    }
    return true;
}

void cmd_sintercard(struct call *call)
{
    struct sources sources;
    int64_t limit;
    int end;

    if (!intercard_keys(call, &end) || !intercard_limit(call, end, &limit) || !sources_find(call, 2, end, &sources))
        return;
    uint64_t most = limit > 0 ? (uint64_t)limit : UINT64_MAX;
    uint64_t count = set_algebra_count_common(sources.sets, sources.count, &call->core->memory, most);
    reply_integer(call->reply, (int64_t)count);
    sources_end(call, &sources);
}

/* Results that are stored */

static void store(struct call *call, struct keyspace *keyspace, struct set_value *result)
{
    struct key key = call_key(call, call->argv[1]);
    size_t count = set_value_count(result);

    if (count > 0) {
        set_value_shrink(result);
        keyspace_set_value(keyspace, call->db, key, VALUE_SET, result->encoding, result->value);
        keyspace_changed(keyspace, 1);
        call_changed(call, EVENT_SET, call->command->name, key.name);
    } else {
        set_value_destroy(result);
        call_delete(call, key.name);
    }
    reply_integer(call->reply, (int64_t)count);
}

static void intersect_into(const struct set_value *sets, size_t count, struct memory *scratch, struct set_value *into)
{
    struct set_output output = {.into = into};

    set_algebra_intersect(sets, count, scratch, &output);
    set_value_narrow(into);
}

static void operate_and_store(struct call *call, enum value_encoding encoding,
                              void (*operation)(const struct set_value *sets, size_t count, struct memory *scratch,
                                                struct set_value *into))
{
    struct keyspace *keyspace = call_keyspace(call, call->argv[1]);
    struct sources sources;

    if (!sources_find(call, 2, call->argc, &sources))
        return;
    struct set_value result = set_value_create(keyspace_memory(keyspace), &call->core->config, encoding);
    operation(sources.sets, sources.count, &call->core->memory, &result);
    sources_end(call, &sources);
    store(call, keyspace, &result);
}

/* Redis begins with a listpack here, and with an intset below. */
void cmd_sinterstore(struct call *call)
{
    operate_and_store(call, ENCODING_LISTPACK, intersect_into);
}

void cmd_sunionstore(struct call *call)
{
    operate_and_store(call, ENCODING_INTSET, set_algebra_unite);
}

void cmd_sdiffstore(struct call *call)
{
    operate_and_store(call, ENCODING_INTSET, set_algebra_subtract_into);
}
