/* What a connection's bytes become: requests, which are parsed, admitted or held back, started by what kind of command
 * they are, and answered. All of it on the connection's shard. */
#ifndef NET_CONN_REQUESTS_H
#define NET_CONN_REQUESTS_H

#include <stddef.h>

#include "core/str.h"

struct conn;

/* Starts every request that is complete, until one is held back; the bytes have to stay until their requests are
 * answered or own their arguments. Returns how many bytes those were. */
size_t conn_requests_parse(struct conn *conn, struct str bytes);

/* Requests of the connection's own, for when it ends or is reset: no answers come of them. The first ends all
 * subscriptions, on every shard; the second the watches, where their keys are. */
void conn_requests_leave_channels(struct conn *conn);
void conn_requests_end_watches(struct conn *conn);

#endif
