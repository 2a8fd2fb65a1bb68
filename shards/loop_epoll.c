/* The loop over epoll, for kernels and containers that refuse io_uring.
 *
 * It behaves as io_uring does: an operation is started by loop_send and its like,
 * tried when the next loop_wait begins, and its done is called from loop_wait
 * alone. What has finished outside of an event (a send that went through at once,
 * a cancelled operation) passes through the list `finished`.
 * Files are always ready for epoll, and wait for the disk all the same: their
 * operations are a thread's of their own.
 *
 * A table by descriptor says which receive and which send wait for it; epoll
 * names only the descriptor. An event may be stale, because its descriptor was
 * closed and its number used again within the turn: nothing here blocks, so the
 * worst is one system call that finds nothing.
 *
 * Readiness is level triggered, and each ready socket is read once a turn: what
 * it still holds makes it ready again. All that a turn receives lies one after
 * the other in one arena; each socket may take an equal share of it, so it
 * always suffices, and a busy client cannot starve the others. */
#include "shards/loop_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/log.h"
#include "core/memory.h"
#include "shards/file_worker.h"

enum {
    EVENTS_MAX = 256, /* taken in one turn */
    ARENA_BYTES = 2 * 1024 * 1024,
    SHARE_BYTES_MAX = 64 * 1024,
    ACCEPTS_MAX = 64 /* of one listener in one turn */
};

/* Who waits for a descriptor. An accept waits as a receive does. */
struct epoll_slot {
    struct completion *receive;
    struct completion *send;
    uint32_t events; /* as registered; 0: the kernel does not know the descriptor */
};

struct epoll {
    struct loop loop;
    int epoll_fd;
    int wake_fd;
    bool coarse; /* no epoll_pwait2: milliseconds */
    struct epoll_slot *slots;
    int slot_count;
    struct completion_list sends;    /* to be tried */
    struct completion_list finished; /* result is set; done is due */
    struct completion_list paused;   /* accepts, by rising deadline */
    char *arena;
    size_t arena_used;
    struct file_worker files;
    struct epoll_event events[EVENTS_MAX];
};

static struct epoll *epoll_of(struct loop *loop)
{
    return (struct epoll *)loop;
}

/* --- Lists --- */

static void list_remove(struct completion_list *list, struct completion *completion)
{
    struct completion_list kept = {0};

    while (list->first) {
        struct completion *other = completion_list_take_first(list);

        if (other != completion)
            completion_list_append(&kept, other);
    }
    *list = kept;
}

/* Nothing but a send that went through is quiet. */
static void finish_later(struct epoll *epoll, struct completion *completion, int result)
{
    completion->result = result;
    epoll->loop.awaited |= result < 0;
    completion_list_append(&epoll->finished, completion);
}

/* --- What the kernel watches --- */

static struct epoll_slot *slot_of(struct epoll *epoll, int fd)
{
    if (fd >= epoll->slot_count) {
        int count = fd + 1 > epoll->slot_count * 2 ? fd + 1 : epoll->slot_count * 2;

        epoll->slots = memory_resize(epoll->loop.memory, epoll->slots, (size_t)count * sizeof(*epoll->slots));
        memset(epoll->slots + epoll->slot_count, 0, (size_t)(count - epoll->slot_count) * sizeof(*epoll->slots));
        epoll->slot_count = count;
    }
    return &epoll->slots[fd];
}

/* Returns 0 or a negative errno. A descriptor that nobody waits for is taken out altogether: a hang-up is reported
 * even to those who ask for nothing. */
static int watch(struct epoll *epoll, int fd, uint32_t events)
{
    struct epoll_slot *slot = slot_of(epoll, fd);
    struct epoll_event event = {.events = events, .data.fd = fd};
    int operation = slot->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;

    if (events == slot->events)
        return 0;
    if (epoll_ctl(epoll->epoll_fd, operation, fd, &event) < 0)
        return -errno;
    slot->events = events;
    return 0;
}

static int watch_slot(struct epoll *epoll, int fd)
{
    struct epoll_slot *slot = slot_of(epoll, fd);
    uint32_t events = (slot->receive ? EPOLLIN : 0) | (slot->send ? EPOLLOUT : 0);

    return watch(epoll, fd, events);
}

