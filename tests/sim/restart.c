#include "tests/sim/restart.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/config.h"
#include "persist/aof_manifest.h"

void restart_segment_path(char path[DISK_PATH_BYTES], int shard)
{
    snprintf(path, DISK_PATH_BYTES, "shard-%d.aof", shard);
}

static void write_file(const char *folder, const char *name, struct str bytes)
{
    char path[300];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    ASSERT(file && (bytes.length == 0 || fwrite(bytes.bytes, 1, bytes.length, file) == bytes.length));
    ASSERT(fclose(file) == 0);
}

static void write_segment(const struct sim_disk *left, const struct config *config, struct aof_manifest *manifest,
                          int shard, int shards)
{
    char path[DISK_PATH_BYTES];
    struct aof_file *file;
    struct buffer name;
    struct str bytes;

    buffer_init(&name, manifest->memory, NULL, 0);
    aof_manifest_name_incremental(&name, config->appendfilename, (uint64_t)shard + 1);
    file = aof_manifest_add(manifest, AOF_FILE_INCREMENTAL, (uint64_t)shard + 1, name.bytes);
    file->shard = shard;
    file->shards = shards;
    restart_segment_path(path, shard);
    ASSERT(sim_disk_get(left, path, &bytes));
    write_file(config->appenddirname, name.bytes, bytes);
    buffer_deinit(&name);
}

void restart_write_folder(struct restart_folder *folder, const struct sim_disk *left, const struct config *config,
                          int shards)
{
    struct memory memory = {0};
    struct aof_manifest manifest;
    struct buffer text;
    char name[300];

    strcpy(folder->path, "/tmp/shoal-simulate-XXXXXX");
    ASSERT(getcwd(folder->before, sizeof folder->before));
    ASSERT(mkdtemp(folder->path) && chdir(folder->path) == 0 && mkdir(config->appenddirname, 0700) == 0);
    aof_manifest_init(&manifest, &memory);
    for (int i = 0; i < shards; i++)
        write_segment(left, config, &manifest, i, shards);
    buffer_init(&text, &memory, NULL, 0);
    aof_manifest_write(&manifest, &text);
    snprintf(name, sizeof name, "%s.manifest", config->appendfilename);
    write_file(config->appenddirname, name, buffer_str(&text));
    buffer_deinit(&text);
    aof_manifest_deinit(&manifest);
}

void restart_leave_folder(const struct restart_folder *folder)
{
    char command[80];

    snprintf(command, sizeof command, "rm -r %s", folder->path);
    ASSERT(chdir(folder->before) == 0 && system(command) == 0);
}
