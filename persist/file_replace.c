#include "persist/file_replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/assert.h"

static void set_path(struct buffer *path, struct memory *memory, const char *folder, const char *name)
{
    buffer_init(path, memory, NULL, 0);
    buffer_append_format(path, "%s/%s", folder, name);
    buffer_append(path, "", 1);
}

static void go_to(struct file_replace *replace, enum file_step step, const struct buffer *path)
{
    replace->step = step;
    replace->path = path ? path->bytes : NULL;
}

void file_replace_init(struct file_replace *replace, struct memory *memory, const char *folder, const char *temporary,
                       const char *name)
{
    *replace = (struct file_replace){.descriptor = -1};
    set_path(&replace->folder, memory, folder, ".");
    set_path(&replace->temporary, memory, folder, temporary);
    set_path(&replace->target, memory, folder, name);
    replace->new_path = replace->target.bytes;
    go_to(replace, FILE_STEP_OPEN, &replace->temporary);
}

void file_replace_behind_others(struct file_replace *replace)
{
    ASSERT(replace->step == FILE_STEP_OPEN);
    replace->names_others = true;
}

void file_replace_abandon(struct file_replace *replace)
{
    buffer_deinit(&replace->folder);
    buffer_deinit(&replace->temporary);
    buffer_deinit(&replace->target);
}

void file_replace_deinit(struct file_replace *replace)
{
    ASSERT(replace->step == FILE_STEP_DONE || replace->step == FILE_STEP_FAILED);
    file_replace_abandon(replace);
}

void file_replace_add(struct file_replace *replace, struct str bytes)
{
    ASSERT(replace->step == FILE_STEP_BYTES);
    replace->bytes = bytes;
    if (bytes.length > 0)
        go_to(replace, FILE_STEP_WRITE, NULL);
}

void file_replace_go_to(struct file_replace *replace, uint64_t offset)
{
    ASSERT(replace->step == FILE_STEP_BYTES);
    replace->offset = offset;
}

void file_replace_end(struct file_replace *replace)
{
    ASSERT(replace->step == FILE_STEP_BYTES);
    go_to(replace, FILE_STEP_SYNC, NULL);
}

/* What was begun is taken back: what is open is closed, and what has not become the file is removed. */
static void take_back(struct file_replace *replace)
{
    if (replace->descriptor >= 0)
        go_to(replace, FILE_STEP_CLOSE, NULL);
    else if (replace->step != FILE_STEP_REMOVE && replace->step != FILE_STEP_OPEN && !replace->is_renamed)
        go_to(replace, FILE_STEP_REMOVE, &replace->temporary);
    else
        go_to(replace, FILE_STEP_FAILED, NULL);
}

void file_replace_give_up(struct file_replace *replace, int error)
{
    ASSERT(replace->step == FILE_STEP_BYTES && error > 0);
    replace->error = error;
    take_back(replace);
}

static void wrote(struct file_replace *replace, int64_t bytes)
{
    ASSERT((uint64_t)bytes <= replace->bytes.length);
    replace->offset += (uint64_t)bytes;
    replace->bytes.bytes += bytes;
    replace->bytes.length -= (size_t)bytes;
    if (replace->bytes.length == 0)
        go_to(replace, FILE_STEP_BYTES, NULL);
}

/* The file, or the folder before or after it is renamed. */
static void closed(struct file_replace *replace)
{
    if (replace->is_renamed) {
        go_to(replace, FILE_STEP_DONE, NULL);
    } else if (replace->names_others && !replace->are_others_synced) {
        replace->are_others_synced = true;
        go_to(replace, FILE_STEP_OPEN_FOLDER, &replace->folder);
    } else {
        go_to(replace, FILE_STEP_RENAME, &replace->temporary);
    }
}

static void go_on(struct file_replace *replace, int64_t result)
{
    switch (replace->step) {
    case FILE_STEP_OPEN:
        replace->descriptor = (int)result;
        go_to(replace, FILE_STEP_BYTES, NULL);
        return;
    case FILE_STEP_WRITE:
        wrote(replace, result);
        return;
    case FILE_STEP_SYNC:
        go_to(replace, FILE_STEP_CLOSE, NULL);
        return;
    case FILE_STEP_CLOSE:
        closed(replace);
        return;
    case FILE_STEP_RENAME:
        replace->is_renamed = true;
        go_to(replace, FILE_STEP_OPEN_FOLDER, &replace->folder);
        return;
    default:
        ASSERT(replace->step == FILE_STEP_OPEN_FOLDER);
        replace->descriptor = (int)result;
        go_to(replace, FILE_STEP_SYNC, NULL);
    }
}

void file_replace_did(struct file_replace *replace, int64_t result)
{
    bool wrote_none = replace->step == FILE_STEP_WRITE && result == 0;

    if (replace->step == FILE_STEP_CLOSE)
        replace->descriptor = -1;
    if (replace->error == 0 && (result < 0 || wrote_none))
        replace->error = wrote_none ? EIO : (int)-result;
    replace->error == 0 ? go_on(replace, result) : take_back(replace);
}

static int64_t do_step(struct file_replace *replace)
{
    switch (replace->step) {
    case FILE_STEP_OPEN:
        return open(replace->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    case FILE_STEP_WRITE:
        return pwrite(replace->descriptor, replace->bytes.bytes, replace->bytes.length, (off_t)replace->offset);
    case FILE_STEP_SYNC:
        return fsync(replace->descriptor);
    case FILE_STEP_CLOSE:
        return close(replace->descriptor) == 0 || errno == EINTR ? 0 : -1; /* interrupted or not, it is closed */
    case FILE_STEP_RENAME:
        return rename(replace->path, replace->new_path);
    case FILE_STEP_OPEN_FOLDER:
        return open(replace->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    default:
        ASSERT(replace->step == FILE_STEP_REMOVE);
        return unlink(replace->path);
    }
}

static void do_on_the_spot(struct file_replace *replace)
{
    int64_t result;

    do
        result = do_step(replace);
    while (result < 0 && errno == EINTR);
    file_replace_did(replace, result < 0 ? -errno : result);
}

bool file_replace_advance(struct file_replace *replace)
{
    while (replace->step != FILE_STEP_BYTES && replace->step != FILE_STEP_DONE && replace->step != FILE_STEP_FAILED)
        do_on_the_spot(replace);
    return replace->step == FILE_STEP_BYTES;
}
