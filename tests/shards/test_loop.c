/* The loop's contract that no single operation has to itself: opening and closing,
 * when completions are delivered, the deferred, the clocks. What holds for both
 * backends is one test of the suite loop_uring and one of loop_epoll. */
#include "shards/loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/shards/loop_probe.h"

ON_BOTH_BACKENDS(done_is_never_called_from_the_call_that_starts)
{
    struct loop *loop = open_or_skip(backend);
    struct probe receive = probe_of(receive_done, 2), send = probe_of(probe_done, 2),
                 deferred = probe_of(probe_done, 0);
    struct pair pair = make_pair();
    struct iovec vector = {(char[]){"reply"}, 5};

    write_pattern(pair.far, 10, 2, 0);
    loop_receive(loop, &receive.completion, pair.near);
    loop_send(loop, &send.completion, pair.near, &vector, 1);
    loop_defer(loop, &deferred.completion);
    cr_assert_eq(receive.calls + send.calls + deferred.calls, 0);
    while (receive.calls == 0 || send.calls == 0)
        loop_wait(loop, 1000000);
    loop_cancel(loop, &receive.completion);
    cr_assert_eq(receive.calls, 1);
    wait_for_end(loop, &receive);
    close_all(loop);
}

ON_BOTH_BACKENDS(closing_the_loop_frees_the_port_at_once)
{
    enum { CONNS = 20 };
    struct loop *loop = open_or_skip(backend);
    struct probe accept_probe = probe_of(accept_done, 0), receives[CONNS];
    struct sockaddr_in address;
    int listener = listen_anywhere(&address), again;

    loop_accept(loop, &accept_probe.completion, listener);
    for (int i = 0; i < CONNS; i++) {
        connect_to(&address);
        wait_for_calls(loop, &accept_probe, i + 1);
        receives[i] = probe_of(receive_done, 0);
        loop_receive(loop, &receives[i].completion, accept_probe.accepted[i]);
    }
    loop_wait(loop, 0);
    loop_close(loop);
    close(listener);
    again = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(again, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    cr_assert_eq(bind(again, (struct sockaddr *)&address, sizeof(address)), 0, "%s", strerror(errno));
}

static char deferred_order[8];

struct letter {
    struct completion completion;
    struct loop *loop;
    struct letter *next; /* deferred by this one */
    char letter;
};

static void letter_done(struct completion *completion)
{
    struct letter *letter = (struct letter *)completion;

    strncat(deferred_order, &letter->letter, 1);
    if (letter->next)
        loop_defer(letter->loop, &letter->next->completion);
}

ON_BOTH_BACKENDS(deferred_run_once_in_order_with_those_they_defer)
{
    struct loop *loop = open_or_skip(backend);
    struct letter c = {{.done = letter_done}, loop, NULL, 'c'};
    struct letter a = {{.done = letter_done}, loop, &c, 'a'}, b = {{.done = letter_done}, loop, NULL, 'b'};

    loop_defer(loop, &a.completion);
    loop_defer(loop, &b.completion);
    loop_defer(loop, &a.completion);
    cr_assert_str_eq(deferred_order, "");
    loop_run_deferred(loop);
    cr_assert_str_eq(deferred_order, "abc");
    loop_defer(loop, &b.completion);
    loop_wait(loop, 0);
    cr_assert_str_eq(deferred_order, "abcb");
    close_all(loop);
}

ON_BOTH_BACKENDS(the_clocks_are_the_kernels)
{
    struct loop *loop = open_or_skip(backend);
    int64_t monotonic_us = loop_monotonic_us(loop);

    cr_assert_leq(llabs(loop_time_us(loop) / 1000000 - (int64_t)time(NULL)), 1);
    loop_wait(loop, 2000);
    cr_assert_geq(loop_monotonic_us(loop), monotonic_us + 2000);
    close_all(loop);
}

static void refuse_io_uring(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

Test(loop, takes_epoll_and_says_why_where_io_uring_is_refused)
{
    const char *why;
    int error_code;
    struct loop *loop;

    refuse_io_uring();
    loop = loop_open(LOOP_AUTO, &loop_memory, &why, &error_code);
    cr_assert_str_eq(loop_backend_name(loop), "epoll");
    cr_assert_str_eq(why, "epoll: io_uring_setup refused (EPERM)");
    close_all(loop);
    cr_assert_null(loop_open(LOOP_URING, &loop_memory, &why, &error_code));
    cr_assert_eq(error_code, EPERM);
    cr_assert_eq(loop_memory.used_bytes, 0);
}

Test(loop, takes_the_backend_that_is_asked_for)
{
    const char *why;
    int error_code;
    struct loop *loop = loop_open(LOOP_EPOLL, &loop_memory, &why, &error_code);

    cr_assert_str_eq(loop_backend_name(loop), "epoll");
    cr_assert_str_eq(why, "epoll");
    close_all(loop);
    loop = open_or_skip(LOOP_URING);
    cr_assert_str_eq(loop_backend_name(loop), "io_uring");
    close_all(loop);
}
