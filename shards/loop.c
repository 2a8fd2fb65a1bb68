/* The part of the loop that no backend differs in: choosing one, the deferred
 * list, the contract's assertions, and the arithmetic of sends and writes. */
#include "shards/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "core/assert.h"
#include "shards/loop_backend.h"

enum {
    CALL_BYTES_MAX = 1 << 30, /* of one system call, well below the kernel's limit and an int's */
    CALL_VECTORS_MAX = IOV_MAX
};

static const char *refusal(int error_code)
{
    switch (error_code) {
    case EPERM:
        return "epoll: io_uring_setup refused (EPERM)";
    case EACCES:
        return "epoll: io_uring_setup refused (EACCES)";
    case ENOSYS:
        return "epoll: io_uring_setup refused (ENOSYS)";
    case ENOMEM:
        return "epoll: io_uring refused memory (ENOMEM, see ulimit -l)";
    case EINVAL:
    case EOPNOTSUPP:
        return "epoll: this kernel's io_uring is too old (6.1 is needed)";
    default:
        return "epoll: io_uring cannot be used";
    }
}

struct loop *loop_open(enum loop_backend backend, struct memory *memory, const char **why, int *error_code)
{
    struct loop *loop = NULL;

    *why = "epoll";
    *error_code = 0;
    if (backend != LOOP_EPOLL) {
        loop = loop_uring_open(memory, error_code);
        *why = loop ? "io_uring" : refusal(*error_code);
    }
    if (!loop && backend != LOOP_URING)
        loop = loop_epoll_open(memory, error_code);
    return loop;
}

void loop_close(struct loop *loop)
{
    loop->operations->close(loop);
}

const char *loop_backend_name(const struct loop *loop)
{
    return loop->operations->name;
}

static void begin_without_fd(struct completion *completion, enum loop_operation operation)
{
    ASSERT(completion->done && completion->operation == LOOP_IDLE && !completion->deferred);
    completion->operation = operation;
    completion->cancelled = false;
    completion->fd = -1;
    completion->next = NULL;
}

static void begin(struct completion *completion, enum loop_operation operation, int fd)
{
    ASSERT(fd >= 0);
    begin_without_fd(completion, operation);
    completion->fd = fd;
}

static void set_vectors(struct completion *completion, const struct iovec *vectors, int count)
{
    ASSERT(count > 0);
    completion->vectors = vectors;
    completion->vector_count = count;
    completion->progress = 0;
    completion->total = 0;
    for (int i = 0; i < count; i++)
        completion->total += vectors[i].iov_len;
}

void loop_accept(struct loop *loop, struct completion *completion, int listen_fd)
{
    begin(completion, LOOP_ACCEPT, listen_fd);
    loop->operations->accept(loop, completion);
}

void loop_receive(struct loop *loop, struct completion *completion, int fd)
{
    begin(completion, LOOP_RECEIVE, fd);
    loop->operations->receive(loop, completion);
}

void loop_cancel(struct loop *loop, struct completion *completion)
{
    ASSERT(completion->operation >= LOOP_ACCEPT && completion->operation <= LOOP_RECEIVE);
    if (completion->cancelled)
        return;
    completion->cancelled = true;
    loop->operations->cancel(loop, completion);
}

void loop_send_quietly(struct loop *loop, struct completion *completion, int fd, const struct iovec *vectors, int count)
{
    begin(completion, LOOP_SEND, fd);
    set_vectors(completion, vectors, count);
    completion->waited = false;
    loop->operations->send(loop, completion);
}

void loop_await_send(struct loop *loop, struct completion *completion)
{
    ASSERT(completion->operation == LOOP_SEND);
    loop->awaited |= !completion->waited;
}

void loop_await_sends(struct loop *loop)
{
    loop->awaited = true;
}

void loop_send(struct loop *loop, struct completion *completion, int fd, const struct iovec *vectors, int count)
{
    loop_send_quietly(loop, completion, fd, vectors, count);
    loop_await_send(loop, completion);
}

void loop_close_fd(struct loop *loop, int fd)
{
    loop->operations->close_fd(loop, fd);
}

void loop_file_open(struct loop *loop, struct completion *completion, const char *path, int flags, mode_t mode)
{
    begin_without_fd(completion, LOOP_FILE_OPEN);
    completion->path = path;
    completion->flags = flags | O_CLOEXEC;
    completion->mode = mode;
    loop->operations->file(loop, completion);
}

void loop_file_write(struct loop *loop, struct completion *completion, int fd, const struct iovec *vectors, int count,
                     uint64_t offset)
{
    begin(completion, LOOP_FILE_WRITE, fd);
    set_vectors(completion, vectors, count);
    completion->offset = offset;
    loop->operations->file(loop, completion);
}

void loop_file_read(struct loop *loop, struct completion *completion, int fd, char *bytes, size_t length,
                    uint64_t offset)
{
    begin(completion, LOOP_FILE_READ, fd);
    completion->room = bytes;
    completion->room_bytes = length < CALL_BYTES_MAX ? length : CALL_BYTES_MAX;
    completion->offset = offset;
    loop->operations->file(loop, completion);
}

