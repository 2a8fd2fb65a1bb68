/* All rings between the shards, the batch of the turn, and the wake-ups.
 *
 * Between each ordered pair of shards lie two rings: one for requests, which
 * carry stamps, and one for what comes back (answers, and whatever else needs
 * no order). A struct mesh is shared by all shards; a struct mesh_port is one
 * shard's ends of it and belongs to that shard's thread.
 *
 * Nobody waits for room in a ring: the other side may be parked on a gather that
 * needs us. mesh_room says whether a request fits; one that does not is held
 * back by the router. An answer that does not fit waits in the port's overflow list.
 *
 * Sleeping: a shard declares itself asleep, then looks at its rings once more
 * (mesh_fall_asleep); a sender publishes, then looks whether the receiver is
 * asleep (mesh_wake). Both have a full fence between the two steps, so at least one
 * of them sees the other: no wake-up is lost, and an awake shard costs no call. */
#ifndef SHARDS_MESH_H
#define SHARDS_MESH_H

#include <stdbool.h>
#include <stdint.h>

#include "shards/spsc.h"
#include "shards/stamp.h"

struct loop;
struct memory;
struct message;

struct mesh_sleeper {
    alignas(CACHE_LINE) _Atomic(bool) asleep;
    struct loop *loop; /* set by its shard before it first sleeps */
};

/* Shared by all shards. */
struct mesh {
    struct stamp_clock clock;
    struct stamp_gate *gates;      /* by shard */
    struct stamp_news_gate *said;  /* by shard */
    struct mesh_sleeper *sleepers; /* by shard */
    struct spsc **requests;        /* [from * count + to]; none from a shard to itself */
    struct spsc **returns;
    struct memory *memory;
    int count;
};

void mesh_init(struct mesh *mesh, struct memory *memory, int shards);
void mesh_deinit(struct mesh *mesh);

/* The shard's own requests: first-in first-out, never full. */
struct mesh_own {
    struct spsc_slot *slots;
    uint32_t capacity;                 /* a power of two */
    uint32_t taken, staged, published; /* running counts */
};

struct mesh_port {
    struct mesh *mesh;
    struct memory *memory;
    int index;
    struct spsc_sender *requests_to;
    struct spsc_receiver *requests_from;
    struct spsc_sender *returns_to;
    struct spsc_receiver *returns_from;
    struct mesh_own own;
    /* The batch being staged. */
    bool staged;
    struct message *last_staged; /* in it, to any shard; NULL: nothing yet */
    bool exchanged;              /* with another shard, in this turn */
    /* The turn's view, made by mesh_collect. */
    uint64_t bound;
    uint64_t limit; /* the lowest closed gate: nothing from there on is executed */
    uint64_t end;   /* no stamp below it is still to be given to us: the bound, or behind it if it is our own batch's */
    bool drained;   /* mesh_next has given all that is due */
    int *sources;   /* which may have something due */
    int source_count;
    int run_source; /* whose run of equal stamps is being executed, -1: choose */
    uint64_t run_stamp;
    bool run_started; /* the last mesh_next began a run */
    /* Whom to tell. */
    uint64_t *pushed_to; /* bit per shard: requests staged, or returns to publish */
    uint64_t *returned_to;
    /* Answers that found no room, by destination, first to last. */
    struct mesh_overflow *overflow;
    size_t overflow_count;
    size_t urgent_count; /* of them: news, which nothing later may overtake */
    uint64_t saying;     /* stamp of the news that are being said; 0: none */
    uint64_t wakes;
};

void mesh_port_init(struct mesh_port *port, struct mesh *mesh, struct memory *memory, int index);
void mesh_port_deinit(struct mesh_port *port);

/* (a) Stage. True when a message to that shard fits into this turn's batch. */
bool mesh_room(struct mesh_port *port, int to);
/* There must be room. All of a turn's messages get one stamp, so the parts of a command over several shards do. */
void mesh_stage(struct mesh_port *port, int to, struct message *message);

