/* Unordered work that one shard leaves to another, such as taking over a
 * connection. The receiver runs completion.done on its own thread and owns the
 * errand from then on. Its memory travels uncharged (memory_recharge). */
#ifndef SHARDS_ERRAND_H
#define SHARDS_ERRAND_H

#include "shards/loop.h"
#include "shards/message.h"

struct shard;

struct errand {
    struct message message;
    struct completion completion;
};

/* Sends it at the end of the turn; `to` may not be the shard itself. */
void errand_send(struct shard *shard, int to, struct errand *errand);

#endif
