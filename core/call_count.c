#include "core/call_count.h"

#include "core/command.h"
#include "core/core.h"
#include "core/slowlog.h"
#include "core/transaction.h"

static void note_failure(const struct call *call, size_t mark)
{
    const struct buffer *reply = &call->reply->buffer;

    if (!call->reply->error)
        return;
    if (call->inner_failed) {
        command_stats_of(&call->core->command_stats, call->command)->failed++;
        return;
    }
    call->core->stats.error_replies++;
    command_stats_failed(&call->core->command_stats, call->command,
                         (struct str){reply->bytes + mark, reply->length - mark});
}

void call_count_error(struct call *call, const struct command *refused, struct str text)
{
    call->core->stats.error_replies++;
    command_stats_rejected(&call->core->command_stats, refused, text);
    call->inner_failed = true;
}

static void note_slow(const struct call *call, int64_t ns)
{
    struct slow_command *slow;

    if (ns < call->core->command_stats.slow_ns || call->command->flags & CMD_SKIP_SLOWLOG || !call->slow)
        return;
    slow = slow_command_create(&call->core->memory, call->command, call->argv, call->argc, call->now_ms, ns);
    slow_command_put(call->slow, slow);
}

static void note_latency(const struct call *call, int64_t ns)
{
    enum latency_event event = call->command->flags & CMD_FAST ? LATENCY_FAST_COMMAND : LATENCY_COMMAND;

    if (ns >= call->core->command_stats.latency_ns)
        latency_add(&call->core->latency, event, call->now_ms / 1000, ns / 1000000);
}

void call_count_whole(struct call *call, size_t mark, int64_t ns)
{
    if (ns == CALL_LIKE_OTHERS) {
        command_stats_of(&call->core->command_stats, call->command)->calls++;
        note_failure(call, mark);
        return;
    }
    command_stats_add(&call->core->command_stats, call->command, ns);
    note_failure(call, mark);
    note_slow(call, ns);
    note_latency(call, ns);
}

/* The beginning is known only as a moment not long before, at which the turn began or another call ended. A local
 * command is run between turns, and so has none. */
static bool has_time(const struct call *call, const struct call_counting *counting)
{
    bool large = reply_mark(call->reply) > counting->mark + STEADY_REPLY_BYTES;

    return !counting->like_others || (large && call->command->route != ROUTE_LOCAL);
}

/* What is run again from the beginning is one call: a blocked command, a script that has met a key out of its reach. */
static bool comes_again(const struct call *call)
{
    return call->out_of_reach || (call->wait && call->wait->wanted);
}

/* EXEC has been parsed, and is counted where it is run. */
static bool is_yet_to_run(const struct call *call)
{
    return call->command->flags & CMD_EXECUTES && call->session && call->session->rest.command;
}

/* The run of a transaction has a row of its own, which nobody knows. */
static const struct command *counted_as(const struct call *call)
{
    return call->transaction && call->command->number == 0 ? call->transaction->called : call->command;
}

void call_count_timed(struct call *call, const struct call_counting *counting)
{
    struct command_stats *stats = &call->core->command_stats;
    int64_t ns;

    call->command = counted_as(call);
    if (!call->command || call->command->number == 0 || is_yet_to_run(call))
        return;
    if (!has_time(call, counting)) {
        if (call->part == CALL_WHOLE)
            call_count_whole(call, counting->mark, CALL_LIKE_OTHERS);
        return;
    }
    stats->known_ns = command_stats_now_ns(stats);
    ns = stats->known_ns - counting->began_ns;
    if (call->part != CALL_WHOLE)
        command_stats_spend(stats, call->command, *call->spent_ns = ns);
    else if (comes_again(call))
        *call->spent_ns += ns;
    else
        call_count_whole(call, counting->mark, call->spent_ns ? *call->spent_ns += ns : ns);
}
