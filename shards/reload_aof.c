#include "shards/reload_aof.h"

#include <stdatomic.h>
#include <stdio.h>

#include "core/assert.h"
#include "core/dump.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/rdb_value.h"
#include "shards/load_aof.h"
#include "shards/load_plan.h"
#include "shards/load_plan_aof.h"
#include "shards/load_replay.h"
#include "shards/load_scan.h"
#include "shards/reload_check.h"
#include "shards/reload_parts.h"
#include "shards/returns.h"

enum { LOOK_US = 200 /* at the other shards' disks */ };

/* How far a shard's journal is, and what is in the way. */
enum journal_state {
    JOURNAL_OFF,
    JOURNAL_ON_DISK,
    JOURNAL_ON_ITS_WAY,
    JOURNAL_HAS_UNIT, /* of the transaction in which this is called */
    JOURNAL_BEGINS,   /* there is no base yet */
    JOURNAL_FAILS,
};

static const char *const refusals[] = {
    [JOURNAL_HAS_UNIT] = "DEBUG LOADAOF would lose what its own transaction has written",
    [JOURNAL_BEGINS] = "DEBUG LOADAOF: the append-only file is not complete yet",
    [JOURNAL_FAILS] = "DEBUG LOADAOF: the append-only file can't be written",
};

/* The executor's, while the shards do their parts of it: each writes what is its own. */
struct reload_aof {
    struct memory memory;
    struct loading found; /* the files */
    char error[512];
    int planner; /* the shard that looks for them: nobody else would take them away meanwhile */
    bool is_looked_for, is_found;
    bool is_live; /* the server writes to them */
    const struct load_stage *stage;
    struct {
        enum journal_state journal;
        uint32_t heeded;             /* by its keyspace's listeners, who hear nothing of what is loaded */
        struct keyspace_stats stats; /* which it is no part of */
    } shards[CONFIG_SHARDS_MAX];
};

static struct reload_aof *reload_of(const struct call *call)
{
    return reload_shard_of(call)->group->reload_aof;
}

/* To the disk */

static enum journal_state settle_journal(struct shard *shard)
{
    const struct durable *durable = &shard->group->durable;

    if (!shard->core.config.appendonly && !shard->aof.on)
        return JOURNAL_OFF;
    if (keyspace_journal(shard->core.keyspace)->unit_records > 0)
        return JOURNAL_HAS_UNIT;
    if (shard->core.config.appendonly && !aof_folder_is_complete(&shard->group->aof_folder))
        return JOURNAL_BEGINS;
    if (aof_settle(shard))
        return JOURNAL_ON_DISK;
    return atomic_load_explicit(&durable->failing, memory_order_relaxed) > 0 ? JOURNAL_FAILS : JOURNAL_ON_ITS_WAY;
}

static void settle_part(struct call *call)
{
    struct shard *shard = reload_shard_of(call);

    reload_of(call)->shards[shard->index].journal = settle_journal(shard);
}

/* The worst of them. */
static enum journal_state settle_journals(const struct call *call)
{
    const struct reload_aof *reload = reload_of(call);
    enum journal_state worst = JOURNAL_OFF;

    reload_run_parts(call, settle_part);
    for (int i = 0; i < reload_shard_of(call)->group->count; i++)
        if (reload->shards[i].journal > worst)
            worst = reload->shards[i].journal;
    return worst;
}

/* A turn without execution, for what files have got done here, and for the rewriting: its home may not know yet that
 * this shard has come to the instant, or is this one. What clients send meanwhile is staged, and executed afterwards.
 */
static void wait_for_files(struct shard *shard)
{
    shard->busy.serving = true;
    shard_own_arguments(shard);
    shard->turn++;
    mesh_publish_returns(&shard->port, shard->loop);
    loop_submit(shard->loop);
    loop_wait(shard->loop, LOOK_US);
    returns_take(shard);
    shard_own_arguments(shard);
    shard->busy.serving = false;
}

/* The files */

