/* The network side of the server: what the connections of all shards share, and
 * what those of one shard do.
 *
 * Shard 0 accepts; a new connection goes to the shard that has the fewest, so a
 * handful of connections already uses every core. From then on the connection
 * belongs to that shard, unless it moves (conn_move.h). */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "net/listener.h"
#include "net/output.h"
#include "shards/shard.h"

struct conn;
struct net;

struct net_shard {
    struct net *net;
    struct shard *shard;
    struct output_pool chunks;
    struct completion started, configured, stopping; /* of the shard */
    bool stopped; /* no connection begins any more */
    /* A sweep over the connections each second, while something needs it: idle timeouts, soft output limits. */
    struct timer sweep;
    struct completion sweep_due;
    struct timer pause_end; /* CLIENT PAUSE: when held back requests may go on */
    struct completion pause_over;
    /* Connections that keep answers back for one send with those still under way (see conn.c). */
    struct conn *gathering;
    struct timer gather_end;
    struct conn *kept, *last_kept; /* those that keep answers back until what they show is safe, by rising stamp */
    bool disk_holds;               /* back writes of some connections: too much is on its way to the disk */
    int64_t http_told_ms;          /* when the log was last told of a client that speaks HTTP */
    struct completion durable;
    struct completion gathered;
};

struct net {
    struct shard_group *group;
    struct listener *listeners; /* owned by main */
    int listener_count;
    struct acceptor *acceptors; /* one per listener, on shard 0 */
    struct net_shard *shards;
    /* Connections by shard, and of all: raised by the acceptor, lowered by the shard that closes one. Whoever moves
     * changes those of two shards, one after the other. */
    struct net_load {
        alignas(64) _Atomic(int) connections;
    } *load;
    _Atomic(int) connections;
    struct memory *memory;
};

/* Before shard_group_start; the listeners stay the caller's. */
void net_init(struct net *net, struct memory *memory, struct shard_group *group, struct listener *listeners, int listener_count);
void net_deinit(struct net *net);

/* Shard 0: a socket has been accepted. */
void net_connected(struct net *net, int fd, const struct listener *listener);

/* A connection will be opened on that shard, or is there no more. */
void net_count_in(struct net *net, int shard);
void net_count_out(struct net *net, int shard);
/* A connection counts as one of another shard from now on. False: that has clearly more, and it does not. */
MUST_USE bool net_take_place(struct net *net, int from, int to);
/* It did not go there after all. */
void net_return_place(struct net *net, int from, int to);

/* The connection keeps answers back; conn_send_gathered is called within a millisecond or two. */
void net_gather(struct net_shard *net, struct conn *conn);
/* It does so no longer. */
void net_gather_end(struct net_shard *net, struct conn *conn);
/* The connection keeps answers back; conn_send_kept is called when everything up to that stamp would survive a crash. */
void net_keep(struct net_shard *net, struct conn *conn, uint64_t until);
/* Likewise. */
void net_keep_end(struct net_shard *net, struct conn *conn);

/* The connections on the shard need the sweep from now on. */
void net_need_sweep(struct net_shard *net);
/* A connection has held back a request because of CLIENT PAUSE. */
void net_wait_pause(struct net_shard *net);

#endif
