/* Loops that wake each other, for ThreadSanitizer (which Criterion does not
 * start under): `stress_loop_wake [laps]`, exit status 0 when nothing was lost.
 *
 * A few threads, each with its loop, stand in a circle. Tokens go round: who has
 * one puts it into the next one's box and wakes it; who has none sleeps without
 * a time limit. A lost wake-up stops the circle, and the alarm ends the program.
 * A thread without a loop wakes everybody in between. Once with each backend,
 * and once with both in turn. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "shards/loop.h"

enum { THREADS = 4, TOKENS = 3, TIMEOUT_S = 120 };

struct member {
    /* Frozen before the first token. */
    enum loop_backend backend;
    struct circle *circle;
    struct member *next;
    struct loop *loop;
    /* This thread. */
    pthread_t thread;
    struct memory memory;
    int taken;
    /* Shared. */
    atomic_int box; /* running count of tokens put in */
};

struct circle {
    struct member members[THREADS];
    pthread_barrier_t opened, finished;
    int laps;
    atomic_bool stopping;
};

static void pass_token(struct member *member)
{
    atomic_fetch_add_explicit(&member->next->box, 1, memory_order_release);
    loop_wake(member->loop, member->next->loop);
}

/* Each token passes each member `laps` times. */
static void pass_all_tokens(struct member *member)
{
    int last = member->circle->laps * TOKENS;

    while (member->taken < last) {
        int arrived = atomic_load_explicit(&member->box, memory_order_acquire);

        if (arrived == member->taken)
            loop_wait(member->loop, -1);
        for (; member->taken < arrived; member->taken++)
            if (member->taken < last)
                pass_token(member);
    }
    loop_wait(member->loop, 0); /* sends the last wake-up */
}

static void *member_main(void *argument)
{
    struct member *member = argument;
    const char *why;
    int error_code;

    member->loop = loop_open(member->backend, &member->memory, &why, &error_code);
    if (!member->loop) {
        fprintf(stderr, "%s: %s\n", why, strerror(error_code));
        exit(1);
    }
    pthread_barrier_wait(&member->circle->opened);
    pass_all_tokens(member);
    pthread_barrier_wait(&member->circle->finished);
    loop_close(member->loop);
    return NULL;
}

static void *disturb(void *argument)
{
    struct circle *circle = argument;

    pthread_barrier_wait(&circle->opened);
    for (int i = 0; !atomic_load(&circle->stopping); i++) {
        loop_wake(NULL, circle->members[i % THREADS].loop);
        usleep(50);
    }
    pthread_barrier_wait(&circle->finished);
    return NULL;
}

static void run_circle(enum loop_backend even, enum loop_backend odd, int laps)
{
    struct circle circle = {.laps = laps};
    pthread_t disturber;

    pthread_barrier_init(&circle.opened, NULL, THREADS + 2);
    pthread_barrier_init(&circle.finished, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++) {
        struct member *member = &circle.members[i];

        member->backend = i % 2 == 0 ? even : odd;
        member->circle = &circle;
        member->next = &circle.members[(i + 1) % THREADS];
        pthread_create(&member->thread, NULL, member_main, member);
    }
    pthread_create(&disturber, NULL, disturb, &circle);
    pthread_barrier_wait(&circle.opened);
    for (int i = 0; i < TOKENS; i++) {
        atomic_fetch_add(&circle.members[0].box, 1);
        loop_wake(NULL, circle.members[0].loop);
    }
    while (atomic_load(&circle.members[THREADS - 1].box) < laps * TOKENS)
        usleep(1000);
    atomic_store(&circle.stopping, true);
    pthread_join(disturber, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(circle.members[i].thread, NULL);
}

int main(int argc, char **argv)
{
    int laps = argc > 1 ? atoi(argv[1]) : 2000;

    alarm(TIMEOUT_S);
    run_circle(LOOP_URING, LOOP_URING, laps);
    run_circle(LOOP_EPOLL, LOOP_EPOLL, laps);
    run_circle(LOOP_URING, LOOP_EPOLL, laps);
    printf("%d laps of %d tokens past %d loops, three times: no wake-up lost\n", laps, TOKENS, THREADS);
    return 0;
}
