/* Walks over the keys of one shard: KEYS in one go, SCAN by cursor.
 *
 * The cursor that clients see is the place in the shard's table times the number
 * of shards, plus the shard. A shard's walk ends with the cursor of the next
 * shard's beginning, which is that shard's number, and the last shard's with 0.
 * A table's own cursor is 0 only at its beginning, so none stands for two places. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/number.h"
#include "core/table.h"

/* A step may visit a bucket without keys; so many for each key asked for, at most. */
enum { SCAN_STEPS_PER_KEY = 10, SCAN_COUNT = 10 };

struct scan_options {
    int64_t count;
    struct str pattern; /* bytes NULL: every key */
    struct str type;    /* bytes NULL: every type */
};

struct scan {
    const struct scan_options *options;
    struct reply *keys;
    int64_t visited, listed;
};

static bool pattern_is_all(struct str pattern)
{
    return pattern.length == 1 && pattern.bytes[0] == '*';
}

static bool scan_wants(const struct scan_options *options, const struct entry *entry)
{
    if (options->pattern.bytes != NULL && !str_glob_match(options->pattern, entry_key(entry), false))
        return false;
    return options->type.bytes == NULL || str_equal_nocase(options->type, value_type_name(entry_type(entry)));
}

static void scan_visit(void *context, struct entry *entry)
{
    struct scan *scan = context;

    scan->visited++;
    if (!scan_wants(scan->options, entry))
        return;
    reply_bulk(scan->keys, entry_key(entry));
    scan->listed++;
}

void cmd_keys(struct call *call)
{
    struct scan_options options = {.pattern = pattern_is_all(call->argv[1]) ? (struct str){0} : call->argv[1]};
    struct scan scan = {.options = &options, .keys = call->reply};
    size_t mark = reply_mark(call->reply);
    uint64_t cursor = 0;

    do
        cursor = keyspace_scan(call->core->keyspace, call->db, cursor, call->now_ms, scan_visit, &scan);
    while (cursor != 0);
    reply_array_at(call->reply, mark, scan.listed);
}

static bool parse_count(struct call *call, struct str text, int64_t *count)
{
    if (!args_integer(call->reply, text, count))
        return false;
    if (*count >= 1)
        return true;
    args_syntax_error(call->reply);
    return false;
}

/* Of a type that there is not no key is: that is no error. */
static bool parse_options(struct call *call, struct scan_options *options)
{
    *options = (struct scan_options){.count = SCAN_COUNT};
    for (int i = 2; i < call->argc; i += 2) {
        struct str word = call->argv[i];
        bool operand = i + 1 < call->argc;

        if (operand && arg_is(word, "match")) {
            options->pattern = pattern_is_all(call->argv[i + 1]) ? (struct str){0} : call->argv[i + 1];
        } else if (operand && arg_is(word, "type")) {
            options->type = call->argv[i + 1];
        } else if (!operand || !arg_is(word, "count")) {
            args_syntax_error(call->reply);
            return false;
        } else if (!parse_count(call, call->argv[i + 1], &options->count)) {
            return false;
        }
    }
    return true;
}

/* The place in this shard's table. False: no cursor of ours, and that has been answered. */
static bool parse_cursor(struct call *call, uint64_t *place)
{
    uint64_t cursor;

    if (number_parse_unsigned(call->argv[1], &cursor)) {
        *place = cursor / (uint64_t)call->core->count;
        if (*place < UINT64_C(1) << TABLE_CURSOR_BITS)
            return true;
    }
    reply_error(call->reply, "ERR invalid cursor");
    return false;
}

static uint64_t next_cursor(const struct core *core, uint64_t place)
{
    uint64_t count = (uint64_t)core->count, index = (uint64_t)core->index;

    if (place != 0)
        return place * count + index;
    return index + 1 < count ? index + 1 : 0;
}

/* Walks until enough keys were seen, whether they were wanted or not. Returns the place to go on at. */
static uint64_t scan_walk(struct call *call, struct scan *scan, uint64_t place)
{
    int64_t count = scan->options->count;
    int64_t steps = count > INT64_MAX / SCAN_STEPS_PER_KEY ? INT64_MAX : count * SCAN_STEPS_PER_KEY;

    do
        place = keyspace_scan(call->core->keyspace, call->db, place, call->now_ms, scan_visit, scan);
    while (place != 0 && --steps > 0 && scan->visited < count);
    return place;
}

void cmd_scan(struct call *call)
{
    struct scan_options options;
    char storage[2048];
    struct reply keys;
    uint64_t place;

    if (!parse_cursor(call, &place) || !parse_options(call, &options))
        return;
    reply_init(&keys, &call->core->memory, storage, sizeof(storage), call->reply->protocol);
    struct scan scan = {.options = &options, .keys = &keys};
    place = scan_walk(call, &scan, place);
    reply_array(call->reply, 2);
    reply_bulk_integer(call->reply, (int64_t)next_cursor(call->core, place));
    reply_array(call->reply, scan.listed);
    reply_raw(call->reply, buffer_str(&keys.buffer));
    buffer_deinit(&keys.buffer);
}
