/* One command on its way: from the connection's shard to the owner of its keys and back.
 *
 * Taken from the home shard's pool and returned to it. Fields are written by home
 * before the request is staged, by the executing shard until it is answered, and
 * again by home from `done` on.
 *
 * Arguments are borrowed from the receive buffer, which lives until the end of
 * the turn. A request that outlives its turn (it goes to another shard, or
 * execution is parked) takes a copy, in its own line if it is small:
 * request_own_arguments. So buffers never wait for requests, and the other
 * shard finds the arguments beside the request. */
#ifndef SHARDS_REQUEST_H
#define SHARDS_REQUEST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/prefetch.h"
#include "core/resp_write.h"
#include "shards/message.h"

struct command;
struct memory;
struct scatter;
struct session;
struct transaction;
struct slow_command;
struct waiter;
struct watched_keys;

enum { REQUEST_ARGV_INLINE = 5, REQUEST_BYTES = 168 };

enum { PUBLISHER_UNKNOWN = -1 };

/* A connection as the shards see it: what keeps its requests in order. */
struct origin {
    const char *peer;   /* its address, as long as it lives */
    uint32_t held;      /* requests that wait for room in a ring; later ones wait behind them */
    uint64_t held_turn; /* the last turn in which one found none */
    bool paused;        /* they wait for the end of CLIENT PAUSE instead */
    bool dropped;       /* its client was killed: what is held, or comes back, is not staged any more */
    /* Scripts on trial, see trial.h. */
    uint32_t tried;                               /* in flight */
    uint32_t behind;                              /* in flight behind the first of them, to the same shard */
    uint32_t awaited;                             /* of all these, those that will come back unexecuted */
    uint16_t tried_on;                            /* the shard; or none: it is tried on several */
    uint8_t epoch;                                /* raised when a script has come back out of reach */
    struct request *bounced_first, *bounced_last; /* what has come back, until all have */
    /* Messages of one connection keep their order: those that are not answered are published by one shard. */
    uint32_t publishing; /* requests out that may publish */
    int publisher;       /* the shard that executes them, PUBLISHER_UNKNOWN: any */
    /* Where its requests go, if not to the connection's own shard. */
    uint16_t crossed_to; /* most of them, while there are crossings */
    uint32_t crossings;  /* there, less those to others; since net, which reads it, has last set it to 0 */
};

/* Laid out by who touches what: the owner reads the first two lines, writes the
 * reply on the third and the short answer on the fourth, and of most requests never
 * touches the rest, which stays in the home shard's cache while the request is away. */
struct request {
    /* Home and owner. */
    struct message message;
    uint16_t db;
    bool no_touch;
    uint8_t part : 2; /* enum call_part */
    bool hashed : 1;  /* key_hashes are those of all its keys, in their order, as long as its arguments live */
    bool tracked : 1; /* what it reads is remembered for its client */
    uint16_t key;     /* the argument that is its only key, whose hash is key_hash; 0: none */
    uint8_t trial;    /* enum request_trial */
    uint8_t epoch;    /* of its connection, where `trial` says something */
    int argc;
    struct str *argv; /* argv_inline, or a heap block */
    const struct command *command;
    union {
        uint64_t key_hash;
        const uint64_t *key_hashes;
    };
    uint64_t session_id;
    struct str argv_inline[REQUEST_ARGV_INLINE];
    struct reply reply;
    struct transaction *transaction; /* EXEC's, and that whose watches end: home frees it in the end; else NULL */
    struct watched_keys *watched;    /* of WATCH, and of what ends watches, else NULL */
    int64_t spent_ns;                /* that it has taken, if it was timed; see struct call */
    struct slow_command *slow;       /* see struct call; its connection puts them in the slow log */
    char bytes[REQUEST_BYTES];       /* owned arguments, as far as they fit; the rest is the reply's first storage */
    struct waiter *waiter;           /* of a request that is `blocking` */
    /* Home alone. */
    bool arguments_owned; /* or lent */
    bool arguments_lent;  /* for as long as it is out */
    bool discard_reply;   /* CLIENT REPLY OFF or SKIP */
    bool finished;        /* the answer is ready */
    bool blocking;        /* its command may block; its owner, too, looks here */
    bool publishes : 1;   /* it may publish messages */
    bool publishing : 1;  /* and is counted in its origin */
    bool joined : 1; /* its arguments lie one behind the other in one piece of memory, with some bytes between them */
    bool may_flush : 1; /* it is FLUSHALL, or may execute that */
    uint16_t place;     /* the low bits of its number among the connection's requests: net's pipeline counts */
    void (*done)(struct request *); /* the answer is in reply; the request is home's again */
    struct request *next;           /* in its connection's queue, or in the pool */
    struct origin *origin;
    struct session *session;   /* for local commands, and for a transaction that home is to execute; else NULL */
    struct scatter *scatter;   /* of which this is a part, or which it waits to settle; else NULL */
    struct request *next_held; /* waits for room in a ring, or for the end of a pause */
    char *argument_block;      /* owned arguments that are too large to lie in line */
};

