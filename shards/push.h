/* Telling a connection of this shard something that it did not ask for just now.
 *
 * The bytes leave behind every request that has been admitted and not yet
 * answered, but before one that is blocked; see core/pushes.h. The connection's shard. */
#ifndef SHARDS_PUSH_H
#define SHARDS_PUSH_H

#include <stdint.h>

#include "core/str.h"

struct session;
struct shard;

/* The bytes are copied. They are RESP as the session's protocol wants them. */
void push_bytes(struct shard *shard, struct session *session, struct str bytes);

/* The session's last request has turned out to be blocked: what waits behind it leaves before it. */
void push_release(struct shard *shard, struct session *session);

#endif