/* What of them the server is writing ends where it has come to; behind that is room for more. */
static bool bound_newest(const struct call *call, struct load_file *file)
{
    struct reload_aof *reload = reload_of(call);
    const struct shard_group *group = reload_shard_of(call)->group;
    const struct aof_folder *folder = &group->aof_folder;
    const struct aof_file *listed = &reload->found.manifest.files[file->manifest];

    if (listed->type != AOF_FILE_INCREMENTAL || listed->sequence < folder->newest_sequence)
        return true;
    const struct aof_segment *segment = group->shards[listed->shard]->aof.disk.segment;
    if (segment->generation != atomic_load_explicit(&folder->named, memory_order_relaxed))
        return true; /* it has gone on in one that nothing is in */
    if (file->bytes < segment->bytes) {
        snprintf(reload->error, sizeof reload->error, "%s is shorter than what was written there", file->path);
        return false;
    }
    file->bytes = segment->bytes;
    return true;
}

static bool bound_files(const struct call *call)
{
    struct loading *found = &reload_of(call)->found;

    for (int i = 0; i < found->run_count; i++) {
        struct load_run *run = found->runs[i];

        run->is_whole = true;
        for (int k = 0; k < run->count; k++)
            for (int at = 0; at < run->segments[k].file_count; at++)
                if (!bound_newest(call, &run->segments[k].files[at]))
                    return false;
    }
    return true;
}

static bool find_files(const struct call *call)
{
    struct reload_aof *reload = reload_of(call);
    struct load_plan plan = {&reload->found, &call->core->config, reload->error, sizeof reload->error};

    if (!load_plan_aof(&plan))
        return false;
    if (!reload->found.is_aof) {
        snprintf(reload->error, sizeof reload->error, "There is no append-only file");
        return false;
    }
    return !reload->is_live || bound_files(call);
}

static void find_part(struct call *call)
{
    struct reload_aof *reload = reload_of(call);
    struct shard *shard = reload_shard_of(call);

    if (shard->index != reload->planner || aof_rewrite_replaces(shard))
        return;
    reload->is_looked_for = true;
    reload->is_found = find_files(call);
}

/* Everything is on disk, and the files are open. False: not, and why has been logged. */
static bool open_files(const struct call *call)
{
    struct shard *shard = reload_shard_of(call);
    struct reload_aof *reload = reload_of(call);

    while (!reload->is_looked_for) {
        enum journal_state journal = settle_journals(call);
        int rewriter = atomic_load_explicit(&shard->group->aof_folder.rewriter, memory_order_relaxed);

        if (journal >= JOURNAL_HAS_UNIT) {
            log_write(LOG_WARNING, "%s", refusals[journal]);
            return false;
        }
        reload->is_live = shard->core.config.appendonly;
        reload->planner = rewriter >= 0 ? rewriter : shard->index;
        if (journal != JOURNAL_ON_ITS_WAY)
            reload_run_parts(call, find_part);
        if (!reload->is_looked_for)
            wait_for_files(shard);
    }
    if (!reload->is_found)
        log_write(LOG_WARNING, "%s", reload->error);
    return reload->is_found;
}

/* Whether they can be loaded */

static void scan_part(struct call *call)
{
    struct load_scan *scan = load_scan_begin(reload_shard_of(call), reload_of(call)->stage);
    enum load_status status;

    do
        status = load_scan_slice(scan, INT64_MAX);
    while (status == LOAD_GOES_ON);
    load_scan_end(scan);
}

static bool execute(const struct call *call, const struct load_stage *stage, bool only_looks)
{
    struct load_executor executor = {call, only_looks};
    struct load_aof *load = load_aof_begin_alone(reload_shard_of(call), stage, &executor);
    enum load_status status;

    do
        status = load_aof_slice(load, INT64_MAX);
    while (status != LOAD_DONE && status != LOAD_FAILED);
    bool goes_on = load_aof_end(load);
    ASSERT(!goes_on);
    return status == LOAD_DONE;
}

static bool check_stage(const struct call *call, const struct load_stage *stage, struct buffer *libraries)
{
    struct shard *shard = reload_shard_of(call);
    struct reload_check check = {.shard = shard, .file = &stage->run->segments[0].files[0], .libraries = libraries};

    switch (stage->kind) {
    case LOAD_RDB:
        return reload_check(&check);
    case LOAD_AOF:
        return execute(call, stage, true);
    default:
        if (!load_run_may_be_cut(stage->run))
            return true;
        reload_of(call)->stage = stage;
        reload_run_parts(call, scan_part);
        return !atomic_load_explicit(&shard->group->loading->is_refused, memory_order_relaxed);
    }
}

