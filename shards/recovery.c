#include "shards/recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/config.h"
#include "core/folder.h"
#include "core/log.h"
#include "core/memory.h"
#include "persist/aof_fill.h"
#include "persist/aof_manifest.h"
#include "persist/aof_writer.h"
#include "persist/file_replace.h"
#include "shards/loading.h"
#include "shards/shard.h"

enum { COPIED_BYTES = 256 * 1024, AHEAD_MS_MOST = 60000 };

static int replace_file(struct memory *memory, const char *folder, const char *temporary, const char *name,
                        struct str bytes)
{
    struct file_replace replace;
    int error;

    file_replace_init(&replace, memory, folder, temporary, name);
    file_replace_behind_others(&replace);
    if (file_replace_advance(&replace))
        file_replace_add(&replace, bytes);
    if (file_replace_advance(&replace))
        file_replace_end(&replace);
    file_replace_advance(&replace);
    error = replace.step == FILE_STEP_FAILED ? replace.error : 0;
    file_replace_deinit(&replace);
    return error;
}

int recovery_write_manifest(const struct aof_manifest *manifest, const struct config *config)
{
    char name[NAME_MAX + 16], temporary[NAME_MAX + 32];
    struct buffer text;
    int error;

    snprintf(name, sizeof name, "%s.manifest", config->appendfilename);
    snprintf(temporary, sizeof temporary, "temp_%s", name);
    buffer_init(&text, manifest->memory, NULL, 0);
    aof_manifest_write(manifest, &text);
    error = replace_file(manifest->memory, config->appenddirname, temporary, name, buffer_str(&text));
    buffer_deinit(&text);
    return error;
}

/* Where each file of the last run ends. */

static struct load_run *last_run(const struct loading *loading)
{
    return loading->run_count > 0 ? loading->runs[loading->run_count - 1] : NULL;
}

static uint64_t end_of(const struct load_segment *segment, int file)
{
    if (file != segment->end_file)
        return file < segment->end_file ? segment->files[file].bytes : 0;
    return segment->end;
}

static uint64_t size_of(const struct load_file *file)
{
    struct stat stat;

    return fstat(file->descriptor, &stat) == 0 ? (uint64_t)stat.st_size : 0;
}

/* What is done with each of them, until something fails. */
struct each_end {
    struct loading *loading;
    int64_t now_ms;
    uint64_t cut_bytes;
    int error;
    const char *path; /* where that was */
};

static void each_end(struct each_end *context,
                     void (*visit)(struct each_end *context, const struct load_file *file, uint64_t end))
{
    struct load_run *run = last_run(context->loading);

    for (int i = 0; run && i < run->count; i++)
        for (int file = 0; file < run->segments[i].file_count && context->error == 0; file++)
            visit(context, &run->segments[i].files[file], end_of(&run->segments[i], file));
}

/* What is cut off. */

static int copy(int from, uint64_t offset, int to)
{
    char bytes[COPIED_BYTES];

    for (;;) {
        ssize_t got = pread(from, bytes, sizeof bytes, (off_t)offset);

        if (got <= 0)
            return got < 0 ? errno : 0;
        for (ssize_t wrote, at = 0; at < got; at += wrote)
            if ((wrote = write(to, bytes + at, (size_t)(got - at))) < 0)
                return errno;
        offset += (uint64_t)got;
    }
}

static int keep_aside(const struct load_file *file, uint64_t end, const char *path)
{
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), error;

    if (to < 0)
        return errno;
    error = copy(file->descriptor, end, to);
    if (error == 0 && fsync(to) != 0)
        error = errno;
    close(to);
    return error;
}

/* Whether from there on is nothing but room that was made beforehand, which nobody misses. */
static bool is_filling(const struct load_file *file, uint64_t offset)
{
    char bytes[16 * 1024];

    for (;;) {
        ssize_t got = pread(file->descriptor, bytes, sizeof bytes, (off_t)offset);
        struct str rest = {bytes, got > 0 ? (size_t)got : 0};
        size_t lines = aof_fill_length(rest);

        if (got < 0 || !aof_fill_is_all(rest))
            return false;
        if (lines == 0)
            return true;
        offset += lines;
    }
}

