#include "shards/push.h"

#include "core/session.h"
#include "shards/shard.h"

void push_bytes_behind(struct shard *shard, struct session *session, uint64_t behind, struct str bytes)
{
    if (!session->flush)
        return;
    pushes_append(&session->pushes, session->memory, behind, bytes);
    loop_defer(shard->loop, session->flush);
}

void push_bytes(struct shard *shard, struct session *session, struct str bytes)
{
    push_bytes_behind(shard, session, session->pushes.admitted, bytes);
}

void push_release(struct shard *shard, struct session *session)
{
    if (session->pushes.first)
        loop_defer(shard->loop, session->flush);
}
