#include "shards/aof.h"

#include <stdio.h>

#include "core/assert.h"
#include "core/journal.h"
#include "core/keyspace.h"
#include "core/log.h"
#include "core/memory.h"
#include "shards/aof_growth.h"
#include "shards/aof_rewrite.h"
#include "shards/blocked.h"
#include "shards/shard.h"
#include "shards/simulate.h"

enum {
    TICK_MS = 1000,
    SPEAK_MS = 2,
    DELAYED_MS = 2000,
    BEHIND_BYTES = 64 << 20,
    UNSYNCED_BYTES = 16 << 20, /* that nobody asks to be synced */
};

static struct durable *durable_of(const struct shard *shard)
{
    return &shard->group->durable;
}

static struct journal *journal_of(const struct shard *shard)
{
    return keyspace_journal(shard->core.keyspace);
}

static bool is_always(const struct shard *shard)
{
    return shard->core.config.appendfsync == CONFIG_FSYNC_ALWAYS;
}

/* Groups. */

static struct aof_group *create_group(struct shard *shard)
{
    struct durable *durable = durable_of(shard);
    struct aof_group *group =
        memory_alloc(&shard->core.memory, sizeof *group + (size_t)durable->count * sizeof group->claim.last[0]);

    *group = (struct aof_group){.claim.last = (uint64_t *)(group + 1)};
    durable_claim(durable, &group->claim, shard->aof.disk.segment->generation);
    return group;
}

static void free_group(struct shard *shard, struct aof_group *group)
{
    memory_free(&shard->core.memory, group);
}

static void write_lasts(struct shard *shard, const struct durable_claim *claim)
{
    const struct durable *durable = durable_of(shard);
    char line[AOF_LASTS_A_LINE * 17 + 1];

    for (int from = 0; from < durable->count; from += AOF_LASTS_A_LINE) {
        char *at = line;

        for (int i = from; i < durable->count && i < from + AOF_LASTS_A_LINE; i++)
            at += sprintf(
                at, i > from ? " %016llx" : "%016llx",
                (unsigned long long)durable_last_in_segment(durable, claim, i, shard->aof.disk.segment->generation));
        aof_writer_annotate(&shard->aof.writer, "LAST", "%s", line);
    }
}

static void write_claim(struct shard *shard, uint64_t until, const struct durable_claim *claim)
{
    aof_writer_annotate(&shard->aof.writer, "KNOWN", "%016llx %016llx", (unsigned long long)until,
                        (unsigned long long)claim->known);
    write_lasts(shard, claim);
}

/* The time at which a group is closed: what is in it, or in those before, is no later. */
static void write_time(struct shard *shard)
{
    int64_t now_s = shard->now_ms / 1000;

    if (!shard->core.config.aof_timestamp_enabled || now_s <= shard->aof.timed_s)
        return;
    shard->aof.timed_s = now_s;
    aof_writer_annotate(&shard->aof.writer, "TS", "%lld", (long long)now_s);
}

/* Where it says nothing, all before it is on disk. */
static void write_synced(struct aof *aof)
{
    uint64_t synced = aof_disk_synced(&aof->disk);

    if (synced < aof->disk.segment->bytes)
        aof_writer_synced(&aof->writer, synced);
}

/* until: all records up to it are in this group and those before. More of the last one's stamp may come as long as it
 * is above that. */
static void close_group(struct shard *shard, struct buffer *records, uint64_t until)
{
    struct aof *aof = &shard->aof;
    struct aof_group *group = create_group(shard);

    group->last = aof->last <= until ? aof->last : until;
    group->executed = patience_end(&aof->patience);
    aof->closed = group->last > aof->closed ? group->last : aof->closed;
    aof_writer_begin_group(&aof->writer);
    write_synced(aof);
    if (shard->group->count > 1 || records->length == 0) /* one shard's segment is as good as its last group */
        write_claim(shard, until, &group->claim);
    if (records->length > 0)
        write_time(shard);
    buffer_append_str(&aof->writer.block, buffer_str(records));
    aof_writer_end_group(&aof->writer, aof->last);
    group->bytes = aof_writer_take(&aof->writer);
    if (group->claim.known > aof->spoken)
        aof->spoken = group->claim.known;
    aof_disk_add(&aof->disk, group);
}

