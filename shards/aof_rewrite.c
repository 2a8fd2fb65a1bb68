#include "shards/aof_rewrite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/folder.h"
#include "core/log.h"
#include "core/memory.h"
#include "shards/aof_growth.h"
#include "shards/shard.h"

enum { AGAIN_MS = 1000, RING_FULL_MS = 1 };

static struct aof_folder *folder_of(const struct aof_rewrite *rewrite)
{
    return &rewrite->home->group->aof_folder;
}

static const struct config *config_of(const struct aof_rewrite *rewrite)
{
    return &rewrite->home->core.config;
}

static int segments_of(const struct aof_rewrite *rewrite)
{
    return rewrite->home->group->count;
}

static struct aof_rewrite *rewrite_of(const struct shard *shard)
{
    return &shard->group->aof_rewrite;
}

/* The end. */

static void log_end(int error)
{
    if (error == 0)
        log_write(LOG_NOTICE, "Background AOF rewrite finished successfully");
    else if (error == ECANCELED)
        log_write(LOG_NOTICE, "Background AOF rewrite was cancelled");
    else
        log_write(LOG_WARNING, "Background AOF rewrite failed: %s", strerror(error));
}

static void deinit(struct aof_rewrite *rewrite)
{
    buffer_deinit(&rewrite->path);
    buffer_deinit(&rewrite->base_name);
    buffer_deinit(&rewrite->temporary);
    buffer_deinit(&rewrite->text);
    rewrite->step = AOF_REWRITE_RESTS;
}

static void finish(struct aof_rewrite *rewrite, int error)
{
    struct shard *home = rewrite->home;

    log_end(error);
    deinit(rewrite);
    atomic_store_explicit(&home->group->aof_folder.rewriter, -1, memory_order_relaxed);
    save_state_note_rewrite(home->core.saves, error != 0 && error != ECANCELED, shard_now_ms(home));
    save_state_give_back(home->core.saves);
    saving_look_again(home);
}

/* The last of the new segments, which nobody has named. Shards may still write there, which is no matter. */
static void take_back_segment(struct aof_rewrite *rewrite)
{
    struct aof_folder *folder = folder_of(rewrite);
    int shard = --rewrite->opened;

    if (folder->descriptors[shard] >= 0)
        loop_close_fd(rewrite->home->loop, folder->descriptors[shard]);
    folder->descriptors[shard] = -1;
    aof_folder_name_segment(folder, config_of(rewrite), rewrite->first_sequence + (uint64_t)shard, &rewrite->path);
    loop_file_remove(rewrite->home->loop, &rewrite->file, rewrite->path.bytes);
}

static void end(struct aof_rewrite *rewrite, int error)
{
    rewrite->step = AOF_REWRITE_ENDS;
    rewrite->error = error;
    if (!rewrite->is_named && rewrite->opened > 0)
        take_back_segment(rewrite);
    else
        finish(rewrite, error);
}

static void try_again(struct aof_rewrite *rewrite, int64_t after_ms)
{
    timer_arm(&rewrite->home->timers, &rewrite->again, shard_now_ms(rewrite->home) + after_ms);
}

/* The manifest. */

static void write_manifest(struct aof_rewrite *rewrite)
{
    char name[AOF_MANIFEST_NAME_MAX], temporary[AOF_MANIFEST_NAME_MAX + 8];

    aof_folder_write(folder_of(rewrite), &rewrite->text);
    aof_folder_manifest_names(config_of(rewrite), name, temporary);
    file_replace_init(&rewrite->replace.replace, &rewrite->home->core.memory, folder_of(rewrite)->path.bytes, temporary,
                      name);
    file_replace_behind_others(&rewrite->replace.replace);
    rewrite->is_writing = true;
    rewrite->is_given = false;
    file_replace_loop_start(&rewrite->replace, rewrite->home->loop, &rewrite->told);
}

