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
