/* The loop over io_uring; the only file that knows liburing.
 *
 * One ring per shard. Starting an operation only writes a submission entry;
 * loop_wait is the one system call of a turn: it submits, runs the kernel's
 * deferred work for this ring and waits, all in io_uring_enter. Nothing is
 * completed at another moment (DEFER_TASKRUN), so no completion interrupts a turn.
 *
 * Accepts and receives are multishot: one entry stays armed in the kernel for a
 * connection's life. A receive takes its buffer, when bytes are there, from a
 * ring of buffers provided by us, so idle connections hold no memory. The
 * buffers that a turn's receives took lie in `lent` until the next loop_wait,
 * which gives them back together. A receive that finds none ends with ENOBUFS
 * and waits among the `ended` for that same moment; its bytes stay in the socket.
 * The kernel takes them in turn, and so comes to use all that it is given: few at
 * first, and more when many small requests at once have found none.
 *
 * The kernel also ends a multishot operation for reasons of its own (the
 * completion ring was full, it had its share); it is armed again in silence.
 *
 * A send is tried first: submitting it either sends all of it there and then,
 * and makes no completion entry, or makes one that says how far it came. So
 * when the submit is over, those without an entry have ended. What had no room
 * is sent once more, by an operation that waits for it. Thousands of messages
 * fill no completion ring, and a request at pipeline 1 costs one turn and one
 * system call, not a second of each that only learns that the answer has left.
 *
 * Files: everything but a read is begun by the kernel's own threads
 * (IOSQE_ASYNC), never on ours: what only tries not to wait may wait all the
 * same, for a lock that a stalled disk's writeback holds, for memory of its
 * journal, or, in a close, for the removal of a large file. It costs nothing
 * where buffered writes go to these threads anyway: on ext4 and tmpfs 2 µs for
 * 200 bytes and 16 µs for 64 KiB with and without it.
 * A truncation has an opcode since kernel 6.9 alone, which Debian's headers do not
 * know: a thread of ours does it, as under epoll.
 *
 * Not used: direct descriptors (they would save one uncontended fget and fput
 * per send, by estimate a few ns of the 3.6 µs of a request at pipeline 1);
 * zero-copy send (a second completion per send, and over loopback the kernel
 * copies all the same, so nothing could be won here). */
#include "shards/loop_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/log.h"
#include "core/memory.h"
#include "shards/file_worker.h"

enum {
    SUBMISSION_ENTRIES = 256,  /* when full, it is submitted at once and without waiting */
    COMPLETION_ENTRIES = 4096, /* more than this at once wait in a list of the kernel's */
    /* 64 or 512 buffers, 4 or 64 KiB: within the noise of 256 × 16 KiB for values of 32 bytes, and none better for
     * 16 KiB or 200 KiB. The count is a power of two. */
    BUFFER_COUNT = 256,
    BUFFERS_AT_FIRST = 32,
    BUFFER_BYTES = 16 * 1024,
    /* Buffers must not start at equal offsets modulo a large power of two: short requests would then all compete
     * for the same few cache sets. An odd number of lines between them spreads them over all (SET of 16 KiB: 4.5 µs
     * of CPU time instead of 4.8, the best of five runs each). */
    BUFFER_STRIDE = BUFFER_BYTES + 5 * 64,
    BUFFER_GROUP = 0,
    PAGE_BYTES = 4096,
    /* Of a send that one attempt is made for: more may well find no room. */
    TRIED_BYTES_MOST = 256 * 1024,
    TRIED_VECTORS_MOST = 64
};

/* What a completion entry stands for, if it is no struct completion: one of these, or the loop that a message did not
 * reach, marked by the lowest bit; or a completion's send that was tried, marked by the third. */
enum uring_event {
    EVENT_NOTHING = 2, /* a cancel that found nothing */
    EVENT_WOKEN_BY_RING = 4,
    EVENT_WOKEN_BY_EVENTFD = 6,
    EVENT_LAST = EVENT_WOKEN_BY_EVENTFD,
    EVENT_WAKE_FAILED_BIT = 1,
    SEND_TRIED_BIT = 4
};