void loop_file_sync(struct loop *loop, struct completion *completion, int fd, bool data_only)
{
    begin(completion, LOOP_FILE_SYNC, fd);
    completion->data_only = data_only;
    loop->operations->file(loop, completion);
}

void loop_file_truncate(struct loop *loop, struct completion *completion, int fd, uint64_t bytes)
{
    begin(completion, LOOP_FILE_TRUNCATE, fd);
    completion->offset = bytes;
    loop->operations->file(loop, completion);
}

void loop_file_close(struct loop *loop, struct completion *completion, int fd)
{
    begin(completion, LOOP_FILE_CLOSE, fd);
    loop->operations->file(loop, completion);
}

void loop_file_rename(struct loop *loop, struct completion *completion, const char *from, const char *to)
{
    begin_without_fd(completion, LOOP_FILE_RENAME);
    completion->path = from;
    completion->new_path = to;
    loop->operations->file(loop, completion);
}

void loop_file_remove(struct loop *loop, struct completion *completion, const char *path)
{
    begin_without_fd(completion, LOOP_FILE_REMOVE);
    completion->path = path;
    loop->operations->file(loop, completion);
}

void completion_list_append(struct completion_list *list, struct completion *completion)
{
    completion->next = NULL;
    if (list->first)
        list->last->next = completion;
    else
        list->first = completion;
    list->last = completion;
}

struct completion *completion_list_take_first(struct completion_list *list)
{
    struct completion *completion = list->first;

    list->first = completion->next;
    return completion;
}

void loop_defer(struct loop *loop, struct completion *completion)
{
    if (completion->deferred)
        return;
    ASSERT(completion->done && completion->operation == LOOP_IDLE);
    completion->deferred = true;
    completion->next = NULL;
    if (loop->deferred_first)
        loop->deferred_last->next = completion;
    else
        loop->deferred_first = completion;
    loop->deferred_last = completion;
}

bool loop_has_deferred(const struct loop *loop)
{
    return loop->deferred_first != NULL;
}

void loop_run_deferred(struct loop *loop)
{
    while (loop->deferred_first) {
        struct completion *completion = loop->deferred_first;

        loop->deferred_first = completion->next;
        completion->deferred = false;
        completion->done(completion);
    }
}

int loop_wait(struct loop *loop, int64_t timeout_us)
{
    loop_run_deferred(loop);
    return loop->operations->wait(loop, timeout_us);
}

bool loop_has_events(const struct loop *loop)
{
    return !loop->operations->has_events || loop->operations->has_events(loop);
}

void loop_submit(struct loop *loop)
{
    if (loop->operations->submit)
        loop->operations->submit(loop);
}

void loop_wake(struct loop *from, struct loop *target)
{
    target->operations->wake(from, target);
}

int64_t loop_time_us(struct loop *loop)
{
    return loop->operations->time_us(loop);
}

int64_t loop_monotonic_us(struct loop *loop)
{
    return loop->operations->monotonic_us(loop);
}

int64_t loop_clock_ns(struct loop *loop)
{
    return loop->operations->clock_ns(loop);
}

void loop_finish(struct completion *completion, int result)
{
    completion->operation = LOOP_IDLE;
    completion->result = result;
    completion->more = false;
    completion->done(completion);
}

bool loop_accept_is_passing(int error_code)
{
    switch (error_code) {
    case EBADF:
    case EFAULT:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
    case ECANCELED:
        return false;
    default:
        return true;
    }
}

struct loop_rest loop_send_rest(const struct completion *completion)
{
    const struct iovec *vector = completion->vectors;
    const struct iovec *end = vector + completion->vector_count;
    size_t skip = completion->progress;
    struct loop_rest rest = {0};

    while (vector + 1 < end && skip >= vector->iov_len)
        skip -= vector++->iov_len;
    rest.vectors = vector;
    rest.count = end - vector < CALL_VECTORS_MAX ? (int)(end - vector) : CALL_VECTORS_MAX;
    if (skip > 0 || rest.count == 1) {
        rest.bytes = (const char *)vector->iov_base + skip;
        rest.length = vector->iov_len - skip;
        rest.length = rest.length < CALL_BYTES_MAX ? rest.length : CALL_BYTES_MAX;
        rest.count = 0;
    }
    return rest;
}

bool loop_send_ends(struct completion *completion, int sent, int *result)
{
    if (sent < 0) {
        *result = sent;
        return sent != -EINTR && sent != -EAGAIN;
    }
    completion->progress += (size_t)sent;
    ASSERT(completion->progress <= completion->total);
    *result = completion->total < INT_MAX ? (int)completion->total : INT_MAX;
    if (completion->progress == completion->total)
        return true;
    *result = -EIO;
    return sent == 0; /* the kernel never takes nothing of something; do not turn in a circle if it does */
}

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t loop_kernel_time_us(struct loop *loop)
{
    return clock_us(CLOCK_REALTIME);
}

int64_t loop_kernel_monotonic_us(struct loop *loop)
{
    return clock_us(CLOCK_MONOTONIC);
}

int64_t loop_kernel_clock_ns(struct loop *loop)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
