/* What a crash has left of the simulated disk, as files in a folder: so it is loaded by the code that loads after any
 * crash. */
#ifndef TESTS_SIM_RESTART_H
#define TESTS_SIM_RESTART_H

#include <limits.h>

#include "tests/sim/sim_disk.h"

struct config;

struct restart_folder {
    char path[40], before[PATH_MAX];
};

/* On the simulated disk. */
void restart_segment_path(char path[DISK_PATH_BYTES], int shard);

/* With the segments of so many shards, and a manifest that has been there before any of them. It is the working
 * directory until it is left, and then gone. */
void restart_write_folder(struct restart_folder *folder, const struct sim_disk *left, const struct config *config,
                          int shards);
void restart_leave_folder(const struct restart_folder *folder);

#endif