struct uring {
    struct loop loop;
    struct io_uring ring;
    struct io_uring_buf_ring *buffers;
    char *bytes;
    int provided; /* so many of the buffers are in use */
    int lent_count;
    uint16_t lent[BUFFER_COUNT];                 /* in the order taken */
    size_t lent_bytes;                           /* that came in them */
    bool refused;                                /* a receive of this turn found none */
    struct completion *ended_first, *ended_last; /* multishot operations to be armed again, in order */
    struct completion_list tried;                /* sends; result is 0, or what their completion entry says */
    bool has_come;                               /* with the last system call: any entry */
    bool tries_sends;    /* kernel 6.1, as for deferred work: a send that fails says how far it came */
    int files_under_way; /* of the kernel */
    struct file_worker files;
    int wake_fd;
    uint64_t wake_count; /* what the kernel reads from wake_fd */
    /* The header of a SENDMSG has to live until its entry is submitted: one per entry. */
    struct msghdr messages[SUBMISSION_ENTRIES];
};

static const struct loop_operations uring_operations;

static struct uring *uring_of(struct loop *loop)
{
    return (struct uring *)loop;
}

/* --- Submission entries --- */

static _Noreturn void fail(const char *what, int error_code)
{
    log_write(LOG_WARNING, "io_uring: %s: %s", what, strerror(error_code));
    abort();
}

static bool is_passing(int result)
{
    return result >= 0 || result == -EINTR || result == -EAGAIN || result == -EBUSY || result == -ETIME;
}

static struct io_uring_sqe *take_entry(struct uring *uring, uint64_t user_data)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);

    while (!entry) {
        int result = io_uring_submit(&uring->ring);

        if (!is_passing(result))
            fail("submitting", -result);
        entry = io_uring_get_sqe(&uring->ring);
    }
    entry->user_data = user_data;
    return entry;
}

static struct io_uring_sqe *take_entry_for(struct uring *uring, struct completion *completion)
{
    return take_entry(uring, (uintptr_t)completion);
}

static void arm_accept(struct uring *uring, struct completion *completion)
{
    struct io_uring_sqe *entry = take_entry_for(uring, completion);

    io_uring_prep_multishot_accept(entry, completion->fd, NULL, NULL, SOCK_CLOEXEC);
}

static void arm_pause(struct uring *uring, struct completion *completion)
{
    static struct __kernel_timespec pause = {.tv_nsec = LOOP_ACCEPT_PAUSE_US * 1000LL};
    struct io_uring_sqe *entry = take_entry_for(uring, completion);

    io_uring_prep_timeout(entry, &pause, 0, 0);
}

static void arm_receive(struct uring *uring, struct completion *completion)
{
    struct io_uring_sqe *entry = take_entry_for(uring, completion);

    io_uring_prep_recv_multishot(entry, completion->fd, NULL, 0, 0);
    io_uring_sqe_set_flags(entry, IOSQE_BUFFER_SELECT);
    entry->buf_group = BUFFER_GROUP;
}

static struct io_uring_sqe *prepare_send(struct uring *uring, struct completion *completion, int flags)
{
    struct loop_rest rest = loop_send_rest(completion);
    struct io_uring_sqe *entry = take_entry_for(uring, completion);

    flags |= MSG_NOSIGNAL | MSG_WAITALL; /* a short count is a failure, which has an entry */
    if (rest.count > 0) {
        struct msghdr *message = &uring->messages[entry - uring->ring.sq.sqes];

        *message = (struct msghdr){.msg_iov = (struct iovec *)rest.vectors, .msg_iovlen = (size_t)rest.count};
        io_uring_prep_sendmsg(entry, completion->fd, message, (unsigned)flags);
    } else {
        io_uring_prep_send(entry, completion->fd, rest.bytes, rest.length, flags);
    }
    return entry;
}

/* The whole of it, or no further than there is room. */
static void try_send(struct uring *uring, struct completion *completion)
{
    struct io_uring_sqe *entry = prepare_send(uring, completion, MSG_DONTWAIT);

    entry->user_data = (uintptr_t)completion | SEND_TRIED_BIT;
    io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
    completion->result = 0;
    completion_list_append(&uring->tried, completion);
}

static void arm_send(struct uring *uring, struct completion *completion)
{
    struct io_uring_sqe *entry = prepare_send(uring, completion, 0);

    completion->waited = true;
    entry->user_data = (uintptr_t)completion;
}