static void switch_segment(struct aof *aof)
{
    aof_disk_open(&aof->disk, aof->next);
    aof->next = NULL;
    aof->timed_s = 0;
}

/* A group with nothing in it speaks for those before. */
static void close_groups(struct shard *shard)
{
    struct aof *aof = &shard->aof;
    struct journal *journal = journal_of(shard);

    if (aof->next) {
        if (aof->before.length > 0)
            close_group(shard, &aof->before, aof->before_until);
        buffer_deinit(&aof->before);
        switch_segment(aof);
        return; /* the file before is synced first */
    }
    aof->wants_base |= journal->whole && shard->group->count > 1;
    close_group(shard, &journal->records, aof->claimed);
    journal_clear(journal);
    aof->noted = 0;
}

/* What has been synced speaks for others, too. */

static void prove(struct shard *shard)
{
    struct aof *aof = &shard->aof;

    while (aof->proof && durable_claim_holds(durable_of(shard), &aof->proof->claim)) {
        durable_raise(durable_of(shard), aof->proof->claim.known);
        aof->tells = true;
        free_group(shard, aof->proof);
        aof->proof = aof->next_proof;
        aof->next_proof = NULL;
    }
}

static void begin_patience(struct shard *shard, const struct aof_group *group)
{
    struct patience *patience = &shard->aof.patience;
    int64_t now_us = shard_now_us(shard);
    uint64_t came = shard->parked ? 0 : patience->executed; /* parked: that is the executor's */

    patience_begin(patience, group->executed, came, now_us, now_us - shard->aof.disk.sync_began_us);
}

static bool is_patient(const struct shard *shard)
{
    return is_always(shard) && patience_lasts(&shard->aof.patience, shard->now_us);
}

int64_t aof_idle_us(const struct shard *shard)
{
    if (!shard->aof.on || shard->parked || !is_patient(shard))
        return INT64_MAX;
    return shard->aof.patience.until_us - shard->now_us;
}

/* Of several that wait behind the first only the last says anything new. */
void aof_group_synced(struct shard *shard, struct aof_group *group)
{
    struct aof *aof = &shard->aof;

    begin_patience(shard, group);
    durable_synced(durable_of(shard), shard->index, group->last);
    aof->tells = true;
    if (!aof->proof) {
        aof->proof = group;
    } else {
        if (aof->next_proof)
            free_group(shard, aof->next_proof);
        aof->next_proof = group;
    }
}

/* Before there is a base nothing would survive. */
static bool is_complete(const struct shard *shard)
{
    return aof_folder_is_complete(&shard->group->aof_folder);
}

uint64_t aof_safe(const struct shard *shard)
{
    return shard->aof.on && is_always(shard) && is_complete(shard) ? durable_safe(durable_of(shard)) : UINT64_MAX;
}

static bool answers_may_leave(const struct shard *shard)
{
    return shard->aof.answers_wait > 0 && aof_safe(shard) >= shard->aof.answers_wait;
}

/* Up to which stamp all there is is safe; UINT64_MAX: all of it. A record that was in a file before this one may have a
 * stamp that nothing in this one reaches: then the base has it. */
static uint64_t safe_until(const struct shard *shard)
{
    uint64_t safe = durable_safe(durable_of(shard));

    return durable_newest(durable_of(shard)) <= safe ? UINT64_MAX : safe;
}

static bool is_safe(const struct shard *shard, uint64_t stamp)
{
    return shard->aof.on && is_complete(shard) && safe_until(shard) >= stamp;
}

/* Where the file has been switched off nothing will be safe: they are told so. */
static bool has_awaited(const struct shard *shard)
{
    return shard->aof.awaited > 0 && (!shard->core.config.appendonly || is_safe(shard, shard->aof.awaited - 1));
}

static void serve_awaiting(struct shard *shard)
{
    if (__builtin_expect(has_awaited(shard), 0))
        blocked_serve_safe(shard, shard->core.config.appendonly ? safe_until(shard) : UINT64_MAX);
}

/* Records. */

void aof_note_records(struct shard *shard)
{
    const struct journal *journal = journal_of(shard);
    struct aof *aof = &shard->aof;

    if (journal->records.length == aof->noted)
        return;
    aof->noted = journal->records.length;
    aof->patience.executed++;
    aof->last = journal->stamp;
    durable_note(durable_of(shard), shard->index, aof->last);
}

