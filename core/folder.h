/* Folders on disk. Calls wait for the disk: not for a thread that serves clients, but where it can't be helped. */
#ifndef CORE_FOLDER_H
#define CORE_FOLDER_H

#include <stdbool.h>

#include "core/str.h"

/* Whatever has been done in the folder in which path lies (created, renamed, removed) stays after a power loss.
 * False: errno. */
MUST_USE bool folder_sync(const char *path);

/* The folder is there, and stays after a power loss. 0, or an errno. */
MUST_USE int folder_make(const char *path);

#endif
