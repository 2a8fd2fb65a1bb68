#include "shards/file_replace_loop.h"

#include <fcntl.h>

#include "core/assert.h"

enum { WRITE_BYTES_MAX = 1 << 30 }; /* its count is an int */

static void write_bytes(struct file_replace_loop *over)
{
    struct str bytes = over->replace.bytes;

    over->vector.iov_base = (void *)bytes.bytes;
    over->vector.iov_len = bytes.length < WRITE_BYTES_MAX ? bytes.length : WRITE_BYTES_MAX;
    loop_file_write(over->loop, &over->step, over->replace.descriptor, &over->vector, 1, over->replace.offset);
}

void file_replace_loop_go_on(struct file_replace_loop *over)
{
    struct file_replace *replace = &over->replace;

    switch (replace->step) {
    case FILE_STEP_OPEN:
        loop_file_open(over->loop, &over->step, replace->path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        return;
    case FILE_STEP_WRITE:
        write_bytes(over);
        return;
    case FILE_STEP_SYNC:
        loop_file_sync(over->loop, &over->step, replace->descriptor, false);
        return;
    case FILE_STEP_CLOSE:
        loop_file_close(over->loop, &over->step, replace->descriptor);
        return;
    case FILE_STEP_RENAME:
        loop_file_rename(over->loop, &over->step, replace->path, replace->new_path);
        return;
    case FILE_STEP_OPEN_FOLDER:
        loop_file_open(over->loop, &over->step, replace->path, O_RDONLY | O_DIRECTORY, 0);
        return;
    case FILE_STEP_REMOVE:
        loop_file_remove(over->loop, &over->step, replace->path);
        return;
    default: /* the owner gave nothing: it is asked again */
        loop_defer(over->loop, &over->step);
    }
}

static void tell(struct file_replace_loop *over)
{
    over->told->more = over->replace.step == FILE_STEP_BYTES;
    over->told->result = -over->replace.error;
    over->told->done(over->told);
}

static bool is_the_owners_turn(const struct file_replace *replace)
{
    return replace->step == FILE_STEP_BYTES || replace->step == FILE_STEP_DONE || replace->step == FILE_STEP_FAILED;
}

static void step_done(struct completion *completion)
{
    struct file_replace_loop *over = (struct file_replace_loop *)completion;

    if (!is_the_owners_turn(&over->replace))
        file_replace_did(&over->replace, completion->result);
    if (is_the_owners_turn(&over->replace))
        tell(over);
    else
        file_replace_loop_go_on(over);
}

void file_replace_loop_start(struct file_replace_loop *over, struct loop *loop, struct completion *told)
{
    ASSERT(over->replace.step == FILE_STEP_OPEN && told->done);
    over->loop = loop;
    over->told = told;
    over->step = (struct completion){.done = step_done};
    file_replace_loop_go_on(over);
}
