#include "net/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/config.h"
#include "core/log.h"

static int fail(int code, char *error, size_t error_bytes, const char *name, const char *what)
{
    snprintf(error, error_bytes, "Could not create server TCP listening socket %s: %s", name, what);
    return code;
}

static int open_socket(const struct addrinfo *address, int backlog)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, backlog) == 0)
        return fd;

    int saved = errno;

    close(fd);
    errno = saved;
    return -1;
}

/* 0, or the errno that says why not. */
static int open_tcp(struct listener *listener, const char *host, const struct config *config, char *error,
                    size_t error_bytes)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    char port[8];
    int code;

    *listener = (struct listener){.fd = -1};
    snprintf(listener->name, sizeof listener->name, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, config->port);
    snprintf(port, sizeof port, "%d", config->port);
    if (strcmp(host, "*") == 0)
        hints.ai_family = AF_INET;
    else if (strcmp(host, "::*") == 0)
        hints.ai_family = AF_INET6;
    code = getaddrinfo(hints.ai_family ? NULL : host, port, &hints, &found);
    if (code != 0)
        return fail(EADDRNOTAVAIL, error, error_bytes, listener->name, gai_strerror(code));
    listener->fd = open_socket(found, config->tcp_backlog);
    code = errno;
    freeaddrinfo(found);
    return listener->fd >= 0 ? 0 : fail(code, error, error_bytes, listener->name, strerror(code));
}

/* A leading '-' makes an address optional, as in Redis 7: it may be missing on this host. */
static bool open_address(struct listener *listeners, int *count, const char *address, const struct config *config,
                         char *error, size_t error_bytes)
{
    bool optional = address[0] == '-';
    int code = open_tcp(&listeners[*count], address + optional, config, error, error_bytes);

    if (code == 0) {
        ++*count;
        return true;
    }
    if (!optional || code == EADDRINUSE)
        return false;
    log_write(LOG_VERBOSE, "Optional address %s is not available", address + 1);
    return true;
}

static bool open_unix(struct listener *listener, const struct config *config, char *error, size_t error_bytes)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *listener = (struct listener){.fd = -1, .unix_socket = true};
    if (strlen(config->unixsocket) >= sizeof address.sun_path) {
        snprintf(error, error_bytes, "unixsocket path is too long: %s", config->unixsocket);
        return false;
    }
    strcpy(address.sun_path, config->unixsocket);
    snprintf(listener->name, sizeof listener->name, "%s", config->unixsocket);
    unlink(config->unixsocket); /* what a server that did not stop cleanly left there */
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener->fd < 0 || bind(listener->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener->fd, config->tcp_backlog) != 0) {
        snprintf(error, error_bytes, "Could not open Unix socket %s: %s", config->unixsocket, strerror(errno));
        if (listener->fd >= 0)
            close(listener->fd);
        return false;
    }
    snprintf(listener->path, sizeof listener->path, "%s", config->unixsocket);
    if (config->unixsocketperm != 0)
        chmod(config->unixsocket, (mode_t)config->unixsocketperm);
    return true;
}

static bool open_all(struct listener *listeners, int *count, const struct config *config, char *error,
                     size_t error_bytes)
{
    for (int i = 0; i < config->bind_count && config->port != 0; i++)
        if (!open_address(listeners, count, config->bind[i], config, error, error_bytes))
            return false;
    if (config->unixsocket && config->unixsocket[0]) {
        if (!open_unix(&listeners[*count], config, error, error_bytes))
            return false;
        ++*count;
    }
    if (*count == 0) {
        snprintf(error, error_bytes, "Configured to not listen anywhere, exiting.");
        return false;
    }
    return true;
}

int listeners_open(struct listener listeners[static LISTENERS_MAX], const struct config *config, char *error,
                   size_t error_bytes)
{
    int count = 0;

    if (open_all(listeners, &count, config, error, error_bytes))
        return count;
    listeners_close(listeners, count);
    return -1;
}

void listeners_close(struct listener *listeners, int count)
{
    for (int i = 0; i < count; i++) {
        close(listeners[i].fd);
        if (listeners[i].path[0])
            unlink(listeners[i].path);
    }
}