/* Or nothing but that the last ones were all with that stamp. Those of a shard that is parked are its executor's. */
static bool has_records(const struct shard *shard)
{
    const struct aof *aof = &shard->aof;

    return !shard->parked && (aof->noted > 0 || aof->next || (aof->closed < aof->last && aof->claimed >= aof->last));
}

/* Groups do not pile up: what comes while one is written, under always while it is synced, is in the next. */
static bool may_take_records(const struct shard *shard)
{
    const struct aof_disk *disk = &shard->aof.disk;

    return !shard->busy.active && disk->error == 0 && (is_always(shard) ? aof_disk_is_clean(disk) : !disk->unwritten);
}

static bool is_known_to_all(const struct shard *shard)
{
    return durable_known(durable_of(shard)) >= shard->aof.last;
}

/* Where the file is switched off nothing waits for what is known to all, and others that have ended say no more. */
static bool may_close(const struct shard *shard)
{
    return has_records(shard) && may_take_records(shard) && !is_patient(shard) &&
           (!is_always(shard) || shard->aof.stops || is_known_to_all(shard));
}

/* Nobody has said yet that what we have written is whole: it would be cut if the process ended now. */
static bool is_unspoken(const struct shard *shard)
{
    const struct aof *aof = &shard->aof;

    return shard->group->count > 1 && aof->spoken < aof->last && durable_said(durable_of(shard)) < aof->last;
}

/* Other shards. */

static void wake(void *context, int other)
{
    struct shard *shard = context;

    if (other != shard->index)
        mesh_wake(&shard->port, shard->loop, other);
}

static void wake_all(struct shard *shard)
{
    atomic_thread_fence(memory_order_seq_cst); /* pairs with mesh_fall_asleep */
    for (int i = 0; i < shard->group->count; i++)
        wake(shard, i);
}

/* They may be asleep, and have executed more than they have said. */
static void wake_silent(struct shard *shard)
{
    const struct durable *durable = durable_of(shard);

    atomic_thread_fence(memory_order_seq_cst); /* pairs with mesh_fall_asleep */
    for (int i = 0; i < durable->count; i++)
        if (atomic_load_explicit(&durable->marks[i].until, memory_order_relaxed) < shard->aof.last)
            wake(shard, i);
}

/* Under always answers wait for it, and clients may in any case; else the tick looks. */
static bool awaits_others(const struct shard *shard)
{
    const struct aof *aof = &shard->aof;

    return shard->group->count > 1 && (is_always(shard) || durable_is_awaited(durable_of(shard))) &&
           (aof->proof || aof->answers_wait > 0 || aof->awaited > 0 || (has_records(shard) && may_take_records(shard)));
}

void aof_keep_answers(struct shard *shard, uint64_t stamp)
{
    shard->aof.answers_wait = stamp;
    if (shard->group->count > 1)
        durable_wait(durable_of(shard), shard->index, awaits_others(shard));
}

void aof_await(struct shard *shard, uint64_t stamp)
{
    bool awaited = shard->aof.awaited > 0;

    shard->aof.awaited = stamp;
    if (awaited == (stamp > 0))
        return;
    durable_await(durable_of(shard), stamp > 0);
    if (stamp > 0)
        wake_all(shard); /* what they have on disk may lack nothing but their look at others' marks */
}

/* Who waits is woken when our marks say something new that somebody may wait for, not after each turn: two that wait
 * for the disk would wake each other until it has done. How far we have executed is news where there are records behind
 * what we said before. */
static bool has_news(const struct shard *shard)
{
    const struct aof *aof = &shard->aof;

    return aof->tells || (aof->told < aof->claimed && aof->told < durable_newest(durable_of(shard)));
}

static void tell(void *context, int other)
{
    if (has_news(context))
        wake(context, other);
}

static void tell_waiting(struct shard *shard)
{
    struct aof *aof = &shard->aof;

    durable_each_waiting(durable_of(shard), tell, shard);
    aof->told = aof->claimed;
    aof->tells = false;
}

/* Others have recorded more than we have said we know of, and wait; all that it takes is another turn. */
static bool could_tell_more(const struct shard *shard)
{
    const struct durable *durable = durable_of(shard);

    return !shard->parked && shard->port.drained && shard->port.limit >= shard->port.end &&
           durable_has_waiting(durable) && shard->aof.claimed < durable_newest(durable);
}

