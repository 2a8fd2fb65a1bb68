/* Subscribers that take what they are told and drop it.
 *
 *   listeners PORT COUNT CHANNEL
 *
 * Opens COUNT connections, subscribes each to CHANNEL and says "ready". For each
 * number on its standard input it answers "done" once as many bytes have come in
 * all since then; it ends with its input. */
#include <stdint.h>
#include <sys/epoll.h>

#include "bench/dial.h"

enum { READ_BYTES = 1 << 16, REQUEST_BYTES = 256, INPUT_BYTES = 256 };

static uint64_t received;

/* Opens as many connections as FDS has room for. */
static int open_all(int port, int *fds, int count)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN};

        event.data.fd = fds[i] = dial(port);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event) != 0)
            fail("epoll_ctl");
    }
    return epoll;
}

static void take(int fd)
{
    static char bytes[READ_BYTES];
    ssize_t length;

    do {
        length = recv(fd, bytes, sizeof bytes, 0);
        if (length == 0 || (length < 0 && errno != EAGAIN))
            fail("the server closed a connection");
        received += length > 0 ? (uint64_t)length : 0;
    } while (length == (ssize_t)sizeof bytes);
}

/* Until so much has come in all. */
static void take_until(int epoll, uint64_t bytes)
{
    struct epoll_event events[512];

    while (received < bytes) {
        int count = epoll_wait(epoll, events, 512, -1);

        for (int i = 0; i < count; i++)
            take(events[i].data.fd);
    }
}

static void subscribe(int epoll, const int *fds, int count, const char *channel)
{
    char request[REQUEST_BYTES];
    size_t name = strlen(channel);
    int length = snprintf(request, sizeof request, "*2\r\n$9\r\nSUBSCRIBE\r\n$%zu\r\n%s\r\n", name, channel);
    int answer = snprintf(NULL, 0, "*3\r\n$9\r\nsubscribe\r\n$%zu\r\n%s\r\n:1\r\n", name, channel);

    for (int i = 0; i < count; i++) {
        if (write(fds[i], request, (size_t)length) != length)
            fail("subscribe");
    }
    take_until(epoll, (uint64_t)count * (uint64_t)answer);
    received = 0;
}

int main(int argc, char **argv)
{
    char line[INPUT_BYTES];

    if (argc != 4 || strlen(argv[3]) > REQUEST_BYTES / 2)
        fail("listeners: a port, a count and a channel are needed");
    int count = atoi(argv[2]);
    allow_connections(count);
    int *fds = calloc((size_t)count, sizeof *fds);
    int epoll = open_all(atoi(argv[1]), fds, count);
    subscribe(epoll, fds, count, argv[3]);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        take_until(epoll, strtoull(line, NULL, 10));
        puts("done");
        fflush(stdout);
    }
    return 0;
}
