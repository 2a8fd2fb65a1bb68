/* One ring, one direction: a bounded lock-free queue of messages with a single
 * producer and a single consumer (Lamport's queue, with each side caching the
 * other's index).
 *
 * Staging and publishing are apart: staged messages lie in their slots but are
 * invisible until spsc_publish stamps them all and advances `pushed` with one
 * release store, which pairs with the acquire load in spsc_refresh. `popped` is
 * advanced by spsc_release, after what was popped has been executed, and pairs
 * with the acquire load in spsc_room. Indexes run freely and wrap at 2^32.
 * Each end has its own type, so that neither side can call the other's functions. */
#ifndef SHARDS_SPSC_H
#define SHARDS_SPSC_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/assert.h"
#include "shards/simulate.h"

struct memory;
struct message;

enum { CACHE_LINE = 64 };

struct spsc_slot {
    uint64_t stamp;
    struct message *message;
};

struct spsc {
    alignas(CACHE_LINE) _Atomic(uint32_t) pushed; /* running count, written by the sender */
    alignas(CACHE_LINE) _Atomic(uint32_t) popped; /* running count, written by the receiver */
    alignas(CACHE_LINE) uint32_t mask;            /* slots - 1; frozen */
    struct spsc_slot slots[];
};

struct spsc_sender {
    struct spsc *ring;
    uint32_t pushed; /* published */
    uint32_t staged; /* written to slots, published or not */
    uint32_t popped_seen;
};

struct spsc_receiver {
    struct spsc *ring;
    uint32_t popped; /* taken by us, released or not */
    uint32_t released;
    uint32_t pushed_seen;
};

/* slots: a power of two. Freed with memory_free by whoever created it. */
struct spsc *spsc_create(struct memory *memory, uint32_t slots);

/* True when one more message can be staged. */
static inline bool spsc_room(struct spsc_sender *sender)
{
    if (sender->staged - sender->popped_seen <= sender->ring->mask)
        return true;
    sender->popped_seen = atomic_load_explicit(&sender->ring->popped, memory_order_acquire);
    return sender->staged - sender->popped_seen <= sender->ring->mask;
}

/* There must be room. The message stays the sender's until it is published. */
static inline void spsc_stage(struct spsc_sender *sender, struct message *message)
{
    ASSERT(sender->staged - sender->popped_seen <= sender->ring->mask);
    sender->ring->slots[sender->staged++ & sender->ring->mask].message = message;
}

/* Gives all staged messages the stamp and shows them to the receiver, whose they are from now on. */
static inline void spsc_publish(struct spsc_sender *sender, uint64_t stamp)
{
    struct spsc *ring = sender->ring;

    for (uint32_t index = sender->pushed; index != sender->staged; index++)
        ring->slots[index & ring->mask].stamp = stamp;
    simulate_step();
    sender->pushed = sender->staged;
    atomic_store_explicit(&ring->pushed, sender->pushed, memory_order_release);
}

/* Looks for what has been published since; true when there is something to take. */
static inline bool spsc_refresh(struct spsc_receiver *receiver)
{
    simulate_step();
    receiver->pushed_seen = atomic_load_explicit(&receiver->ring->pushed, memory_order_acquire);
    return receiver->pushed_seen != receiver->popped;
}

/* The next message with its stamp, as of the last refresh; NULL: none. It stays in the ring. */
static inline const struct spsc_slot *spsc_peek(const struct spsc_receiver *receiver)
{
    if (receiver->popped == receiver->pushed_seen)
        return NULL;
    return &receiver->ring->slots[receiver->popped & receiver->ring->mask];
}

/* Takes what spsc_peek showed; its slot is the sender's again after spsc_release. */
static inline struct message *spsc_pop(struct spsc_receiver *receiver)
{
    return receiver->ring->slots[receiver->popped++ & receiver->ring->mask].message;
}

/* Tells the sender that everything popped is done with. */
static inline void spsc_release(struct spsc_receiver *receiver)
{
    if (receiver->released == receiver->popped)
        return; /* the line stays shared */
    receiver->released = receiver->popped;
    atomic_store_explicit(&receiver->ring->popped, receiver->popped, memory_order_release);
}

#endif
