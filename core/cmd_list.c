/* Lists: pushing, reading by index, and changing what lies between the ends. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/cmd_list.h"

/* What the handlers share. */

static struct list list_at(struct call *call, struct str name, struct entry *entry)
{
    return (struct list){entry, keyspace_memory(call_keyspace(call, name)), &call->core->config};
}

bool list_find(struct call *call, struct str name, struct list *list)
{
    struct entry *entry;

    if (!call_find_write(call, name, VALUE_LIST, &entry))
        return false;
    *list = list_at(call, name, entry);
    return true;
}

bool list_find_or_create(struct call *call, struct str name, const struct str *texts, size_t count, struct list *list)
{
    if (!list_find(call, name, list))
        return false;
    if (list->entry == NULL)
        list->entry =
            list_create(call_keyspace(call, name), call->db, call_key(call, name), list->config, texts, count);
    return true;
}

void list_removed(struct call *call, struct str name, const struct list *list, const char *event, size_t count)
{
    keyspace_changed(call_keyspace(call, name), count);
    call_changed(call, EVENT_LIST, event, name);
    if (list_count(list->entry) == 0)
        call_delete_empty(call, name, list->entry);
    else
        list_shrink(list);
}

struct list_range list_range_of(int64_t start, int64_t stop, size_t length)
{
    int64_t count = (int64_t)length;

    if (start < 0)
        start = start < -count ? 0 : start + count;
    if (stop < 0)
        stop += count;
    if (stop >= count)
        stop = count - 1;
    if (start > stop)
        return (struct list_range){0};
    return (struct list_range){(size_t)start, (size_t)(stop - start + 1)};
}

/* Pushing. */

static void pushed(struct call *call, enum deque_end end, size_t count)
{
    keyspace_changed(call_keyspace(call, call->argv[1]), count);
    call_changed(call, EVENT_LIST, end == DEQUE_FRONT ? "lpush" : "rpush", call->argv[1]);
}

static void push(struct call *call, enum deque_end end)
{
    struct str name = call->argv[1];
    const struct str *texts = call->argv + 2;
    size_t count = (size_t)call->argc - 2;
    struct list list;

    if (!list_find_or_create(call, name, texts, count, &list))
        return;
    list_push(&list, end, texts, count);
    pushed(call, end, count);
    reply_integer(call->reply, (int64_t)list_count(list.entry));
}

static void push_to_existing(struct call *call, enum deque_end end)
{
    struct list list;

    if (!list_find(call, call->argv[1], &list))
        return;
    if (list.entry == NULL) {
        reply_integer(call->reply, 0);
        return;
    }
    list_push(&list, end, call->argv + 2, (size_t)call->argc - 2);
    pushed(call, end, (size_t)call->argc - 2);
    reply_integer(call->reply, (int64_t)list_count(list.entry));
}

void cmd_lpush(struct call *call)
{
    push(call, DEQUE_FRONT);
}

void cmd_rpush(struct call *call)
{
    push(call, DEQUE_BACK);
}

void cmd_lpushx(struct call *call)
{
    push_to_existing(call, DEQUE_FRONT);
}

void cmd_rpushx(struct call *call)
{
    push_to_existing(call, DEQUE_BACK);
}

/* Reading. */

void cmd_llen(struct call *call)
{
    struct entry *entry;

    if (call_find_read(call, call->argv[1], VALUE_LIST, &entry))
        reply_integer(call->reply, entry ? (int64_t)list_count(entry) : 0);
}

/* False: there is no such element. */
static bool index_of(const struct entry *entry, int64_t number, size_t *index)
{
    struct list_range range = list_range_of(number, number, list_count(entry));

    *index = range.first;
    return range.count > 0;
}

void cmd_lindex(struct call *call)
{
    struct entry *entry;
    int64_t number;
    size_t index;

    if (!call_find_read(call, call->argv[1], VALUE_LIST, &entry))
        return;
    if (entry == NULL) {
        reply_null(call->reply);
        return;
    }
    if (!args_integer(call->reply, call->argv[2], &number))
        return;
    if (index_of(entry, number, &index))
        list_reply(call->reply, list_get(entry, index));
    else
        reply_null(call->reply);
}

static void reply_range(struct reply *reply, const struct entry *entry, struct list_range range)
{
    struct listpack_value value;
    struct list_walk walk;

    reply_array(reply, (int64_t)range.count);
    if (range.count == 0)
        return;
    list_walk_start(&walk, entry, range.first, true);
    for (size_t i = 0; i < range.count && list_walk_next(&walk, &value); i++)
        list_reply(reply, value);
}

void cmd_lrange(struct call *call)
{
    struct entry *entry;
    int64_t start, stop;

    if (!args_integer(call->reply, call->argv[2], &start) || !args_integer(call->reply, call->argv[3], &stop))
        return;
    if (!call_find_read(call, call->argv[1], VALUE_LIST, &entry))
        return;
    if (entry == NULL)
        reply_array(call->reply, 0);
    else
        reply_range(call->reply, entry, list_range_of(start, stop, list_count(entry)));
}

/* Changing. */

void cmd_lset(struct call *call)
{
    struct list list;
    int64_t number;
    size_t index;

    if (!list_find(call, call->argv[1], &list))
        return;
    if (list.entry == NULL) {
        reply_error(call->reply, "ERR no such key");
        return;
    }
    if (!args_integer(call->reply, call->argv[2], &number))
        return;
    list_grow(&list, call->argv[3].length);
    if (!index_of(list.entry, number, &index)) {
        reply_error(call->reply, "ERR index out of range");
        return;
    }
    list_set(&list, index, call->argv[3]);
    list_shrink(&list);
    keyspace_changed(call_keyspace(call, call->argv[1]), 1);
    call_changed(call, EVENT_LIST, "lset", call->argv[1]);
    reply_ok(call->reply);
}

/* What is to go in whole goes with its key, which frees it later. */
static void trim(struct call *call, const struct list *list, struct list_range kept)
{
    struct str name = call->argv[1];
    size_t length = list_count(list->entry), behind = length - kept.first - kept.count;

    if (kept.count == 0) {
        keyspace_changed(call_keyspace(call, name), length);
        call_changed(call, EVENT_LIST, "ltrim", name);
        call_delete_empty(call, name, list->entry);
        return;
    }
    list_delete_range(list, kept.first + kept.count, behind);
    list_delete_range(list, 0, kept.first);
    list_removed(call, name, list, "ltrim", length - kept.count);
}

void cmd_ltrim(struct call *call)
{
    int64_t start, stop;
    struct list list;

    if (!args_integer(call->reply, call->argv[2], &start) || !args_integer(call->reply, call->argv[3], &stop))
        return;
    if (!list_find(call, call->argv[1], &list))
        return;
    if (list.entry != NULL)
        trim(call, &list, list_range_of(start, stop, list_count(list.entry)));
    reply_ok(call->reply);
}