static void stop_receiving(struct epoll *epoll, struct completion *completion)
{
    slot_of(epoll, completion->fd)->receive = NULL;
    watch_slot(epoll, completion->fd);
}

static void stop_sending(struct epoll *epoll, struct completion *completion)
{
    slot_of(epoll, completion->fd)->send = NULL;
    watch_slot(epoll, completion->fd);
}

/* --- Starting operations --- */

static void start_receiving(struct epoll *epoll, struct completion *completion)
{
    struct epoll_slot *slot = slot_of(epoll, completion->fd);
    int result;

    ASSERT(!slot->receive);
    slot->receive = completion;
    result = watch_slot(epoll, completion->fd);
    if (result == 0)
        return;
    slot->receive = NULL;
    finish_later(epoll, completion, result);
}

static void epoll_accept(struct loop *loop, struct completion *completion)
{
    int flags = fcntl(completion->fd, F_GETFL);

    if (flags >= 0 && !(flags & O_NONBLOCK))
        fcntl(completion->fd, F_SETFL, flags | O_NONBLOCK);
    start_receiving(epoll_of(loop), completion);
}

static void epoll_receive(struct loop *loop, struct completion *completion)
{
    start_receiving(epoll_of(loop), completion);
}

static void epoll_send(struct loop *loop, struct completion *completion)
{
    completion_list_append(&epoll_of(loop)->sends, completion);
}

static void epoll_cancel(struct loop *loop, struct completion *completion)
{
    struct epoll *epoll = epoll_of(loop);

    if (completion->operation == LOOP_ACCEPT_PAUSED)
        list_remove(&epoll->paused, completion);
    else if (slot_of(epoll, completion->fd)->receive == completion)
        stop_receiving(epoll, completion);
    else
        return; /* it has ended already, and done is due */
    finish_later(epoll, completion, -ECANCELED);
}

/* Closing takes it out of the epoll set only if no duplicate exists, in another process say; so it is taken out. */
static void epoll_close_fd(struct loop *loop, int fd)
{
    watch(epoll_of(loop), fd, 0);
    close(fd);
}

static void epoll_file(struct loop *loop, struct completion *completion)
{
    file_worker_do(&epoll_of(loop)->files, completion);
}

