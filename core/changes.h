/* What others are to hear of a keyspace's changes.
 *
 * Three kinds of listeners: clients that watch keys (WATCH), clients that cache them
 * (CLIENT TRACKING), and whoever subscribed to events (notify-keyspace-events). `heeded`
 * says which of them there are, so that a write which nobody hears of costs one
 * branch. Events are queued as the command makes them; whoever executed it publishes them before
 * anything else is executed. A shard that is parked on a gather lends its keyspace, and
 * what happens there is queued with the executor's, in the order of the command.
 * Belongs to the keyspace, and to whom that belongs to. */
#ifndef CORE_CHANGES_H
#define CORE_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"

struct memory;

/* The letters of notify-keyspace-events, in the order in which CONFIG GET prints them. */
enum event_class {
    EVENT_GENERIC = 1 << 0,  /* g */
    EVENT_STRING = 1 << 1,   /* $ */
    EVENT_LIST = 1 << 2,     /* l */
    EVENT_SET = 1 << 3,      /* s */
    EVENT_HASH = 1 << 4,     /* h */
    EVENT_ZSET = 1 << 5,     /* z */
    EVENT_EXPIRED = 1 << 6,  /* x */
    EVENT_EVICTED = 1 << 7,  /* e */
    EVENT_STREAM = 1 << 8,   /* t */
    EVENT_MODULE = 1 << 9,   /* d */
    EVENT_NEW = 1 << 10,     /* n */
    EVENT_OF_KEY = 1 << 11,  /* K: published to __keyspace@db__:key */
    EVENT_OF_NAME = 1 << 12, /* E: published to __keyevent@db__:event */
    EVENT_MISSED = 1 << 13,  /* m */
};
enum { EVENTS_OF_DATA = EVENT_NEW - 1 /* A */ };

/* Beside the classes of events, in `heeded`. */
enum { CHANGES_WATCHED = 1 << 30, CHANGES_TRACKED = 1 << 29, CHANGES_TOUCHES = CHANGES_WATCHED | CHANGES_TRACKED };

struct changes {
    uint32_t heeded;       /* classes of events that are published, and CHANGES_… */
    struct changes *queue; /* whose `events` is written to: its own, or the executor's of a gather */
    struct buffer events;
};

/* One event of a key; both texts are the queue's. */
struct change {
    uint32_t class;
    int db;
    struct str event, key;
};

void changes_init(struct changes *changes, struct memory *memory);
void changes_deinit(struct changes *changes);

static inline void changes_heed(struct changes *changes, uint32_t which, bool on)
{
    changes->heeded = on ? changes->heeded | which : changes->heeded & ~which;
}

/* notify-keyspace-events is this set of classes from now on. */
void changes_set_events(struct changes *changes, uint32_t events);

/* The event of a class that is heeded. */
void changes_add_event(struct changes *changes, uint32_t class, const char *event, int db, struct str key);

/* The executor of a gather takes a parked shard's keyspace; and gives it back. */
static inline void changes_lend(struct changes *changes, struct changes *executor)
{
    changes->queue = executor->queue;
}
static inline void changes_return(struct changes *changes)
{
    changes->queue = changes;
}

/* What is queued, oldest first. *at: 0 at the beginning. False: that was all. */
MUST_USE bool changes_next(const struct changes *changes, size_t *at, struct change *change);
static inline bool changes_has_events(const struct changes *changes)
{
    return changes->events.length > 0;
}
static inline void changes_clear(struct changes *changes)
{
    changes->events.length = 0;
}

#endif
