#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/listener.h"

typedef int name_function(int fd, struct sockaddr *address, socklen_t *length);

static void describe(char text[static 64], const struct sockaddr_storage *address)
{
    char host[INET6_ADDRSTRLEN] = "?";

    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(text, 64, "%s:%d", host, ntohs(v4->sin_port));
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(text, 64, "[%s]:%d", host, ntohs(v6->sin6_port));
    }
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    return address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static void name_end(char text[static 64], int fd, name_function *name, bool *local)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;

    if (name(fd, (struct sockaddr *)&address, &length) != 0) {
        snprintf(text, 64, "?:0");
        return;
    }
    describe(text, &address);
    if (local)
        *local = is_loopback(&address);
}

static int get_peer(int fd, struct sockaddr *address, socklen_t *length)
{
    return getpeername(fd, address, length);
}

static int get_local(int fd, struct sockaddr *address, socklen_t *length)
{
    return getsockname(fd, address, length);
}

struct address_pair address_pair_of(int fd, const struct listener *listener)
{
    struct address_pair pair = {.peer_is_local = listener->unix_socket};

    if (listener->unix_socket) {
        snprintf(pair.peer, sizeof pair.peer, "%.60s:0", listener->path);
        memcpy(pair.local, pair.peer, sizeof pair.local);
        return pair;
    }
    name_end(pair.peer, fd, get_peer, &pair.peer_is_local);
    name_end(pair.local, fd, get_local, NULL);
    return pair;
}

void address_tune(int fd, int keepalive_s)
{
    int on = 1, interval_s = keepalive_s / 3 > 0 ? keepalive_s / 3 : 1, probes = 3;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (keepalive_s <= 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive_s, sizeof keepalive_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

void address_refuse(int fd, const char *line)
{
    (void)!send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
}
