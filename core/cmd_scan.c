/* Walks over the keys of one shard: KEYS in one go, SCAN by cursor.
 *
 * The cursor that clients see is the place in the shard's table times the number
 * of shards, plus the shard. A shard's walk ends with the cursor of the next
 * shard's beginning, which is that shard's number, and the last shard's with 0.
 * A table's own cursor is 0 only at its beginning, so none stands for two places. */
#include "core/handlers.h"

#include "core/call.h"
#include "core/scan_options.h"
#include "core/table.h"

struct scan {
    const struct scan_options *options;
    struct reply *keys;
    int64_t visited, listed;
};

static bool scan_wants(const struct scan_options *options, const struct entry *entry)
{
    if (!scan_matches(options, entry_key(entry)))
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
    bool all = call->argv[1].length == 1 && call->argv[1].bytes[0] == '*';
    struct scan_options options = {.pattern = all ? (struct str){0} : call->argv[1]};
    struct scan scan = {.options = &options, .keys = call->reply};
    size_t mark = reply_mark(call->reply);
    uint64_t cursor = 0;

    do
        cursor = keyspace_scan(call->core->keyspace, call->db, cursor, call->now_ms, scan_visit, &scan);
    while (cursor != 0);
    reply_array_at(call->reply, mark, scan.listed);
}

/* The place in this shard's table; a cursor that no walk gave stands for some place. */
static bool parse_cursor(struct call *call, uint64_t *place)
{
    uint64_t cursor;

    if (!scan_cursor_parse(call, call->argv[1], &cursor))
        return false;
    *place = cursor / (uint64_t)call->core->count % (UINT64_C(1) << TABLE_CURSOR_BITS);
    return true;
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
    int64_t steps = scan_steps(scan->options);

    do
        place = keyspace_scan(call->core->keyspace, call->db, place, call->now_ms, scan_visit, scan);
    while (place != 0 && --steps > 0 && scan->visited < scan->options->count);
    return place;
}

void cmd_scan(struct call *call)
{
    struct scan_options options;
    char storage[2048];
    struct reply keys;
    uint64_t place;

    if (!parse_cursor(call, &place) || !scan_options_parse(call, 2, SCAN_OF_KEYS, &options))
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
