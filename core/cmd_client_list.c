/* CLIENT LIST: a part for each shard, which answers with the lines of its own
 * sessions as a bulk string; the merge brings the lines into one order. That is
 * by id, or, where ids were asked for, the order in which they were named. */
#include "core/handlers.h"

#include <stdlib.h>

#include "core/args.h"
#include "core/assert.h"
#include "core/call.h"
#include "core/client_line.h"
#include "core/client_type.h"
#include "core/merge.h"
#include "core/number.h"

static bool asks_for_ids(const struct str *argv, int argc)
{
    return argc > 3 && arg_is(argv[2], "id");
}

static void append_all(struct call *call, struct buffer *lines)
{
    for (struct session *session = call->core->sessions.oldest; session; session = session->next)
        client_line_append(lines, session, call->now_ms);
}

static bool append_type(struct call *call, struct buffer *lines)
{
    enum client_type type;

    if (!client_type_parse(call->reply, call->argv[3], &type))
        return false;
    for (struct session *session = call->core->sessions.oldest; session; session = session->next)
        if (client_type_of(session) == type)
            client_line_append(lines, session, call->now_ms);
    return true;
}

static int compare_id(const void *id, const void *element)
{
    const struct session *session = *(struct session *const *)element;
    uint64_t wanted = *(const uint64_t *)id;

    return wanted < session->id ? -1 : wanted > session->id;
}

/* The sessions in a row, sorted as they are by id: so that a long list of ids
 * does not walk them for each one. Freed by the caller. */
static struct session **sessions_by_id(struct core *core)
{
    struct session **row = memory_alloc(&core->memory, (core->sessions.count + 1) * sizeof(struct session *));
    size_t count = 0;

    for (struct session *session = core->sessions.oldest; session; session = session->next)
        row[count++] = session;
    ASSERT(count == core->sessions.count);
    return row;
}

static bool parse_id(struct call *call, struct str text, uint64_t *id)
{
    int64_t value;

    if (!args_integer_in(call->reply, text, INT64_MIN, INT64_MAX, "ERR Invalid client ID", &value))
        return false;
    *id = (uint64_t)value;
    return true;
}

static bool append_ids(struct call *call, struct buffer *lines)
{
    struct core *core = call->core;
    struct session **row = sessions_by_id(core);
    bool ok = true;

    for (int i = 3; i < call->argc && ok; i++) {
        uint64_t id;

        ok = parse_id(call, call->argv[i], &id);
        if (!ok)
            break;
        struct session **found = bsearch(&id, row, core->sessions.count, sizeof(struct session *), compare_id);
        if (found)
            client_line_append(lines, *found, call->now_ms);
    }
    memory_free(&core->memory, row);
    return ok;
}

/* False: answered with an error. */
static bool append_lines(struct call *call, struct buffer *lines)
{
    if (call->argc == 2) {
        append_all(call, lines);
        return true;
    }
    if (call->argc == 4 && arg_is(call->argv[2], "type"))
        return append_type(call, lines);
    if (asks_for_ids(call->argv, call->argc))
        return append_ids(call, lines);
    args_syntax_error(call->reply);
    return false;
}

void cmd_client_list(struct call *call)
{
    struct buffer lines;

    buffer_init(&lines, &call->core->memory, NULL, 0);
    if (append_lines(call, &lines))
        reply_bulk(call->reply, buffer_str(&lines));
    buffer_deinit(&lines);
}

/* What is left of the lines of one part, and the id of the first. */
struct remainder {
    struct str lines;
    uint64_t id;
};

static void remainder_set(struct remainder *remainder, struct str lines)
{
    remainder->lines = lines;
    remainder->id = lines.length > 0 ? client_line_id(lines) : UINT64_MAX;
}

static void move_line(struct remainder *remainder, struct buffer *text)
{
    struct str lines = remainder->lines;
    const char *newline = memchr(lines.bytes, '\n', lines.length);

    ASSERT(newline);
    size_t length = (size_t)(newline - lines.bytes) + 1;
    buffer_append(text, lines.bytes, length);
    remainder_set(remainder, (struct str){lines.bytes + length, lines.length - length});
}

static void append_in_order_of_ids(struct remainder *remainders, int count, struct buffer *text)
{
    for (;;) {
        struct remainder *lowest = &remainders[0];

        for (int i = 1; i < count; i++)
            if (remainders[i].id < lowest->id)
                lowest = &remainders[i];
        if (lowest->lines.length == 0)
            return;
        move_line(lowest, text);
    }
}

/* Each part's lines are in the order of the arguments already. */
static void append_in_order_asked(const struct merge *merge, struct remainder *remainders, struct buffer *text)
{
    for (int argument = 3; argument < merge->argc; argument++) {
        int64_t id;

        if (!number_parse_integer(merge->argv[argument], &id))
            continue;
        for (int i = 0; i < merge->part_count; i++)
            if (remainders[i].lines.length > 0 && remainders[i].id == (uint64_t)id)
                move_line(&remainders[i], text);
    }
}

void merge_client_list(struct merge *merge)
{
    struct remainder remainders[CONFIG_SHARDS_MAX];
    struct buffer text;

    ASSERT(merge->part_count > 0 && merge->part_count <= CONFIG_SHARDS_MAX);
    for (int i = 0; i < merge->part_count; i++)
        remainder_set(&remainders[i], merge_bulk(merge, i));
    buffer_init(&text, &merge->core->memory, NULL, 0);
    if (asks_for_ids(merge->argv, merge->argc))
        append_in_order_asked(merge, remainders, &text);
    else
        append_in_order_of_ids(remainders, merge->part_count, &text);
    reply_verbatim(merge->reply, buffer_str(&text), "txt");
    buffer_deinit(&text);
}
