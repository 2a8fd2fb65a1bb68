/* Everything at random, beside what each stream should carry. */
#include "shards/loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/shards/loop_probe.h"

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
    (rand() % 2 ? loop_send : loop_send_quietly)(loop, &stream->send.completion, stream->pair.near, stream->vectors,
                                                 count);
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
