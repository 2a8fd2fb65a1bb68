/* The loop's contract, on both backends: every claim is one test of the suite
 * loop_uring and one of loop_epoll. The far ends of sockets are driven by plain
 * system calls from the same thread, so a test says exactly what is where.
 * Streams carry pattern bytes, which depend on the stream and on the position. */
#include "shards/loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/memory.h"

/* Defines the claim's body, and the two tests that call it. */
#define ON_BOTH_BACKENDS(claim)                                                                                        \
    static void claim(enum loop_backend backend);                                                                      \
    Test(loop_uring, claim, .timeout = 60)                                                                             \
    {                                                                                                                  \
        claim(LOOP_URING);                                                                                             \
    }                                                                                                                  \
    Test(loop_epoll, claim, .timeout = 60)                                                                             \
    {                                                                                                                  \
        claim(LOOP_EPOLL);                                                                                             \
    }                                                                                                                  \
    static void claim(enum loop_backend backend)

static struct memory memory;

/* --- Support --- */

static struct loop *open_or_skip(enum loop_backend backend)
{
    const char *why;
    int error_code;
    struct loop *loop = loop_open(backend, &memory, &why, &error_code);

    if (!loop && backend == LOOP_URING)
        cr_skip_test("this machine refuses io_uring: %s", strerror(error_code));
    cr_assert_not_null(loop, "%s: %s", why, strerror(error_code));
    return loop;
}

static void close_all(struct loop *loop)
{
    loop_close(loop);
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes left", memory.used_bytes);
}

static char pattern(unsigned stream, size_t position)
{
    return (char)((position * 2654435761u + stream * 40503u) >> 13);
}

static void fill_pattern(char *bytes, size_t length, unsigned stream, size_t position)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern(stream, position + i);
}

static void assert_pattern(const char *bytes, size_t length, unsigned stream, size_t position)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != pattern(stream, position + i))
            cr_assert(false, "stream %u differs at %zu", stream, position + i);
}

struct pair {
    int near, far;
};

static struct pair make_pair(void)
{
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return (struct pair){fds[0], fds[1]};
}

static int listen_anywhere(struct sockaddr_in *address)
{
    socklen_t length = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert_eq(bind(fd, (struct sockaddr *)address, length), 0);
    cr_assert_eq(listen(fd, 512), 0);
    getsockname(fd, (struct sockaddr *)address, &length);
    return fd;
}

