/* SLOWLOG. GET's and LEN's parts run on every shard over its own log; each holds
 * all of its newest that can be among the newest of all, so the merge has what it needs. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/assert.h"
#include "core/call.h"
#include "core/merge.h"

enum { SHOWN_DEFAULT = 10 };

/* Before each entry in a part. */
struct part_entry {
    int64_t id;
    size_t length;
};

void cmd_slowlog_help(struct call *call)
{
    static const char *const lines[] = {
        "GET [<count>]",
        "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
        "    Entries are made of:",
        "    id, timestamp, time in microseconds, arguments array, client IP and port,",
        "    client name",
        "LEN",
        "    Return the length of the slowlog.",
        "RESET",
        "    Reset the slowlog.",
        NULL,
    };

    args_help(call, lines);
}

static void append_entry(struct buffer *part, const struct slow_command *slow, struct reply *reply)
{
    struct part_entry entry = {.id = slow->id};

    reply->buffer.length = 0;
    slow_command_reply(slow, reply);
    entry.length = reply->buffer.length;
    buffer_append(part, &entry, sizeof entry);
    buffer_append_str(part, buffer_str(&reply->buffer));
}

/* -1: all */
static bool parse_count(struct call *call, int64_t *count)
{
    *count = SHOWN_DEFAULT;
    if (call->argc > 3) {
        reply_error_format(call->reply,
                           "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try SLOWLOG HELP.",
                           str_quoted_length(call->argv[1]), call->argv[1].bytes);
        return false;
    }
    return call->argc < 3 || args_integer_in(call->reply, call->argv[2], -1, INT64_MAX,
                                             "ERR count should be greater than or equal to -1", count);
}

void cmd_slowlog_get(struct call *call)
{
    const struct slow_command *slow = call->core->slowlog.newest;
    struct memory *memory = &call->core->memory;
    struct reply entry;
    struct buffer part;
    int64_t count;

    if (!parse_count(call, &count))
        return;
    buffer_init(&part, memory, NULL, 0);
    reply_init(&entry, memory, NULL, 0, call->reply->protocol);
    for (; slow && count != 0; slow = slow->next, count--)
        append_entry(&part, slow, &entry);
    reply_bulk(call->reply, buffer_str(&part));
    buffer_deinit(&entry.buffer);
    buffer_deinit(&part);
}

/* Takes the entry of the highest id in any part; false: there are no more. */
static bool take_newest(struct str *parts, int part_count, struct str *entry)
{
    struct part_entry head, best = {.id = -1};
    struct str *from = NULL;

    for (int i = 0; i < part_count; i++) {
        if (parts[i].length == 0)
            continue;
        ASSERT(parts[i].length >= sizeof head);
        memcpy(&head, parts[i].bytes, sizeof head);
        if (head.id > best.id) {
            best = head;
            from = &parts[i];
        }
    }
    if (!from)
        return false;
    *entry = (struct str){from->bytes + sizeof head, best.length};
    *from = (struct str){entry->bytes + best.length, from->length - sizeof head - best.length};
    return true;
}

void merge_slowlog_get(struct merge *merge)
{
    int64_t most = merge->core->config.slowlog_max_len, asked = SHOWN_DEFAULT, count = 0;
    struct str parts[CONFIG_SHARDS_MAX], entry;
    size_t mark = reply_mark(merge->reply);

    if (merge->argc > 2 && args_integer(merge->reply, merge->argv[2], &asked) && asked < 0)
        asked = INT64_MAX;
    for (int i = 0; i < merge->part_count; i++)
        parts[i] = merge_bulk(merge, i);
    for (; count < asked && count < most && take_newest(parts, merge->part_count, &entry); count++)
        reply_raw(merge->reply, entry);
    reply_array_at(merge->reply, mark, count);
}

void cmd_slowlog_len(struct call *call)
{
    reply_integer(call->reply, call->core->slowlog.length);
}

/* Each shard keeps as many as all of them together shall have. */
void merge_slowlog_len(struct merge *merge)
{
    int64_t sum = merge_sum_of(merge), most = merge->core->config.slowlog_max_len;

    reply_integer(merge->reply, sum < most ? sum : most);
}

void cmd_slowlog_reset(struct call *call)
{
    slowlog_reset(&call->core->slowlog);
    reply_ok(call->reply);
}
