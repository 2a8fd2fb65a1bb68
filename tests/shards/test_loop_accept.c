/* Accepting: each connection once, in spite of missing descriptors, until it is cancelled. */
#include "shards/loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/shards/loop_probe.h"

ON_BOTH_BACKENDS(many_connections_each_get_their_own_bytes)
{
    enum { CONNS = 300 }; /* more operations at once than the submission ring holds */
    struct loop *loop = open_or_skip(backend);
    struct probe accept_probe = probe_of(accept_done, 0), *receives = calloc(CONNS, sizeof(*receives));
    struct sockaddr_in address, peer;
    int listener = listen_anywhere(&address), fars[CONNS];
    socklen_t length = sizeof(peer);

    loop_accept(loop, &accept_probe.completion, listener);
    for (int i = 0; i < CONNS; i++)
        fars[i] = connect_to(&address);
    wait_for_calls(loop, &accept_probe, CONNS);
    for (int i = 0; i < CONNS; i++) { /* accepted in any order: the peer's port names the stream */
        cr_assert_eq(getpeername(accept_probe.accepted[i], (struct sockaddr *)&peer, &length), 0);
        receives[i] = probe_of(receive_done, peer.sin_port);
        loop_receive(loop, &receives[i].completion, accept_probe.accepted[i]);
        cr_assert_eq(getsockname(fars[i], (struct sockaddr *)&peer, &length), 0);
        write_pattern(fars[i], (size_t)(i + 1) * 7, peer.sin_port, 0);
        close(fars[i]);
    }
    for (int i = 0; i < CONNS; i++) {
        wait_for_end(loop, &receives[i]);
        cr_assert_eq(receives[i].last_result, 0);
        loop_close_fd(loop, accept_probe.accepted[i]);
    }
    cancel_and_wait(loop, &accept_probe);
    close_all(loop);
    free(receives);
}

ON_BOTH_BACKENDS(a_cancelled_accept_takes_no_more_and_can_be_started_again)
{
    struct loop *loop = open_or_skip(backend);
    struct probe accept_probe = probe_of(accept_done, 0);
    struct sockaddr_in address;
    int listener = listen_anywhere(&address);

    loop_accept(loop, &accept_probe.completion, listener);
    loop_wait(loop, 0);
    cancel_and_wait(loop, &accept_probe);
    cr_assert_eq(accept_probe.last_result, -ECANCELED);
    connect_to(&address);
    for (int i = 0; i < 5; i++)
        loop_wait(loop, 1000);
    cr_assert_eq(accept_probe.calls, 1);
    loop_accept(loop, &accept_probe.completion, listener);
    wait_for_calls(loop, &accept_probe, 2);
    cr_assert_eq(accept_probe.accepted_count, 1);
    accept_probe.ends = 0;
    cancel_and_wait(loop, &accept_probe);
    close_all(loop);
}

static struct loop *cancel_loop;

static void accept_done_cancels(struct completion *completion)
{
    accept_done(completion);
    if (completion->more)
        loop_cancel(cancel_loop, completion);
}

ON_BOTH_BACKENDS(an_accept_can_be_cancelled_from_its_done)
{
    struct probe accept_probe = probe_of(accept_done_cancels, 0);
    struct sockaddr_in address;
    int listener = listen_anywhere(&address);

    cancel_loop = open_or_skip(backend);
    for (int i = 0; i < 100; i++)
        connect_to(&address);
    loop_accept(cancel_loop, &accept_probe.completion, listener);
    wait_for_end(cancel_loop, &accept_probe);
    for (int i = 0; i < 5; i++)
        loop_wait(cancel_loop, 1000);
    cr_assert_eq(accept_probe.ends, 1);
    cr_assert_eq(accept_probe.calls, accept_probe.accepted_count + 1);
    close_all(cancel_loop);
}

ON_BOTH_BACKENDS(a_bad_listener_ends_the_accept)
{
    struct loop *loop = open_or_skip(backend);
    struct probe accept_probe = probe_of(accept_done, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* never told to listen */

    loop_accept(loop, &accept_probe.completion, fd);
    wait_for_end(loop, &accept_probe);
    cr_assert_eq(accept_probe.last_result, -EINVAL);
    close_all(loop);
}

/* Leaves no descriptor free; returns what the limit was. */
static struct rlimit use_up_descriptors(void)
{
    struct rlimit before, lowered;
    int lowest = dup(0);

    getrlimit(RLIMIT_NOFILE, &before);
    lowered = before;
    lowered.rlim_cur = (rlim_t)lowest;
    close(lowest);
    setrlimit(RLIMIT_NOFILE, &lowered);
    return before;
}

ON_BOTH_BACKENDS(accept_goes_on_when_descriptors_are_free_again)
{
    struct loop *loop = open_or_skip(backend);
    struct probe accept_probe = probe_of(accept_done, 0);
    struct sockaddr_in address;
    struct rlimit before;
    int64_t start_us = loop_monotonic_us(loop);

    loop_accept(loop, &accept_probe.completion, listen_anywhere(&address));
    connect_to(&address);
    before = use_up_descriptors();
    wait_for_calls(loop, &accept_probe, 2);
    cr_assert_eq(accept_probe.last_result, -EMFILE);
    cr_assert_eq(accept_probe.ends, 0);
    cr_assert_geq(loop_monotonic_us(loop) - start_us, 150000, "it did not wait between two attempts");
    setrlimit(RLIMIT_NOFILE, &before);
    while (accept_probe.accepted_count == 0)
        loop_wait(loop, 1000000);
    cancel_and_wait(loop, &accept_probe);
    close_all(loop);
}

ON_BOTH_BACKENDS(an_accept_that_waits_for_descriptors_can_be_cancelled)
{
    struct loop *loop = open_or_skip(backend);
    struct probe accept_probe = probe_of(accept_done, 0);
    struct sockaddr_in address;
    int64_t start_us;
    int calls;

    loop_accept(loop, &accept_probe.completion, listen_anywhere(&address));
    connect_to(&address);
    use_up_descriptors();
    wait_for_calls(loop, &accept_probe, 1);
    loop_wait(loop, 20000);
    start_us = loop_monotonic_us(loop);
    calls = accept_probe.calls;
    cancel_and_wait(loop, &accept_probe);
    cr_assert_eq(accept_probe.calls, calls + 1);
    cr_assert_lt(loop_monotonic_us(loop) - start_us, 70000);
    cr_assert_eq(accept_probe.last_result, -ECANCELED);
    close_all(loop);
}
