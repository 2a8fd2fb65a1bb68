/* Accepting on shard 0: one multishot accept per listening socket. */
#ifndef NET_ACCEPTOR_H
#define NET_ACCEPTOR_H

struct acceptor;
struct net;

struct acceptor *acceptors_create(struct net *net);
void acceptors_destroy(struct net *net);
/* On shard 0's thread. */
void acceptors_start(struct net *net);
void acceptors_stop(struct net *net);

#endif
