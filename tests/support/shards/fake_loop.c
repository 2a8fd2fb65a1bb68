#include "tests/support/shards/fake_loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const int64_t START_US = 1700000000000000;

static struct fake_loop *fake(const struct loop *loop)
{
    return (struct fake_loop *)loop;
}

static void ignore_close(struct loop *loop)
{
}

static void refuse(struct loop *loop, struct completion *completion)
{
    cr_assert_fail("the fake loop has no sockets");
}

static void keep_file(struct loop *loop, struct completion *completion)
{
    completion_list_append(&fake(loop)->files, completion);
}

static void close_fd(struct loop *loop, int fd)
{
    close(fd);
}

static int note_wait(struct loop *loop, int64_t timeout_us)
{
    fake(loop)->waits++;
    fake(loop)->timeout_us = timeout_us;
    return 0;
}

static bool has_none(const struct loop *loop)
{
    return false;
}

static void note_submit(struct loop *loop)
{
    fake(loop)->submits++;
}

static void note_wake(struct loop *from, struct loop *target)
{
    fake(target)->wakes++;
}

static int64_t tell_time(struct loop *loop)
{
    return fake(loop)->time_us += fake(loop)->tick_us;
}

static int64_t tell_ns(struct loop *loop)
{
    return tell_time(loop) * 1000;
}

static const struct loop_operations operations = {
    .name = "fake",
    .close = ignore_close,
    .accept = refuse,
    .receive = refuse,
    .send = refuse,
    .cancel = refuse,
    .close_fd = close_fd,
    .file = keep_file,
    .wait = note_wait,
    .has_events = has_none,
    .submit = note_submit,
    .wake = note_wake,
    .time_us = tell_time,
    .monotonic_us = tell_time,
    .clock_ns = tell_ns,
};

void fake_loop_init(struct fake_loop *fake)
{
    *fake = (struct fake_loop){.loop.operations = &operations, .time_us = START_US};
}

static int write_vectors(const struct completion *completion)
{
    return (int)pwritev(completion->fd, completion->vectors, completion->vector_count, (off_t)completion->offset);
}

/* The system's answer; what a test has made without a path is only said to be done. */
static int do_operation(const struct completion *completion)
{
    int result = 0;

    switch ((enum loop_operation)completion->operation) {
    case LOOP_FILE_WRITE:
        return write_vectors(completion);
    case LOOP_FILE_OPEN:
        result = open(completion->path, completion->flags, completion->mode);
        break;
    case LOOP_FILE_RENAME:
        result = rename(completion->path, completion->new_path);
        break;
    case LOOP_FILE_REMOVE:
        result = unlink(completion->path);
        break;
    case LOOP_FILE_TRUNCATE:
        result = ftruncate(completion->fd, (off_t)completion->offset);
        break;
    case LOOP_FILE_CLOSE:
        result = close(completion->fd);
        break;
    default:
        break;
    }
    return result < 0 ? -errno : result;
}

bool fake_loop_end_file(struct fake_loop *fake, int error)
{
    struct completion *completion;

    if (!fake->files.first)
        return false;
    completion = completion_list_take_first(&fake->files);
    if (error != 0)
        loop_finish(completion, -error);
    else
        loop_finish(completion, do_operation(completion));
    return true;
}

void fake_loop_delay_file(struct fake_loop *fake)
{
    completion_list_append(&fake->files, completion_list_take_first(&fake->files));
}
