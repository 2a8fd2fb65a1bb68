/* A connection follows its keys: where nearly all of its requests go to one other shard, it moves there.
 *
 * A job queue's worker asks for the keys of its queue and no others. Where the connection was accepted by another shard
 * than theirs each of its requests crosses, and costs two shards work; after the move none does.
 *
 * It moves while nothing of it is under way, and only if no other shard needs to know where it is (session.stays):
 * whoever is in doubt stays. Connections remain spread: it does not move to a shard that has clearly more of them. */
#ifndef NET_CONN_MOVE_H
#define NET_CONN_MOVE_H

#include "net/conn.h"
#include "shards/simulate.h"

enum {
    CONN_MOVE_LEAST = 64,    /* requests to another shard, less others, before it is looked at */
    CONN_MOVE_REST_MS = 100, /* between two moves */
    CONN_MOVE_MORE = 2,      /* connections that the other shard may have more than this one, before the move */
};

/* At the end of the connection's turn: begins a move, goes on with one, or gives it up. */
void conn_move_go_on(struct conn *conn);

/* Whether that has anything to do. */
static inline bool conn_move_is_due(const struct conn *conn)
{
    return conn->origin.crossings >= simulate_move_least(CONN_MOVE_LEAST) || conn->place == CONN_STOPS_RECEIVING;
}

#endif
