#include "shards/load_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/config.h"
#include "core/log.h"
#include "core/memory.h"
#include "shards/load_plan_aof.h"

void load_plan_error(const struct load_plan *plan, const char *path, const char *why)
{
    snprintf(plan->error, plan->error_bytes, "The data set can't be loaded: %s: %s", path, why);
}

struct load_stage *load_plan_add_stage(struct load_plan *plan, enum load_kind kind, struct load_run *run)
{
    struct loading *loading = plan->loading;
    size_t count = (size_t)loading->stage_count + 1;

    loading->stages = memory_resize(loading->memory, loading->stages, count * sizeof loading->stages[0]);
    loading->stages[loading->stage_count] = (struct load_stage){.kind = kind, .run = run};
    return &loading->stages[loading->stage_count++];
}

struct load_run *load_plan_add_run(struct load_plan *plan, int segments)
{
    struct loading *loading = plan->loading;
    size_t count = (size_t)loading->run_count + 1;
    struct load_run *run = memory_alloc_zeroed(loading->memory, sizeof *run);

    run->count = segments;
    run->segments = memory_alloc_zeroed(loading->memory, (size_t)segments * sizeof run->segments[0]);
    for (int i = 0; i < segments; i++) {
        aof_cut_init(&run->segments[i].groups, loading->memory, segments);
        aof_cut_init(&run->segments[i].claims, loading->memory, segments);
    }
    loading->runs = memory_resize(loading->memory, loading->runs, count * sizeof loading->runs[0]);
    loading->runs[loading->run_count++] = run;
    return run;
}

enum load_opened load_plan_open(struct load_plan *plan, const char *path, struct load_file *file)
{
    struct stat stat;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);

    if (descriptor < 0 && errno == ENOENT)
        return LOAD_NOT_THERE;
    if (descriptor < 0 || fstat(descriptor, &stat) != 0 || !S_ISREG(stat.st_mode)) {
        load_plan_error(plan, path, descriptor < 0 ? strerror(errno) : "it is no file");
        if (descriptor >= 0)
            close(descriptor);
        return LOAD_NOT_OPENED;
    }
    *file = (struct load_file){.descriptor = descriptor, .bytes = (uint64_t)stat.st_size};
    file->path = memory_alloc(plan->loading->memory, strlen(path) + 1);
    str_copy(file->path, (struct str){path, strlen(path) + 1});
    return LOAD_OPENED;
}

void load_plan_add_file(struct load_plan *plan, struct load_segment *segment, const struct load_file *file)
{
    size_t count = (size_t)segment->file_count + 1;

    segment->files = memory_resize(plan->loading->memory, segment->files, count * sizeof segment->files[0]);
    segment->files[segment->file_count++] = *file;
    plan->loading->progress.total_bytes += file->bytes;
}

static bool plan_snapshot(struct load_plan *plan)
{
    const char *name = plan->config->dbfilename;
    struct load_file file;
    struct load_run *run;

    switch (load_plan_open(plan, name, &file)) {
    case LOAD_OPENED:
        run = load_plan_add_run(plan, 1);
        load_plan_add_file(plan, &run->segments[0], &file);
        load_plan_add_stage(plan, LOAD_RDB, run);
        plan->loading->from = "disk";
        return true;
    case LOAD_NOT_THERE:
        return true;
    default:
        return false;
    }
}

/* Redis would begin with nothing, and lose what is there with its next snapshot. */
static bool plan_append_only(struct load_plan *plan)
{
    if (!load_plan_aof(plan))
        return false;
    if (plan->loading->is_aof)
        return true;
    if (!plan_snapshot(plan))
        return false;
    if (plan->loading->stage_count > 0)
        log_write(LOG_WARNING, "There is no append only file yet: the snapshot %s is loaded", plan->config->dbfilename);
    return true;
}

static int64_t time_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool load_plan_make(struct loading *loading, const struct config *config, char *error, size_t error_bytes)
{
    struct load_plan plan = {loading, config, error, error_bytes};

    loading->progress.start_ms = time_ms();
    aof_manifest_init(&loading->manifest, loading->memory);
    return config->appendonly ? plan_append_only(&plan) : plan_snapshot(&plan);
}

static void drop_segment(struct loading *loading, struct load_segment *segment)
{
    for (int i = 0; i < segment->file_count; i++) {
        close(segment->files[i].descriptor);
        memory_free(loading->memory, segment->files[i].path);
    }
    memory_free(loading->memory, segment->files);
    aof_cut_deinit(&segment->groups);
    aof_cut_deinit(&segment->claims);
    if (segment->survivors.memory)
        buffer_deinit(&segment->survivors);
}

void load_plan_drop(struct loading *loading)
{
    for (int i = 0; i < loading->run_count; i++) {
        struct load_run *run = loading->runs[i];

        for (int k = 0; k < run->count; k++)
            drop_segment(loading, &run->segments[k]);
        memory_free(loading->memory, run->segments);
        memory_free(loading->memory, run);
    }
    memory_free(loading->memory, loading->runs);
    memory_free(loading->memory, loading->stages);
    aof_manifest_deinit(&loading->manifest);
}
