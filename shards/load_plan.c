#include "shards/load_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/config.h"
#include "core/memory.h"

static char *copy(struct memory *memory, const char *text)
{
    size_t bytes = strlen(text) + 1;

    return memcpy(memory_alloc(memory, bytes), text, bytes);
}

/* A stage without files as yet, the last so far. */
static struct load_stage *add_stage(struct loading *loading, enum load_kind kind)
{
    size_t count = (size_t)loading->stage_count + 1;

    loading->stages = memory_resize(loading->memory, loading->stages, count * sizeof loading->stages[0]);
    loading->stages[loading->stage_count] = (struct load_stage){.kind = kind};
    return &loading->stages[loading->stage_count++];
}

static void add_file(struct loading *loading, struct load_stage *stage, const char *path, int descriptor,
                     uint64_t bytes)
{
    size_t count = (size_t)stage->file_count + 1;

    stage->files = memory_resize(loading->memory, stage->files, count * sizeof stage->files[0]);
    stage->files[stage->file_count++] =
        (struct load_file){.path = copy(loading->memory, path), .descriptor = descriptor, .end = bytes};
    loading->progress.total_bytes += bytes;
}

enum opened { OPENED, NOT_THERE, NOT_OPENED };

static enum opened open_file(const char *path, int *descriptor, uint64_t *bytes, char *error, size_t error_bytes)
{
    struct stat stat;

    *descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (*descriptor < 0 && errno == ENOENT)
        return NOT_THERE;
    if (*descriptor >= 0 && fstat(*descriptor, &stat) == 0 && S_ISREG(stat.st_mode)) {
        *bytes = (uint64_t)stat.st_size;
        return OPENED;
    }
    snprintf(error, error_bytes, "The data set can't be loaded: %s: %s", path,
             *descriptor < 0 ? strerror(errno) : "it is no file");
    if (*descriptor >= 0)
        close(*descriptor);
    return NOT_OPENED;
}

static bool plan_snapshot(struct loading *loading, const struct config *config, char *error, size_t error_bytes)
{
    uint64_t bytes;
    int descriptor;

    switch (open_file(config->dbfilename, &descriptor, &bytes, error, error_bytes)) {
    case OPENED:
        add_file(loading, add_stage(loading, LOAD_RDB), config->dbfilename, descriptor, bytes);
        loading->from = "disk";
        return true;
    case NOT_THERE:
        return true;
    default:
        return false;
    }
}

static int64_t time_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool load_plan_make(struct loading *loading, const struct config *config, char *error, size_t error_bytes)
{
    loading->progress.start_ms = time_ms();
    return plan_snapshot(loading, config, error, error_bytes);
}

void load_plan_drop(struct loading *loading)
{
    for (int i = 0; i < loading->stage_count; i++) {
        struct load_stage *stage = &loading->stages[i];

        for (int file = 0; file < stage->file_count; file++) {
            close(stage->files[file].descriptor);
            memory_free(loading->memory, stage->files[file].path);
        }
        memory_free(loading->memory, stage->files);
    }
    memory_free(loading->memory, loading->stages);
}