static void cut_off(struct each_end *context, const struct load_file *file, uint64_t end)
{
    uint64_t bytes = size_of(file);
    char path[PATH_MAX];

    if (bytes <= end || is_filling(file, end))
        return;
    snprintf(path, sizeof path, "%s.cut-%lld", file->path, (long long)context->now_ms / 1000);
    context->error = keep_aside(file, end, path);
    context->path = file->path;
    context->cut_bytes += bytes - end;
    if (context->error == 0)
        log_write(LOG_WARNING, "%s is cut at byte %llu: the %llu bytes behind that are kept in %s", file->path,
                  (unsigned long long)end, (unsigned long long)(bytes - end), path);
}

/* A process that ended may have left it with the kernel: what is shown from now on has to survive a power loss. */
static void sync_file(struct each_end *context, const struct load_file *file, uint64_t end)
{
    context->path = file->path;
    context->error = fsync(file->descriptor) == 0 ? 0 : errno;
    (void)end;
}

static void note_end(struct each_end *context, const struct load_file *file, uint64_t end)
{
    context->loading->manifest.files[file->manifest].end = end;
}

static uint64_t cut_commands(const struct loading *loading)
{
    const struct load_run *run = last_run(loading);
    uint64_t commands = 0;

    for (int i = 0; run && i < run->count; i++)
        commands += run->segments[i].cut_commands;
    return commands;
}

/* What survives of the groups that are cut. */

static bool has_survivors(const struct load_run *run)
{
    for (int i = 0; run && i < run->count; i++)
        if (run->segments[i].survivors.length > 0)
            return true;
    return false;
}

static int write_survivors(struct loading *loading, const struct config *config, const struct load_segment *segment,
                           int shard, int shards)
{
    struct memory *memory = loading->memory;
    uint64_t sequence = aof_manifest_next_sequence(&loading->manifest, AOF_FILE_INCREMENTAL);
    struct aof_writer writer;
    struct buffer name, bytes;
    char temporary[NAME_MAX + 32];

    buffer_init(&name, memory, NULL, 0);
    aof_manifest_name_incremental(&name, config->appendfilename, sequence);
    buffer_append_str(&name, (struct str){"", 1});
    aof_writer_init(&writer, memory);
    aof_writer_begin_group(&writer);
    buffer_append_str(&writer.block, buffer_str(&segment->survivors));
    aof_writer_end_group(&writer, segment->survivors_stamp);
    bytes = aof_writer_take(&writer);
    snprintf(temporary, sizeof temporary, "temp_%s", name.bytes);
    int error = replace_file(memory, config->appenddirname, temporary, name.bytes, buffer_str(&bytes));
    struct aof_file *file = aof_manifest_add(&loading->manifest, AOF_FILE_INCREMENTAL, sequence, name.bytes);
    file->shard = shard;
    file->shards = shards;
    file->end = bytes.length;
    file->has_survivors = true;
    buffer_deinit(&bytes);
    buffer_deinit(&name);
    aof_writer_deinit(&writer);
    return error;
}

/* Each in its segment's place, so that all of it stays in order. */
static int keep_survivors(struct loading *loading, const struct config *config)
{
    const struct load_run *run = last_run(loading);
    int error = 0;

    for (int i = 0; has_survivors(run) && i < run->count && error == 0; i++)
        error = write_survivors(loading, config, &run->segments[i], i, run->count);
    return error;
}