static bool check(const struct call *call, struct buffer *libraries)
{
    const struct loading *found = &reload_of(call)->found;
    struct loading *loading = reload_shard_of(call)->group->loading;
    bool is_sound = true;

    if (found->stage_count == 0 || found->stages[0].kind != LOAD_RDB)
        dump_close(libraries, 0, RDB_VERSION_LEAST);
    atomic_store_explicit(&loading->is_refused, false, memory_order_relaxed);
    atomic_store_explicit(&loading->is_checked, true, memory_order_relaxed);
    for (int i = 0; is_sound && i < found->stage_count; i++)
        is_sound = check_stage(call, &found->stages[i], libraries);
    atomic_store_explicit(&loading->is_checked, false, memory_order_relaxed);
    return is_sound;
}

/* Loading */

static void be_quiet(struct call *call)
{
    struct changes *changes = keyspace_changes(call->core->keyspace);
    struct reload_aof *reload = reload_of(call);

    reload->shards[call->core->index].heeded = changes->heeded;
    changes->heeded = 0;
}

static void speak(struct call *call)
{
    keyspace_changes(call->core->keyspace)->heeded |= reload_of(call)->shards[call->core->index].heeded;
}

static void empty_part(struct call *call)
{
    struct keyspace *keyspace = call->core->keyspace;

    speak(call);
    keyspace_set_journaled(keyspace, false);
    reload_empty(call);
    be_quiet(call);
    reload_of(call)->shards[call->core->index].stats = *keyspace_stats(keyspace);
}

static void snapshot_part(struct call *call)
{
    reload_take_snapshot(call, reload_of(call)->stage);
}

static void end_part(struct call *call)
{
    struct keyspace *keyspace = call->core->keyspace;

    *keyspace_stats(keyspace) = reload_of(call)->shards[call->core->index].stats;
    call->core->saved_changes = keyspace_stats(keyspace)->dirty;
    speak(call);
    keyspace_set_journaled(keyspace, reload_shard_of(call)->aof.on && !reload_shard_of(call)->aof.stops);
}

static void rewind_run(struct load_run *run)
{
    atomic_store_explicit(&run->passed, 0, memory_order_relaxed);
    for (int i = 0; i < run->count; i++) {
        struct load_segment *segment = &run->segments[i];

        atomic_store_explicit(&segment->reached, 0, memory_order_relaxed);
        if (segment->survivors.memory)
            buffer_deinit(&segment->survivors);
        segment->survivors = (struct buffer){.memory = NULL};
    }
}

static void load_stage(const struct call *call, struct load_stage *stage)
{
    if (stage->kind == LOAD_RDB) {
        stage->has_functions = true;
        reload_of(call)->stage = stage;
        reload_run_parts(call, snapshot_part);
    } else if (stage->kind == LOAD_AOF) {
        rewind_run(stage->run);
        execute(call, stage, false);
    }
}

/* Functions first, as they may be refused. */
static bool load(const struct call *call, struct str libraries)
{
    struct loading *found = &reload_of(call)->found;

    reload_run_parts(call, be_quiet);
    if (!reload_restore_functions(call, STR("FLUSH"), libraries)) {
        reload_run_parts(call, speak);
        return false;
    }
    reload_run_parts(call, empty_part);
    for (int i = 0; i < found->stage_count; i++)
        load_stage(call, &found->stages[i]);
    reload_run_parts(call, end_part);
    return true;
}

static bool check_and_load(const struct call *call)
{
    struct buffer libraries;

    buffer_init(&libraries, &call->core->memory, NULL, 0);
    bool is_loaded = check(call, &libraries) && load(call, buffer_str(&libraries));
    buffer_deinit(&libraries);
    return is_loaded;
}

void reload_aof_run(struct call *call)
{
    struct shard_group *group = reload_shard_of(call)->group;
    static const struct str argv[] = {STR("DEBUG"), STR("LOADAOF")};
    struct reload_aof reload = {.is_live = false};

    call->argv = argv; /* the request's may lie in what the next wait receives into */
    call->argc = 2;

    memory_init(&reload.memory, NULL);
    reload.found.memory = &reload.memory;
    aof_manifest_init(&reload.found.manifest, &reload.memory);
    group->reload_aof = &reload; /* published with the parts */
    if (open_files(call) && check_and_load(call)) {
        log_write(LOG_WARNING, "Append Only File loaded by DEBUG LOADAOF");
        reply_ok(call->reply);
    } else {
        reply_error(call->reply, "ERR Error trying to load the AOF files, check server logs.");
    }
    load_plan_drop(&reload.found);
    group->reload_aof = NULL;
}
