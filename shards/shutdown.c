#include "shards/shutdown.h"

#include <errno.h>

#include "core/args.h"
#include "core/assert.h"
#include "core/call.h"
#include "core/command.h"
#include "core/log.h"
#include "shards/saving.h"
#include "shards/scatter.h"
#include "shards/shard.h"
#include "shards/snapshot.h"

enum { RETRY_MS = 2 };

static struct shutdown *shutdown_of(const struct shard *shard)
{
    return &shard->group->shutting_down;
}

/* Parts: writes are held back, go on, and what was let through before has been executed. */

static void hold_writes(struct call *call)
{
    sessions_hold_writes(&call->core->sessions, true, call->now_ms);
}

static void let_writes_go_on(struct call *call)
{
    sessions_hold_writes(&call->core->sessions, false, call->now_ms);
}

static void do_nothing(struct call *call)
{
}

static const struct command hold = {.name = "hold", .run = hold_writes, .route = ROUTE_SINGLE};
static const struct command settle = {.name = "settle", .run = do_nothing, .route = ROUTE_SINGLE};
static const struct command go_on = {.name = "go-on", .run = let_writes_go_on, .route = ROUTE_SINGLE};

/* Steps, each of which is tried again until there is room for it. */

static void take(struct shard *home, void (*step)(struct shard *home))
{
    shutdown_of(home)->step = step;
    step(home);
}

static void try_later(struct shard *home)
{
    timer_arm(&home->timers, &shutdown_of(home)->retry, shard_now_ms(home) + RETRY_MS);
}

static void try_again(struct completion *completion)
{
    struct shutdown *shutdown = (struct shutdown *)((char *)completion - offsetof(struct shutdown, try_again));

    shutdown->step(shutdown->home);
}

static void run_on_all(struct shard *home, const struct command *command, void (*done)(struct request *request))
{
    struct request *request;

    if (!scatter_has_room(home)) {
        try_later(home);
        return;
    }
    request = request_take(&home->requests, 0, 2);
    request->command = command;
    request->origin = &shutdown_of(home)->origin;
    request->done = done;
    bool staged = scatter_stage_on_all(home, request, command);
    ASSERT(staged);
}

static struct shard *home_after(struct request *request)
{
    struct shutdown *shutdown = (struct shutdown *)((char *)request->origin - offsetof(struct shutdown, origin));

    request_give_back(&shutdown->home->requests, request);
    return shutdown->home;
}

/* False: it is not in that state. */
static bool pass_from(struct shutdown *shutdown, enum shutdown_state from, enum shutdown_state to)
{
    int state = from;

    return atomic_compare_exchange_strong_explicit(&shutdown->state, &state, to, memory_order_acq_rel,
                                                   memory_order_relaxed);
}

static bool is_aborted(const struct shutdown *shutdown)
{
    return atomic_load_explicit(&shutdown->state, memory_order_relaxed) == SHUTDOWN_ABORTED;
}

static void stop(struct shard *home)
{
    struct shutdown *shutdown = shutdown_of(home);
    struct request *request = shutdown->request;

    shutdown->request = NULL;
    if (request)
        shard_finish(home, request);
    home->group->shutdown->done(home->group->shutdown);
}

static void writes_go_on(struct request *request)
{
    struct shard *home = home_after(request);
    struct shutdown *shutdown = shutdown_of(home);
    struct request *asked = shutdown->request;

    shutdown->request = NULL;
    if (!asked)
        log_write(LOG_WARNING, "A signal was received, but errors trying to shut down the server, check the logs for "
                               "more information");
    atomic_store_explicit(&shutdown->state, SHUTDOWN_NOT, memory_order_release);
    if (!asked)
        return;
    reply_error(&asked->reply, "ERR Errors trying to SHUTDOWN. Check logs.");
    shard_finish(home, asked);
}

static void let_all_go_on(struct shard *home)
{
    run_on_all(home, &go_on, writes_go_on);
}

static void saved(struct shard *home, int error)
{
    struct shutdown *shutdown = shutdown_of(home);
    bool may_stop = error == 0 || shutdown->flags & SHUTDOWN_FORCE;

    if (may_stop && pass_from(shutdown, SHUTDOWN_UNDER_WAY, SHUTDOWN_STOPS)) {
        stop(home);
        return;
    }
    if (is_aborted(shutdown))
        log_write(LOG_WARNING, "Shutdown manually aborted.");
    else
        log_write(LOG_WARNING, "Error trying to save the DB, can't exit.");
    take(home, let_all_go_on);
}