/* What was executed since the instant may be written. */
static void let_write(struct aof_rewrite *rewrite)
{
    struct aof_folder *folder = folder_of(rewrite);
    struct shard *home = rewrite->home;

    rewrite->is_named = true;
    atomic_store_explicit(&folder->named, folder->generation, memory_order_release);
    atomic_store_explicit(&folder->is_complete, true, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst); /* pairs with mesh_fall_asleep */
    for (int i = 0; i < segments_of(rewrite); i++)
        if (i != home->index)
            mesh_wake(&home->port, home->loop, i);
}

static void name_segments(struct aof_rewrite *rewrite)
{
    rewrite->is_naming = true;
    aof_folder_add_generation(folder_of(rewrite), config_of(rewrite), segments_of(rewrite), rewrite->first_sequence);
    write_manifest(rewrite);
}

/* The snapshot is the base, and nothing of before is needed. */
static void name_base(struct aof_rewrite *rewrite)
{
    struct aof_folder *folder = folder_of(rewrite);

    rewrite->step = AOF_REWRITE_REPLACES;
    aof_manifest_retire(&folder->manifest, rewrite->first_sequence);
    aof_manifest_add(&folder->manifest, AOF_FILE_BASE, rewrite->base_sequence, rewrite->base_name.bytes);
    if (rewrite->has_segments && !rewrite->is_named)
        aof_folder_add_generation(folder, config_of(rewrite), segments_of(rewrite), rewrite->first_sequence);
    write_manifest(rewrite);
}

/* What is of before. */

static const struct aof_file *next_removed(struct aof_rewrite *rewrite)
{
    const struct aof_manifest *manifest = &folder_of(rewrite)->manifest;

    while (rewrite->removed < manifest->count) {
        const struct aof_file *file = &manifest->files[rewrite->removed++];

        if (file->type == AOF_FILE_HISTORY)
            return file;
    }
    return NULL;
}

static void remove_next(struct aof_rewrite *rewrite)
{
    const struct aof_file *file = next_removed(rewrite);

    if (!file) {
        aof_manifest_forget_history(&folder_of(rewrite)->manifest);
        rewrite->step = AOF_REWRITE_FORGETS;
        write_manifest(rewrite);
        return;
    }
    rewrite->path.length = 0;
    buffer_append_format(&rewrite->path, "%s/%s", folder_of(rewrite)->path.bytes, file->name);
    buffer_append_str(&rewrite->path, (struct str){"", 1});
    loop_file_remove(rewrite->home->loop, &rewrite->file, rewrite->path.bytes);
}

static void note_base_bytes(struct aof_rewrite *rewrite)
{
    struct aof_folder *folder = folder_of(rewrite);
    struct stat facts;
    uint64_t bytes;

    rewrite->path.length = 0;
    buffer_append_format(&rewrite->path, "%s/%s", folder->path.bytes, rewrite->base_name.bytes);
    buffer_append_str(&rewrite->path, (struct str){"", 1});
    bytes = stat(rewrite->path.bytes, &facts) == 0 ? (uint64_t)facts.st_size : 0;
    atomic_store_explicit(&folder->before_bytes, bytes, memory_order_relaxed);
    atomic_store_explicit(&folder->base_bytes, bytes + aof_segment_bytes(rewrite->home->group), memory_order_relaxed);
}

/* Steps. */

static void advance(struct aof_rewrite *rewrite)
{
    bool needs_naming = rewrite->has_segments && !rewrite->begins && !rewrite->is_named;

    if (rewrite->step != AOF_REWRITE_SAVES || (rewrite->is_naming && !rewrite->is_named))
        return;
    if (needs_naming) {
        if (atomic_load_explicit(&folder_of(rewrite)->to_end, memory_order_acquire) == 0)
            name_segments(rewrite);
    } else if (rewrite->is_saved) {
        if (rewrite->error != 0)
            end(rewrite, rewrite->error);
        else
            name_base(rewrite);
    }
}

