/* SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF. What they claim, and the shard then begins, is in core.save_asked. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/save_state.h"

void cmd_lastsave(struct call *call)
{
    reply_integer(call->reply, atomic_load_explicit(&call->core->saves->saved_s, memory_order_relaxed));
}

static bool claim(struct call *call, enum save_kind kind)
{
    if (!save_state_claim(call->core->saves, kind, call->now_ms))
        return false;
    call->core->save_asked = kind;
    return true;
}

/* Answered when the file is there. */
void cmd_save(struct call *call)
{
    if (claim(call, SAVE_IN_FOREGROUND))
        reply_ok(call->reply);
    else
        reply_error(call->reply, "ERR Background save already in progress");
}

static void schedule(struct call *call)
{
    atomic_store_explicit(&call->core->saves->scheduled, true, memory_order_relaxed);
    call->core->save_scheduled = true;
    reply_simple(call->reply, "Background saving scheduled");
}

static void cancel(struct call *call)
{
    struct save_state *saves = call->core->saves;

    if (save_state_running(saves) == SAVE_IN_BACKGROUND) {
        save_state_cancel(saves);
        reply_simple(call->reply, "Background saving cancelled");
    } else if (atomic_exchange_explicit(&saves->scheduled, false, memory_order_relaxed)) {
        reply_simple(call->reply, "Scheduled background saving cancelled");
    } else {
        reply_error(call->reply, "ERR Background saving is currently not in progress or scheduled");
    }
}

/* In the middle of a transaction a file would hold half of it: it is saved afterwards. */
static void save_in_background(struct call *call, bool may_wait)
{
    bool in_transaction = call->transaction != NULL;
    enum save_kind running = save_state_running(call->core->saves);

    if (running != SAVE_NOTHING && running != SAVE_AOF_BASE)
        reply_error(call->reply, "ERR Background save already in progress");
    else if (in_transaction || (running == SAVE_AOF_BASE && may_wait))
        schedule(call);
    else if (claim(call, SAVE_IN_BACKGROUND))
        reply_simple(call->reply, "Background saving started");
    else if (save_state_running(call->core->saves) == SAVE_AOF_BASE)
        reply_error(call->reply, "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE "
                                 "SCHEDULE in order to schedule a BGSAVE whenever possible.");
    else
        reply_error(call->reply, "ERR Background save already in progress");
}

void cmd_bgsave(struct call *call)
{
    bool may_wait = call->argc == 2 && arg_is(call->argv[1], "schedule");

    if (call->argc == 2 && arg_is(call->argv[1], "cancel"))
        cancel(call);
    else if (call->argc == 1 || may_wait)
        save_in_background(call, may_wait);
    else
        args_syntax_error(call->reply);
}

/* While something else is saved, and in the middle of a transaction, it has to wait. */
void cmd_bgrewriteaof(struct call *call)
{
    struct save_state *saves = call->core->saves;

    if (save_state_running(saves) == SAVE_AOF_BASE) {
        reply_error(call->reply, "ERR Background append only file rewriting already in progress");
    } else if (!call->transaction && claim(call, SAVE_AOF_BASE)) {
        reply_simple(call->reply, "Background append only file rewriting started");
    } else {
        atomic_store_explicit(&saves->rewrite_scheduled, true, memory_order_relaxed);
        call->core->save_scheduled = true;
        reply_simple(call->reply, "Background append only file rewriting scheduled");
    }
}