static void save(struct shard *home)
{
    if (is_aborted(shutdown_of(home)))
        saved(home, ECANCELED);
    else if (!saving_begin_last(home, saved))
        try_later(home);
}

static void all_have_settled(struct request *request)
{
    take(home_after(request), save);
}

static void settle_all(struct shard *home)
{
    run_on_all(home, &settle, all_have_settled);
}

static void all_hold_writes(struct request *request)
{
    take(home_after(request), settle_all);
}

static void hold_all(struct shard *home)
{
    run_on_all(home, &hold, all_hold_writes);
}

/* Beginning. */

static bool claim(struct shard *shard)
{
    return pass_from(shutdown_of(shard), SHUTDOWN_NOT, SHUTDOWN_UNDER_WAY);
}

static bool is_to_save(const struct shard *shard, int flags)
{
    if (shard->core.loading)
        return false;
    return flags & SHUTDOWN_SAVE || (!(flags & SHUTDOWN_NO_SAVE) && shard->core.config.save[0] != '\0');
}

static void begin(struct shard *shard, int flags, struct request *request)
{
    struct shutdown *shutdown = shutdown_of(shard);

    shutdown->home = shard;
    shutdown->flags = flags;
    shutdown->request = request;
    shutdown->try_again.done = try_again;
    shutdown->retry.completion = &shutdown->try_again;
    if (request)
        log_write(LOG_WARNING, "User requested shutdown...");
    if (!is_to_save(shard, flags)) {
        saved(shard, 0);
        return;
    }
    log_write(LOG_NOTICE, "Saving the final RDB snapshot before exiting.");
    take(shard, hold_all);
}

static void abort_other(struct shard *shard, struct request *request)
{
    if (pass_from(shutdown_of(shard), SHUTDOWN_UNDER_WAY, SHUTDOWN_ABORTED)) {
        snapshot_cancel(shard);
        reply_ok(&request->reply);
    } else {
        reply_error(&request->reply, "ERR No shutdown in progress.");
    }
    shard_finish(shard, request);
}

/* Another one is answered when the first has failed, or is not. */
bool shutdown_stage(struct shard *shard, struct request *request)
{
    int state = atomic_load_explicit(&shutdown_of(shard)->state, memory_order_acquire), flags;

    if ((state == SHUTDOWN_UNDER_WAY || state == SHUTDOWN_ABORTED) &&
        !(request->argc == 2 && arg_is(request->argv[1], "abort")))
        return false;
    shard_execute(shard, request, NULL, shard_now_ms(shard), NULL);
    flags = shard->core.shutdown_asked;
    shard->core.shutdown_asked = 0;
    if (flags & SHUTDOWN_ABORT) {
        abort_other(shard, request);
    } else if (flags == 0 || !claim(shard)) {
        shard_finish(shard, request);
    } else {
        request_own_arguments(&shard->requests, request);
        begin(shard, flags, request);
    }
    return true;
}

/* What a setting says: words. */
static int flags_of(const struct config *config, const char *words)
{
    bool saves = strstr(words, "nosave") ? false : strncmp(words, "save", 4) == 0 || config->save[0] != '\0';

    return SHUTDOWN_ASKED | (saves ? SHUTDOWN_SAVE : SHUTDOWN_NO_SAVE) | (strstr(words, "force") ? SHUTDOWN_FORCE : 0);
}

void shutdown_note_settings(struct shard_group *group, const struct config *config)
{
    struct shutdown *shutdown = &group->shutting_down;

    atomic_store_explicit(&shutdown->on_sigterm, flags_of(config, config->shutdown_on_sigterm), memory_order_relaxed);
    atomic_store_explicit(&shutdown->on_sigint, flags_of(config, config->shutdown_on_sigint), memory_order_relaxed);
}

void shutdown_by_signal(struct shard_group *group, int flags)
{
    atomic_store_explicit(&group->shutting_down.signalled, flags, memory_order_release);
    loop_wake(NULL, group->shards[0]->loop);
}

void shutdown_turn(struct shard *shard)
{
    int flags = atomic_load_explicit(&shutdown_of(shard)->signalled, memory_order_relaxed);

    if (__builtin_expect(flags == 0, 1))
        return;
    atomic_store_explicit(&shutdown_of(shard)->signalled, 0, memory_order_relaxed);
    if (claim(shard))
        begin(shard, flags, NULL);
}