static void epoll_wake(struct loop *from, struct loop *target)
{
    uint64_t one = 1;

    while (write(epoll_of(target)->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

/* --- Sends --- */

static int send_once(const struct completion *completion)
{
    struct loop_rest rest = loop_send_rest(completion);
    struct msghdr message = {.msg_iov = (struct iovec *)rest.vectors, .msg_iovlen = (size_t)rest.count};
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    ssize_t sent = rest.count > 0 ? sendmsg(completion->fd, &message, flags)
                                  : send(completion->fd, rest.bytes, rest.length, flags);

    return sent < 0 ? -errno : (int)sent;
}

/* Sends until all is sent, the socket is full, or it fails; only then true, with *result for done. */
static bool send_ends(struct completion *completion, int *result)
{
    int sent;

    do {
        sent = send_once(completion);
        if (loop_send_ends(completion, sent, result))
            return true;
    } while (sent != -EAGAIN);
    return false;
}

static void wait_to_send(struct epoll *epoll, struct completion *completion)
{
    int result;

    ASSERT(!slot_of(epoll, completion->fd)->send);
    completion->waited = true;
    slot_of(epoll, completion->fd)->send = completion;
    result = watch_slot(epoll, completion->fd);
    if (result == 0)
        return;
    slot_of(epoll, completion->fd)->send = NULL;
    finish_later(epoll, completion, result);
}

static void try_sends(struct epoll *epoll)
{
    while (epoll->sends.first) {
        struct completion *completion = completion_list_take_first(&epoll->sends);
        int result;

        if (send_ends(completion, &result))
            finish_later(epoll, completion, result);
        else
            wait_to_send(epoll, completion);
    }
}

/* --- Events; each function returns how many times it called done --- */

static int send_ready(struct epoll *epoll, struct completion *completion)
{
    int result;

    if (!send_ends(completion, &result))
        return 0;
    stop_sending(epoll, completion);
    loop_finish(completion, result);
    return 1;
}

static int receive_ready(struct epoll *epoll, struct completion *completion, size_t share_bytes)
{
    char *bytes = epoll->arena + epoll->arena_used;
    ssize_t count;

    ASSERT(epoll->arena_used + share_bytes <= ARENA_BYTES);
    count = recv(completion->fd, bytes, share_bytes, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (count <= 0) {
        int result = count < 0 ? -errno : 0;

        stop_receiving(epoll, completion);
        loop_finish(completion, result);
        return 1;
    }
    epoll->arena_used += (size_t)count;
    completion->bytes = bytes;
    completion->result = (int)count;
    completion->more = true;
    completion->done(completion);
    return 1;
}

static void pause_accept(struct epoll *epoll, struct completion *completion, int result)
{
    stop_receiving(epoll, completion);
    completion->result = result;
    completion->operation = LOOP_ACCEPT_PAUSED;
    completion->total = (size_t)(loop_kernel_monotonic_us(&epoll->loop) + LOOP_ACCEPT_PAUSE_US);
    completion_list_append(&epoll->paused, completion);
}

static int accept_failed(struct epoll *epoll, struct completion *completion, int result)
{
    if (loop_accept_is_passing(-result)) {
        pause_accept(epoll, completion, result);
        return 0;
    }
    stop_receiving(epoll, completion);
    loop_finish(completion, result);
    return 1;
}

static int accept_ready(struct epoll *epoll, struct completion *completion)
{
    int listen_fd = completion->fd, delivered = 0;

    /* done may have cancelled it. */
    while (delivered < ACCEPTS_MAX && slot_of(epoll, listen_fd)->receive == completion) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (fd < 0)
            return delivered + accept_failed(epoll, completion, -errno);
        completion->result = fd;
        completion->more = true;
        completion->done(completion);
        delivered++;
    }
    return delivered;
}

static int event_ready(struct epoll *epoll, const struct epoll_event *event, size_t share_bytes)
{
    int fd = event->data.fd, delivered = 0;
    struct completion *completion = slot_of(epoll, fd)->receive;

    if (completion && event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        delivered += completion->operation == LOOP_ACCEPT ? accept_ready(epoll, completion)
                                                          : receive_ready(epoll, completion, share_bytes);
    completion = slot_of(epoll, fd)->send;
    if (completion && event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        delivered += send_ready(epoll, completion);
    return delivered;
}

static int events_ready(struct epoll *epoll, int count)
{
    size_t share_bytes = count > 0 ? (size_t)ARENA_BYTES / (size_t)count : 0;
    int delivered = 0;

    if (share_bytes > SHARE_BYTES_MAX)
        share_bytes = SHARE_BYTES_MAX;
    epoll->arena_used = 0;
    for (int i = 0; i < count; i++)
        delivered += event_ready(epoll, &epoll->events[i], share_bytes);
    return delivered;
}

/* --- What is due without an event --- */

static int deliver_finished(struct epoll *epoll)
{
    struct completion_list due = epoll->finished;
    int delivered = 0;

    epoll->finished = (struct completion_list){0};
    epoll->loop.awaited = false;
    while (due.first) {
        struct completion *completion = completion_list_take_first(&due);

        loop_finish(completion, completion->result);
        delivered++;
    }
    return delivered;
}

static int deliver_paused(struct epoll *epoll)
{
    int64_t now_us = epoll->paused.first ? loop_kernel_monotonic_us(&epoll->loop) : 0;
    int delivered = 0;

    while (epoll->paused.first && (int64_t)epoll->paused.first->total <= now_us) {
        struct completion *completion = completion_list_take_first(&epoll->paused);

        completion->operation = LOOP_ACCEPT;
        start_receiving(epoll, completion);
        if (slot_of(epoll, completion->fd)->receive != completion)
            continue; /* it failed and is in finished */
        completion->more = true;
        completion->done(completion);
        delivered++;
    }
    return delivered;
}

/* --- Waiting --- */

static int64_t bounded_timeout_us(struct epoll *epoll, int64_t timeout_us)
{
    int64_t pause_us;

    if (epoll->finished.first && epoll->loop.awaited)
        return 0;
    if (!epoll->paused.first)
        return timeout_us;
    pause_us = (int64_t)epoll->paused.first->total - loop_kernel_monotonic_us(&epoll->loop);
    pause_us = pause_us > 0 ? pause_us : 0;
    return timeout_us < 0 || pause_us < timeout_us ? pause_us : timeout_us;
}

static int wait_coarsely(struct epoll *epoll, int64_t timeout_us)
{
    int64_t timeout_ms = timeout_us < 0 ? -1 : (timeout_us + 999) / 1000;

    return epoll_wait(epoll->epoll_fd, epoll->events, EVENTS_MAX, timeout_ms < 1 << 30 ? (int)timeout_ms : 1 << 30);
}

/* epoll_pwait2 is younger than most kernels that refuse io_uring, and some filters of containers do not know it. */
static int wait_for_events(struct epoll *epoll, int64_t timeout_us)
{
    struct timespec timeout = {timeout_us / 1000000, timeout_us % 1000000 * 1000};
    int count;

    if (epoll->coarse || timeout_us <= 0)
        return wait_coarsely(epoll, timeout_us);
    count = epoll_pwait2(epoll->epoll_fd, epoll->events, EVENTS_MAX, &timeout, NULL);
    if (count < 0 && (errno == ENOSYS || errno == EPERM)) {
        epoll->coarse = true;
        return wait_coarsely(epoll, timeout_us);
    }
    return count;
}

static int epoll_wait_turn(struct loop *loop, int64_t timeout_us)
{
    struct epoll *epoll = epoll_of(loop);
    int delivered, count;

    try_sends(epoll);
    count = wait_for_events(epoll, bounded_timeout_us(epoll, timeout_us));
    if (count < 0 && errno != EINTR) {
        log_write(LOG_WARNING, "epoll: waiting: %s", strerror(errno));
        abort();
    }
    delivered = deliver_finished(epoll);
    delivered += events_ready(epoll, count);
    delivered += file_worker_deliver(&epoll->files);
    return delivered + deliver_paused(epoll);
}

/* --- Opening and closing --- */

static void free_epoll(struct epoll *epoll)
{
    struct memory *memory = epoll->loop.memory;

    if (epoll->wake_fd >= 0)
        close(epoll->wake_fd);
    if (epoll->epoll_fd >= 0)
        close(epoll->epoll_fd);
    memory_free(memory, epoll->slots);
    memory_free(memory, epoll->arena);
    memory_free(memory, epoll);
}

static void epoll_close(struct loop *loop)
{
    file_worker_finish(&epoll_of(loop)->files);
    free_epoll(epoll_of(loop));
}

static const struct loop_operations epoll_operations = {
    .name = "epoll",
    .close = epoll_close,
    .accept = epoll_accept,
    .receive = epoll_receive,
    .send = epoll_send,
    .cancel = epoll_cancel,
    .close_fd = epoll_close_fd,
    .file = epoll_file,
    .wait = epoll_wait_turn,
    .wake = epoll_wake,
    .time_us = loop_kernel_time_us,
    .monotonic_us = loop_kernel_monotonic_us,
    .clock_ns = loop_kernel_clock_ns,
};

/* Edge triggered, the event comes once for every write; so the counter need not be read, which saves a call per
 * wake-up. It would take 2^64 of them to fill it. */
static bool open_descriptors(struct epoll *epoll)
{
    epoll->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    epoll->wake_fd = eventfd(0, EFD_CLOEXEC);
    return epoll->epoll_fd >= 0 && epoll->wake_fd >= 0 && watch(epoll, epoll->wake_fd, EPOLLIN | EPOLLET) == 0;
}

struct loop *loop_epoll_open(struct memory *memory, int *error_code)
{
    struct epoll *epoll = memory_alloc_zeroed(memory, sizeof(*epoll));

    epoll->loop.operations = &epoll_operations;
    epoll->loop.memory = memory;
    epoll->arena = memory_alloc(memory, ARENA_BYTES);
    if (!open_descriptors(epoll)) {
        *error_code = errno;
        free_epoll(epoll);
        return NULL;
    }
    file_worker_init(&epoll->files, epoll->wake_fd);
    return &epoll->loop;
}