static void prepare_write(const struct completion *completion, struct io_uring_sqe *entry)
{
    struct loop_rest rest = loop_send_rest(completion);
    uint64_t offset = completion->offset + completion->progress;

    if (rest.count > 0)
        io_uring_prep_writev(entry, completion->fd, rest.vectors, (unsigned)rest.count, offset);
    else
        io_uring_prep_write(entry, completion->fd, rest.bytes, (unsigned)rest.length, offset);
}

static void arm_file(struct uring *uring, struct completion *completion)
{
    struct io_uring_sqe *entry = take_entry(uring, EVENT_NOTHING);

    switch (completion->operation) {
    case LOOP_FILE_OPEN:
        io_uring_prep_openat(entry, AT_FDCWD, completion->path, completion->flags, completion->mode);
        break;
    case LOOP_FILE_WRITE:
        prepare_write(completion, entry);
        break;
    case LOOP_FILE_READ:
        io_uring_prep_read(entry, completion->fd, completion->room, (unsigned)completion->room_bytes,
                           completion->offset);
        break;
    case LOOP_FILE_SYNC:
        io_uring_prep_fsync(entry, completion->fd, completion->data_only ? IORING_FSYNC_DATASYNC : 0);
        break;
    case LOOP_FILE_CLOSE:
        io_uring_prep_close(entry, completion->fd);
        break;
    case LOOP_FILE_RENAME:
        io_uring_prep_rename(entry, completion->path, completion->new_path);
        break;
    default:
        ASSERT(completion->operation == LOOP_FILE_REMOVE);
        io_uring_prep_unlink(entry, completion->path, 0);
    }
    entry->user_data = (uintptr_t)completion;
    if (completion->operation != LOOP_FILE_READ)
        io_uring_sqe_set_flags(entry, IOSQE_ASYNC);
}

static void arm_wake_fd(struct uring *uring)
{
    struct io_uring_sqe *entry = take_entry(uring, EVENT_WOKEN_BY_EVENTFD);

    io_uring_prep_read(entry, uring->wake_fd, &uring->wake_count, sizeof(uring->wake_count), 0);
}

/* --- Starting operations --- */

/* A descriptor in non-blocking mode would have the ring answer EAGAIN where it is meant to wait. */
static void uring_accept(struct loop *loop, struct completion *completion)
{
    int flags = fcntl(completion->fd, F_GETFL);

    if (flags >= 0 && flags & O_NONBLOCK)
        fcntl(completion->fd, F_SETFL, flags & ~O_NONBLOCK);
    arm_accept(uring_of(loop), completion);
}

static void uring_receive(struct loop *loop, struct completion *completion)
{
    arm_receive(uring_of(loop), completion);
}

static bool is_to_be_tried(const struct uring *uring, const struct completion *completion)
{
    return uring->tries_sends && completion->total <= TRIED_BYTES_MOST &&
           completion->vector_count <= TRIED_VECTORS_MOST;
}

static void uring_send(struct loop *loop, struct completion *completion)
{
    struct uring *uring = uring_of(loop);

    if (is_to_be_tried(uring, completion))
        try_send(uring, completion);
    else
        arm_send(uring, completion);
}

/* Entries are executed in order, so even if the completion ends before this is submitted and its address is used
 * again, the cancel does not meet the new operation. */
static void uring_cancel(struct loop *loop, struct completion *completion)
{
    struct io_uring_sqe *entry = take_entry(uring_of(loop), EVENT_NOTHING);

    io_uring_prep_cancel64(entry, (uintptr_t)completion, 0);
    io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
}

static void uring_close_fd(struct loop *loop, int fd)
{
    close(fd);
}

static void uring_file(struct loop *loop, struct completion *completion)
{
    struct uring *uring = uring_of(loop);

    if (completion->operation == LOOP_FILE_TRUNCATE) {
        file_worker_do(&uring->files, completion);
        return;
    }
    uring->files_under_way++;
    arm_file(uring, completion);
}

