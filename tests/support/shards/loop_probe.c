#include "tests/support/shards/loop_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct memory loop_memory;

struct loop *open_or_skip(enum loop_backend backend)
{
    const char *why;
    int error_code;
    struct loop *loop = loop_open(backend, &loop_memory, &why, &error_code);

    if (!loop && backend == LOOP_URING)
        cr_skip_test("this machine refuses io_uring: %s", strerror(error_code));
    cr_assert_not_null(loop, "%s: %s", why, strerror(error_code));
    return loop;
}

void close_all(struct loop *loop)
{
    loop_close(loop);
    cr_assert_eq(loop_memory.used_bytes, 0, "%zu bytes left", loop_memory.used_bytes);
}

static char pattern(unsigned stream, size_t position)
{
    return (char)((position * 2654435761u + stream * 40503u) >> 13);
}

void fill_pattern(char *bytes, size_t length, unsigned stream, size_t position)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern(stream, position + i);
}

void assert_pattern(const char *bytes, size_t length, unsigned stream, size_t position)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != pattern(stream, position + i))
            cr_assert(false, "stream %u differs at %zu", stream, position + i);
}

void write_pattern(int fd, size_t length, unsigned stream, size_t position)
{
    char *bytes = malloc(length);

    fill_pattern(bytes, length, stream, position);
    cr_assert_eq(write(fd, bytes, length), (ssize_t)length);
    free(bytes);
}

size_t read_pattern(int fd, unsigned stream, size_t position, size_t most)
{
    static char bytes[1 << 16];
    ssize_t count = recv(fd, bytes, most < sizeof(bytes) ? most : sizeof(bytes), MSG_DONTWAIT);

    if (count <= 0)
        return 0;
    assert_pattern(bytes, (size_t)count, stream, position);
    return (size_t)count;
}

struct pair make_pair(void)
{
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return (struct pair){fds[0], fds[1]};
}

int listen_anywhere(struct sockaddr_in *address)
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

int connect_to(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(connect(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
    return fd;
}

struct probe probe_of(void (*done)(struct completion *), unsigned stream)
{
    return (struct probe){.completion.done = done, .stream = stream};
}

void probe_done(struct completion *completion)
{
    struct probe *probe = (struct probe *)completion;

    probe->calls++;
    probe->ends += !completion->more;
    probe->last_result = completion->result;
}

void receive_done(struct completion *completion)
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

void accept_done(struct completion *completion)
{
    struct probe *probe = (struct probe *)completion;

    probe_done(completion);
    if (completion->result >= 0)
        probe->accepted[probe->accepted_count++] = completion->result;
}

void wait_for_calls(struct loop *loop, const struct probe *probe, int calls)
{
    while (probe->calls < calls)
        loop_wait(loop, 1000000);
}

void wait_for_end(struct loop *loop, const struct probe *probe)
{
    while (probe->ends == 0)
        loop_wait(loop, 1000000);
}

void cancel_and_wait(struct loop *loop, struct probe *probe)
{
    loop_cancel(loop, &probe->completion);
    wait_for_end(loop, probe);
}
