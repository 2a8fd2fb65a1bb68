#include "shards/errand.h"

#include "shards/shard.h"

void errand_send(struct shard *shard, int to, struct errand *errand)
{
    errand->message = (struct message){.kind = MESSAGE_ERRAND, .home = (uint16_t)shard->index};
    mesh_return(&shard->port, to, &errand->message);
}