static void attend_others(struct shard *shard)
{
    bool waits = awaits_others(shard);

    if (shard->group->count == 1)
        return;
    durable_wait(durable_of(shard), shard->index, waits);
    if (waits && has_records(shard))
        wake_silent(shard);
    tell_waiting(shard);
}

bool aof_calls(const struct shard *shard)
{
    const struct aof *aof = &shard->aof;

    if (has_awaited(shard))
        return true;
    if (!aof->on)
        return false;
    if (aof_rewrite_calls(shard))
        return true;
    if (aof->disk.unwritten && !aof->disk.writing && aof->disk.error == 0 && aof_disk_may_write(&aof->disk))
        return true;
    if (shard->group->count > 1 && could_tell_more(shard))
        return true;
    if (!awaits_others(shard))
        return false;
    return !durable_waits(durable_of(shard), shard->index) || (!shard->parked && may_close(shard)) ||
           (aof->proof && durable_claim_holds(durable_of(shard), &aof->proof->claim)) || answers_may_leave(shard);
}

/* Troubles. */

static void note_behind(struct shard *shard)
{
    struct aof_disk *disk = &shard->aof.disk;
    size_t bytes = disk->pending_bytes + shard->aof.noted;
    bool behind = bytes > (disk->behind ? BEHIND_BYTES / 2 : BEHIND_BYTES);

    if (behind == disk->behind)
        return;
    disk->behind = behind;
    disk->is_news = true;
    atomic_fetch_add_explicit(&durable_of(shard)->behind, behind ? 1 : -1, memory_order_release);
}

static void tell_troubles(struct shard *shard)
{
    shard->aof.disk.is_news = false;
    wake_all(shard);
}

/* Writes that have been held back go on when nobody is behind any more; and answers that only read, when nothing
 * becomes safe. */
void aof_hear_troubles(struct shard *shard)
{
    struct durable *durable = durable_of(shard);
    struct aof_figures *figures = &shard->core.aof;
    bool was_behind = figures->behind;
    int error_before = figures->error;

    figures->error = !shard->aof.stops && atomic_load_explicit(&durable->failing, memory_order_acquire) > 0
                         ? atomic_load_explicit(&durable->error, memory_order_relaxed)
                         : 0;
    figures->behind = !shard->aof.stops && atomic_load_explicit(&durable->behind, memory_order_acquire) > 0;
    figures->bytes = shard->aof.disk.segment->bytes;
    atomic_store_explicit(&durable->marks[shard->index].bytes, figures->bytes, memory_order_relaxed);
    figures->before_bytes = atomic_load_explicit(&shard->group->aof_folder.before_bytes, memory_order_relaxed);
    figures->base_bytes = atomic_load_explicit(&shard->group->aof_folder.base_bytes, memory_order_relaxed);
    figures->buffered_bytes = shard->aof.disk.pending_bytes;
    figures->delayed_syncs = shard->aof.disk.delayed;
    if ((was_behind && !figures->behind) || (figures->error != 0 && error_before == 0))
        loop_defer(shard->loop, shard->durable);
}

/* The turn. */

/* no-appendfsync-on-rewrite: the disk is somebody else's for now. */
static bool is_sync_put_off(const struct shard *shard)
{
    enum save_kind running;

    if (!shard->core.config.no_appendfsync_on_rewrite)
        return false;
    running = save_state_running(shard->core.saves);
    return running == SAVE_IN_BACKGROUND || running == SAVE_AOF_BASE;
}

/* A segment that ends is to be whole before what comes behind it; and what is not on disk stays in memory. */
static bool has_to_sync(const struct shard *shard)
{
    const struct aof_disk *disk = &shard->aof.disk;

    return shard->aof.stops || disk->pending_bytes > UNSYNCED_BYTES ||
           (disk->first && disk->first->segment->is_closing);
}

static bool wants_sync(const struct shard *shard)
{
    switch (shard->core.config.appendfsync) {
    case CONFIG_FSYNC_ALWAYS:
        return true; /* also while something is saved: what was answered is on disk */
    case CONFIG_FSYNC_EVERYSEC:
        return has_to_sync(shard) ||
               (shard->now_us - shard->aof.disk.sync_began_us >= TICK_MS * 1000 && !is_sync_put_off(shard));
    default:
        return has_to_sync(shard);
    }
}

