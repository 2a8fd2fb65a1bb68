#include "tests/support/shards/fake_loop.h"

#include <criterion/criterion.h>

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

static void refuse_close_fd(struct loop *loop, int fd)
{
    cr_assert_fail("the fake loop has no descriptors");
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
    return fake(loop)->time_us * 1000;
}

static const struct loop_operations operations = {
    .name = "fake",
    .close = ignore_close,
    .accept = refuse,
    .receive = refuse,
    .send = refuse,
    .cancel = refuse,
    .close_fd = refuse_close_fd,
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