static bool cut_segments(struct loading *loading, const struct config *config, int64_t now_ms, char *error,
                         size_t error_bytes)
{
    struct each_end context = {.loading = loading, .now_ms = now_ms};

    each_end(&context, cut_off);
    each_end(&context, sync_file);
    if (context.error == 0) {
        each_end(&context, note_end);
        context.path = config->appenddirname;
        context.error = keep_survivors(loading, config);
    }
    if (context.error != 0)
        snprintf(error, error_bytes, "%s can't be cut where it is sound: %s", context.path, strerror(context.error));
    else if (context.cut_bytes > 0)
        log_write(LOG_WARNING,
                  "Of the append only file %llu bytes are cut off, and %llu commands in them that were whole",
                  (unsigned long long)context.cut_bytes, (unsigned long long)cut_commands(loading));
    return context.error == 0;
}

/* A snapshot as base. Whoever saves the next one puts another file in its place. */

static int link_or_copy(const struct load_file *file, const char *path)
{
    char temporary[PATH_MAX + 8];
    int error;

    snprintf(temporary, sizeof temporary, "%s.temp", path);
    if ((unlink(path) == 0 || errno == ENOENT) && link(file->path, path) == 0)
        return 0;
    error = keep_aside(file, 0, temporary);
    return error == 0 && rename(temporary, path) != 0 ? errno : error;
}

static bool adopt_snapshot(struct loading *loading, const struct config *config, char *error, size_t error_bytes)
{
    const struct load_file *file = &loading->runs[0]->segments[0].files[0];
    struct buffer name;
    char path[PATH_MAX];
    int code;

    buffer_init(&name, loading->memory, NULL, 0);
    aof_manifest_name_base(&name, config->appendfilename, 1, true);
    buffer_append_str(&name, (struct str){"", 1});
    snprintf(path, sizeof path, "%s/%s", config->appenddirname, name.bytes);
    code = folder_make(config->appenddirname);
    if (code == 0)
        code = link_or_copy(file, path);
    if (code == 0)
        aof_manifest_add(&loading->manifest, AOF_FILE_BASE, 1, name.bytes);
    else
        snprintf(error, error_bytes, "%s can't be made the base of an append-only file: %s", path, strerror(code));
    buffer_deinit(&name);
    return code == 0;
}

bool recovery_prepare(struct loading *loading, const struct config *config, int64_t now_ms, char *error,
                      size_t error_bytes)
{
    if (loading->is_aof)
        return cut_segments(loading, config, now_ms, error, error_bytes);
    return !config->appendonly || adopt_snapshot(loading, config, error, error_bytes);
}

/* Afterwards. */

static void shorten(struct each_end *context, const struct load_file *file, uint64_t end)
{
    int descriptor;

    if (size_of(file) <= end)
        return;
    descriptor = open(file->path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0 || ftruncate(descriptor, (off_t)end) != 0 || fsync(descriptor) != 0)
        log_write(LOG_WARNING, "%s can't be shortened to %llu bytes: %s", file->path, (unsigned long long)end,
                  strerror(errno));
    if (descriptor >= 0)
        close(descriptor);
    (void)context;
}

void recovery_finish(struct loading *loading)
{
    struct each_end context = {.loading = loading};

    if (loading->is_aof)
        each_end(&context, shorten);
}

static uint64_t highest_stamp(const struct loading *loading)
{
    uint64_t highest = 0;

    for (int i = 0; i < loading->run_count; i++)
        for (int k = 0; k < loading->runs[i]->count; k++)
            if (loading->runs[i]->segments[k].highest_stamp > highest)
                highest = loading->runs[i]->segments[k].highest_stamp;
    return highest;
}

/* Where that was much later than now the clock was wrong, and time would stand still until then. Nothing depends on it:
 * what was loaded is whole, and comes before all that follows, whatever its stamps are. */
void recovery_pass_stamps(struct shard_group *group, int64_t now_ms)
{
    uint64_t highest = highest_stamp(group->loading);

    if (stamp_time_ms(highest) <= now_ms + AHEAD_MS_MOST)
        stamp_pass(&group->mesh.clock, highest);
    else
        log_write(LOG_WARNING, "The append only file is %lld seconds ahead of the system's clock",
                  (long long)(stamp_time_ms(highest) - now_ms) / 1000);
}