static int connect_to(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(connect(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
    return fd;
}

/* A completion that remembers what happened to it. */
struct probe {
    struct completion completion;
    int calls, ends;
    int last_result;
    unsigned stream;
    size_t received;   /* bytes, all of them as the pattern says */
    const char *bytes; /* of the last call */
    int accepted[512];
    int accepted_count;
};

static void probe_done(struct completion *completion)
{
    struct probe *probe = (struct probe *)completion;

    probe->calls++;
    probe->ends += !completion->more;
    probe->last_result = completion->result;
}

static void receive_done(struct completion *completion)
{
    struct probe *probe = (struct probe *)completion;

    probe_done(completion);
    probe->bytes = completion->bytes;
    if (completion->result <= 0)
        return;
    cr_assert(completion->more, "bytes came with the end");
    assert_pattern(completion->bytes, (size_t)completion->result, probe->stream, probe->received);
    probe->received += (size_t)completion->result;
}

static void accept_done(struct completion *completion)
{
    struct probe *probe = (struct probe *)completion;

    probe_done(completion);
    if (completion->result >= 0)
        probe->accepted[probe->accepted_count++] = completion->result;
}

static struct probe probe_of(void (*done)(struct completion *), unsigned stream)
{
    return (struct probe){.completion.done = done, .stream = stream};
}

static void wait_for_calls(struct loop *loop, const struct probe *probe, int calls)
{
    while (probe->calls < calls)
        loop_wait(loop, 1000000);
}

static void wait_for_end(struct loop *loop, const struct probe *probe)
{
    while (probe->ends == 0)
        loop_wait(loop, 1000000);
}

static void cancel_and_wait(struct loop *loop, struct probe *probe)
{
    loop_cancel(loop, &probe->completion);
    wait_for_end(loop, probe);
}

static void write_pattern(int fd, size_t length, unsigned stream, size_t position)
{
    char *bytes = malloc(length);

    fill_pattern(bytes, length, stream, position);
    cr_assert_eq(write(fd, bytes, length), (ssize_t)length);
    free(bytes);
}

/* --- Receive and send --- */

ON_BOTH_BACKENDS(bytes_received_can_be_sent_back)
{
    struct loop *loop = open_or_skip(backend);
    struct probe receive = probe_of(receive_done, 1), send = probe_of(probe_done, 1);
    struct pair pair = make_pair();
    struct iovec vector;
    char back[100];

    loop_receive(loop, &receive.completion, pair.near);
    write_pattern(pair.far, 100, 1, 0);
    wait_for_calls(loop, &receive, 1);
    vector = (struct iovec){(void *)receive.bytes, 100};
    loop_send(loop, &send.completion, pair.near, &vector, 1);
    loop_wait(loop, 1000000);
    cr_assert_eq(send.calls, 1);
    cr_assert_eq(send.last_result, 100);
    cr_assert_eq(read(pair.far, back, sizeof(back)), 100);
    assert_pattern(back, 100, 1, 0);
    cancel_and_wait(loop, &receive);
    close_all(loop);
}

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

enum { FLOODED = 64, FLOOD_BYTES = 160 * 1024 };

/* What each connection has received stays valid until the next loop_wait, however much that is. */
struct flood {
    struct probe probe;
    const char *first; /* in this turn */
    int first_length;
    size_t first_position;
};

static void flood_done(struct completion *completion)
{
    struct flood *flood = (struct flood *)completion;

    if (!flood->first && completion->result > 0) {
        flood->first = completion->bytes;
        flood->first_length = completion->result;
        flood->first_position = flood->probe.received;
    }
    receive_done(completion);
}

static void assert_turn_is_valid(struct flood *floods)
{
    for (int i = 0; i < FLOODED; i++) {
        struct flood *flood = &floods[i];

        if (flood->first)
            assert_pattern(flood->first, (size_t)flood->first_length, flood->probe.stream, flood->first_position);
        flood->first = NULL;
    }
}

static size_t received_by_all(const struct flood *floods)
{
    size_t received = 0;

    for (int i = 0; i < FLOODED; i++)
        received += floods[i].probe.received;
    return received;
}

ON_BOTH_BACKENDS(more_bytes_than_buffers_arrive_whole_and_in_order)
{
    struct loop *loop = open_or_skip(backend);
    struct flood *floods = calloc(FLOODED, sizeof(*floods));
    struct pair pairs[FLOODED];
    int turns = 0;

    for (unsigned i = 0; i < FLOODED; i++) {
        floods[i].probe = probe_of(flood_done, i);
        pairs[i] = make_pair();
        write_pattern(pairs[i].far, FLOOD_BYTES, i, 0);
        loop_receive(loop, &floods[i].probe.completion, pairs[i].near);
    }
    for (; received_by_all(floods) < (size_t)FLOODED * FLOOD_BYTES; turns++) {
        loop_wait(loop, 1000000);
        assert_turn_is_valid(floods);
    }
    cr_assert_gt(turns, 1, "the test is meant to need several turns");
    for (int i = 0; i < FLOODED; i++)
        cancel_and_wait(loop, &floods[i].probe);
    close_all(loop);
    free(floods);
}

ON_BOTH_BACKENDS(a_receive_without_a_buffer_can_be_cancelled)
{
    struct loop *loop = open_or_skip(backend);
    struct flood *floods = calloc(FLOODED, sizeof(*floods));
    int ended = 0;

    for (unsigned i = 0; i < FLOODED; i++) {
        struct pair pair = make_pair();

        floods[i].probe = probe_of(flood_done, i);
        write_pattern(pair.far, FLOOD_BYTES, i, 0);
        loop_receive(loop, &floods[i].probe.completion, pair.near);
    }
    loop_wait(loop, 1000000);
    for (int i = 0; i < FLOODED; i++)
        loop_cancel(loop, &floods[i].probe.completion);
    while (ended < FLOODED) {
        loop_wait(loop, 1000000);
        ended = 0;
        for (int i = 0; i < FLOODED; i++)
            ended += floods[i].probe.ends;
    }
    for (int i = 0; i < FLOODED; i++)
        cr_assert_eq(floods[i].probe.last_result, -ECANCELED);
    close_all(loop);
    free(floods);
}

/* Reads what is there, checks it, and returns how much it was. */
static size_t read_pattern(int fd, unsigned stream, size_t position, size_t most)
{
    static char bytes[1 << 16];
    ssize_t count = recv(fd, bytes, most < sizeof(bytes) ? most : sizeof(bytes), MSG_DONTWAIT);

    if (count <= 0)
        return 0;
    assert_pattern(bytes, (size_t)count, stream, position);
    return (size_t)count;
}

static int cut_in_vectors(struct iovec *vectors, char *bytes, size_t length)
{
    int count = 0;

    for (size_t cut = 0; cut < length; count++) {
        size_t piece = (size_t)(rand() % 5) * 1000 + (size_t)(rand() % 2);

        piece = piece < length - cut ? piece : length - cut;
        vectors[count] = (struct iovec){bytes + cut, piece};
        cut += piece;
    }
    return count;
}

ON_BOTH_BACKENDS(a_huge_send_to_a_slow_reader_arrives_whole_and_in_order)
{
    enum { BYTES = 6 << 20 };
    struct loop *loop = open_or_skip(backend);
    struct probe send = probe_of(probe_done, 5);
    struct iovec *vectors = malloc(sizeof(*vectors) * 20000);
    struct pair pair = make_pair();
    char *bytes = malloc(BYTES);
    size_t seen = 0;
    int count;

    fill_pattern(bytes, BYTES, 5, 0);
    count = cut_in_vectors(vectors, bytes, BYTES);
    cr_assert_gt(count, 1024, "more than one system call takes");
    loop_send(loop, &send.completion, pair.near, vectors, count);
    while (seen < BYTES) {
        loop_wait(loop, 100);
        seen += read_pattern(pair.far, 5, seen, 1 + (size_t)rand() % 60000);
        cr_assert(send.calls == 0 || BYTES - seen < 1 << 20, "done before the bytes had left");
    }
    wait_for_end(loop, &send);
    cr_assert_eq(send.calls, 1);
    cr_assert_eq(send.last_result, BYTES);
    close_all(loop);
    free(bytes);
    free(vectors);
}

/* The peer's side is closed; bytes sent before still come. */
ON_BOTH_BACKENDS(a_closing_peer_ends_the_receive_after_its_bytes)
{
    struct loop *loop = open_or_skip(backend);
    struct probe receive = probe_of(receive_done, 6);
    struct pair pair = make_pair();

    loop_receive(loop, &receive.completion, pair.near);
    write_pattern(pair.far, 5000, 6, 0);
    close(pair.far);
    wait_for_end(loop, &receive);
    cr_assert_eq(receive.received, 5000);
    cr_assert_eq(receive.last_result, 0);
    cr_assert_eq(receive.ends, 1);
    loop_close_fd(loop, pair.near);
    close_all(loop);
}

ON_BOTH_BACKENDS(a_reset_ends_the_receive_with_an_error)
{
    struct loop *loop = open_or_skip(backend);
    struct probe receive = probe_of(receive_done, 7);
    struct linger abrupt = {1, 0};
    struct sockaddr_in address;
    int listener = listen_anywhere(&address), far = connect_to(&address), near = accept(listener, NULL, NULL);

    loop_receive(loop, &receive.completion, near);
    loop_wait(loop, 0);
    setsockopt(far, SOL_SOCKET, SO_LINGER, &abrupt, sizeof(abrupt));
    close(far);
    wait_for_end(loop, &receive);
    cr_assert_eq(receive.last_result, -ECONNRESET);
    loop_close_fd(loop, near);
    close_all(loop);
}

ON_BOTH_BACKENDS(a_send_to_a_closed_peer_fails_without_a_signal)
{
    struct loop *loop = open_or_skip(backend);
    struct probe one = probe_of(probe_done, 0), many = probe_of(probe_done, 0);
    struct pair pair = make_pair();
    struct iovec vectors[2] = {{(char[]){"ab"}, 2}, {(char[]){"cd"}, 2}};

    close(pair.far);
    loop_send(loop, &one.completion, pair.near, vectors, 1);
    wait_for_end(loop, &one);
    loop_send(loop, &many.completion, pair.near, vectors, 2);
    wait_for_end(loop, &many);
    cr_assert_eq(one.last_result, -EPIPE);
    cr_assert_eq(many.last_result, -EPIPE);
    close_all(loop);
}

ON_BOTH_BACKENDS(shutdown_ends_a_send_that_waits)
{
    enum { BYTES = 1 << 20 };
    struct loop *loop = open_or_skip(backend);
    struct probe send = probe_of(probe_done, 0), receive = probe_of(receive_done, 0);
    struct pair pair = make_pair();
    struct iovec vector = {calloc(1, BYTES), BYTES};

    loop_receive(loop, &receive.completion, pair.near);
    loop_send(loop, &send.completion, pair.near, &vector, 1);
    for (int i = 0; i < 10; i++)
        loop_wait(loop, 1000);
    cr_assert_eq(send.calls, 0);
    shutdown(pair.near, SHUT_RDWR);
    wait_for_end(loop, &send);
    wait_for_end(loop, &receive);
    cr_assert_lt(send.last_result, 0);
    loop_close_fd(loop, pair.near);
    close_all(loop);
    free(vector.iov_base);
}

/* --- Cancel --- */

static int freed;

static void done_frees(struct completion *completion)
{
    if (completion->more)
        return;
    cr_assert_eq(completion->result, -ECANCELED);
    freed++;
    free(completion);
}

ON_BOTH_BACKENDS(a_cancelled_receive_ends_once_and_may_be_freed_in_done)
{
    struct loop *loop = open_or_skip(backend);
    struct completion *completion = calloc(1, sizeof(*completion));
    struct pair pair = make_pair();

    completion->done = done_frees;
    freed = 0;
    loop_receive(loop, completion, pair.near);
    loop_wait(loop, 0);
    loop_cancel(loop, completion);
    loop_cancel(loop, completion);
    while (freed == 0)
        loop_wait(loop, 1000000);
    write_pattern(pair.far, 10, 0, 0);
    for (int i = 0; i < 5; i++)
        loop_wait(loop, 1000);
    cr_assert_eq(freed, 1);
    close_all(loop);
}

ON_BOTH_BACKENDS(a_cancel_before_the_first_wait_ends_it_too)
{
    struct loop *loop = open_or_skip(backend);
    struct probe receive = probe_of(receive_done, 0);
    struct pair pair = make_pair();

    loop_receive(loop, &receive.completion, pair.near);
    cancel_and_wait(loop, &receive);
    cr_assert_eq(receive.last_result, -ECANCELED);
    close_all(loop);
}

ON_BOTH_BACKENDS(bytes_left_by_a_cancelled_receive_come_with_the_next)
{
    struct loop *loop = open_or_skip(backend);
    struct probe receive = probe_of(receive_done, 9);
    struct pair pair = make_pair();
    size_t before;

    loop_receive(loop, &receive.completion, pair.near);
    write_pattern(pair.far, 1000, 9, 0);
    cancel_and_wait(loop, &receive);
    before = receive.received;
    write_pattern(pair.far, 1000, 9, 1000);
    loop_receive(loop, &receive.completion, pair.near);
    while (receive.received < 2000)
        loop_wait(loop, 1000000);
    cr_assert_leq(before, 1000);
    receive.ends = 0;
    cancel_and_wait(loop, &receive);
    close_all(loop);
}

/* --- Accept --- */

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

/* --- Deferred --- */

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

/* --- Time and wake-ups --- */

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

ON_BOTH_BACKENDS(the_clocks_are_the_kernels)
{
    struct loop *loop = open_or_skip(backend);
    int64_t monotonic_us = loop_monotonic_us(loop);

    cr_assert_leq(llabs(loop_time_us(loop) / 1000000 - (int64_t)time(NULL)), 1);
    loop_wait(loop, 2000);
    cr_assert_geq(loop_monotonic_us(loop), monotonic_us + 2000);
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
    int64_t before_us, start_us;

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
    before_us = thread_cpu_us();
    start_us = loop_monotonic_us(loop);
    while (loop_monotonic_us(loop) - start_us < 400000)
        cr_assert_eq(loop_wait(loop, 100000), 0);
    cr_assert_lt(thread_cpu_us() - before_us, 3000);
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

/* --- Everything at random, beside what each stream should carry --- */

enum { RANDOM_STREAMS = 12, RANDOM_STEPS = 6000, RANDOM_SEND_MAX = 100000 };

struct stream {
    struct probe receive, send;
    struct pair pair;
    size_t written, sent, read; /* to the loop; from the loop, given to it and seen at the far end */
    bool receiving, sending;
    char *bytes; /* of the send under way */
    struct iovec vectors[64];
};

static void stream_receive_done(struct completion *completion)
{
    struct stream *stream = (struct stream *)completion;

    receive_done(completion);
    stream->receiving = completion->more;
    cr_assert(completion->result > 0 || completion->result == -ECANCELED);
}

static void stream_send_done(struct completion *completion)
{
    struct stream *stream = (struct stream *)((char *)completion - offsetof(struct stream, send));

    cr_assert(stream->sending);
    cr_assert_gt(completion->result, 0);
    stream->sent += (size_t)completion->result;
    stream->sending = false;
    free(stream->bytes);
}

static void start_random_send(struct loop *loop, struct stream *stream)
{
    size_t length = 1 + (size_t)(rand() % 2 ? rand() % 100 : rand() % RANDOM_SEND_MAX), cut = 0;
    int count = 0;

    stream->bytes = malloc(length);
    fill_pattern(stream->bytes, length, stream->send.stream, stream->sent);
    while (cut < length) {
        size_t piece = count == 63 ? length - cut : (size_t)rand() % (length - cut + 1);

        stream->vectors[count++] = (struct iovec){stream->bytes + cut, piece};
        cut += piece;
    }
    stream->sending = true;
    loop_send(loop, &stream->send.completion, stream->pair.near, stream->vectors, count);
}

static void write_some(struct stream *stream)
{
    static char bytes[60000];
    size_t length = 1 + (size_t)rand() % sizeof(bytes);
    ssize_t written;

    fill_pattern(bytes, length, stream->receive.stream, stream->written);
    written = send(stream->pair.far, bytes, length, MSG_DONTWAIT);
    stream->written += written > 0 ? (size_t)written : 0;
}

static void step_randomly(struct loop *loop, struct stream *stream)
{
    switch (rand() % 6) {
    case 0:
    case 1:
        write_some(stream);
        break;
    case 2:
        stream->read += read_pattern(stream->pair.far, stream->send.stream, stream->read, (size_t)rand() % 50000);
        break;
    case 3:
        if (!stream->sending)
            start_random_send(loop, stream);
        break;
    case 4:
        if (stream->receiving && rand() % 4 == 0)
            loop_cancel(loop, &stream->receive.completion);
        break;
    case 5:
        if (!stream->receiving)
            loop_receive(loop, &stream->receive.completion, stream->pair.near);
        stream->receiving = true;
    }
}

static void finish_stream(struct loop *loop, struct stream *stream)
{
    while (stream->sending || stream->read < stream->sent) {
        stream->read += read_pattern(stream->pair.far, stream->send.stream, stream->read, 50000);
        loop_wait(loop, 100);
    }
    while (stream->receive.received < stream->written || (stream->receiving && stream->receive.completion.cancelled)) {
        if (!stream->receiving)
            loop_receive(loop, &stream->receive.completion, stream->pair.near);
        stream->receiving = true;
        loop_wait(loop, 100);
    }
    cr_assert_eq(stream->receive.received, stream->written);
    cr_assert_eq(stream->read, stream->sent);
    if (stream->receiving)
        loop_cancel(loop, &stream->receive.completion);
    while (stream->receiving)
        loop_wait(loop, 1000);
    loop_close_fd(loop, stream->pair.near);
    close(stream->pair.far);
}

ON_BOTH_BACKENDS(random_streams_arrive_as_they_were_sent)
{
    struct loop *loop = open_or_skip(backend);
    struct stream *streams = calloc(RANDOM_STREAMS, sizeof(*streams));
    unsigned seed = (unsigned)time(NULL) ^ (unsigned)getpid();

    fprintf(stderr, "seed %u\n", seed);
    srand(seed);
    for (unsigned i = 0; i < RANDOM_STREAMS; i++) {
        streams[i].receive = probe_of(stream_receive_done, i);
        streams[i].send = probe_of(stream_send_done, 100 + i);
        streams[i].pair = make_pair();
    }
    for (int i = 0; i < RANDOM_STEPS; i++) {
        step_randomly(loop, &streams[rand() % RANDOM_STREAMS]);
        if (rand() % 8 == 0)
            loop_wait(loop, 0);
    }
    for (int i = 0; i < RANDOM_STREAMS; i++)
        finish_stream(loop, &streams[i]);
    close_all(loop);
    free(streams);
}

/* --- Choice of the backend --- */

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
    loop = loop_open(LOOP_AUTO, &memory, &why, &error_code);
    cr_assert_str_eq(loop_backend_name(loop), "epoll");
    cr_assert_str_eq(why, "epoll: io_uring_setup refused (EPERM)");
    close_all(loop);
    cr_assert_null(loop_open(LOOP_URING, &memory, &why, &error_code));
    cr_assert_eq(error_code, EPERM);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(loop, takes_the_backend_that_is_asked_for)
{
    const char *why;
    int error_code;
    struct loop *loop = loop_open(LOOP_EPOLL, &memory, &why, &error_code);

    cr_assert_str_eq(loop_backend_name(loop), "epoll");
    cr_assert_str_eq(why, "epoll");
    close_all(loop);
    loop = open_or_skip(LOOP_URING);
    cr_assert_str_eq(loop_backend_name(loop), "io_uring");
    close_all(loop);
}
