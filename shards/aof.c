#include "shards/aof.h"

#include <stdio.h>

#include "core/assert.h"
#include "core/journal.h"
#include "core/keyspace.h"
#include "core/memory.h"
#include "shards/shard.h"

enum { TICK_MS = 1000, SPEAK_MS = 2, DELAYED_MS = 2000, BEHIND_BYTES = 64 << 20 };

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

    *group = (struct aof_group){.last = shard->aof.last, .claim.last = (uint64_t *)(group + 1)};
    durable_claim(durable, &group->claim);
    return group;
}

static void free_group(struct shard *shard, struct aof_group *group)
{
    memory_free(&shard->core.memory, group);
}

static void write_lasts(struct aof_writer *writer, const uint64_t *lasts, int count)
{
    char line[AOF_LASTS_A_LINE * 17 + 1];

    for (int from = 0; from < count; from += AOF_LASTS_A_LINE) {
        int to = from + AOF_LASTS_A_LINE < count ? from + AOF_LASTS_A_LINE : count;
        char *at = line;

        for (int i = from; i < to; i++)
            at += sprintf(at, i > from ? " %016llx" : "%016llx", (unsigned long long)lasts[i]);
        aof_writer_annotate(writer, "LAST", "%s", line);
    }
}

/* One shard alone has nothing to say: its segment is as good as its last group. */
static void write_claim(struct aof_writer *writer, uint64_t until, const struct durable_claim *claim, int shards)
{
    if (shards == 1)
        return;
    aof_writer_annotate(writer, "KNOWN", "%016llx %016llx", (unsigned long long)until,
                        (unsigned long long)claim->known);
    write_lasts(writer, claim->last, shards);
}

static void close_group(struct shard *shard, struct buffer *records)
{
    struct aof *aof = &shard->aof;
    struct aof_group *group = create_group(shard);

    aof_writer_begin_group(&aof->writer);
    write_claim(&aof->writer, aof->claimed, &group->claim, shard->group->count);
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
}

/* A group with nothing in it speaks for those before. */
static void close_groups(struct shard *shard)
{
    struct aof *aof = &shard->aof;
    struct journal *journal = journal_of(shard);

    if (aof->next) {
        if (aof->before.length > 0)
            close_group(shard, &aof->before);
        buffer_deinit(&aof->before);
        switch_segment(aof);
        return; /* the file before is synced first */
    }
    close_group(shard, &journal->records);
    journal_clear(journal);
    aof->noted = 0;
}

/* What has been synced speaks for others, too. */

static void prove(struct shard *shard)
{
    struct aof *aof = &shard->aof;

    while (aof->proof && durable_claim_holds(durable_of(shard), &aof->proof->claim)) {
        durable_raise(durable_of(shard), aof->proof->claim.known);
        free_group(shard, aof->proof);
        aof->proof = aof->next_proof;
        aof->next_proof = NULL;
    }
}

/* Of several that wait behind the first only the last says anything new. */
void aof_group_synced(struct shard *shard, struct aof_group *group)
{
    struct aof *aof = &shard->aof;

    durable_synced(durable_of(shard), shard->index, group->last);
    if (!aof->proof) {
        aof->proof = group;
    } else {
        if (aof->next_proof)
            free_group(shard, aof->next_proof);
        aof->next_proof = group;
    }
}

uint64_t aof_safe(const struct shard *shard)
{
    return shard->aof.on && is_always(shard) ? durable_safe(durable_of(shard)) : UINT64_MAX;
}

static bool answers_may_leave(const struct shard *shard)
{
    return shard->aof.answers_wait > 0 && aof_safe(shard) >= shard->aof.answers_wait;
}

/* Records. */

void aof_note_records(struct shard *shard)
{
    const struct journal *journal = journal_of(shard);
    struct aof *aof = &shard->aof;

    if (journal->records.length == aof->noted)
        return;
    aof->noted = journal->records.length;
    aof->last = journal->stamp;
    durable_note(durable_of(shard), shard->index, aof->last);
}

static bool has_records(const struct shard *shard)
{
    return shard->aof.noted > 0 || shard->aof.next;
}

/* Groups do not pile up: what is written meanwhile comes with the next. */
static bool may_take_records(const struct shard *shard)
{
    const struct aof_disk *disk = &shard->aof.disk;

    return !shard->busy.active && !disk->unwritten && disk->error == 0 && !(is_always(shard) && disk->syncing);
}

static bool is_known_to_all(const struct shard *shard)
{
    return durable_known(durable_of(shard)) >= shard->aof.last;
}

