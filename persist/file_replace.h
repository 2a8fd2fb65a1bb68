/* How a file takes the place of another as a whole: after a crash at any point
 * there is the old one or the new one.
 *
 *     a temporary file beside it, written and synced · renamed · the folder synced
 *
 * A file that names others in the folder, which may be new, is not renamed before these are there to stay: then the
 * folder is synced before that, too.
 *
 * It does no I/O. It says which step is to be done next; the caller does it, as it
 * sees fit, and tells the result, until it is DONE or FAILED. So a loop can do what
 * takes long without waiting, and a test play a disk that fails.
 * Belongs to one thread. */
#ifndef PERSIST_FILE_REPLACE_H
#define PERSIST_FILE_REPLACE_H

#include <stdint.h>

#include "core/buffer.h"

enum file_step {
    FILE_STEP_OPEN,        /* path, to be created or emptied, for writing; the result is its descriptor */
    FILE_STEP_BYTES,       /* nothing before file_replace_add or file_replace_end */
    FILE_STEP_WRITE,       /* bytes at the offset to the descriptor; the result is how many were written */
    FILE_STEP_SYNC,        /* the descriptor */
    FILE_STEP_CLOSE,       /* the descriptor */
    FILE_STEP_RENAME,      /* path to new_path */
    FILE_STEP_OPEN_FOLDER, /* path; the result is its descriptor */
    FILE_STEP_REMOVE,      /* path */
    FILE_STEP_DONE,        /* the new file is there, and stays */
    FILE_STEP_FAILED,      /* error says why; the old file is there, but where the folder could not be synced */
};

struct file_replace {
    enum file_step step;
    int descriptor;
    const char *path, *new_path;
    struct str bytes;
    uint64_t offset;
    int error;                               /* an errno; 0: all is well */
    struct buffer folder, temporary, target; /* paths, terminated */
    bool names_others, are_others_synced, is_renamed;
};

/* temporary and name: of files in the folder. */
void file_replace_init(struct file_replace *replace, struct memory *memory, const char *folder, const char *temporary,
                       const char *name);
/* Before the first step: the file names others of the folder. */
void file_replace_behind_others(struct file_replace *replace);
/* DONE or FAILED, else a file is open. */
void file_replace_deinit(struct file_replace *replace);
/* At any step: the process ends in the midst of it, and what is open ends with it. */
void file_replace_abandon(struct file_replace *replace);

/* While BYTES are wanted: what comes next in the file, borrowed until they are wanted again. */
void file_replace_add(struct file_replace *replace, struct str bytes);
/* Likewise: it goes on there. What is skipped somebody else writes, through the descriptor. */
void file_replace_go_to(struct file_replace *replace, uint64_t offset);
/* Likewise: that was all. */
void file_replace_end(struct file_replace *replace);
/* Likewise: there will be no new file, for that reason. */
void file_replace_give_up(struct file_replace *replace, int error);
/* The step has been done, with that result; negative: an errno. */
void file_replace_did(struct file_replace *replace, int64_t result);

/* Does the steps on the spot, where nobody waits for the thread, until bytes are wanted or it is over. Returns whether
 * they are. */
bool file_replace_advance(struct file_replace *replace);

#endif
