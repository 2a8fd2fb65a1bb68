#include "shards/saving.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "core/command.h"
#include "core/keyspace.h"
#include "core/log.h"
#include "core/memory.h"
#include "shards/busy.h"
#include "shards/shard.h"
#include "shards/shutdown.h"
#include "shards/snapshot.h"

enum { LOOK_MS = 100, RETRY_MS = 5000, KEPT_MS = 1 };

/* One file that is wanted. */
struct save {
    struct snapshot_order order; /* first */
    enum save_kind kind;
    struct request *request; /* to be answered when it has begun, SAVE: when the file is there; NULL: none */
    void (*saved)(struct shard *shard, int error);
    char temporary[64];
    char folder[PATH_MAX], name[NAME_MAX + 1]; /* as the settings said when it began: CONFIG SET moves theirs */
    uint64_t changes[CONFIG_SHARDS_MAX];       /* of each shard, at the instant */
};

static struct save_state *state_of(const struct shard *shard)
{
    return shard->core.saves;
}

static bool is_stopping(const struct shard *shard)
{
    return atomic_load_explicit(&shard->group->stopping, memory_order_relaxed);
}

static void look_by(struct shard *shard, int64_t deadline_ms)
{
    struct timer *timer = &shard->saving.timer;

    if (!timer->armed || timer->deadline_ms > deadline_ms)
        timer_arm(&shard->timers, timer, deadline_ms);
}

/* An order, from its beginning to its end. */

static void at_instant(struct snapshot_order *order, struct shard *shard)
{
    ((struct save *)order)->changes[shard->index] = keyspace_stats(shard->core.keyspace)->dirty;
}

static void answer(struct shard *shard, struct save *save)
{
    struct request *request = save->request;

    save->request = NULL;
    if (request)
        shard_finish(shard, request);
}

static void begun(struct snapshot_order *order, struct shard *shard)
{
    struct save *save = (struct save *)order;

    if (save->kind != SAVE_IN_FOREGROUND)
        answer(shard, save);
}

static bool is_flushed(const struct shard *shard)
{
    return atomic_load_explicit(&state_of(shard)->flushed, memory_order_acquire);
}

/* As in Redis only what fails in the background, and of which nobody else is told, has writes refused. */
static void ended(struct snapshot_order *order, struct shard *shard, int error)
{
    const struct save *save = (struct save *)order;
    struct core *core = &shard->core;

    if (error == 0) {
        core->saved_changes = save->changes[shard->index];
        core->save_failed = false;
    } else if (error != ECANCELED && save->kind == SAVE_IN_BACKGROUND) {
        core->save_failed = true;
    }
    shard->saving.told_changes = UINT64_MAX;
    look_by(shard, shard->now_ms + (is_flushed(shard) ? 1 : LOOK_MS));
}

static void log_end(const struct save *save, int error)
{
    if (error == 0)
        log_write(LOG_NOTICE, "DB saved on disk");
    else if (error == ECANCELED)
        log_write(LOG_NOTICE, "Saving '%s/%s' was cancelled", save->order.folder, save->order.name);
    else
        log_write(LOG_WARNING, "Error saving the DB to '%s/%s': %s", save->order.folder, save->order.name,
                  strerror(error));
}

static void refuse_save(struct request *request)
{
    request->reply.buffer.length = 0;
    reply_error(&request->reply, "ERR");
}

static void done(struct snapshot_order *order, struct shard *shard, int error)
{
    struct save *save = (struct save *)order;
    void (*saved)(struct shard *, int) = save->saved;

    log_end(save, error);
    if (error == ECANCELED && save->kind == SAVE_AFTER_FLUSH)
        atomic_store_explicit(&state_of(shard)->flushed, true, memory_order_release); /* it is yet to be said */
    if (error != ECANCELED)
        save_state_note_end(state_of(shard), save->kind, error != 0, shard_now_ms(shard));
    save_state_give_back(state_of(shard));
    if (save->request && error)
        refuse_save(save->request);
    answer(shard, save);
    memory_free(&shard->core.memory, save);
    look_by(shard, shard->now_ms);
    if (saved)
        saved(shard, error);
}

/* There is room, and it has been claimed. */
static struct save *begin(struct shard *shard, enum save_kind kind, struct request *request)
{
    const struct config *config = &shard->core.config;
    struct save *save = memory_alloc_zeroed(&shard->core.memory, sizeof *save);

