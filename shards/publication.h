/* Published messages on their way to the connections of other shards: one news for each shard that has subscribers.
 *
 * core/publish.h says who hears a message. What the client whose request caused it is to hear
 * lies right behind the answer to that request, unless something said before lies further back. */
#ifndef SHARDS_PUBLICATION_H
#define SHARDS_PUBLICATION_H

struct request;
struct shard;

/* Sends what the command has published. request: whose it was; NULL: nobody's, or a part of another. */
void publication_send(struct shard *shard, const struct request *request);

#endif
