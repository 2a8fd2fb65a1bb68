/* What leaves through a loop: whole, in order, answered once, and no signal. */
#include "shards/loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/shards/loop_probe.h"

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

ON_BOTH_BACKENDS(no_wait_ends_for_a_quiet_send)
{
    struct loop *loop = open_or_skip(backend);
    struct probe send = probe_of(probe_done, 7);
    struct pair pair = make_pair();
    struct iovec vector = {(char[100]){0}, 100};
    int64_t began_us;

    fill_pattern(vector.iov_base, 100, 7, 0);
    loop_wait(loop, 0);
    began_us = loop_monotonic_us(loop);
    loop_send_quietly(loop, &send.completion, pair.near, &vector, 1);
    loop_wait(loop, 20000);
    cr_assert_geq(loop_monotonic_us(loop) - began_us, 20000);
    cr_assert_eq(read_pattern(pair.far, 7, 0, 100), 100);
    cr_assert_eq(send.calls, 1);
    cr_assert_eq(send.last_result, 100);
    cr_assert_not(send.completion.waited);
    close_all(loop);
}

ON_BOTH_BACKENDS(a_wait_ends_for_a_quiet_send_that_somebody_awaits)
{
    struct loop *loop = open_or_skip(backend);
    struct probe send = probe_of(probe_done, 0);
    struct pair pair = make_pair();
    struct iovec vector = {(char[]){"ab"}, 2};

    for (int i = 0; i < 2; i++) {
        loop_send_quietly(loop, &send.completion, pair.near, &vector, 1);
        if (i == 0)
            loop_await_send(loop, &send.completion);
        else
            loop_await_sends(loop);
        loop_wait(loop, -1);
        cr_assert_eq(send.calls, i + 1);
    }
    close_all(loop);
}

ON_BOTH_BACKENDS(a_wait_ends_for_a_quiet_send_that_fails)
{
    struct loop *loop = open_or_skip(backend);
    struct probe send = probe_of(probe_done, 0);
    struct pair pair = make_pair();
    struct iovec vector = {(char[]){"ab"}, 2};

    close(pair.far);
    loop_send_quietly(loop, &send.completion, pair.near, &vector, 1);
    loop_wait(loop, -1);
    cr_assert_eq(send.calls, 1);
    cr_assert_eq(send.last_result, -EPIPE);
    close_all(loop);
}

static size_t fill_socket(int fd)
{
    static const char bytes[4096];
    size_t length = 0;
    ssize_t sent;

    while ((sent = send(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        length += (size_t)sent;
    return length;
}

static void empty_socket(int fd, size_t length)
{
    static char bytes[4096];

    while (length > 0)
        length -= (size_t)recv(fd, bytes, length < sizeof bytes ? length : sizeof bytes, 0);
}

ON_BOTH_BACKENDS(a_quiet_send_that_has_to_wait_ends_a_wait)
{
    enum { BYTES = 100000 };
    struct loop *loop = open_or_skip(backend);
    struct probe send = probe_of(probe_done, 9);
    struct pair pair = make_pair();
    struct iovec vector = {malloc(BYTES), BYTES};
    size_t full = fill_socket(pair.near), seen = 0;

    fill_pattern(vector.iov_base, BYTES, 9, 0);
    loop_send_quietly(loop, &send.completion, pair.near, &vector, 1);
    loop_wait(loop, 1000);
    loop_wait(loop, 1000);
    cr_assert_eq(send.calls, 0);
    cr_assert(send.completion.waited);
    loop_await_send(loop, &send.completion); /* makes no difference, and no wait shorter */
    empty_socket(pair.far, full);
    wait_for_end(loop, &send);
    cr_assert_eq(send.last_result, BYTES);
    while (seen < BYTES)
        seen += read_pattern(pair.far, 9, seen, BYTES);
    free(vector.iov_base);
    close_all(loop);
}

static struct probe *first_to_end;

static void note_first(struct completion *completion)
{
    probe_done(completion);
    if (!first_to_end)
        first_to_end = (struct probe *)completion;
}

ON_BOTH_BACKENDS(a_quiet_send_is_over_before_what_it_is_answered_with_comes)
{
    struct loop *loop = open_or_skip(backend);
    struct probe send = probe_of(note_first, 0), receive = probe_of(note_first, 0);
    struct pair pair = make_pair();
    struct iovec vector = {(char[]){"ab"}, 2};

    first_to_end = NULL;
    loop_receive(loop, &receive.completion, pair.near);
    loop_wait(loop, 0);
    loop_send_quietly(loop, &send.completion, pair.near, &vector, 1);
    write_pattern(pair.far, 10, 0, 0);
    loop_wait(loop, -1);
    cr_assert_eq(first_to_end, &send);
    wait_for_calls(loop, &receive, 1);
    cancel_and_wait(loop, &receive);
    close_all(loop);
}

/* More than the rings take at once: some go through, some have no room, and some have nobody to read them. */
ON_BOTH_BACKENDS(each_of_many_sends_ends_as_it_should)
{
    enum { SENDS = 390, BYTES = 50 };
    struct loop *loop = open_or_skip(backend);
    static struct probe sends[SENDS];
    static struct pair pairs[SENDS];
    static size_t full[SENDS];
    struct iovec vector = {(char[BYTES]){0}, BYTES};
    int ended = 0;

    fill_pattern(vector.iov_base, BYTES, 3, 0);
    for (int i = 0; i < SENDS; i++) {
        sends[i] = probe_of(probe_done, 3);
        pairs[i] = make_pair();
        full[i] = i % 3 == 1 ? fill_socket(pairs[i].near) : 0;
        if (i % 3 == 2)
            close(pairs[i].far);
    }
    for (int i = 0; i < SENDS; i++)
        loop_send_quietly(loop, &sends[i].completion, pairs[i].near, &vector, 1);
    for (int i = 0; i < 3; i++)
        loop_wait(loop, 1000);
    for (int i = 0; i < SENDS; i++) {
        cr_assert_eq(sends[i].calls, i % 3 != 1);
        empty_socket(pairs[i].far, full[i]);
    }
    for (int i = 0; i < SENDS; i++) {
        wait_for_end(loop, &sends[i]);
        ended += sends[i].calls;
        cr_assert_eq(sends[i].last_result, i % 3 == 2 ? -EPIPE : BYTES);
        if (i % 3 != 2)
            cr_assert_eq(read_pattern(pairs[i].far, 3, 0, BYTES), BYTES);
    }
    cr_assert_eq(ended, SENDS);
    close_all(loop);
}
