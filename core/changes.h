/* What others are to hear of a keyspace's changes.
 *
 * Three kinds of listeners: clients that watch keys (WATCH), clients that cache them
 * (CLIENT TRACKING), and whoever subscribed to events (notify-keyspace-events); and there is
 * the journal. `heeded`
 * says which of them there are, so that a write which nobody hears of costs one
 * branch. What the latter two are to hear is queued as the command makes it; whoever executed it tells them before
 * anything else is executed. A shard that is parked on a gather lends its keyspace, and
 * what happens there is queued with the executor's, in the order of the command.
 * Belongs to the keyspace, and to whom that belongs to. */
#ifndef CORE_CHANGES_H
#define CORE_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/tracking_reader.h"

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
enum {
    CHANGES_JOURNALED = 1 << 27, /* each change goes to the keyspace's journal */
    CHANGES_BROADCAST = 1 << 28, /* clients cache all keys of some prefixes */
    CHANGES_TRACKED = 1 << 29,   /* keys of this keyspace have been read by clients that cache them */
    CHANGES_WATCHED = 1 << 30,
    CHANGES_LISTENERS = CHANGES_BROADCAST | CHANGES_TRACKED | CHANGES_WATCHED,
    CHANGES_TOUCHES = CHANGES_LISTENERS | CHANGES_JOURNALED,
};

struct changes {
    uint32_t heeded;       /* classes of events that are published, and CHANGES_… */
    struct changes *queue; /* whose `records` is written to: its own, or the executor's of a gather */
    struct buffer records;
    size_t stale_at;  /* the last record of a stale key */
    size_t published; /* up to where events have been published */
    size_t journaled; /* up to where it has been decided what goes to journals */
    bool others;      /* something is for others than the journal; may be set where that has been cut off */
};

enum change_kind {
    CHANGE_EVENT,   /* of a key */
    CHANGE_STALE,   /* a key that was read has changed */
    CHANGE_TOUCHED, /* a key has changed, for those who cache by prefixes */
    CHANGE_FLUSHED, /* no key is what it was */
    /* For the journal, and nobody else: */
    CHANGE_WRITTEN,  /* the running command has changed a key */
    CHANGE_RECORDED, /* its handler has said what goes to journals */
    CHANGE_GONE,     /* the time of a key or of fields had come, and the journal has it */
};

/* What is queued; all texts are the queue's. */
struct change {
    enum change_kind kind;
    uint32_t class;
    int db;
    struct str event, key;
    uint64_t by;         /* which client's session changed the key, 0: none */
    const char *readers; /* of a stale key: see change_reader */
    uint32_t reader_count;
};

static inline struct tracking_reader change_reader(const struct change *change, uint32_t at)
{
    struct tracking_reader reader;

    memcpy(&reader, change->readers + at * sizeof reader, sizeof reader);
    return reader;
}

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
/* A key has changed, and these have read it: each is added afterwards, before anything else is. */
void changes_add_stale(struct changes *changes, struct str key, uint64_t by);
void changes_add_stale_reader(struct changes *changes, struct tracking_reader reader);
void changes_add_touched(struct changes *changes, struct str key, uint64_t by);
void changes_add_flushed(struct changes *changes, uint64_t by);
void changes_add_written(struct changes *changes, int db, struct str key);
/* CHANGE_RECORDED or CHANGE_GONE. */
void changes_add_mark(struct changes *changes, enum change_kind kind);

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
static inline bool changes_has_some(const struct changes *changes)
{
    return changes->records.length > 0;
}
/* Whether the command that ran last has to do with journals. */
static inline bool changes_has_unjournaled(const struct changes *changes)
{
    return changes->records.length > changes->journaled;
}
/* Drops what was queued behind this many bytes. */
static inline void changes_cut(struct changes *changes, size_t length)
{
    changes->records.length = length;
    changes->published = changes->published < length ? changes->published : length;
    changes->journaled = changes->journaled < length ? changes->journaled : length;
}
static inline void changes_clear(struct changes *changes)
{
    changes_cut(changes, 0);
    changes->others = false;
}

#endif
