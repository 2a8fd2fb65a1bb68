/* Waiting for nothing costs nothing and lasts as long as it should, and no wake-up is lost. */
#include "shards/loop.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/shards/loop_probe.h"

ON_BOTH_BACKENDS(a_wait_lasts_no_less_than_its_timeout)
{
    static const int64_t timeouts_us[] = {1, 50, 700, 3000, 20000};
    struct loop *loop = open_or_skip(backend);

    for (size_t i = 0; i < sizeof(timeouts_us) / sizeof(timeouts_us[0]); i++) {
        int64_t start_us = loop_monotonic_us(loop);
        int delivered = loop_wait(loop, timeouts_us[i]);
        int64_t took_us = loop_monotonic_us(loop) - start_us;

        cr_assert_eq(delivered, 0);
        cr_assert_geq(took_us, timeouts_us[i]);
        cr_assert_lt(took_us, timeouts_us[i] + 500000);
    }
    close_all(loop);
}

static int64_t thread_cpu_us(void)
{
    struct timespec cpu;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return (int64_t)cpu.tv_sec * 1000000 + cpu.tv_nsec / 1000;
}

/* A socket whose receive has ended with its peer, and one that had to wait for room to send, must not keep it busy. */
ON_BOTH_BACKENDS(waiting_uses_no_cpu)
{
    enum { BYTES = 1 << 20 };
    struct loop *loop = open_or_skip(backend);
    struct probe accept_probe = probe_of(accept_done, 0), open_receive = probe_of(receive_done, 0);
    struct probe ended_receive = probe_of(receive_done, 0), send = probe_of(probe_done, 0);
    struct pair open_pair = make_pair(), ended_pair = make_pair();
    struct iovec vector = {malloc(BYTES), BYTES};
    struct sockaddr_in address;
    int64_t before_us, start_us, used_us, least_us = INT64_MAX;

    fill_pattern(vector.iov_base, BYTES, 0, 0);
    loop_accept(loop, &accept_probe.completion, listen_anywhere(&address));
    loop_receive(loop, &open_receive.completion, open_pair.near);
    loop_receive(loop, &ended_receive.completion, ended_pair.near);
    close(ended_pair.far);
    loop_send(loop, &send.completion, open_pair.near, &vector, 1);
    for (size_t seen = 0; seen < BYTES || send.ends == 0 || ended_receive.ends == 0;) {
        loop_wait(loop, 1000);
        seen += read_pattern(open_pair.far, 0, seen, BYTES);
    }
    for (int round = 0; round < 5; round++) { /* where others have the machine, some of their time is counted as ours */
        before_us = thread_cpu_us();
        start_us = loop_monotonic_us(loop);
        while (loop_monotonic_us(loop) - start_us < 100000)
            cr_assert_eq(loop_wait(loop, 50000), 0);
        used_us = thread_cpu_us() - before_us;
        least_us = used_us < least_us ? used_us : least_us;
    }
    cr_assert_lt(least_us, 750);
    loop_close(loop);
    free(vector.iov_base);
}

enum { WAKES = 10000 };

struct waker {
    enum loop_backend backend; /* of its own loop, or LOOP_AUTO: it has none */
    struct loop *target;
    atomic_int sent, seen;
};

/* Sends the next wake-up only when the last one was seen: one that is lost stops the test for good. */
static void *wake_again_and_again(void *argument)
{
    struct waker *waker = argument;
    struct memory own_memory = {0};
    const char *why;
    int error_code;
    struct loop *own = waker->backend == LOOP_AUTO ? NULL : loop_open(waker->backend, &own_memory, &why, &error_code);

    for (int i = 1; i <= WAKES; i++) {
        atomic_store(&waker->sent, i);
        loop_wake(own, waker->target);
        while (atomic_load(&waker->seen) < i)
            if (own)
                loop_wait(own, 0);
    }
    if (own)
        loop_close(own);
    return NULL;
}

static void wake_from(enum loop_backend target, enum loop_backend source)
{
    struct loop *loop = open_or_skip(target);
    struct waker waker = {.backend = source, .target = loop};
    pthread_t thread;

    pthread_create(&thread, NULL, wake_again_and_again, &waker);
    while (atomic_load(&waker.seen) < WAKES) {
        cr_assert_eq(loop_wait(loop, -1), 0, "a wake-up is not for the caller to see");
        atomic_store(&waker.seen, atomic_load(&waker.sent));
    }
    pthread_join(thread, NULL);
    close_all(loop);
}

ON_BOTH_BACKENDS(no_wake_is_lost_from_a_loop_of_the_same_backend)
{
    wake_from(backend, backend);
}

ON_BOTH_BACKENDS(no_wake_is_lost_from_a_loop_of_the_other_backend)
{
    wake_from(backend, backend == LOOP_URING ? LOOP_EPOLL : LOOP_URING);
}

ON_BOTH_BACKENDS(no_wake_is_lost_from_a_thread_without_a_loop)
{
    wake_from(backend, LOOP_AUTO);
}

/* What is awaited is looked at first, and meets the wake-up. */
ON_BOTH_BACKENDS(a_wake_ends_a_wait_that_awaits_sends)
{
    struct loop *loop = open_or_skip(backend);

    loop_wait(loop, 0);
    loop_wake(NULL, loop);
    loop_await_sends(loop);
    loop_wait(loop, -1);
    close_all(loop);
}

ON_BOTH_BACKENDS(a_wake_before_the_wait_ends_that_wait_alone)
{
    struct loop *loop = open_or_skip(backend);
    int64_t start_us;

    loop_wait(loop, 0);
    loop_wake(NULL, loop);
    loop_wait(loop, -1);
    start_us = loop_monotonic_us(loop);
    loop_wait(loop, 20000);
    cr_assert_geq(loop_monotonic_us(loop) - start_us, 20000);
    close_all(loop);
}
