/* Walks over the keys of one shard: KEYS in one go, SCAN by cursor.
 *
 * The cursor that clients see is the place in the shard's table times the number
 * of shards, plus the shard. A shard's walk ends with the cursor of the next
 * shard's beginning, which is that shard's number, and the last shard's with 0.
 * A table's own cursor is 0 only at its beginning, so none stands for two places.
 * SCAN is brought to the shard of its cursor; in a transaction all are in reach. */
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

    keyspace_each(call->core->keyspace, call->db, call->now_ms, scan_visit, &scan);
    reply_array_at(call->reply, mark, scan.listed);
}

/* A shard, and a place in its table. */
struct scan_position {
    uint64_t shard, place;
};

/* A cursor that no walk gave stands for some place. */
static bool parse_cursor(struct call *call, struct scan_position *position)
{
    uint64_t cursor, count = (uint64_t)call->core->count;

    if (!scan_cursor_parse(call, call->argv[1], &cursor))
        return false;
    position->shard = call->reach ? cursor % count : (uint64_t)call->core->index;
    position->place = cursor / count % (UINT64_C(1) << TABLE_CURSOR_BITS);
    return true;
}

static uint64_t next_cursor(const struct call *call, const struct scan_position *position)
{
    uint64_t count = (uint64_t)call->core->count;

    if (position->place != 0)
        return position->place * count + position->shard;
    return position->shard + 1 < count ? position->shard + 1 : 0;
}

/* Walks until enough keys were seen, whether they were wanted or not, and leaves the position to go on at. */
static void scan_walk(struct call *call, struct scan *scan, struct scan_position *position)
{
    struct keyspace *keyspace = call->reach ? call->reach->keyspaces[position->shard] : call->core->keyspace;
    int64_t steps = scan_steps(scan->options);

    do
        position->place = keyspace_scan(keyspace, call->db, position->place, call->now_ms, scan_visit, scan);
    while (position->place != 0 && --steps > 0 && scan->visited < scan->options->count);
}

void cmd_scan(struct call *call)
{
    struct scan_options options;
    char storage[2048];
    struct reply keys;
    struct scan_position position;

    if (!parse_cursor(call, &position) || !scan_options_parse(call, 2, SCAN_OF_KEYS, &options))
        return;
    reply_init(&keys, &call->core->memory, storage, sizeof(storage), call->reply->protocol);
    struct scan scan = {.options = &options, .keys = &keys};
    scan_walk(call, &scan, &position);
    reply_array(call->reply, 2);
    reply_bulk_integer(call->reply, (int64_t)next_cursor(call, &position));
    reply_array(call->reply, scan.listed);
    reply_raw(call->reply, buffer_str(&keys.buffer));
    buffer_deinit(&keys.buffer);
}