    save->kind = kind;
    save->request = request;
    snprintf(save->temporary, sizeof save->temporary, "temp-%d.rdb", shard->group->facts->process_id);
    snprintf(save->folder, sizeof save->folder, "%s", config->dir);
    snprintf(save->name, sizeof save->name, "%s", config->dbfilename);
    save->order = (struct snapshot_order){.folder = save->folder,
                                          .temporary = save->temporary,
                                          .name = save->name,
                                          .at_instant = at_instant,
                                          .begun = begun,
                                          .ended = ended,
                                          .done = done};
    bool has_begun = snapshot_begin(shard, &save->order);
    ASSERT(has_begun);
    return save;
}

/* Commands. */

/* FLUSHALL would have been answered after the file. SAVE, which no transaction may have, waits for whatever is no file
 * of its kind. */
static bool has_to_wait(const struct shard *shard, const struct command *command)
{
    const struct save_state *state = state_of(shard);
    enum save_kind running = save_state_running(state);

    if (command->flags & CMD_ALLOW_BUSY) /* SHUTDOWN */
        return false;
    return running == SAVE_AFTER_FLUSH || is_flushed(shard) ||
           (running == SAVE_AOF_BASE && command->flags & CMD_NO_MULTI);
}

bool saving_stage(struct shard *shard, struct request *request)
{
    struct core *core = &shard->core;
    enum save_kind kind;

    if (is_stopping(shard)) {
        shard_finish(shard, request);
        return true;
    }
    if (has_to_wait(shard, request->command) || !snapshot_has_room(shard))
        return false;
    if (request->command->flags & CMD_ALLOW_BUSY)
        return shutdown_stage(shard, request);
    shard_execute(shard, request, NULL, shard_now_ms(shard), NULL);
    kind = (enum save_kind)core->save_asked;
    core->save_asked = SAVE_NOTHING;
    if (kind == SAVE_NOTHING) {
        shard_finish(shard, request);
        return true;
    }
    if (kind == SAVE_AOF_BASE) {
        shard_finish(shard, request);
        aof_rewrite_begin(shard);
        return true;
    }
    if (kind == SAVE_IN_BACKGROUND)
        log_write(LOG_NOTICE, "Background saving started");
    request_own_arguments(&shard->requests, request);
    begin(shard, kind, request);
    return true;
}

bool saving_begin_last(struct shard *shard, void (*saved)(struct shard *shard, int error))
{
    if (!snapshot_has_room(shard))
        return false;
    if (!save_state_claim(state_of(shard), SAVE_BEFORE_SHUTDOWN, shard_now_ms(shard))) {
        if (save_state_running(state_of(shard)) != SAVE_AFTER_FLUSH) /* that would be begun again, and again */
            snapshot_cancel(shard);
        return false;
    }
    begin(shard, SAVE_BEFORE_SHUTDOWN, NULL)->saved = saved;
    return true;
}

/* FLUSHALL ends what would save the keys that are gone, and has the file say so. */
static void heed_flush(struct shard *shard)
{
    enum save_kind running = save_state_running(state_of(shard));

    if (shard->index == 0 && shard->core.config.save[0] != '\0') {
        atomic_store_explicit(&state_of(shard)->flushed, true, memory_order_release);
        look_by(shard, shard->now_ms);
    }
    if (running == SAVE_IN_BACKGROUND || running == SAVE_AFTER_FLUSH)
        snapshot_cancel(shard);
}

void saving_heed(struct shard *shard)
{
    struct core *core = &shard->core;

    if (core->flushed_all)
        heed_flush(shard);
    if (core->save_scheduled)
        look_by(shard, shard->now_ms);
    core->flushed_all = core->save_scheduled = false;
}

/* What is `flushed` becomes SAVE_AFTER_FLUSH, and that may become `flushed` again: whoever looks between the two sees
 * the one or the other. */
static bool flush_is_pending(const struct shard *shard)
{
    return is_flushed(shard) || save_state_running(state_of(shard)) == SAVE_AFTER_FLUSH || is_flushed(shard);
}

/* The append-only file has what was flushed. */
bool saving_keeps_answer(struct shard *shard, struct request *request)
{
    struct saving *saving = &shard->saving;

    if (__builtin_expect(!flush_is_pending(shard), 1) || shard->aof.on || is_stopping(shard))
        return false;
    request->next_held = NULL;
    *saving->kept_last = request;
    saving->kept_last = &request->next_held;
    look_by(shard, shard->now_ms + KEPT_MS);
    return true;
}

/* In the order in which they came. */
static void give_kept(struct shard *shard)
{
    struct saving *saving = &shard->saving;
    struct request *request = saving->kept_first, *next;

    saving->kept_first = NULL;
    saving->kept_last = &saving->kept_first;
    for (; request; request = next) {
        next = request->next_held;
        request->done(request);
    }
}

