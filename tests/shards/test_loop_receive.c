/* What arrives at a loop: whole, in order, valid for a turn, and ended once. */
#include "shards/loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/shards/loop_probe.h"

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

static size_t received_by(const struct flood *floods, int count)
{
    size_t received = 0;

    for (int i = 0; i < count; i++)
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
    for (; received_by(floods, FLOODED) < (size_t)FLOODED * FLOOD_BYTES; turns++) {
        loop_wait(loop, 1000000);
        assert_turn_is_valid(floods);
    }
    cr_assert_gt(turns, 1, "the test is meant to need several turns");
    for (int i = 0; i < FLOODED; i++)
        cancel_and_wait(loop, &floods[i].probe);
    close_all(loop);
    free(floods);
}

static int turns_until_all_have(struct loop *loop, struct flood *floods, int count, size_t bytes)
{
    int turns = 0;

    for (; received_by(floods, count) < (size_t)count * bytes; turns++)
        loop_wait(loop, 1000000);
    return turns;
}

ON_BOTH_BACKENDS(many_small_receives_at_once_come_to_find_a_buffer_each)
{
    enum { SMALL = 200, SMALL_BYTES = 10, ROUNDS = 5 };
    struct loop *loop = open_or_skip(backend);
    struct flood *floods = calloc(SMALL, sizeof(*floods));
    struct pair pairs[SMALL];
    int turns = 0;

    for (int round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < SMALL; i++) {
            pairs[i] = make_pair();
            floods[i] = (struct flood){.probe = probe_of(flood_done, i)};
            write_pattern(pairs[i].far, SMALL_BYTES, i, 0);
            loop_receive(loop, &floods[i].probe.completion, pairs[i].near);
        }
        turns = turns_until_all_have(loop, floods, SMALL, SMALL_BYTES);
        for (int i = 0; i < SMALL; i++) {
            cancel_and_wait(loop, &floods[i].probe);
            close(pairs[i].near);
            close(pairs[i].far);
        }
    }
    cr_assert_leq(turns, 2);
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
