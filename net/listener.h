/* Listening sockets: TCP addresses and the Unix socket, as the settings say. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/str.h"

struct config;

enum { LISTENERS_MAX = 20 };

struct listener {
    int fd;
    bool unix_socket;
    char name[128]; /* for the banner: "127.0.0.1:6379" */
    char path[112]; /* of a Unix socket: unlinked on close */
};

/* Opens all of them; returns how many, or -1 with error saying which one failed and why. */
int listeners_open(struct listener listeners[static LISTENERS_MAX], const struct config *config, char *error, size_t error_bytes);
void listeners_close(struct listener *listeners, int count);

#endif