static void look_at_kept(struct shard *shard)
{
    if (!shard->saving.kept_first)
        return;
    if (flush_is_pending(shard) && !is_stopping(shard))
        look_by(shard, shard->now_ms + KEPT_MS);
    else
        give_kept(shard);
}

/* When nobody asks. */

static bool start(struct shard *shard, enum save_kind kind)
{
    if (!snapshot_has_room(shard) || !save_state_claim(state_of(shard), kind, shard->now_ms))
        return false;
    begin(shard, kind, NULL);
    return true;
}

static void start_flushed(struct shard *shard)
{
    if (start(shard, SAVE_AFTER_FLUSH))
        atomic_store_explicit(&state_of(shard)->flushed, false, memory_order_release);
    else
        look_by(shard, shard->now_ms + 1);
}

static void start_scheduled(struct shard *shard)
{
    struct save_state *state = state_of(shard);
    int64_t tried_s = atomic_load_explicit(&state->tried_s, memory_order_relaxed);
    int64_t retry_ms = tried_s * 1000 + RETRY_MS;

    if (atomic_load_explicit(&state->failed, memory_order_relaxed) && retry_ms > shard->now_ms)
        look_by(shard, retry_ms);
    else if (start(shard, SAVE_IN_BACKGROUND))
        atomic_store_explicit(&state->scheduled, false, memory_order_relaxed);
    else
        look_by(shard, shard->now_ms + LOOK_MS);
}

static void start_rewriting(struct shard *shard)
{
    if (snapshot_has_room(shard) && save_state_claim(state_of(shard), SAVE_AOF_BASE, shard->now_ms))
        aof_rewrite_begin(shard);
    else
        look_by(shard, shard->now_ms + LOOK_MS);
}

static void start_by_points(struct shard *shard)
{
    struct save_state *state = state_of(shard);
    uint64_t changes = save_state_changes(state, shard->group->count);
    struct save_point point;
    int64_t next_ms;

    if (changes == 0)
        return;
    if (!save_state_is_due(state, shard->core.config.save, changes, shard->now_ms, &point, &next_ms)) {
        if (next_ms != INT64_MAX)
            look_by(shard, next_ms);
        return;
    }
    log_write(LOG_NOTICE, "%lld changes in %lld seconds. Saving...", (long long)point.changes,
              (long long)point.seconds);
    if (!start(shard, SAVE_IN_BACKGROUND))
        look_by(shard, shard->now_ms + LOOK_MS);
}

static void look(struct completion *completion)
{
    struct shard *shard = (struct shard *)((char *)completion - offsetof(struct shard, saving.look));
    const struct save_state *state = state_of(shard);

    look_at_kept(shard);
    if (is_stopping(shard))
        return;
    if (shard->index == 0 && is_flushed(shard))
        start_flushed(shard);
    else if (save_state_running(state) != SAVE_NOTHING)
        return; /* its end has it looked again */
    else if (atomic_load_explicit(&state->rewrite_scheduled, memory_order_relaxed))
        start_rewriting(shard);
    else if (atomic_load_explicit(&state->scheduled, memory_order_relaxed))
        start_scheduled(shard);
    else
        start_by_points(shard);
}

void saving_look_again(struct shard *shard)
{
    look_by(shard, shard->now_ms);
}

void saving_init(struct shard *shard)
{
    struct saving *saving = &shard->saving;

    saving->look.done = look;
    saving->timer.completion = &saving->look;
    saving->config_generation = UINT64_MAX;
    saving->kept_last = &saving->kept_first;
}

static void heed_settings(struct shard *shard)
{
    shard->saving.config_generation = shard->core.config.generation;
    if (shard->index == 0)
        shutdown_note_settings(shard->group, &shard->core.config);
}

void saving_turn(struct shard *shard)
{
    struct saving *saving = &shard->saving;
    uint64_t changes;

    if (shard->parked || shard->core.loading)
        return;
    changes = keyspace_stats(shard->core.keyspace)->dirty - shard->core.saved_changes;
    if (changes == saving->told_changes && saving->config_generation == shard->core.config.generation)
        return;
    saving->told_changes = changes;
    heed_settings(shard);
    atomic_store_explicit(&state_of(shard)->changes[shard->index].count, changes, memory_order_relaxed);
    if (shard->core.config.save[0] != '\0')
        look_by(shard, shard->now_ms + LOOK_MS);
}
