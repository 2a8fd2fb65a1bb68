/* Databases as a whole. Each shard answers for its own keys; counts are added up. */
#include "core/handlers.h"

#include <limits.h>

#include "core/args.h"
#include "core/call.h"
#include "core/effects.h"

void cmd_dbsize(struct call *call)
{
    reply_integer(call->reply, (int64_t)keyspace_count(call->core->keyspace, call->db));
}

/* Keys are gone at once, memory is freed bit by bit: ASYNC and SYNC are the same. False: answered. */
static bool flush_options_fit(struct call *call)
{
    if (call->argc == 1)
        return true;
    if (call->argc == 2 && (arg_is(call->argv[1], "async") || arg_is(call->argv[1], "sync")))
        return true;
    args_syntax_error(call->reply);
    return false;
}

void cmd_flushdb(struct call *call)
{
    if (!flush_options_fit(call))
        return;
    keyspace_flush(call->core->keyspace, call->db);
    call_record_whole(call, call->db);
    keyspace_tell_flush(call->core->keyspace, call->session_id);
    reply_ok(call->reply);
}

void cmd_flushall(struct call *call)
{
    if (!flush_options_fit(call))
        return;
    for (int db = 0; db < keyspace_database_count(call->core->keyspace); db++)
        keyspace_flush(call->core->keyspace, db);
    call_record_whole(call, JOURNAL_NO_DATABASE);
    keyspace_tell_flush(call->core->keyspace, call->session_id);
    call->core->flushed_all |= !call_is_replayed(call); /* else what is in the snapshot is older */
    reply_ok(call->reply);
}

void cmd_swapdb(struct call *call)
{
    int64_t first, second, count = keyspace_database_count(call->core->keyspace);
    struct reply *reply = call->reply;

    if (!args_integer_in(reply, call->argv[1], INT_MIN, INT_MAX, "ERR invalid first DB index", &first) ||
        !args_integer_in(reply, call->argv[2], INT_MIN, INT_MAX, "ERR invalid second DB index", &second))
        return;
    if (first < 0 || first >= count || second < 0 || second >= count) {
        reply_error(reply, "ERR DB index is out of range");
        return;
    }
    keyspace_swap(call->core->keyspace, (int)first, (int)second);
    if (first != second)
        call_record_whole(call, JOURNAL_NO_DATABASE);
    reply_ok(reply);
}
