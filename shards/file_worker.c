#include "shards/file_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/assert.h"

void file_worker_init(struct file_worker *worker, int wake_fd)
{
    *worker = (struct file_worker){.wake_fd = wake_fd};
    pthread_mutex_init(&worker->mutex, NULL);
    pthread_cond_init(&worker->changed, NULL);
}

/* --- The operations, by the worker's thread --- */

static int write_once(const struct completion *completion)
{
    struct loop_rest rest = loop_send_rest(completion);
    struct iovec one = {(void *)rest.bytes, rest.length};
    const struct iovec *vectors = rest.count > 0 ? rest.vectors : &one;
    int count = rest.count > 0 ? rest.count : 1;
    ssize_t written = pwritev(completion->fd, vectors, count, (off_t)(completion->offset + completion->progress));

    if (written < 0 && errno == ESPIPE) /* a pipe: it has no offsets, and io_uring does not mind */
        written = writev(completion->fd, vectors, count);
    return written < 0 ? -errno : (int)written;
}

static int write_all(struct completion *completion)
{
    int result;

    while (!loop_send_ends(completion, write_once(completion), &result))
        continue;
    return result;
}

static ssize_t operate(struct completion *completion)
{
    switch (completion->operation) {
    case LOOP_FILE_OPEN:
        return open(completion->path, completion->flags, completion->mode);
    case LOOP_FILE_READ:
        return pread(completion->fd, completion->room, completion->room_bytes, (off_t)completion->offset);
    case LOOP_FILE_SYNC:
        return completion->data_only ? fdatasync(completion->fd) : fsync(completion->fd);
    case LOOP_FILE_TRUNCATE:
        return ftruncate(completion->fd, (off_t)completion->offset);
    case LOOP_FILE_CLOSE:
        return close(completion->fd);
    case LOOP_FILE_RENAME:
        return rename(completion->path, completion->new_path);
    default:
        ASSERT(completion->operation == LOOP_FILE_REMOVE);
        return unlink(completion->path);
    }
}

/* A close that was interrupted has closed. */
static int perform(struct completion *completion)
{
    ssize_t result;

    if (completion->operation == LOOP_FILE_WRITE)
        return write_all(completion);
    do
        result = operate(completion);
    while (result < 0 && errno == EINTR && completion->operation != LOOP_FILE_CLOSE);
    return result < 0 ? -errno : (int)result;
}

/* --- The worker's thread --- */

static void wake_loop(struct file_worker *worker)
{
    uint64_t one = 1;

    while (write(worker->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

/* NULL: the worker is to end. */
static struct completion *next(struct file_worker *worker)
{
    struct completion *completion = NULL;

    pthread_mutex_lock(&worker->mutex);
    while (!worker->waiting.first && !worker->is_ending)
        pthread_cond_wait(&worker->changed, &worker->mutex);
    if (worker->waiting.first)
        completion = completion_list_take_first(&worker->waiting);
    pthread_mutex_unlock(&worker->mutex);
    return completion;
}

static void *run(void *context)
{
    struct file_worker *worker = context;
    struct completion *completion;

    while ((completion = next(worker)) != NULL) {
        completion->result = perform(completion);
        pthread_mutex_lock(&worker->mutex);
        completion_list_append(&worker->finished, completion);
        pthread_mutex_unlock(&worker->mutex);
        wake_loop(worker);
    }
    return NULL;
}

/* --- The loop's thread --- */

/* Returns 0 or an errno. Signals are main's. */
static int start(struct file_worker *worker)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&worker->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    worker->is_started = error == 0;
    if (worker->is_started)
        pthread_setname_np(worker->thread, "files");
    return error;
}

static void refuse(struct file_worker *worker, struct completion *completion, int error)
{
    completion->result = -error;
    pthread_mutex_lock(&worker->mutex);
    completion_list_append(&worker->finished, completion);
    pthread_mutex_unlock(&worker->mutex);
    wake_loop(worker);
}

void file_worker_do(struct file_worker *worker, struct completion *completion)
{
    int error = worker->is_started ? 0 : start(worker);

    worker->under_way++;
    if (error) {
        refuse(worker, completion, error);
        return;
    }
    pthread_mutex_lock(&worker->mutex);
    completion_list_append(&worker->waiting, completion);
    pthread_cond_signal(&worker->changed);
    pthread_mutex_unlock(&worker->mutex);
}

int file_worker_deliver(struct file_worker *worker)
{
    struct completion_list due;
    int delivered = 0;

    if (worker->under_way == 0)
        return 0;
    pthread_mutex_lock(&worker->mutex);
    due = worker->finished;
    worker->finished = (struct completion_list){0};
    pthread_mutex_unlock(&worker->mutex);
    for (; due.first; delivered++) {
        struct completion *completion = completion_list_take_first(&due);

        worker->under_way--;
        loop_finish(completion, completion->result);
    }
    return delivered;
}

static void end(struct file_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    worker->is_ending = true;
    pthread_cond_signal(&worker->changed);
    pthread_mutex_unlock(&worker->mutex);
    pthread_join(worker->thread, NULL);
}

void file_worker_finish(struct file_worker *worker)
{
    uint64_t count;

    file_worker_deliver(worker);
    while (worker->under_way > 0) {
        ssize_t ignored = read(worker->wake_fd, &count, sizeof count);

        (void)ignored;
        file_worker_deliver(worker);
    }
    if (worker->is_started)
        end(worker);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->mutex);
}
