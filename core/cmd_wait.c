/* WAIT and WAITAOF: until what was done before is known to replicas, and safe on disk.
 *
 * There are no replicas, so their number is 0, and who waits for one waits until his time is over. WAITAOF runs over
 * all shards first: then whatever was sent before it on its connection has been executed, wherever that was, and the
 * newest record of all is the one to wait for. When it runs again that is known (call_wait.stamp). */
#include "core/handlers.h"

#include <limits.h>

#include "core/args.h"
#include "core/call.h"
#include "core/core.h"

enum { REPLICAS = 0 };

static bool runs_again(const struct call *call)
{
    return call->wait && call->wait->again;
}

/* When it runs again the time has gone on, and the timeout has been heeded. */
static bool parse_timeout(struct call *call, struct str text, int64_t *timeout_ms)
{
    if (!args_integer_in(call->reply, text, INT64_MIN, INT64_MAX, "ERR timeout is not an integer or out of range",
                         timeout_ms))
        return false;
    if (*timeout_ms >= 0 && (runs_again(call) || *timeout_ms <= INT64_MAX - call->now_ms))
        return true;
    reply_error(call->reply, *timeout_ms < 0 ? "ERR timeout is negative" : "ERR timeout is out of range");
    return false;
}

void cmd_wait(struct call *call)
{
    int64_t replicas, timeout_ms;

    if (!args_integer_in(call->reply, call->argv[1], LONG_MIN, LONG_MAX, NULL, &replicas) ||
        !parse_timeout(call, call->argv[2], &timeout_ms))
        return;
    if (REPLICAS >= replicas || !call_block(call, VALUE_STRING, timeout_ms))
        reply_integer(call->reply, REPLICAS);
}

struct wait_aof {
    int64_t local, replicas, timeout_ms;
};

static bool parse_wait_aof(struct call *call, struct wait_aof *wanted)
{
    if (!args_integer_in(call->reply, call->argv[1], 0, 1, NULL, &wanted->local) ||
        !args_integer_in(call->reply, call->argv[2], 0, LONG_MAX, "ERR value is out of range, must be positive",
                         &wanted->replicas) ||
        !parse_timeout(call, call->argv[3], &wanted->timeout_ms))
        return false;
    if (!wanted->local || call->core->config.appendonly)
        return true;
    reply_error(call->reply, "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
    return false;
}

/* What has to be safe. */
static uint64_t stamp_of(const struct call *call)
{
    const struct durability *durability = &call->core->durability;

    if (runs_again(call))
        return call->wait->stamp;
    return durability->newest ? durability->newest(durability->context) : 0;
}

static bool is_safe(const struct call *call, uint64_t stamp)
{
    const struct durability *durability = &call->core->durability;

    return durability->is_safe && durability->is_safe(durability->context, stamp);
}

void cmd_waitaof(struct call *call)
{
    struct wait_aof wanted;

    if (!parse_wait_aof(call, &wanted))
        return;

    uint64_t stamp = stamp_of(call);
    int64_t local = is_safe(call, stamp);

    if ((local < wanted.local || REPLICAS < wanted.replicas) && call_block(call, VALUE_STRING, wanted.timeout_ms)) {
        call->wait->stamp = stamp;
        call->wait->for_disk = local < wanted.local;
        return;
    }
    reply_array(call->reply, 2);
    reply_integer(call->reply, local);
    reply_integer(call->reply, REPLICAS);
}