/* What was written is synced after a second, and said to be whole after two milliseconds. */
static void tick(struct completion *completion)
{
    struct shard *shard = (struct shard *)((char *)completion - offsetof(struct shard, aof.ticked));

    if (!shard->aof.on) {
        aof_start_late(shard);
        return;
    }
    if (shard->aof.disk.syncing && shard->now_us - shard->aof.disk.sync_began_us >= DELAYED_MS * 1000)
        shard->aof.disk.delayed++;
    if (shard->parked || !is_unspoken(shard))
        return;
    if (is_known_to_all(shard) && may_take_records(shard))
        close_groups(shard);
    else
        wake_silent(shard);
}

static void arm_tick(struct shard *shard)
{
    struct aof *aof = &shard->aof;

    int64_t due_ms = shard->now_ms + (is_unspoken(shard) ? SPEAK_MS : TICK_MS);

    if (aof->tick.armed ? aof->tick.deadline_ms > due_ms
                        : !aof_disk_is_clean(&aof->disk) || is_unspoken(shard) || !is_complete(shard))
        timer_arm(&shard->timers, &aof->tick, due_ms);
}

/* What they claim is no matter any more. */
static void drop_proofs(struct shard *shard)
{
    struct aof *aof = &shard->aof;

    if (aof->proof)
        free_group(shard, aof->proof);
    if (aof->next_proof)
        free_group(shard, aof->next_proof);
    aof->proof = aof->next_proof = NULL;
}

void aof_stop(struct shard *shard)
{
    keyspace_set_journaled(shard->core.keyspace, false);
    shard->aof.stops = true;
    shard->core.aof.error = 0; /* a disk that fails, or is slow, concerns nobody any more */
    shard->core.aof.behind = false;
    loop_defer(shard->loop, shard->durable);
}

static void end_stopping(struct shard *shard)
{
    struct aof *aof = &shard->aof;

    if (shard->parked || has_records(shard) || !aof_disk_rests(&aof->disk))
        return;
    aof_disk_close(&aof->disk);
    timer_disarm(&shard->timers, &aof->tick);
    drop_proofs(shard);
    aof->on = aof->stops = shard->core.aof.enabled = false;
    if (shard->group->count > 1)
        durable_wait(durable_of(shard), shard->index, false);
}

void aof_turn(struct shard *shard, uint64_t until)
{
    struct aof *aof = &shard->aof;

    if (!aof->on) {
        serve_awaiting(shard);
        return;
    }
    if (!shard->parked) { /* else the executor may be writing there */
        if (!aof->stops)  /* what is executed since then is not recorded, and would be taken for nothing */
            aof->claimed = until > aof->claimed ? until : aof->claimed;
        durable_reach(durable_of(shard), shard->index, aof->claimed);
        if (may_close(shard))
            close_groups(shard);
        arm_tick(shard);
        note_behind(shard);
    }
    aof_disk_go_on(&aof->disk, wants_sync(shard));
    if (is_always(shard) && !aof->stops)
        aof_room_go_on(&aof->disk);
    prove(shard);
    if (answers_may_leave(shard))
        loop_defer(shard->loop, shard->durable);
    serve_awaiting(shard);
    if (aof->disk.is_news)
        tell_troubles(shard);
    aof_hear_troubles(shard);
    aof_rewrite_turn(shard);
    aof_growth_turn(shard);
    attend_others(shard);
    if (aof->stops)
        end_stopping(shard);
}

uint64_t aof_answers_wait_for(const struct shard *shard)
{
    uint64_t newest;

    if (!shard->aof.on || !is_always(shard) || !is_complete(shard) || simulate_fault(FAULT_ANSWER_EARLY))
        return 0;
    newest = durable_newest(durable_of(shard));
    return newest > durable_safe(durable_of(shard)) ? newest : 0;
}

/* Begin and end. */

static struct aof_segment *create_segment(struct shard *shard, int fd, uint64_t generation)
{
    struct aof_segment *segment = memory_alloc(&shard->core.memory, sizeof *segment);

    *segment = (struct aof_segment){.fd = fd, .generation = generation};
    return segment;
}

