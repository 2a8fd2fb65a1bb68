/* What travels between shards.
 *
 * A message has one owner at a time: whoever publishes it gives it away. */
#ifndef SHARDS_MESSAGE_H
#define SHARDS_MESSAGE_H

#include <stdint.h>

enum message_kind {
    MESSAGE_REQUEST, /* struct request: execute it here, or (on a return ring) its answer is ready */
    MESSAGE_GATHER,  /* struct gather: arrive, or (on a return ring) everyone has left it */
    MESSAGE_ERRAND,  /* struct errand, on a return ring: run it on this shard's thread */
    MESSAGE_NEWS,    /* struct news, on a return ring: deliver it to connections of this shard */
};

struct message {
    uint8_t kind;
    uint16_t home; /* the shard it came from and returns to */
};

#endif
