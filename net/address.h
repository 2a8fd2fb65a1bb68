/* What an accepted socket says of its two ends, and its options. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>

struct listener;

struct address_pair {
    char peer[64], local[64]; /* "127.0.0.1:4711", "[::1]:6379", "/run/shoal.sock:0" */
    bool peer_is_local;       /* a loopback address, or a Unix socket */
};

struct address_pair address_pair_of(int fd, const struct listener *listener);

/* No delay, and keepalive probes after that many seconds of silence (0: none). */
void address_tune(int fd, int keepalive_s);

/* Sends a last line without waiting. */
void address_refuse(int fd, const char *line);

#endif