static void write_wake_fd(struct uring *target)
{
    uint64_t one = 1;

    while (write(target->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

static void uring_wake(struct loop *from, struct loop *target_loop)
{
    struct uring *target = uring_of(target_loop);
    struct io_uring_sqe *entry;

    if (!from || from->operations != &uring_operations) {
        write_wake_fd(target);
        return;
    }
    entry = take_entry(uring_of(from), (uintptr_t)target | EVENT_WAKE_FAILED_BIT);
    io_uring_prep_msg_ring(entry, target->ring.ring_fd, 0, EVENT_WOKEN_BY_RING, 0);
    io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
}

/* --- Delivering completions --- */

static void lend_buffer(struct uring *uring, struct completion *completion, int result, uint32_t flags)
{
    uint16_t index = (uint16_t)(flags >> IORING_CQE_BUFFER_SHIFT);

    ASSERT(index < uring->provided && uring->lent_count < uring->provided);
    uring->lent[uring->lent_count++] = index;
    uring->lent_bytes += result > 0 ? (size_t)result : 0;
    completion->bytes = uring->bytes + (size_t)index * BUFFER_STRIDE;
}

/* They go to the kernel with those that are lent. */
static void provide_more(struct uring *uring, int count)
{
    for (int i = 0; i < count && uring->provided < BUFFER_COUNT; i++)
        uring->lent[uring->lent_count++] = (uint16_t)uring->provided++;
}

/* Where they were full the turn had enough to do. */
static bool lacks_buffers(const struct uring *uring)
{
    return uring->refused && uring->lent_bytes < (size_t)uring->lent_count * BUFFER_BYTES / 2;
}

static void take_back_buffers(struct uring *uring)
{
    int mask = io_uring_buf_ring_mask(BUFFER_COUNT);

    if (uring->lent_count == 0)
        return;
    if (lacks_buffers(uring))
        provide_more(uring, uring->provided);
    for (int i = 0; i < uring->lent_count; i++) {
        uint16_t index = uring->lent[i];
        char *bytes = uring->bytes + (size_t)index * BUFFER_STRIDE;

        io_uring_buf_ring_add(uring->buffers, bytes, BUFFER_BYTES, index, mask, i);
    }
    io_uring_buf_ring_advance(uring->buffers, uring->lent_count);
    uring->lent_count = 0;
    uring->lent_bytes = 0;
    uring->refused = false;
}

/* The kernel ended a multishot operation that we want to go on: next turn. */
static void arm_later(struct uring *uring, struct completion *completion)
{
    completion->next = NULL;
    if (uring->ended_first)
        uring->ended_last->next = completion;
    else
        uring->ended_first = completion;
    uring->ended_last = completion;
}

/* Returns how many were cancelled meanwhile, and delivered so. */
static int arm_ended(struct uring *uring)
{
    struct completion *completion = uring->ended_first;
    int delivered = 0;

    uring->ended_first = NULL;
    while (completion) {
        struct completion *next = completion->next;

        if (completion->cancelled) {
            loop_finish(completion, -ECANCELED);
            delivered++;
        } else if (completion->operation == LOOP_ACCEPT) {
            arm_accept(uring, completion);
        } else {
            arm_receive(uring, completion);
        }
        completion = next;
    }
    return delivered;
}

static int deliver_more(struct completion *completion, int result)
{
    completion->result = result;
    completion->more = true;
    completion->done(completion);
    return 1;
}

static int deliver_last(struct completion *completion, int result)
{
    loop_finish(completion, result);
    return 1;
}

static int accept_completed(struct uring *uring, struct completion *completion, int result, uint32_t flags)
{
    bool armed = flags & IORING_CQE_F_MORE;

    if (result < 0 && (completion->cancelled || !loop_accept_is_passing(-result)))
        return deliver_last(completion, completion->cancelled ? -ECANCELED : result);
    if (result < 0) {
        completion->result = result;
        completion->operation = LOOP_ACCEPT_PAUSED;
        arm_pause(uring, completion);
        return 0;
    }
    if (!armed)
        arm_later(uring, completion);
    return deliver_more(completion, result);
}

static int pause_completed(struct uring *uring, struct completion *completion)
{
    if (completion->cancelled)
        return deliver_last(completion, -ECANCELED);
    completion->operation = LOOP_ACCEPT;
    arm_accept(uring, completion);
    return deliver_more(completion, completion->result);
}

static int receive_completed(struct uring *uring, struct completion *completion, int result, uint32_t flags)
{
    bool armed = flags & IORING_CQE_F_MORE;
    bool passing = result > 0 || result == -ENOBUFS || result == -EINTR || result == -EAGAIN;

    if (flags & IORING_CQE_F_BUFFER)
        lend_buffer(uring, completion, result, flags);
    uring->refused |= result == -ENOBUFS;
    if (!passing)
        return deliver_last(completion, result);
    if (!armed)
        arm_later(uring, completion);
    return result > 0 ? deliver_more(completion, result) : 0;
}

static int send_completed(struct uring *uring, struct completion *completion, int result)
{
    int total;

    if (loop_send_ends(completion, result, &total))
        return deliver_last(completion, total);
    arm_send(uring, completion);
    return 0;
}

static bool is_of_file(const struct completion *completion)
{
    return completion->operation >= LOOP_FILE_OPEN;
}

static bool file_ends(struct completion *completion, int result, int *last)
{
    if (completion->operation == LOOP_FILE_WRITE)
        return loop_send_ends(completion, result, last);
    *last = result;
    return result != -EINTR || completion->operation == LOOP_FILE_CLOSE;
}

static int file_completed(struct uring *uring, struct completion *completion, int result)
{
    int last;

    if (!file_ends(completion, result, &last)) {
        arm_file(uring, completion);
        return 0;
    }
    uring->files_under_way--;
    return deliver_last(completion, last);
}

static void event_completed(struct uring *uring, uint64_t event)
{
    if (event & EVENT_WAKE_FAILED_BIT)
        write_wake_fd((struct uring *)(uintptr_t)(event & ~(uint64_t)EVENT_WAKE_FAILED_BIT));
    else if (event == EVENT_WOKEN_BY_EVENTFD)
        arm_wake_fd(uring);
}

static bool is_tried_send(const struct io_uring_cqe *entry)
{
    return entry->user_data & SEND_TRIED_BIT && entry->user_data > EVENT_LAST;
}

/* Its done is due when all of those have been looked at that were submitted with it. */
static void note_tried_send(const struct io_uring_cqe *entry)
{
    struct completion *completion = (struct completion *)(uintptr_t)(entry->user_data & ~(uint64_t)SEND_TRIED_BIT);

    completion->result = entry->res;
}

static bool is_event(const struct io_uring_cqe *entry)
{
    return entry->user_data <= EVENT_LAST || entry->user_data & EVENT_WAKE_FAILED_BIT;
}

/* Returns how many times done was called. */
static int complete(struct uring *uring, const struct io_uring_cqe *entry)
{
    struct completion *completion = (struct completion *)(uintptr_t)entry->user_data;

    if (is_event(entry)) {
        event_completed(uring, entry->user_data);
        return 0;
    }
    if (is_tried_send(entry)) {
        note_tried_send(entry);
        return 0;
    }
    if (is_of_file(completion))
        return file_completed(uring, completion, entry->res);
    switch (completion->operation) {
    case LOOP_ACCEPT:
        return accept_completed(uring, completion, entry->res, entry->flags);
    case LOOP_ACCEPT_PAUSED:
        return pause_completed(uring, completion);
    case LOOP_RECEIVE:
        return receive_completed(uring, completion, entry->res, entry->flags);
    case LOOP_SEND:
        return send_completed(uring, completion, entry->res);
    default:
        ASSERT(!"a completion without an operation");
    }
    return 0;
}

/* Of a loop that closes: sockets are not heard any more. */
static int complete_file_or_event(struct uring *uring, const struct io_uring_cqe *entry)
{
    struct completion *completion = (struct completion *)(uintptr_t)entry->user_data;

    return is_event(entry) || (!is_tried_send(entry) && is_of_file(completion)) ? complete(uring, entry) : 0;
}

/* What is in the completion ring now; what arrives meanwhile is for the next turn. */
static int complete_all(struct uring *uring, int (*complete_one)(struct uring *, const struct io_uring_cqe *))
{
    unsigned ready = io_uring_cq_ready(&uring->ring), seen = 0, head;
    struct io_uring_cqe *entry;
    int delivered = 0;

    if (ready == 0)
        return 0;
    io_uring_for_each_cqe(&uring->ring, head, entry)
    {
        delivered += complete_one(uring, entry);
        if (++seen == ready)
            break;
    }
    io_uring_cq_advance(&uring->ring, seen);
    return delivered;
}

/* --- Waiting --- */

/* A shard that spins asks this very often: three loads. */
static bool uring_has_events(const struct loop *loop)
{
    const struct uring *uring = (const struct uring *)loop;
    unsigned flags = __atomic_load_n(uring->ring.sq.kflags, __ATOMIC_RELAXED);

    return io_uring_cq_ready(&uring->ring) > 0 || flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/* Whether a call that does not wait would do anything. */
static bool has_work(const struct uring *uring)
{
    return io_uring_sq_ready(&uring->ring) > 0 || uring_has_events(&uring->loop);
}

static void uring_submit(struct loop *loop)
{
    io_uring_submit(&uring_of(loop)->ring);
}

static void enter(struct uring *uring, int64_t timeout_us)
{
    struct __kernel_timespec timeout = {timeout_us / 1000000, timeout_us % 1000000 * 1000};
    struct io_uring_cqe *entry;
    int result = 0;

    if (timeout_us < 0)
        result = io_uring_submit_and_wait(&uring->ring, 1);
    else if (timeout_us > 0)
        result = io_uring_submit_and_wait_timeout(&uring->ring, &entry, 1, &timeout, NULL);
    else if (has_work(uring))
        result = io_uring_submit_and_get_events(&uring->ring);
    if (!is_passing(result))
        fail("waiting", -result);
}

/* Whether what was tried so far has been, and each entry of those that did not succeed is in the completion ring. */
static bool has_tried_all(const struct uring *uring)
{
    unsigned flags = __atomic_load_n(uring->ring.sq.kflags, __ATOMIC_RELAXED);

    return io_uring_sq_ready(&uring->ring) == 0 && !(flags & IORING_SQ_CQ_OVERFLOW);
}

/* Once each: its completion may be gone when the entries are delivered. */
static void note_tried_sends(struct uring *uring)
{
    struct io_uring_cqe *entry;
    unsigned head;

    io_uring_for_each_cqe(&uring->ring, head, entry)
    {
        if (!is_tried_send(entry))
            continue;
        note_tried_send(entry);
        entry->user_data = EVENT_NOTHING;
    }
}

/* Sends are over before anything that has come is delivered, so that an answer which has left is known to have. */
static int end_tried_sends(struct uring *uring)
{
    struct completion_list due = uring->tried;
    int delivered = 0;

    if (!due.first)
        return 0;
    note_tried_sends(uring);
    uring->tried = (struct completion_list){0};
    while (due.first) {
        struct completion *completion = completion_list_take_first(&due);
        int result = completion->result;

        delivered += send_completed(uring, completion, result == 0 ? (int)completion->total : result);
    }
    return delivered;
}

static int collect(struct uring *uring, int64_t timeout_us)
{
    int delivered = 0;

    enter(uring, timeout_us);
    uring->has_come = io_uring_cq_ready(&uring->ring) > 0;
    uring->loop.awaited = !has_tried_all(uring);
    if (!uring->loop.awaited)
        delivered = end_tried_sends(uring);
    delivered += complete_all(uring, complete);
    return delivered + file_worker_deliver(&uring->files);
}

/* What is awaited is collected before it sleeps. What has come by then without a done ends the wait, too: a wake-up,
 * whose sender takes us to be awake, or the end of a receive, which is armed again when the next wait begins. */
static int uring_wait(struct loop *loop, int64_t timeout_us)
{
    struct uring *uring = uring_of(loop);
    int delivered;

    take_back_buffers(uring);
    uring->has_come = false;
    delivered = arm_ended(uring);
    if (delivered > 0 || loop->awaited)
        delivered += collect(uring, 0);
    return delivered > 0 || uring->has_come ? delivered : collect(uring, timeout_us);
}

/* --- Opening and closing --- */

static int open_ring(struct io_uring *ring)
{
    static const unsigned modes[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        0,
    };
    int result = -EINVAL;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]) && result == -EINVAL; i++) {
        struct io_uring_params params = {
            .flags = modes[i] | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
            .cq_entries = COMPLETION_ENTRIES,
        };

        result = io_uring_queue_init_params(SUBMISSION_ENTRIES, ring, &params);
    }
    return result;
}

/* Multishot receive has no flag or operation of its own to ask for; zero-copy send came with the same kernel, 6.0. */
static bool has_operations(struct io_uring *ring)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    bool has = probe && io_uring_opcode_supported(probe, IORING_OP_SEND_ZC) &&
               io_uring_opcode_supported(probe, IORING_OP_MSG_RING);

    io_uring_free_probe(probe);
    return has && ring->features & IORING_FEAT_EXT_ARG;
}

