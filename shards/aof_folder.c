#include "shards/aof_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/config.h"
#include "core/folder.h"
#include "core/memory.h"
#include "shards/aof.h"
#include "shards/recovery.h"
#include "shards/shard.h"

void aof_folder_init(struct aof_folder *folder, struct memory *memory, const struct config *config, int shards,
                     struct aof_manifest *manifest)
{
    *folder = (struct aof_folder){.memory = memory, .manifest = *manifest};
    buffer_init(&folder->path, memory, NULL, 0);
    buffer_append_str(&folder->path, str_from(config->appenddirname));
    buffer_append_str(&folder->path, (struct str){"", 1});
    folder->descriptors = memory_alloc(memory, (size_t)shards * sizeof(int));
    for (int i = 0; i < shards; i++)
        folder->descriptors[i] = -1;
    folder->newest_sequence = UINT64_MAX;
    folder->ends = memory_alloc_zeroed(memory, (size_t)shards * sizeof *folder->ends);
    atomic_init(&folder->to_begin, 0);
    atomic_init(&folder->to_end, 0);
    atomic_init(&folder->rewriter, -1);
    atomic_init(&folder->named, 0);
    atomic_init(&folder->is_complete, false);
    atomic_init(&folder->before_bytes, 0);
    atomic_init(&folder->base_bytes, 0);
}

void aof_folder_deinit(struct aof_folder *folder, int shards)
{
    if (!folder->memory)
        return;
    for (int i = 0; i < shards; i++)
        if (folder->descriptors[i] >= 0)
            close(folder->descriptors[i]);
    memory_free(folder->memory, folder->descriptors);
    memory_free(folder->memory, folder->ends);
    aof_manifest_deinit(&folder->manifest);
    buffer_deinit(&folder->path);
}

/* The manifest. */

void aof_folder_manifest_names(const struct config *config, char name[AOF_MANIFEST_NAME_MAX],
                               char temporary[AOF_MANIFEST_NAME_MAX + 8])
{
    snprintf(name, AOF_MANIFEST_NAME_MAX, "%s.manifest", config->appendfilename);
    snprintf(temporary, AOF_MANIFEST_NAME_MAX + 8, "temp_%s", name);
}

void aof_folder_write(const struct aof_folder *folder, struct buffer *text)
{
    text->length = 0;
    aof_manifest_write(&folder->manifest, text);
}

int aof_folder_save(struct aof_folder *folder, const struct config *config)
{
    return recovery_write_manifest(&folder->manifest, config);
}

/* Segments. */

void aof_folder_name_segment(struct aof_folder *folder, const struct config *config, uint64_t sequence,
                             struct buffer *path)
{
    path->length = 0;
    buffer_append_format(path, "%s/", folder->path.bytes);
    aof_manifest_name_incremental(path, config->appendfilename, sequence);
    buffer_append_str(path, (struct str){"", 1});
}

static void add_segment(struct aof_folder *folder, const struct config *config, int shard, int shards,
                        uint64_t sequence)
{
    struct aof_file *file;
    struct buffer name;

    buffer_init(&name, folder->memory, NULL, 0);
    aof_manifest_name_incremental(&name, config->appendfilename, sequence);
    buffer_append_str(&name, (struct str){"", 1});
    file = aof_manifest_add(&folder->manifest, AOF_FILE_INCREMENTAL, sequence, name.bytes);
    file->shard = shard;
    file->shards = shards;
    buffer_deinit(&name);
}

static void end_newest(struct aof_folder *folder)
{
    for (size_t i = 0; i < folder->manifest.count; i++) {
        struct aof_file *file = &folder->manifest.files[i];

        if (file->type == AOF_FILE_INCREMENTAL && file->sequence >= folder->newest_sequence)
            file->end = folder->ends[file->shard];
    }
}

void aof_folder_add_generation(struct aof_folder *folder, const struct config *config, int shards, uint64_t sequence)
{
    end_newest(folder);
    for (int i = 0; i < shards; i++)
        add_segment(folder, config, i, shards, sequence + (uint64_t)i);
    folder->newest_sequence = sequence;
}

/* What lies there a former server has left, which nothing names. It is not emptied but removed: with the names of the
 * segments, the folder's sync makes that durable, before the manifest names the new one. */
static int open_new(const char *path)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, descriptor = open(path, flags, 0644);

    if (descriptor < 0 && errno == EEXIST && unlink(path) == 0)
        descriptor = open(path, flags, 0644);
    return descriptor;
}

static int open_segment(struct aof_folder *folder, const struct config *config, int shard, uint64_t sequence)
{
    struct buffer path;

    buffer_init(&path, folder->memory, NULL, 0);
    aof_folder_name_segment(folder, config, sequence, &path);
    folder->descriptors[shard] = open_new(path.bytes);
    buffer_deinit(&path);
    return folder->descriptors[shard] < 0 ? errno : 0;
}

bool aof_folder_begin_generation(struct aof_folder *folder, const struct config *config, int shards, char *error,
                                 size_t error_bytes)
{
    uint64_t sequence = aof_manifest_next_sequence(&folder->manifest, AOF_FILE_INCREMENTAL);
    int code = folder_make(folder->path.bytes);

    for (int i = 0; code == 0 && i < shards; i++)
        code = open_segment(folder, config, i, sequence + (uint64_t)i);
    aof_folder_add_generation(folder, config, shards, sequence);
    if (code == 0)
        code = aof_folder_save(folder, config); /* the folder's sync is that of the segments' names, too */
    if (code != 0)
        snprintf(error, error_bytes, "Can't begin the append-only file in '%s': %s", folder->path.bytes,
                 strerror(code));
    atomic_store_explicit(&folder->is_complete, code == 0, memory_order_relaxed);
    atomic_store_explicit(&folder->to_begin, shards, memory_order_release);
    return code == 0;
}

bool aof_folder_begin_shard(struct aof_folder *folder, struct shard *shard)
{
    int descriptor = folder->descriptors[shard->index];

    ASSERT(descriptor >= 0);
    folder->descriptors[shard->index] = -1;
    aof_begin(shard, descriptor, folder->generation);
    return atomic_fetch_sub_explicit(&folder->to_begin, 1, memory_order_acq_rel) == 1;
}