static void manifest_is_written(struct aof_rewrite *rewrite)
{
    switch (rewrite->step) {
    case AOF_REWRITE_SAVES:
        let_write(rewrite);
        advance(rewrite);
        return;
    case AOF_REWRITE_REPLACES:
        if (rewrite->has_segments && !rewrite->is_named)
            let_write(rewrite);
        note_base_bytes(rewrite);
        rewrite->step = AOF_REWRITE_REMOVES;
        rewrite->removed = 0;
        remove_next(rewrite);
        return;
    default:
        end(rewrite, 0);
    }
}

/* Nothing that is executed from now on can be written. So it is refused, as where a segment can't be written. */
static void note_trouble(struct aof_rewrite *rewrite, int error)
{
    struct durable *durable = &rewrite->home->group->durable;
    bool is_held_up = error != 0 && rewrite->is_naming && !rewrite->is_named;

    if (is_held_up)
        atomic_store_explicit(&durable->error, error, memory_order_relaxed);
    if (is_held_up == rewrite->is_held_up)
        return;
    rewrite->is_held_up = is_held_up;
    atomic_fetch_add_explicit(&durable->failing, is_held_up ? 1 : -1, memory_order_release);
    rewrite->home->aof.disk.is_news = true;
}

static void told(struct completion *completion)
{
    struct aof_rewrite *rewrite = (struct aof_rewrite *)((char *)completion - offsetof(struct aof_rewrite, told));
    struct file_replace *replace = &rewrite->replace.replace;

    if (completion->more) {
        if (rewrite->is_given)
            file_replace_end(replace);
        else
            file_replace_add(replace, buffer_str(&rewrite->text));
        rewrite->is_given = true;
        file_replace_loop_go_on(&rewrite->replace);
        return;
    }
    file_replace_deinit(replace);
    rewrite->is_writing = false;
    note_trouble(rewrite, completion->result < 0 ? -completion->result : 0);
    if (completion->result < 0) {
        log_write(LOG_WARNING, "Can't write the manifest of the append-only file: %s", strerror(-completion->result));
        try_again(rewrite, AGAIN_MS);
    } else {
        manifest_is_written(rewrite);
    }
}

static void at_instant(struct snapshot_order *order, struct shard *shard)
{
    struct aof_rewrite *rewrite = (struct aof_rewrite *)order;
    struct aof_folder *folder = folder_of(rewrite);
    int descriptor = folder->descriptors[shard->index];

    if (!rewrite->has_segments)
        return;
    folder->descriptors[shard->index] = -1;
    if (shard->aof.on)
        aof_switch(shard, descriptor, folder->generation, rewrite->begins);
    else
        aof_begin(shard, descriptor, folder->generation);
}

static void begun(struct snapshot_order *order, struct shard *shard)
{
    struct aof_rewrite *rewrite = (struct aof_rewrite *)order;

    rewrite->step = AOF_REWRITE_SAVES;
    if (!atomic_load_explicit(&folder_of(rewrite)->is_complete, memory_order_acquire))
        rewrite->begins = true; /* some shard had just been told to end it */
    advance(rewrite);
}

static void saved(struct snapshot_order *order, struct shard *shard, int error)
{
    struct aof_rewrite *rewrite = (struct aof_rewrite *)order;

    rewrite->is_saved = true;
    rewrite->error = error;
    advance(rewrite);
}

static void begin_snapshot(struct aof_rewrite *rewrite)
{
    struct aof_folder *folder = folder_of(rewrite);

    rewrite->step = AOF_REWRITE_BEGINS;
    rewrite->order = (struct snapshot_order){
        .folder = folder->path.bytes,
        .temporary = rewrite->temporary.bytes,
        .name = rewrite->base_name.bytes,
        .is_aof_base = true,
        .as_commands = rewrite->as_commands,
        .at_instant = at_instant,
        .begun = begun,
        .done = saved,
    };
    if (!snapshot_begin(rewrite->home, &rewrite->order))
        try_again(rewrite, RING_FULL_MS);
}

