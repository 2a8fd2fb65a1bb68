/* Lists: an element from one list's end to another's, or to the same list's other end. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/cmd_list.h"
#include "core/command.h"
#include "core/effects.h"

struct move {
    enum deque_end from, to;
};

static bool parse_move(struct call *call, struct move *move)
{
    return list_parse_end(call, call->argv[3], &move->from) && list_parse_end(call, call->argv[4], &move->to);
}

/* The element goes by a copy: its bytes may not lie in the list that it is pushed to. */
static void move_within(struct call *call, const struct list *list, struct move move, struct str text)
{
    char storage[512];
    struct buffer copy;

    buffer_init(&copy, &call->core->memory, storage, sizeof storage);
    buffer_append_str(&copy, text);
    text = buffer_str(&copy);
    list_drop(list, move.from);
    list_push(list, move.to, &text, 1);
    buffer_deinit(&copy);
}

static struct str end_name(enum deque_end end)
{
    return end == DEQUE_FRONT ? STR("LEFT") : STR("RIGHT");
}

/* Before anything is moved. Where both lists are of one keyspace it is one record, for it may be long ago that it was
 * called; else each keyspace has its part. */
static void record_move(const struct call *call, struct move move, struct str text)
{
    struct str name = call->argv[1], target = call->argv[2];
    bool apart = call_keyspace(call, name) != call_keyspace(call, target);

    if (!call_is_journaled(call, name))
        return;
    if (apart) {
        CALL_RECORD(call, name, move.from == DEQUE_FRONT ? STR("LPOP") : STR("RPOP"), name);
        CALL_RECORD(call, target, move.to == DEQUE_FRONT ? STR("LPUSH") : STR("RPUSH"), target, text);
    } else if (call->command->flags & CMD_BLOCKING) {
        CALL_RECORD(call, name, STR("LMOVE"), name, target, end_name(move.from), end_name(move.to));
    }
}

static void move_element(struct call *call, const struct list *source, struct move move)
{
    struct str name = call->argv[1], target = call->argv[2];
    char digits[NUMBER_TEXT_MAX];
    struct list destination;

    struct str text = listpack_text(list_peek(source->entry, move.from), digits);
    if (!list_find_or_create(call, target, &text, 1, &destination))
        return;
    reply_bulk(call->reply, text);
    record_move(call, move, text);
    if (destination.entry == source->entry) {
        move_within(call, source, move, text);
    } else {
        list_push(&destination, move.to, &text, 1);
        list_drop(source, move.from);
    }
    call_changed(call, EVENT_LIST, move.to == DEQUE_FRONT ? "lpush" : "rpush", target);
    list_removed(call, name, source, move.from == DEQUE_FRONT ? "lpop" : "rpop", 1);
}

/* False: there is no source, and nothing has been answered. */
static bool move_if_there(struct call *call, struct move move)
{
    struct list source;

    if (!list_find(call, call->argv[1], &source))
        return true;
    if (source.entry == NULL)
        return false;
    move_element(call, &source, move);
    return true;
}

static void move_or_null(struct call *call, struct move move)
{
    if (!move_if_there(call, move))
        reply_null(call->reply);
}

static void move_or_wait(struct call *call, struct move move, struct str timeout)
{
    int64_t timeout_ms;

    if (!args_timeout(call, timeout, &timeout_ms))
        return;
    if (!move_if_there(call, move) && !call_block(call, VALUE_LIST, timeout_ms))
        reply_null(call->reply);
}

void cmd_lmove(struct call *call)
{
    struct move move;

    if (parse_move(call, &move))
        move_or_null(call, move);
}

void cmd_blmove(struct call *call)
{
    struct move move;

    if (parse_move(call, &move))
        move_or_wait(call, move, call->argv[5]);
}

void cmd_rpoplpush(struct call *call)
{
    move_or_null(call, (struct move){DEQUE_BACK, DEQUE_FRONT});
}

void cmd_brpoplpush(struct call *call)
{
    move_or_wait(call, (struct move){DEQUE_BACK, DEQUE_FRONT}, call->argv[3]);
}
