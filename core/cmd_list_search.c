/* Lists: looking for elements by their text. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/cmd_list.h"

/* LREM */

/* Deletes what is equal to the text, at most so many; returns how many. */
static size_t remove_equal(const struct list *list, struct str text, size_t most, bool forward)
{
    struct list_sought sought = list_seek_text(text);
    struct listpack_value value;
    struct list_walk walk;
    size_t removed = 0;

    list_walk_start(&walk, list->entry, forward ? 0 : list_count(list->entry) - 1, forward);
    while (removed < most && list_walk_next(&walk, &value)) {
        if (!list_is_sought(&sought, value))
            continue;
        list_walk_delete(&walk, list);
        removed++;
    }
    return removed;
}

void cmd_lrem(struct call *call)
{
    size_t removed = 0;
    struct list list;
    int64_t count;

    if (!args_integer_in(call->reply, call->argv[2], -INT64_MAX, INT64_MAX, NULL, &count))
        return;
    if (!list_find(call, call->argv[1], &list))
        return;
    if (list.entry != NULL) {
        size_t most = count == 0 ? SIZE_MAX : count > 0 ? (size_t)count : (size_t)-count;

        removed = remove_equal(&list, call->argv[3], most, count >= 0);
    }
    if (removed > 0)
        list_removed(call, call->argv[1], &list, "lrem", removed);
    reply_integer(call->reply, (int64_t)removed);
}

/* LINSERT */

/* False: no element is equal to the text. */
static bool find_text(const struct entry *entry, struct str text, size_t *index)
{
    struct list_sought sought = list_seek_text(text);
    struct listpack_value value;
    struct list_walk walk;

    list_walk_start(&walk, entry, 0, true);
    for (*index = 0; list_walk_next(&walk, &value); ++*index)
        if (list_is_sought(&sought, value))
            return true;
    return false;
}

void cmd_linsert(struct call *call)
{
    bool after = arg_is(call->argv[2], "after");
    struct list list;
    size_t index;

    if (!after && !arg_is(call->argv[2], "before")) {
        args_syntax_error(call->reply);
        return;
    }
    if (!list_find(call, call->argv[1], &list))
        return;
    if (list.entry == NULL) {
        reply_integer(call->reply, 0);
        return;
    }
    list_grow(&list, call->argv[4].length);
    if (!find_text(list.entry, call->argv[3], &index)) {
        reply_integer(call->reply, -1);
        return;
    }
    list_insert(&list, after ? index + 1 : index, call->argv[4]);
    keyspace_changed(call_keyspace(call, call->argv[1]), 1);
    call_changed(call, EVENT_LIST, "linsert", call->argv[1]);
    reply_integer(call->reply, (int64_t)list_count(list.entry));
}

/* LPOS */

struct position_options {
    bool forward;
    bool many;       /* COUNT: an array is the answer */
    uint64_t rank;   /* the first match that counts, from 1 */
    uint64_t most;   /* matches */
    uint64_t length; /* elements to look at */
};

static bool parse_rank(struct call *call, struct str text, struct position_options *options)
{
    int64_t rank;

    if (!args_integer_in(call->reply, text, -INT64_MAX, INT64_MAX, NULL, &rank))
        return false;
    if (rank == 0) {
        reply_error(call->reply, "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... "
                                 "or use negative to start from the end of the list");
        return false;
    }
    options->forward = rank > 0;
    options->rank = (uint64_t)(rank > 0 ? rank : -rank);
    return true;
}

/* 0: without a limit. */
static bool parse_limit(struct call *call, struct str text, const char *error, uint64_t *limit)
{
    int64_t number;

    if (!args_integer_in(call->reply, text, 0, INT64_MAX, error, &number))
        return false;
    *limit = number > 0 ? (uint64_t)number : UINT64_MAX;
    return true;
}

static bool parse_option(struct call *call, struct str word, struct str operand, struct position_options *options)
{
    if (arg_is(word, "rank"))
        return parse_rank(call, operand, options);
    if (arg_is(word, "maxlen"))
        return parse_limit(call, operand, "ERR MAXLEN can't be negative", &options->length);
    if (arg_is(word, "count")) {
        options->many = true;
        return parse_limit(call, operand, "ERR COUNT can't be negative", &options->most);
    }
    args_syntax_error(call->reply);
    return false;
}

static bool parse_position_options(struct call *call, struct position_options *options)
{
    *options = (struct position_options){.forward = true, .rank = 1, .most = 1, .length = UINT64_MAX};
    for (int i = 3; i < call->argc; i += 2) {
        if (i + 1 == call->argc) {
            args_syntax_error(call->reply);
            return false;
        }
        if (!parse_option(call, call->argv[i], call->argv[i + 1], options))
            return false;
    }
    return true;
}

/* Answers with the index of each match asked for; returns how many. */
static uint64_t reply_positions(struct reply *reply, const struct entry *entry, struct str text,
                                const struct position_options *options)
{
    struct list_sought sought = list_seek_text(text);
    uint64_t count = list_count(entry), passed = 0, listed = 0;
    struct listpack_value value;
    struct list_walk walk;

    list_walk_start(&walk, entry, options->forward ? 0 : count - 1, options->forward);
    for (uint64_t i = 0; i < options->length && listed < options->most && list_walk_next(&walk, &value); i++) {
        if (!list_is_sought(&sought, value) || ++passed < options->rank)
            continue;
        reply_integer(reply, (int64_t)(options->forward ? i : count - 1 - i));
        listed++;
    }
    return listed;
}

void cmd_lpos(struct call *call)
{
    struct position_options options;
    size_t mark = reply_mark(call->reply);
    struct entry *entry;
    uint64_t listed = 0;

    if (!parse_position_options(call, &options) || !call_find_read(call, call->argv[1], VALUE_LIST, &entry))
        return;
    if (entry != NULL)
        listed = reply_positions(call->reply, entry, call->argv[2], &options);
    if (options.many)
        reply_array_at(call->reply, mark, (int64_t)listed);
    else if (listed == 0)
        reply_null(call->reply);
}
