#include "shards/load_plan_aof.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/config.h"
#include "core/folder.h"
#include "core/log.h"
#include "core/memory.h"
#include "shards/recovery.h"

enum { MANIFEST_BYTES_MOST = 64 * 1024 * 1024 };

struct path {
    char text[PATH_MAX];
};

static struct path path_in_folder(const struct load_plan *plan, const char *name)
{
    struct path path;

    snprintf(path.text, sizeof path.text, "%s/%s", plan->config->appenddirname, name);
    return path;
}

static bool is_there(const char *path)
{
    struct stat stat_of;

    return stat(path, &stat_of) == 0;
}

/* The manifest. */

static bool read_whole(struct load_plan *plan, const struct load_file *file, struct buffer *text)
{
    char *room;

    if (file->bytes > MANIFEST_BYTES_MOST) {
        load_plan_error(plan, file->path, "it is too large for a manifest");
        return false;
    }
    room = buffer_reserve(text, (size_t)file->bytes + 1);
    for (ssize_t got; text->length < file->bytes; text->length += (size_t)got) {
        got = pread(file->descriptor, room + text->length, (size_t)file->bytes - text->length, (off_t)text->length);
        if (got <= 0) {
            load_plan_error(plan, file->path, got < 0 ? strerror(errno) : "it has become shorter");
            return false;
        }
    }
    return true;
}

static bool parse_manifest(struct load_plan *plan, const struct load_file *file)
{
    struct buffer text;
    bool is_right;

    buffer_init(&text, plan->loading->memory, NULL, 0);
    is_right = read_whole(plan, file, &text) && aof_manifest_parse(&plan->loading->manifest, file->path,
                                                                   buffer_str(&text), plan->error, plan->error_bytes);
    buffer_deinit(&text);
    return is_right;
}

bool load_plan_read_manifest(struct load_plan *plan)
{
    char name[NAME_MAX + 16];
    struct load_file file;
    bool is_right;

    snprintf(name, sizeof name, "%s.manifest", plan->config->appendfilename);
    switch (load_plan_open(plan, path_in_folder(plan, name).text, &file)) {
    case LOAD_OPENED:
        is_right = parse_manifest(plan, &file);
        close(file.descriptor);
        memory_free(plan->loading->memory, file.path);
        return is_right;
    case LOAD_NOT_THERE:
        return true;
    default:
        return false;
    }
}

/* From one file to a folder. */

/* The manifest says already that it is there, but the move has been cut short. */
static bool is_half_moved(const struct load_plan *plan)
{
    const struct aof_manifest *manifest = &plan->loading->manifest;
    const char *name = plan->config->appendfilename;

    return manifest->count == 1 && manifest->files[0].type == AOF_FILE_BASE &&
           strcmp(manifest->files[0].name, name) == 0 && !is_there(path_in_folder(plan, name).text);
}

static bool move_in(struct load_plan *plan)
{
    const char *name = plan->config->appendfilename;
    struct aof_manifest *manifest = &plan->loading->manifest;

    int error = folder_make(plan->config->appenddirname);
    if (error != 0) {
        load_plan_error(plan, plan->config->appenddirname, strerror(error));
        return false;
    }
    if (manifest->count == 0)
        aof_manifest_add(manifest, AOF_FILE_BASE, 1, name);
    error = recovery_write_manifest(manifest, plan->config);
    if (error == 0 && rename(name, path_in_folder(plan, name).text) != 0)
        error = errno;
    if (error != 0) {
        load_plan_error(plan, name, strerror(error));
        return false;
    }
    log_write(LOG_NOTICE, "Successfully migrated an old-style AOF configuration (%s) into the AOF directory (%s).",
              name, plan->config->appenddirname);
    return true;
}

static bool move_in_old_file(struct load_plan *plan)
{
    if (!is_there(plan->config->appendfilename))
        return true;
    return plan->loading->manifest.count > 0 && !is_half_moved(plan) ? true : move_in(plan);
}

/* Files. */

static bool open_listed(struct load_plan *plan, size_t index, struct load_file *file)
{
    const struct aof_file *listed = &plan->loading->manifest.files[index];
    struct path path = path_in_folder(plan, listed->name);

    switch (load_plan_open(plan, path.text, file)) {
    case LOAD_OPENED:
        file->manifest = index;
        if (listed->end == AOF_FILE_WHOLE || listed->end == file->bytes)
            return true;
        if (listed->end < file->bytes) {
            file->bytes = listed->end;
            return true;
        }
        load_plan_error(plan, path.text, "it is shorter than the manifest says");
        close(file->descriptor);
        memory_free(plan->loading->memory, file->path);
        return false;
    case LOAD_NOT_THERE:
        load_plan_error(plan, path.text, "the manifest names it, but it is not there");
        return false;
    default:
        return false;
    }
}