static void open_next(struct aof_rewrite *rewrite)
{
    struct aof_folder *folder = folder_of(rewrite);

    if (atomic_load_explicit(&rewrite->home->group->stopping, memory_order_relaxed))
        return; /* aof_rewrite_finish comes; a snapshot that begins now would not end */
    if (!rewrite->has_segments || rewrite->opened == segments_of(rewrite)) {
        folder->generation += rewrite->has_segments;
        atomic_store_explicit(&folder->to_end, segments_of(rewrite), memory_order_relaxed);
        begin_snapshot(rewrite);
        return;
    }
    aof_folder_name_segment(folder, config_of(rewrite), rewrite->first_sequence + (uint64_t)rewrite->opened,
                            &rewrite->path);
    loop_file_open(rewrite->home->loop, &rewrite->file, rewrite->path.bytes, O_WRONLY | O_CREAT | O_EXCL, 0644);
}

/* What a former server has left in a segment's place is removed first, as in aof_folder.c. */
static void opened(struct aof_rewrite *rewrite, int result)
{
    bool was_left = rewrite->removes_left;

    rewrite->removes_left = !was_left && result == -EEXIST;
    if (rewrite->removes_left) {
        loop_file_remove(rewrite->home->loop, &rewrite->file, rewrite->path.bytes);
    } else if (result < 0) {
        end(rewrite, -result);
    } else {
        if (!was_left)
            folder_of(rewrite)->descriptors[rewrite->opened++] = result;
        open_next(rewrite);
    }
}

static void file_done(struct completion *completion)
{
    struct aof_rewrite *rewrite = (struct aof_rewrite *)((char *)completion - offsetof(struct aof_rewrite, file));

    if (rewrite->step == AOF_REWRITE_REMOVES) { /* what is gone is gone, and what is not does no harm */
        remove_next(rewrite);
    } else if (rewrite->step == AOF_REWRITE_ENDS) {
        end(rewrite, rewrite->error);
    } else {
        opened(rewrite, completion->result);
    }
}

static void go_on(struct completion *completion)
{
    struct aof_rewrite *rewrite = (struct aof_rewrite *)((char *)completion - offsetof(struct aof_rewrite, go_on));

    if (rewrite->step == AOF_REWRITE_BEGINS)
        begin_snapshot(rewrite);
    else
        write_manifest(rewrite);
}

/* Begin. */

static void name_files(struct aof_rewrite *rewrite)
{
    struct memory *memory = &rewrite->home->core.memory;
    struct aof_folder *folder = folder_of(rewrite);

    rewrite->first_sequence = aof_manifest_next_sequence(&folder->manifest, AOF_FILE_INCREMENTAL);
    rewrite->base_sequence = aof_manifest_next_sequence(&folder->manifest, AOF_FILE_BASE);
    buffer_init(&rewrite->path, memory, NULL, 0);
    buffer_init(&rewrite->text, memory, NULL, 0);
    buffer_init(&rewrite->base_name, memory, NULL, 0);
    buffer_init(&rewrite->temporary, memory, NULL, 0);
    aof_manifest_name_base(&rewrite->base_name, config_of(rewrite)->appendfilename, rewrite->base_sequence,
                           !rewrite->as_commands);
    buffer_append_str(&rewrite->base_name, (struct str){"", 1});
    buffer_append_format(&rewrite->temporary, "temp_%s", rewrite->base_name.bytes);
    buffer_append_str(&rewrite->temporary, (struct str){"", 1});
}

void aof_rewrite_begin(struct shard *home)
{
    struct aof_rewrite *rewrite = rewrite_of(home);
    struct aof_folder *folder = &home->group->aof_folder;
    int error;

    *rewrite = (struct aof_rewrite){.home = home, .step = AOF_REWRITE_OPENS};
    atomic_store_explicit(&folder->rewriter, home->index, memory_order_relaxed);
    rewrite->as_commands = !home->core.config.aof_use_rdb_preamble;
    rewrite->begins = !aof_folder_is_complete(folder);
    rewrite->has_segments = home->core.config.appendonly || !rewrite->begins; /* shards may not have ended theirs yet */
    rewrite->file.done = file_done;
    rewrite->told.done = told;
    rewrite->go_on.done = go_on;
    rewrite->again.completion = &rewrite->go_on;
    name_files(rewrite);
    log_write(LOG_NOTICE, "Background AOF rewrite started");
    error = access(folder->path.bytes, F_OK) == 0 ? 0 : folder_make(folder->path.bytes); /* once in a server's life */
    if (error != 0)
        end(rewrite, error);
    else
        open_next(rewrite);
}

