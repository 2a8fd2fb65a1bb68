/* What a crash has left of the simulated disk, as files in a folder: so it is loaded by the code that loads after any
 * crash. */
#ifndef TESTS_SIM_RESTART_H
#define TESTS_SIM_RESTART_H

#include <limits.h>

#include "tests/sim/sim_disk.h"

/* A folder of the machine's, with that of an append-only file in it; the working folder until it is left. */
struct restart_folder {
    char path[40], before[PATH_MAX];
};

void restart_enter_folder(struct restart_folder *folder, const char *appenddirname);
/* With what the crash has left in that folder of the simulated disk. */
void restart_write_folder(struct restart_folder *folder, const struct sim_disk *left, const char *appenddirname);
/* Removes it. */
void restart_leave_folder(const struct restart_folder *folder);

#endif