void aof_begin(struct shard *shard, int fd, uint64_t generation)
{
    struct journal *journal = journal_of(shard);

    aof_disk_open(&shard->aof.disk, create_segment(shard, fd, generation));
    keyspace_set_journaled(shard->core.keyspace, true);
    journal_begin_anew(journal);
    journal->is_stamped = shard->group->count > 1;
    durable_synced(durable_of(shard), shard->index, shard->aof.last); /* others' claims may name it, and are to hold */
    shard->aof.noted = shard->aof.last = 0;
    shard->aof.closed = 0;
    shard->aof.timed_s = 0;
    durable_begin_anew(durable_of(shard), shard->index, generation);
    durable_note(durable_of(shard), shard->index, 0); /* what was in one before is no matter */
    durable_begin_segment(durable_of(shard), shard->index, generation, 0);
    shard->aof.on = shard->core.aof.enabled = shard->aof.tells = true;
}

/* One that has not been switched to yet, and never will be. */
static void drop_next(struct shard *shard)
{
    struct aof *aof = &shard->aof;

    if (!aof->next)
        return;
    loop_close_fd(shard->loop, aof->next->fd);
    memory_free(&shard->core.memory, aof->next);
    aof->next = NULL;
}

/* Where it had been stopped records are missing. So none of those that were not written yet are, nor is what was
 * switched to, if that was to begin the file and has been given up: the base has all of them. */
static void begin_anew_in(struct shard *shard, struct aof_segment *segment)
{
    struct aof *aof = &shard->aof;

    drop_next(shard);
    buffer_deinit(&aof->before);
    journal_begin_anew(journal_of(shard));
    keyspace_set_journaled(shard->core.keyspace, true);
    aof->stops = false;
    aof->next = segment;
    durable_begin_anew(durable_of(shard), shard->index, segment->generation);
    durable_begin_segment(durable_of(shard), shard->index, segment->generation, aof->last);
}

void aof_switch(struct shard *shard, int fd, uint64_t generation, bool begins)
{
    struct aof *aof = &shard->aof;
    struct journal *journal = journal_of(shard);
    struct aof_segment *segment = create_segment(shard, fd, generation);

    aof->noted = 0;
    if (begins || aof->stops) {
        begin_anew_in(shard, segment);
        return;
    }
    ASSERT(!aof->next);
    aof->disk.segment->is_awaited = true;
    aof->next = segment;
    aof->before = journal_take(journal);
    aof->before_until = journal->stamp - 1; /* others of that stamp may follow */
    durable_begin_segment(durable_of(shard), shard->index, generation,
                          aof->last <= aof->before_until ? aof->last : aof->before_until);
}

bool aof_settle(struct shard *shard)
{
    struct aof *aof = &shard->aof;

    while (aof->noted > 0 || aof->next)
        close_groups(shard);
    aof_disk_go_on(&aof->disk, true);
    aof_rewrite_turn(shard);
    return aof_disk_rests(&aof->disk);
}

int aof_end(struct shard *shard)
{
    struct aof *aof = &shard->aof;
    int error;

    if (!aof->on)
        return 0;
    aof->on = false;
    aof->claimed = durable_known(durable_of(shard));
    while (has_records(shard))
        close_groups(shard);
    if (is_unspoken(shard)) /* unless nobody can say it, as another shard has begun anew */
        close_groups(shard);
    error = aof_disk_finish(&aof->disk);
    prove(shard);
    return error;
}

static uint64_t newest(void *shard)
{
    return durable_newest(durable_of(shard));
}

static bool is_stamp_safe(void *shard, uint64_t stamp)
{
    return is_safe(shard, stamp);
}

static bool has_base(void *shard)
{
    return is_complete(shard);
}

void aof_init(struct shard *shard)
{
    struct aof *aof = &shard->aof;

    shard->core.durability = (struct durability){newest, is_stamp_safe, has_base, shard};
    aof_disk_init(&aof->disk, shard);
    aof_writer_init(&aof->writer, &shard->core.memory);
    aof->ticked.done = tick;
    aof->tick.completion = &aof->ticked;
}

void aof_deinit(struct shard *shard)
{
    struct aof *aof = &shard->aof;

    aof_writer_deinit(&aof->writer);
    aof_disk_deinit(&aof->disk);
    buffer_deinit(&aof->before);
    drop_proofs(shard);
}