static_assert(sizeof(struct request) % 64 == 0, "requests lie on whole cache lines");
static_assert(offsetof(struct request, reply) % 64 == 0, "and so does what the owner writes");

struct request_pool {
    struct memory *memory;
    struct request *free;
    struct request_block *blocks;
    uint16_t home;
    size_t live; /* taken and not given back */
};

void request_pool_init(struct request_pool *pool, struct memory *memory, uint16_t home);
/* All requests must be back, or nobody may touch them any more. */
void request_pool_deinit(struct request_pool *pool);

/* A request with room for argc arguments; argv is to be filled by the caller. */
struct request *request_take(struct request_pool *pool, int argc, int protocol);
/* The same; argv and what it points to are the caller's, who keeps them until the request is given back. */
struct request *request_take_lent(struct request_pool *pool, struct str *argv, int argc, int protocol);
void request_give_back(struct request_pool *pool, struct request *request);

/* The owner: asks for the lines that home has written. */
static inline void request_prefetch(const struct request *request)
{
    const char *lines = (const char *)request;

    prefetch_to_read(lines);
    prefetch_to_read(lines + 64);
    prefetch_to_read(lines + 128);
    prefetch_to_read(lines + 192);
}

/* The owner: asks for arguments that lie elsewhere. */
static inline void request_prefetch_arguments(const struct request *request)
{
    const char *lines = (const char *)request->argv;

    if (request->argv == request->argv_inline)
        return;
    prefetch_to_read(lines);
    prefetch_to_read(lines + 64);
    prefetch_to_read(lines + 128);
    prefetch_to_read(lines + 192);
}

/* Home: asks for the answer that the owner has written, and for home's own parts. */
static inline void request_prefetch_answer(const struct request *request)
{
    const char *lines = (const char *)request;

    prefetch_to_read(lines);
    prefetch_to_read(lines + offsetof(struct request, reply));
    prefetch_to_read(lines + offsetof(struct request, bytes));
    prefetch_to_read(lines + offsetof(struct request, bytes) + 64);
    prefetch_to_read(lines + offsetof(struct request, arguments_owned));
}

/* And for what of it lies elsewhere, when the lines above are here. */
static inline void request_prefetch_long_answer(const struct request *request)
{
    const char *lines = request->reply.buffer.bytes;

    if ((uintptr_t)lines - (uintptr_t)request->bytes < REQUEST_BYTES)
        return;
    prefetch_to_read(lines);
    prefetch_to_read(lines + 64);
    prefetch_to_read(lines + 128);
    prefetch_to_read(lines + 192);
}

/* Copies the arguments into memory of the request; nothing where that was done. Before execution; home only. */
void request_own_arguments(struct request_pool *pool, struct request *request);

#endif
