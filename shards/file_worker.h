/* A thread that does a loop's operations on files, for which the kernel has no way that would not wait.
 *
 * One per loop and started by the first operation, as few servers need it. It does
 * them one after the other, in the order given: where a disk stalls, what comes
 * behind waits too, and the loop does not.
 * All functions are the loop's thread's. */
#ifndef SHARDS_FILE_WORKER_H
#define SHARDS_FILE_WORKER_H

#include <pthread.h>

#include "shards/loop_backend.h"

struct file_worker {
    int wake_fd; /* frozen before start: an eventfd, written when something has finished */
    /* The loop's thread. */
    pthread_t thread;
    bool is_started;
    int under_way; /* given, and done not yet called */
    /* Shared, under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct completion_list waiting, finished;
    bool is_ending;
};

/* wake_fd stays open, and of the blocking kind, until file_worker_finish is over. */
void file_worker_init(struct file_worker *worker, int wake_fd);
/* Done later, by file_worker_deliver. */
void file_worker_do(struct file_worker *worker, struct completion *completion);
/* Calls done for what has finished; returns for how many. Cheap while nothing is under way. */
int file_worker_deliver(struct file_worker *worker);
/* Waits for all that is under way, and for what its done starts; then ends the thread. */
void file_worker_finish(struct file_worker *worker);

#endif