/* (b) Publish: stamps the batch, shows it, sets the turn's bound, wakes who sleeps. now_ms: Unix time. */
void mesh_publish(struct mesh_port *port, struct loop *loop, int64_t now_ms);

/* (c) Execute: mesh_collect looks at gates and tails, mesh_next then gives the
 * due messages in order (NULL: none is left), and mesh_release frees their slots
 * when they have been executed. */
void mesh_collect(struct mesh_port *port);
struct message *mesh_next(struct mesh_port *port);
/* What comes after it from the same source, to prefetch by. Valid until something is staged or taken. */
struct mesh_window {
    const struct spsc_slot *slots;
    uint32_t mask, next, count;
};
struct mesh_window mesh_ahead(const struct mesh_port *port);
/* The message that lies `places` behind the next one; NULL: none. */
static inline const struct message *mesh_window_at(const struct mesh_window *window, uint32_t places)
{
    return places < window->count ? window->slots[(window->next + places) & window->mask].message : NULL;
}
void mesh_release(struct mesh_port *port);
/* The time, Unix, of the message that mesh_next gave last. */
static inline int64_t mesh_message_ms(const struct mesh_port *port)
{
    return stamp_time_ms(port->run_stamp);
}

/* When mesh_next has given all: nothing of an earlier time will be executed here any more. */
static inline int64_t mesh_settled_ms(const struct mesh_port *port)
{
    return stamp_time_ms(port->limit < port->bound ? port->limit : port->bound);
}

/* Everything with at most this stamp has been given by mesh_next, and nothing with it will still come; 0: that can't be
 * told in this turn. */
static inline uint64_t mesh_settled(const struct mesh_port *port)
{
    return port->drained ? (port->limit < port->end ? port->limit : port->end) - 1 : 0;
}

/* News: begins what is to be said to several shards, each by mesh_return_now; returns its stamp. */
uint64_t mesh_begin_news(struct mesh_port *port);
/* That was all: lets it be heard, as soon as there was room for all of it. */
void mesh_end_news(struct mesh_port *port);
/* Up to this stamp the news of that source may be heard. To be read after its ring was looked at. */
uint64_t mesh_said(const struct mesh_port *port, int source);

/* (d) Answer: sends a message back to its home, without order. */
void mesh_return(struct mesh_port *port, int to, struct message *message);
/* The same for news. It is there when this returns, with all that was returned to that shard before it; or, where
 * there is no room, mesh_is_held_up is true until it is. Until then nothing else is published or may be executed. */
void mesh_return_now(struct mesh_port *port, int to, struct message *message);
static inline bool mesh_is_held_up(const struct mesh_port *port)
{
    return port->urgent_count > 0;
}
void mesh_publish_returns(struct mesh_port *port, struct loop *loop);
/* What a shard returned to us: mesh_collect_returns says whether there is anything, mesh_next_return takes it (NULL: no
 * more). */
bool mesh_collect_returns(struct mesh_port *port, int source);
struct message *mesh_next_return(struct mesh_port *port, int source);
/* The message that lies `places` behind the next one from that source; NULL: none. To prefetch by. */
const struct message *mesh_return_ahead(const struct mesh_port *port, int source, uint32_t places);

/* Own requests that could not be executed in their turn. */
bool mesh_has_own(const struct mesh_port *port);
/* Calls visit for each of them. */
void mesh_each_own(struct mesh_port *port, void (*visit)(void *context, struct message *message), void *context);

/* Whether others have sent us something that was not there at the last collect.
 * parked: execution is parked, so only returns count. */
bool mesh_has_inbound(const struct mesh_port *port, bool parked);
/* Declares the shard asleep. False: there is inbound work, and the shard is awake. */
bool mesh_fall_asleep(struct mesh_port *port, bool parked);
void mesh_awake(struct mesh_port *port);

/* Wakes a shard if it is asleep, after something was published for it. */
void mesh_wake(struct mesh_port *port, struct loop *loop, int shard);

#endif
