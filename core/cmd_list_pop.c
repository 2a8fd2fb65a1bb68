/* Lists: taking elements from the ends, of one list or the first of several that
 * there is, and waiting for one. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/cmd_list.h"
#include "core/command.h"
#include "core/effects.h"

bool list_parse_end(struct call *call, struct str word, enum deque_end *end)
{
    *end = arg_is(word, "left") ? DEQUE_FRONT : DEQUE_BACK;
    if (*end == DEQUE_FRONT || arg_is(word, "right"))
        return true;
    args_syntax_error(call->reply);
    return false;
}

/* Taking. */

static void reply_elements(struct reply *reply, const struct entry *entry, enum deque_end end, size_t count)
{
    struct listpack_value value;
    struct list_walk walk;

    reply_array(reply, (int64_t)count);
    list_walk_start(&walk, entry, end == DEQUE_FRONT ? 0 : list_count(entry) - 1, end == DEQUE_FRONT);
    for (size_t i = 0; i < count && list_walk_next(&walk, &value); i++)
        list_reply(reply, value);
}

static const char *pop_event(enum deque_end end)
{
    return end == DEQUE_FRONT ? "lpop" : "rpop";
}

static void pop_one(struct call *call, struct str name, const struct list *list, enum deque_end end)
{
    list_reply(call->reply, list_peek(list->entry, end));
    list_drop(list, end);
    list_removed(call, name, list, pop_event(end), 1);
}

/* Up to `most`, at least one. What is taken in whole goes with its key, which frees it later. */
static void pop_many(struct call *call, struct str name, const struct list *list, enum deque_end end, uint64_t most)
{
    size_t length = list_count(list->entry), count = length < most ? length : (size_t)most;

    reply_elements(call->reply, list->entry, end, count);
    if (count == length) {
        keyspace_changed(call_keyspace(call, name), count);
        call_changed(call, EVENT_LIST, pop_event(end), name);
        call_delete_empty(call, name, list->entry);
        return;
    }
    list_delete_range(list, end == DEQUE_FRONT ? 0 : length - count, count);
    list_removed(call, name, list, pop_event(end), count);
}

/* Of one of several keys, and maybe long after it was called. */
static void record_pop(const struct call *call, struct str name, enum deque_end end, int64_t count)
{
    char digits[NUMBER_TEXT_MAX];

    if (call_is_journaled(call, name))
        CALL_RECORD(call, name, end == DEQUE_FRONT ? STR("LPOP") : STR("RPOP"), name,
                    {digits, number_format_integer(digits, count)});
}

/* LPOP, RPOP */

static void pop_with_count(struct call *call, enum deque_end end)
{
    static const char negative[] = "ERR value is out of range, must be positive";
    struct list list;
    int64_t count;

    if (!args_integer_in(call->reply, call->argv[2], 0, INT64_MAX, negative, &count))
        return;
    if (!list_find(call, call->argv[1], &list))
        return;
    if (list.entry == NULL)
        reply_null_array(call->reply);
    else if (count == 0)
        reply_array(call->reply, 0);
    else
        pop_many(call, call->argv[1], &list, end, (uint64_t)count);
}

static void pop(struct call *call, enum deque_end end)
{
    struct list list;

    if (call->argc > 3) {
        reply_error_format(call->reply, "ERR wrong number of arguments for '%s' command", call->command->name);
    } else if (call->argc == 3) {
        pop_with_count(call, end);
    } else if (list_find(call, call->argv[1], &list)) {
        if (list.entry == NULL)
            reply_null(call->reply);
        else
            pop_one(call, call->argv[1], &list, end);
    }
}

void cmd_lpop(struct call *call)
{
    pop(call, DEQUE_FRONT);
}

void cmd_rpop(struct call *call)
{
    pop(call, DEQUE_BACK);
}

/* LMPOP, BLMPOP */

struct many_options {
    const struct str *keys;
    int key_count;
    enum deque_end end;
    int64_t count;
};

static bool parse_count(struct call *call, int first, int64_t *count)
{
    bool given = false;

    *count = 1;
    for (int i = first; i < call->argc; i += 2) {
        if (given || i + 1 == call->argc || !arg_is(call->argv[i], "count")) {
            args_syntax_error(call->reply);
            return false;
        }
        if (!args_integer_in(call->reply, call->argv[i + 1], 1, INT64_MAX, "ERR count should be greater than 0", count))
            return false;
        given = true;
    }
    return true;
}

/* numkeys key … LEFT|RIGHT [COUNT count], from argv[first] on. */
static bool parse_many(struct call *call, int first, struct many_options *options)
{
    static const char too_few[] = "ERR numkeys should be greater than 0";
    int64_t numkeys;

    if (!args_integer_in(call->reply, call->argv[first], 1, INT64_MAX, too_few, &numkeys))
        return false;
    if (numkeys >= call->argc - first - 1) {
        args_syntax_error(call->reply);
        return false;
    }
    options->keys = call->argv + first + 1;
    options->key_count = (int)numkeys;
    int word = first + 1 + options->key_count;
    return list_parse_end(call, call->argv[word], &options->end) && parse_count(call, word + 1, &options->count);
}

/* False: none of the keys is there, and nothing has been answered. */
static bool pop_from_first(struct call *call, const struct many_options *options)
{
    for (int i = 0; i < options->key_count; i++) {
        struct str name = options->keys[i];
        struct list list;

        if (!list_find(call, name, &list))
            return true;
        if (list.entry == NULL)
            continue;
        reply_array(call->reply, 2);
        reply_bulk(call->reply, name);
        pop_many(call, name, &list, options->end, (uint64_t)options->count);
        record_pop(call, name, options->end, options->count);
        return true;
    }
    return false;
}

void cmd_lmpop(struct call *call)
{
    struct many_options options;

    if (parse_many(call, 1, &options) && !pop_from_first(call, &options))
        reply_null_array(call->reply);
}

void cmd_blmpop(struct call *call)
{
    struct many_options options;
    int64_t timeout_ms;

    if (!parse_many(call, 2, &options) || !args_timeout(call, call->argv[1], &timeout_ms))
        return;
    if (!pop_from_first(call, &options) && !call_block(call, VALUE_LIST, timeout_ms))
        reply_null_array(call->reply);
}

/* BLPOP, BRPOP */

/* As above, with an answer of the key and one element. */
static bool pop_one_from_first(struct call *call, enum deque_end end)
{
    for (int i = 1; i < call->argc - 1; i++) {
        struct str name = call->argv[i];
        struct list list;

        if (!list_find(call, name, &list))
            return true;
        if (list.entry == NULL)
            continue;
        reply_array(call->reply, 2);
        reply_bulk(call->reply, name);
        pop_one(call, name, &list, end);
        record_pop(call, name, end, 1);
        return true;
    }
    return false;
}

static void pop_or_wait(struct call *call, enum deque_end end)
{
    int64_t timeout_ms;

    if (!args_timeout(call, call->argv[call->argc - 1], &timeout_ms))
        return;
    if (!pop_one_from_first(call, end) && !call_block(call, VALUE_LIST, timeout_ms))
        reply_null_array(call->reply);
}

void cmd_blpop(struct call *call)
{
    pop_or_wait(call, DEQUE_FRONT);
}

void cmd_brpop(struct call *call)
{
    pop_or_wait(call, DEQUE_BACK);
}