static int provide_buffers(struct uring *uring)
{
    struct io_uring_buf_reg registration = {.ring_entries = BUFFER_COUNT, .bgid = BUFFER_GROUP};
    int result;

    uring->bytes = memory_alloc_aligned(uring->loop.memory, (size_t)BUFFER_COUNT * BUFFER_STRIDE, PAGE_BYTES);
    uring->buffers =
        memory_alloc_aligned(uring->loop.memory, BUFFER_COUNT * sizeof(uring->buffers->bufs[0]), PAGE_BYTES);
    registration.ring_addr = (uintptr_t)uring->buffers;
    io_uring_buf_ring_init(uring->buffers);
    result = io_uring_register_buf_ring(&uring->ring, &registration, 0);
    provide_more(uring, BUFFERS_AT_FIRST);
    return result;
}

static void free_uring(struct uring *uring)
{
    struct memory *memory = uring->loop.memory;

    if (uring->wake_fd >= 0)
        close(uring->wake_fd);
    memory_free(memory, uring->buffers);
    memory_free(memory, uring->bytes);
    memory_free(memory, uring);
}

/* What ends an operation gives back its descriptor; what is left to the ring's own end does so at some later moment.
 * The kernel does no more than 20 of these at once. */
static void run_all_work(struct uring *uring)
{
    do
        io_uring_get_events(&uring->ring);
    while (__atomic_load_n(uring->ring.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_TASKRUN);
}

static void finish_files(struct uring *uring)
{
    while (uring->files_under_way > 0 || uring->files.under_way > 0) {
        enter(uring, -1);
        complete_all(uring, complete_file_or_event);
        file_worker_deliver(&uring->files);
    }
    file_worker_finish(&uring->files);
}

/* A closed ring ends its operations later and by itself. So that a listening port is free at once and the kernel
 * touches no memory that we have freed, they are ended here first. */
static void uring_close(struct loop *loop)
{
    struct uring *uring = uring_of(loop);
    struct io_uring_sync_cancel_reg all = {
        .flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
        .timeout = {-1, -1},
    };

    finish_files(uring);
    io_uring_submit(&uring->ring);
    io_uring_register_sync_cancel(&uring->ring, &all);
    run_all_work(uring);
    io_uring_unregister_buf_ring(&uring->ring, BUFFER_GROUP);
    io_uring_queue_exit(&uring->ring);
    free_uring(uring);
}

static const struct loop_operations uring_operations = {
    .name = "io_uring",
    .close = uring_close,
    .accept = uring_accept,
    .receive = uring_receive,
    .send = uring_send,
    .cancel = uring_cancel,
    .close_fd = uring_close_fd,
    .file = uring_file,
    .wait = uring_wait,
    .has_events = uring_has_events,
    .submit = uring_submit,
    .wake = uring_wake,
    .time_us = loop_kernel_time_us,
    .monotonic_us = loop_kernel_monotonic_us,
    .clock_ns = loop_kernel_clock_ns,
};

static int equip_ring(struct uring *uring)
{
    int result;

    if (!has_operations(&uring->ring))
        return -EOPNOTSUPP;
    result = provide_buffers(uring);
    if (result < 0)
        return result;
    uring->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (uring->wake_fd < 0)
        return -errno;
    io_uring_register_ring_fd(&uring->ring); /* saves a lookup per call; not needed */
    arm_wake_fd(uring);
    uring->tries_sends = uring->ring.flags & IORING_SETUP_DEFER_TASKRUN;
    file_worker_init(&uring->files, uring->wake_fd);
    return 0;
}

struct loop *loop_uring_open(struct memory *memory, int *error_code)
{
    struct uring *uring = memory_alloc_zeroed(memory, sizeof(*uring));
    int result;

    uring->loop.operations = &uring_operations;
    uring->loop.memory = memory;
    uring->wake_fd = -1;
    result = open_ring(&uring->ring);
    if (result >= 0) {
        result = equip_ring(uring);
        if (result >= 0)
            return &uring->loop;
        io_uring_queue_exit(&uring->ring);
    }
    free_uring(uring);
    *error_code = -result;
    return NULL;
}
