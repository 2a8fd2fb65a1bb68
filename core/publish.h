/* Publishing a message: who hears it, and on which shards they are.
 *
 * Where all subscribers are this shard's connections they get it at once, into their
 * pushes. Else it is queued as a publication, which the shard sends to them all before
 * anything else is executed; and so it is while a script may yet be taken back. The directory tells how
 * many there are in all. What the client who caused it is to hear itself lies behind the answer to its command, so that
 * is kept apart (publish_own). Belongs to the shard's thread. */
#ifndef CORE_PUBLISH_H
#define CORE_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/channels.h"

struct core;

/* A message on its way to other shards. */
struct publication {
    struct publication *next;
    enum channel_kind kind;
    struct channel_shards to;
    uint64_t cause; /* the session whose command it is of, 0: none */
    bool cause_has_heard;
    size_t channel_length, message_length;
    char bytes[]; /* the channel's name, then the message */
};

struct publishing {
    struct publication *first, *last; /* to be sent */
    struct buffer own;                /* what the session `own_session` is to hear of its own command */
    uint64_t own_session;
    struct buffer text; /* scratch: a message as it goes out */
};

void publishing_init(struct publishing *publishing, struct memory *memory);
void publishing_deinit(struct publishing *publishing);

struct message_text {
    struct str channel, message;
};

/* Returns how many subscriptions it reaches, of whichever shard. kind: CHANNEL_PLAIN, heard by patterns too, or
 * CHANNEL_SHARD. cause: the session that executes, 0: none. */
int64_t publish_message(struct core *core, enum channel_kind kind, struct message_text text, uint64_t cause);

enum publish_whom { PUBLISH_TO_ALL, PUBLISH_TO_CAUSE, PUBLISH_TO_OTHERS };

/* Gives a message that comes from that shard to the subscribers here. */
void publish_here(struct core *core, enum channel_kind kind, struct message_text text, int from, uint64_t cause,
                  enum publish_whom whom);

static inline bool publishing_has_work(const struct publishing *publishing)
{
    return publishing->first || publishing->own.length > 0;
}
/* What is queued is not said after all. */
void publishing_clear(struct publishing *publishing);
/* The oldest queued publication, which the caller frees; NULL: none. */
struct publication *publishing_take(struct publishing *publishing);

#endif