/* Shards. */

void aof_rewrite_segment_ended(struct shard *shard, uint64_t bytes)
{
    struct aof_folder *folder = &shard->group->aof_folder;
    int home = atomic_load_explicit(&folder->rewriter, memory_order_relaxed);

    folder->ends[shard->index] = bytes;
    if (atomic_fetch_sub_explicit(&folder->to_end, 1, memory_order_acq_rel) > 1 || !shard->loop)
        return;
    atomic_thread_fence(memory_order_seq_cst); /* pairs with mesh_fall_asleep */
    if (home >= 0 && home != shard->index)
        mesh_wake(&shard->port, shard->loop, home);
}

bool aof_rewrite_calls(const struct shard *shard)
{
    const struct aof_rewrite *rewrite = rewrite_of(shard);

    return atomic_load_explicit(&shard->group->aof_folder.rewriter, memory_order_relaxed) == shard->index &&
           rewrite->step == AOF_REWRITE_SAVES && rewrite->has_segments && !rewrite->begins && !rewrite->is_naming &&
           atomic_load_explicit(&folder_of(rewrite)->to_end, memory_order_acquire) == 0;
}

bool aof_rewrite_replaces(const struct shard *shard)
{
    return atomic_load_explicit(&shard->group->aof_folder.rewriter, memory_order_relaxed) == shard->index &&
           rewrite_of(shard)->step >= AOF_REWRITE_REPLACES;
}

void aof_rewrite_turn(struct shard *shard)
{
    if (aof_rewrite_calls(shard))
        advance(rewrite_of(shard));
}

/* Where the shard's segment of before ends: it may not have come to the instant, and its disk may have failed. */
static uint64_t end_before(const struct shard *shard, const struct aof_folder *folder)
{
    const struct aof_disk *disk = &shard->aof.disk;

    if (disk->first && disk->first->segment->generation < folder->generation)
        return disk->first->offset;
    return disk->segment->generation < folder->generation ? disk->segment->bytes : folder->ends[shard->index];
}

/* Whether any shard has come to the instant. Else there is nothing in the new segments, which nobody names. */
static bool has_switched(const struct shard_group *group)
{
    for (int i = 0; i < group->count; i++) {
        const struct aof_segment *segment = group->shards[i]->aof.disk.segment;

        if (segment && segment->generation == group->aof_folder.generation)
            return true;
    }
    return false;
}

static int name_unnamed(struct shard_group *group)
{
    struct aof_rewrite *rewrite = &group->aof_rewrite;
    struct aof_folder *folder = &group->aof_folder;

    if (folder->generation <= atomic_load(&folder->named) || !atomic_load(&folder->is_complete) || !has_switched(group))
        return 0;
    for (int i = 0; i < group->count && !rewrite->is_naming; i++)
        folder->ends[i] = end_before(group->shards[i], folder);
    if (!rewrite->is_naming)
        aof_folder_add_generation(folder, config_of(rewrite), group->count, rewrite->first_sequence);
    return aof_folder_save(folder, config_of(rewrite));
}

int aof_rewrite_finish(struct shard_group *group)
{
    struct aof_rewrite *rewrite = &group->aof_rewrite;
    int error = name_unnamed(group);

    if (rewrite->is_writing)
        file_replace_abandon(&rewrite->replace.replace);
    if (atomic_load_explicit(&group->aof_folder.rewriter, memory_order_relaxed) >= 0)
        deinit(rewrite);
    return error;
}
