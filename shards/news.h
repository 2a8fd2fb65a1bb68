/* What one shard tells connections of another: published messages, invalidations, lines of MONITOR.
 *
 * News travel in the return ring, behind the answers that were given before them, and
 * are published at once: before anything later executes on the sending shard, so before any effect
 * of the command that they are of can be seen. While they find no room nothing
 * else executes there or leaves (mesh_return_now); the receiver always takes them.
 *
 * The receiver takes them in the order of their causes (returns.h), before it executes
 * anything that was published to it after them: it looks when the bound of its turn was
 * taken, and before it executes a gather. tests/sim/ordering.pml has that too (NEWS). */
#ifndef SHARDS_NEWS_H
#define SHARDS_NEWS_H

#include <stddef.h>
#include <stdint.h>

#include "core/str.h"
#include "shards/message.h"

struct shard;

/* The first member of what a kind of news carries. */
struct news {
    struct message message; /* its home is the shard that sends it */
    uint64_t stamp;         /* rises with each that is said, wherever; what is said to several shards has one */
    /* Called on the receiving shard's thread, which frees the news afterwards. */
    void (*deliver)(struct shard *shard, struct news *news);
    struct news *next; /* of those that wait to be heard on the sending shard */
};

/* Zeroed, of at least sizeof(struct news); charged to nobody. */
void *news_create(struct shard *shard, size_t bytes);

/* Takes the news. To the shard itself it is delivered before this returns. The thread of shard, between the commands
 * that it executes or while it executes one. */
void news_send(struct shard *shard, int to, struct news *news);

/* The same to several shards: news_begin, news_send_to for each but the shard itself, news_end. None hears it before it
 * is there for all. */
void news_begin(struct shard *shard);
void news_send_to(struct shard *shard, int to, struct news *news);
void news_end(struct shard *shard);
/* After news_end: what the shard itself hears of it, when the others may. */
void news_hear(struct shard *shard, struct news *news);
/* What had to wait; before any news of others. */
void news_hear_kept(struct shard *shard);

/* The shard that they came to. */
void news_take(struct shard *shard, struct news *news);

/* Pushes bytes, which are copied, to the session that has this id on that shard; nothing where it has gone. */
void news_push(struct shard *shard, int to, uint64_t session_id, struct str bytes);

#endif