static bool add_listed(struct load_plan *plan, struct load_segment *segment, size_t index)
{
    struct load_file file;

    if (!open_listed(plan, index, &file))
        return false;
    load_plan_add_file(plan, segment, &file);
    return true;
}

static bool begins_as_snapshot(const struct load_file *file)
{
    char head[5];

    return pread(file->descriptor, head, sizeof head, 0) == (ssize_t)sizeof head && memcmp(head, "REDIS", 5) == 0;
}

/* A snapshot, which commands may follow, or commands. */
static bool plan_base(struct load_plan *plan, size_t index)
{
    struct load_run *run = load_plan_add_run(plan, 1);

    if (!add_listed(plan, &run->segments[0], index))
        return false;
    if (begins_as_snapshot(&run->segments[0].files[0]))
        load_plan_add_stage(plan, LOAD_RDB, run)->is_past = true;
    load_plan_add_stage(plan, LOAD_AOF, run);
    return true;
}

/* How many files from here on are the first of as many segments; 0: they are not what they say. */
static int generation_size(const struct aof_manifest *manifest, size_t index)
{
    int shards = manifest->files[index].shards;

    if (shards == 0)
        return 1;
    for (int i = 0; i < shards; i++) {
        const struct aof_file *file = &manifest->files[index + (size_t)i];

        if (index + (size_t)i >= manifest->count || file->type != AOF_FILE_INCREMENTAL || file->shards != shards ||
            file->shard != i)
            return 0;
    }
    return shards;
}

static bool was_ended(const struct aof_manifest *manifest, size_t index, int count)
{
    for (int i = 0; i < count; i++)
        if (manifest->files[index + (size_t)i].end == AOF_FILE_WHOLE)
            return false;
    return true;
}

/* A server that rewrites its file goes on in another generation; one that has started begins a run, but with what
 * survived of the run before, which belongs to that: records that concern all segments are in each of them. */
static bool goes_on(const struct load_plan *plan, size_t index, int count)
{
    const struct aof_manifest *manifest = &plan->loading->manifest;
    const struct loading *loading = plan->loading;
    const struct load_run *run = loading->run_count > 0 ? loading->runs[loading->run_count - 1] : NULL;

    if (!run || run->count != count || manifest->files[index].shards == 0)
        return false;
    size_t before = run->segments[0].files[run->segments[0].file_count - 1].manifest;
    return manifest->files[before].shards == manifest->files[index].shards &&
           (manifest->files[index].has_survivors || !was_ended(manifest, before, count));
}

static bool plan_generation(struct load_plan *plan, size_t index, int count)
{
    struct loading *loading = plan->loading;
    struct load_run *run =
        goes_on(plan, index, count) ? loading->runs[loading->run_count - 1] : load_plan_add_run(plan, count);

    for (int i = 0; i < count; i++)
        if (!add_listed(plan, &run->segments[i], index + (size_t)i))
            return false;
    return true;
}

static bool plan_incremental(struct load_plan *plan)
{
    const struct aof_manifest *manifest = &plan->loading->manifest;

    for (size_t index = 0; index < manifest->count;) {
        int count = manifest->files[index].type == AOF_FILE_INCREMENTAL ? generation_size(manifest, index) : -1;

        if (count == 0) {
            load_plan_error(plan, manifest->files[index].name,
                            "the manifest says of which shard it is, but the others' files do not follow");
            return false;
        }
        if (count > 0 && !plan_generation(plan, index, count))
            return false;
        index += count > 0 ? (size_t)count : 1;
    }
    return true;
}

/* Runs to stages: what has a stage already is the base. */
static void plan_stages(struct load_plan *plan, int from_run)
{
    struct loading *loading = plan->loading;

    if (loading->run_count > 0)
        loading->runs[loading->run_count - 1]->is_last = true;
    for (int i = from_run; i < loading->run_count; i++) {
        struct load_run *run = loading->runs[i];

        if (load_run_may_be_cut(run)) {
            load_plan_add_stage(plan, LOAD_AOF_GROUPS, run);
            load_plan_add_stage(plan, LOAD_AOF_CLAIMS, run);
        }
        load_plan_add_stage(plan, LOAD_AOF, run);
    }
}

bool load_plan_aof(struct load_plan *plan)
{
    struct loading *loading = plan->loading;
    const struct aof_file *base;

    if (!load_plan_read_manifest(plan) || !move_in_old_file(plan))
        return false;
    if (loading->manifest.count == 0)
        return true;
    base = aof_manifest_base(&loading->manifest);
    if (base && !plan_base(plan, (size_t)(base - loading->manifest.files)))
        return false;
    if (!plan_incremental(plan))
        return false;
    loading->is_aof = true;
    loading->from = "append only file";
    plan_stages(plan, base ? 1 : 0);
    return true;
}
