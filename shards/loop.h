/* What a shard's turn needs of the operating system: submit, wait, time out.
 *
 * One loop per shard, used by that shard's thread alone (but for loop_wake).
 * Nothing here blocks except loop_wait. Operations are started by filling a
 * struct completion and naming it; when the kernel has finished, or delivered
 * something, loop_wait calls completion->done on the shard's thread.
 * Received bytes stay valid until the next loop_wait, so that a turn's requests
 * can point into them: receive buffers are recycled then, all at once, never
 * right after done. When a turn uses up all buffers, the rest is delivered in the next.
 * Three implementations: loop_uring.c, loop_epoll.c and the simulator's in
 * tests/sim/. The two first behave the same; the end-to-end tests run on both. */
#ifndef SHARDS_LOOP_H
#define SHARDS_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "core/str.h"

struct loop;
struct memory;

/* One operation under way. Embedded in what waits for it; it must live until
 * the last done. */
struct completion {
    void (*done)(struct completion *completion);
    int result;  /* accept, open: the descriptor; receive, send, read, write: bytes; or a negative errno */
    bool more;   /* accept, receive: still armed, done will be called again */
    bool waited; /* send: it was not over at once, for want of room or because it was large */
    union {
        const char *bytes; /* receive: what came, borrowed until the next loop_wait */
        uint64_t offset;   /* of a file: where it begins; truncate: where the file is to end */
    };
    /* The loop's own; zero before the first use. */
    bool deferred, cancelled;
    uint8_t operation; /* what is under way; 0: nothing, and it may be started, freed or deferred */
    int fd;
    struct completion *next; /* in the one list of the loop that holds it */
    union {
        struct { /* send, write */
            const struct iovec *vectors;
            int vector_count;
            size_t progress, total; /* bytes of vectors already sent, and all of them */
        };
        struct { /* read */
            char *room;
            size_t room_bytes;
        };
        struct { /* open, rename, remove, sync */
            const char *path, *new_path;
            int flags;
            mode_t mode;
            bool data_only;
        };
    };
};

enum loop_backend { LOOP_AUTO, LOOP_URING, LOOP_EPOLL };

/* Opens the asked backend on the calling thread, which has to be the one that will use it (io_uring's single issuer).
 * LOOP_AUTO takes io_uring and, where the kernel refuses it, epoll. NULL: failed, with *error_code an errno.
 * *why is a static text for the banner ("io_uring", "epoll: io_uring_setup refused (EPERM)"). */
struct loop *loop_open(enum loop_backend backend, struct memory *memory, const char **why, int *error_code);
void loop_close(
    struct loop *loop); /* what is under way with sockets ends unreported, what is with files is waited for */
const char *loop_backend_name(const struct loop *loop);

/* Multishot: done for every connection, result its descriptor (blocking mode of
 * no interest to the caller). A failure with more == false ends it; EMFILE and the like are
 * delivered with more == true after the backend has waited a little. */
void loop_accept(struct loop *loop, struct completion *completion, int listen_fd);

/* Multishot: done with bytes for all that arrives, in order. result 0: the peer
 * closed its side; negative: an error; both end it (more == false). */
void loop_receive(struct loop *loop, struct completion *completion, int fd);
/* Asks an accept or a receive to end; done comes once more with more == false
 * (result -ECANCELED, or whatever happened first; bytes may still come before that). */
void loop_cancel(struct loop *loop, struct completion *completion);

/* Sends all of the vectors' bytes; done once, result the total or a negative
 * errno (a short count is continued inside). vectors and bytes stay until then. One at a time per descriptor. */
void loop_send(struct loop *loop, struct completion *completion, int fd, const struct iovec *vectors, int count);
/* The same, but where the socket has room for all of it no loop_wait returns for its sake: done comes with whatever
 * happens next. Who needs it sooner after all says so with loop_await_send, in the same turn. */
void loop_send_quietly(struct loop *loop, struct completion *completion, int fd, const struct iovec *vectors,
                       int count);
void loop_await_send(struct loop *loop, struct completion *completion);
/* Likewise for all sends of this turn. */
void loop_await_sends(struct loop *loop);

/* Closes a descriptor that has no operation under way; nothing is reported. */
void loop_close_fd(struct loop *loop, int fd);

/* Files. Each calls done once, and none waits for a disk on this thread; they go on side by side and end in any order,
 * so who wants an order among them waits for done. Paths, vectors and bytes stay until then. They can't be cancelled:
 * loop_close waits for them, and for those that their done starts.
 *
 * open: the result is the descriptor, which children do not inherit. */
void loop_file_open(struct loop *loop, struct completion *completion, const char *path, int flags, mode_t mode);
/* All of the vectors' bytes, or a negative errno after an unknown part of them. */
void loop_file_write(struct loop *loop, struct completion *completion, int fd, const struct iovec *vectors, int count,
                     uint64_t offset);
/* The result is how many bytes there were, at most 1 GiB; 0: the file ends before the offset. */
void loop_file_read(struct loop *loop, struct completion *completion, int fd, char *bytes, size_t length,
                    uint64_t offset);
/* What was written before it was called is on the disk; data_only: without what reading does not need. After a failure
 * the kernel may take the bytes for written: a second sync says nothing about them. */
void loop_file_sync(struct loop *loop, struct completion *completion, int fd, bool data_only);
void loop_file_truncate(struct loop *loop, struct completion *completion, int fd, uint64_t bytes);
/* Closing may take as long as the removal of the whole file; the descriptor is gone even if it fails. */
void loop_file_close(struct loop *loop, struct completion *completion, int fd);
void loop_file_rename(struct loop *loop, struct completion *completion, const char *from, const char *to);
void loop_file_remove(struct loop *loop, struct completion *completion, const char *path);

/* Has done called once, later in this same turn: after execution, before the submit. Idempotent while pending.
 * The completion must have no other operation under way. */
void loop_defer(struct loop *loop, struct completion *completion);
bool loop_has_deferred(const struct loop *loop);
/* Runs them in the order deferred, those too that are deferred meanwhile; loop_wait begins with it. */
void loop_run_deferred(struct loop *loop);

/* Submits everything started since the last call and collects what has
 * finished, calling done for each; waits for the first at most timeout_us
 * (0: does not wait; -1: until something happens). Returns how many were delivered. */
int loop_wait(struct loop *loop, int64_t timeout_us);

/* Whether loop_wait would have something to deliver, without asking the kernel; true where that can't be told. */
bool loop_has_events(const struct loop *loop);

/* Submits everything started since the last call, and delivers nothing: for a
 * shard that will not come to its loop_wait for a while. */
void loop_submit(struct loop *loop);

/* Makes a target loop's loop_wait return. From another shard's thread: `from` is the caller's own
 * loop (io_uring sends a ring message with its next submit), or NULL from a thread without one (a signal handler's: at
 * once). */
void loop_wake(struct loop *from, struct loop *target);

/* Unix time in µs, and a monotonic clock in µs. */
int64_t loop_time_us(struct loop *loop);
int64_t loop_monotonic_us(struct loop *loop);
/* The latter in ns, for what is short. */
int64_t loop_clock_ns(struct loop *loop);

#endif
