/* What a backend of the loop provides, and what all of them share.
 *
 * Included by loop.c, by the backends and by nobody else. A backend embeds
 * struct loop as its first member and fills in its operations; loop.c asserts
 * the contract of loop.h once for all of them. */
#ifndef SHARDS_LOOP_BACKEND_H
#define SHARDS_LOOP_BACKEND_H

#include "shards/loop.h"

/* Parameters as in loop.h. The completion's fields are set and its operation is begun when one is called. */
struct loop_operations {
    const char *name;
    void (*close)(struct loop *loop);
    void (*accept)(struct loop *loop, struct completion *completion);
    void (*receive)(struct loop *loop, struct completion *completion);
    void (*send)(struct loop *loop, struct completion *completion);
    void (*cancel)(struct loop *loop, struct completion *completion);
    void (*close_fd)(struct loop *loop, int fd);
    void (*file)(struct loop *loop, struct completion *completion); /* the operation says which */
    int (*wait)(struct loop *loop, int64_t timeout_us);
    bool (*has_events)(const struct loop *loop); /* NULL: it can't tell without a system call */
    void (*submit)(struct loop *loop);           /* NULL: nothing is ever held back until wait */
    /* The operations are the target's; from is NULL or any loop. */
    void (*wake)(struct loop *from, struct loop *target);
    int64_t (*time_us)(struct loop *loop);
    int64_t (*monotonic_us)(struct loop *loop);
    int64_t (*clock_ns)(struct loop *loop);
};

struct loop {
    const struct loop_operations *operations;
    struct memory *memory;
    struct completion *deferred_first, *deferred_last;
    bool awaited; /* what may have ended already: no wait sleeps before its done. Quiet sends alone do not set it */
};

enum loop_operation {
    LOOP_IDLE,
    LOOP_ACCEPT,
    LOOP_ACCEPT_PAUSED, /* out of descriptors: waits a little before it goes on */
    LOOP_RECEIVE,
    LOOP_SEND,
    LOOP_FILE_OPEN,
    LOOP_FILE_WRITE,
    LOOP_FILE_READ,
    LOOP_FILE_SYNC,
    LOOP_FILE_TRUNCATE,
    LOOP_FILE_CLOSE,
    LOOP_FILE_RENAME,
    LOOP_FILE_REMOVE,
};

enum { LOOP_ACCEPT_PAUSE_US = 100 * 1000 };

/* What finished, or waits, one after the other. A completion is in one list at most. */
struct completion_list {
    struct completion *first, *last;
};
void completion_list_append(struct completion_list *list, struct completion *completion);
/* Of a list that is not empty. */
struct completion *completion_list_take_first(struct completion_list *list);

struct loop *loop_uring_open(struct memory *memory, int *error_code);
struct loop *loop_epoll_open(struct memory *memory, int *error_code);

/* Calls done with nothing more to come. The completion may be gone afterwards. */
void loop_finish(struct completion *completion, int result);

/* Whether a failed accept says nothing about the listening socket itself: the process is out of descriptors, or the
 * peer left before it was taken. */
bool loop_accept_is_passing(int error_code);

/* What of a send or a write is still to do: one run of bytes (the rest of a vector that was cut), or whole vectors. */
struct loop_rest {
    const char *bytes;
    size_t length;
    const struct iovec *vectors;
    int count; /* 0: bytes; else vectors, at most what one system call takes */
};
struct loop_rest loop_send_rest(const struct completion *completion);

/* The kernel took `sent` bytes or failed with a negative errno: true when that ends it, with *result for done. */
bool loop_send_ends(struct completion *completion, int sent, int *result);

int64_t loop_kernel_time_us(struct loop *loop);
int64_t loop_kernel_monotonic_us(struct loop *loop);
int64_t loop_kernel_clock_ns(struct loop *loop);

#endif
