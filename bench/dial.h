/* What load generators share: connections to a server on this machine, and an end with a word where one fails. */
#ifndef BENCH_DIAL_H
#define BENCH_DIAL_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static inline void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "it makes no sense");
    exit(1);
}

/* The limit of open files lets COUNT connections be. */
static inline void allow_connections(int count)
{
    struct rlimit limit = {(rlim_t)count + 100, (rlim_t)count + 100};
    struct rlimit present;

    if (getrlimit(RLIMIT_NOFILE, &present) != 0)
        fail("getrlimit");
    if (present.rlim_cur >= limit.rlim_cur)
        return;
    if (present.rlim_max > limit.rlim_max)
        limit.rlim_max = present.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        fail("setrlimit");
}

/* A connection that does not block once it is there. */
static inline int dial(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        fail("fcntl");
    return fd;
}

#endif
