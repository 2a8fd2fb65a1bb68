#include "shards/push.h"

#include "core/session.h"
#include "shards/shard.h"

void push_bytes(struct shard *shard, struct session *session, struct str bytes)
{
    session_push(&shard->core.sessions, session, session->pushes.admitted, bytes);
}

void push_release(struct shard *shard, struct session *session)
{
    if (session->pushes.first)
        loop_defer(shard->loop, session->flush);
}
