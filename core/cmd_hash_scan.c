/* HSCAN: a walk over a hash's fields by cursor, which is the one of its table. */
#include "core/handlers.h"

#include "core/hash_access.h"
#include "core/scan_options.h"

struct scan {
    const struct scan_options *options;
    struct reply *found;
    int64_t visited, listed;
};

static void scan_visit(void *context, const struct hash_item *item)
{
    struct scan *scan = context;
    char digits[NUMBER_TEXT_MAX];

    scan->visited++;
    if (!scan_matches(scan->options, listpack_text(item->field, digits)))
        return;
    hash_reply_value(scan->found, item->field);
    scan->listed++;
    if (scan->options->no_values)
        return;
    hash_reply_value(scan->found, item->value);
    scan->listed++;
}

static uint64_t scan_walk(const struct hash *hash, struct scan *scan, uint64_t cursor)
{
    int64_t steps = scan_steps(scan->options);

    do
        cursor = hash_scan(hash, cursor, scan_visit, scan);
    while (cursor != 0 && --steps > 0 && scan->visited < scan->options->count);
    return cursor;
}

static void scan_hash(struct call *call, const struct hash *hash, uint64_t cursor)
{
    struct scan_options options;
    char storage[2048];
    struct reply found;

    if (!scan_options_parse(call, 3, SCAN_OF_FIELDS, &options))
        return;
    reply_init(&found, &call->core->memory, storage, sizeof(storage), call->reply->protocol);
    struct scan scan = {.options = &options, .found = &found};
    cursor = scan_walk(hash, &scan, cursor);
    reply_array(call->reply, 2);
    reply_bulk_integer(call->reply, (int64_t)cursor);
    reply_array(call->reply, scan.listed);
    reply_raw(call->reply, buffer_str(&found.buffer));
    buffer_deinit(&found.buffer);
}

/* Of an absent key the options are not looked at. */
void cmd_hscan(struct call *call)
{
    struct hash_access access;
    uint64_t cursor;

    if (!scan_cursor_parse(call, call->argv[2], &cursor) || !hash_open_read(call, &access))
        return;
    if (access.entry != NULL) {
        scan_hash(call, &access.hash, cursor);
        return;
    }
    reply_array(call->reply, 2);
    reply_bulk_integer(call->reply, 0);
    reply_array(call->reply, 0);
}
