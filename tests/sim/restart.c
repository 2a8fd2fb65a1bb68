#include "tests/sim/restart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/assert.h"

void restart_enter_folder(struct restart_folder *folder, const char *appenddirname)
{
    strcpy(folder->path, "/tmp/shoal-simulate-XXXXXX");
    ASSERT(getcwd(folder->before, sizeof folder->before));
    ASSERT(mkdtemp(folder->path) && chdir(folder->path) == 0 && mkdir(appenddirname, 0700) == 0);
}

static void write_file(const char *path, struct str bytes)
{
    FILE *file = fopen(path, "w");

    ASSERT(file && (bytes.length == 0 || fwrite(bytes.bytes, 1, bytes.length, file) == bytes.length));
    ASSERT(fclose(file) == 0);
}

void restart_write_folder(struct restart_folder *folder, const struct sim_disk *left, const char *appenddirname)
{
    size_t length = strlen(appenddirname);
    struct str bytes;

    restart_enter_folder(folder, appenddirname);
    for (int i = 0; i < left->now.count; i++) {
        const char *path = left->now.names[i].path;

        if (strncmp(path, appenddirname, length) == 0 && path[length] == '/' && sim_disk_get(left, path, &bytes))
            write_file(path, bytes);
    }
}

void restart_leave_folder(const struct restart_folder *folder)
{
    char command[80];

    snprintf(command, sizeof command, "rm -r %s", folder->path);
    ASSERT(chdir(folder->before) == 0 && system(command) == 0);
}
