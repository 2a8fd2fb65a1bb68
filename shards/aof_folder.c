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
    atomic_init(&folder->to_begin, 0);
}

void aof_folder_deinit(struct aof_folder *folder, int shards)
{
    if (!folder->memory)
        return;
    for (int i = 0; i < shards; i++)
        if (folder->descriptors[i] >= 0)
            close(folder->descriptors[i]);
    memory_free(folder->memory, folder->descriptors);
    aof_manifest_deinit(&folder->manifest);
    buffer_deinit(&folder->path);
}

/* Segments. */

static int open_segment(struct aof_folder *folder, const char *name)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", folder->path.bytes, name);
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static bool add_segment(struct aof_folder *folder, const struct config *config, int shard, int shards)
{
    uint64_t sequence = aof_manifest_next_sequence(&folder->manifest, AOF_FILE_INCREMENTAL);
    struct aof_file *file;
    struct buffer name;

    buffer_init(&name, folder->memory, NULL, 0);
    aof_manifest_name_incremental(&name, config->appendfilename, sequence);
    buffer_append_str(&name, (struct str){"", 1});
    file = aof_manifest_add(&folder->manifest, AOF_FILE_INCREMENTAL, sequence, name.bytes);
    file->shard = shard;
    file->shards = shards;
    buffer_deinit(&name);
    folder->descriptors[shard] = open_segment(folder, file->name);
    return folder->descriptors[shard] >= 0;
}

bool aof_folder_begin_generation(struct aof_folder *folder, const struct config *config, int shards, char *error,
                                 size_t error_bytes)
{
    int code = mkdir(folder->path.bytes, 0755) == 0 || errno == EEXIST ? 0 : errno;

    for (int i = 0; code == 0 && i < shards; i++)
        if (!add_segment(folder, config, i, shards))
            code = errno;
    if (code == 0)
        code = recovery_write_manifest(&folder->manifest,
                                       config); /* its folder's sync is that of the segments' names, too */
    if (code != 0)
        snprintf(error, error_bytes, "Can't begin the append-only file in '%s': %s", folder->path.bytes,
                 strerror(code));
    atomic_store_explicit(&folder->to_begin, shards, memory_order_release);
    return code == 0;
}

bool aof_folder_begin_shard(struct aof_folder *folder, struct shard *shard)
{
    int descriptor = folder->descriptors[shard->index];

    ASSERT(descriptor >= 0);
    folder->descriptors[shard->index] = -1;
    aof_begin(shard, descriptor);
    return atomic_fetch_sub_explicit(&folder->to_begin, 1, memory_order_acq_rel) == 1;
}
