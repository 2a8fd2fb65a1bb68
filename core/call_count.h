/* Counting a call and its time, around call_run: see command_stats.h for which are timed.
 *
 *     struct call_counting counting = call_count_begin(&call);
 *     call_run(&call);
 *     call_count_end(&call, &counting);
 *
 * What is slow is written down for the slow log, and goes to whoever knows the client. */
#ifndef CORE_CALL_COUNT_H
#define CORE_CALL_COUNT_H

#include "core/call.h"

struct call_counting {
    bool like_others; /* not timed, unless its answer is large */
    int64_t began_ns;
    size_t mark; /* where the answer begins */
};

static inline __attribute__((always_inline)) struct call_counting call_count_begin(const struct call *call)
{
    const struct command_stats *stats = &call->core->command_stats;
    struct call_counting counting = {.mark = reply_mark(call->reply)};

    if (__builtin_expect(call->part != CALL_WHOLE, 0))
        counting.like_others = call->part == CALL_PART_LIKE_OTHERS;
    else
        counting.like_others =
            !call->wait && command_stats_is_like_others(stats, call->command, call->argv, call->argc);
    counting.began_ns = counting.like_others ? stats->known_ns : command_stats_now_ns(stats);
    return counting;
}

void call_count_timed(struct call *call, const struct call_counting *counting);

static inline __attribute__((always_inline)) void call_count_end(struct call *call,
                                                                 const struct call_counting *counting)
{
    bool large = reply_mark(call->reply) > counting->mark + STEADY_REPLY_BYTES;

    if (__builtin_expect(counting->like_others && !large && !call->reply->error, 1))
        command_stats_of(&call->core->command_stats, call->command)->calls += call->part == CALL_WHOLE;
    else
        call_count_timed(call, counting);
}

/* A call that was not run as one: a scatter's parts have been, and ns is the time of the slowest and of the merge; or
 * it is over, as its client no longer waits. CALL_LIKE_OTHERS: it was not timed. */
enum { CALL_LIKE_OTHERS = -1 };
void call_count_whole(struct call *call, size_t mark, int64_t ns);

/* An error by itself: of a script's answer, or what a command within it was refused with (refused: that command, NULL:
 * there is none such). text: "-ERR text". The call's own error is then not counted once more when the call ends. */
void call_count_error(struct call *call, const struct command *refused, struct str text);

#endif