static bool may_close(const struct shard *shard)
{
    return has_records(shard) && may_take_records(shard) && (!is_always(shard) || is_known_to_all(shard));
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

/* They may be asleep, and have executed more than they have said. */
static void wake_silent(struct shard *shard)
{
    const struct durable *durable = durable_of(shard);

    atomic_thread_fence(memory_order_seq_cst); /* pairs with mesh_fall_asleep */
    for (int i = 0; i < durable->count; i++)
        if (atomic_load_explicit(&durable->marks[i].until, memory_order_relaxed) < shard->aof.last)
            wake(shard, i);
}

/* Under always answers wait for it; else the tick looks. */
static bool awaits_others(const struct shard *shard)
{
    const struct aof *aof = &shard->aof;

    return shard->group->count > 1 && is_always(shard) &&
           (aof->proof || aof->answers_wait > 0 || (has_records(shard) && may_take_records(shard)));
}

void aof_keep_answers(struct shard *shard, uint64_t stamp)
{
    shard->aof.answers_wait = stamp;
    if (shard->group->count > 1)
        durable_wait(durable_of(shard), shard->index, awaits_others(shard));
}

static void attend_others(struct shard *shard)
{
    bool waits = awaits_others(shard);

    if (shard->group->count == 1)
        return;
    durable_wait(durable_of(shard), shard->index, waits);
    if (waits && has_records(shard))
        wake_silent(shard);
    durable_each_waiting(durable_of(shard), wake, shard);
}

bool aof_calls(const struct shard *shard)
{
    const struct aof *aof = &shard->aof;

    if (!aof->on || !awaits_others(shard))
        return false;
    return (!shard->parked && may_close(shard)) ||
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
    atomic_thread_fence(memory_order_seq_cst); /* pairs with mesh_fall_asleep */
    for (int i = 0; i < shard->group->count; i++)
        wake(shard, i);
}

/* Writes that have been held back go on when nobody is behind any more. */
static void hear_troubles(struct shard *shard)
{
    const struct durable *durable = durable_of(shard);
    struct aof_figures *figures = &shard->core.aof;
    bool was_behind = figures->behind;

    figures->error = atomic_load_explicit(&durable->failing, memory_order_acquire) > 0
                         ? atomic_load_explicit(&durable->error, memory_order_relaxed)
                         : 0;
    figures->behind = atomic_load_explicit(&durable->behind, memory_order_acquire) > 0;
    figures->bytes = shard->aof.disk.segment->bytes;
    figures->buffered_bytes = shard->aof.disk.pending_bytes;
    figures->delayed_syncs = shard->aof.disk.delayed;
    if (was_behind && !figures->behind)
        loop_defer(shard->loop, shard->durable);
}

/* The turn. */

static bool wants_sync(const struct shard *shard)
{
    const struct aof_disk *disk = &shard->aof.disk;

    switch (shard->core.config.appendfsync) {
    case CONFIG_FSYNC_ALWAYS:
        return true;
    case CONFIG_FSYNC_EVERYSEC:
        return shard->now_ms - disk->sync_began_ms >= TICK_MS;
    default:
        return disk->first && disk->first->segment->is_closing; /* it is to be whole before what comes behind it is */
    }
}

/* What was written is synced after a second, and said to be whole after two milliseconds. */
static void tick(struct completion *completion)
{
    struct shard *shard = (struct shard *)((char *)completion - offsetof(struct shard, aof.ticked));

    if (shard->aof.disk.syncing && shard->now_ms - shard->aof.disk.sync_began_ms >= DELAYED_MS)
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

    if (aof->tick.armed ? aof->tick.deadline_ms > due_ms : !aof_disk_is_clean(&aof->disk) || is_unspoken(shard))
        timer_arm(&shard->timers, &aof->tick, due_ms);
}

void aof_turn(struct shard *shard, uint64_t until)
{
    struct aof *aof = &shard->aof;

    if (!aof->on)
        return;
    if (!shard->parked) { /* else the executor may be writing there */
        aof->claimed = until > aof->claimed ? until : aof->claimed;
        durable_reach(durable_of(shard), shard->index, aof->claimed);
        if (may_close(shard))
            close_groups(shard);
        arm_tick(shard);
        note_behind(shard);
    }
    aof_disk_go_on(&aof->disk, wants_sync(shard));
    prove(shard);
    if (answers_may_leave(shard))
        loop_defer(shard->loop, shard->durable);
    if (aof->disk.is_news)
        tell_troubles(shard);
    hear_troubles(shard);
    attend_others(shard);
}

uint64_t aof_answers_wait_for(const struct shard *shard)
{
    uint64_t newest;

    if (!shard->aof.on || !is_always(shard))
        return 0;
    newest = durable_newest(durable_of(shard));
    return newest > durable_safe(durable_of(shard)) ? newest : 0;
}

/* Begin and end. */

static struct aof_segment *create_segment(struct shard *shard, int fd)
{
    struct aof_segment *segment = memory_alloc(&shard->core.memory, sizeof *segment);

    *segment = (struct aof_segment){.fd = fd};
    return segment;
}

void aof_begin(struct shard *shard, int fd)
{
    struct journal *journal = journal_of(shard);

    aof_disk_open(&shard->aof.disk, create_segment(shard, fd));
    keyspace_set_journaled(shard->core.keyspace, true);
    journal_begin_anew(journal);
    journal->is_stamped = shard->group->count > 1;
    shard->aof.noted = 0;
    shard->aof.on = shard->core.aof.enabled = true;
}

void aof_switch(struct shard *shard, int fd)
{
    struct aof *aof = &shard->aof;
    struct journal *journal = journal_of(shard);

    ASSERT(!aof->next);
    aof->next = create_segment(shard, fd);
    aof->before = journal_take(journal);
    aof->noted = 0;
}

int aof_end(struct shard *shard)
{
    struct aof *aof = &shard->aof;
    int error;

    if (!aof->on)
        return 0;
    aof->on = false;
    aof->claimed = durable_known(durable_of(shard));
    while (has_records(shard) || is_unspoken(shard))
        close_groups(shard);
    error = aof_disk_finish(&aof->disk);
    prove(shard);
    return error;
}

void aof_init(struct shard *shard)
{
    struct aof *aof = &shard->aof;

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
    if (aof->proof)
        free_group(shard, aof->proof);
    if (aof->next_proof)
        free_group(shard, aof->next_proof);
}
