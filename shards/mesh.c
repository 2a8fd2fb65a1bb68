#include "shards/mesh.h"

#include <string.h>

#include "core/memory.h"
#include "shards/loop.h"
#include "shards/message.h"

enum {
    OWN_SLOTS = 1024,          /* to begin with; doubles */
    RING_BYTES_TARGET = 16384, /* of slots in one ring, among few shards */
    RING_SLOTS_LEAST = 64,
    GATE_SPINS = 200, /* looks at a closed gate; it opens within a microsecond, unless its shard lost its CPU */
};

struct mesh_overflow {
    struct spsc_slot *slots; /* with their stamps where they are news, else 0 */
    size_t first, count, capacity;
};

/* Rings shrink as their number grows with the square of the shards: 1024 slots up to 16 shards, 64 from 256. */
static uint32_t ring_slots(int shards)
{
    uint32_t slots = RING_BYTES_TARGET / sizeof(struct spsc_slot);

    for (int count = 16; count < shards && slots > RING_SLOTS_LEAST; count *= 2)
        slots /= 2;
    return simulate_ring_slots(slots);
}

static size_t words(const struct mesh *mesh)
{
    return ((size_t)mesh->count + 63) / 64;
}

void mesh_init(struct mesh *mesh, struct memory *memory, int shards)
{
    size_t count = (size_t)shards;

    mesh->memory = memory;
    mesh->count = shards;
    atomic_init(&mesh->clock.next, 1);
    mesh->gates = memory_alloc_aligned(memory, count * sizeof *mesh->gates, CACHE_LINE);
    mesh->said = memory_alloc_aligned(memory, count * sizeof *mesh->said, CACHE_LINE);
    mesh->sleepers = memory_alloc_aligned(memory, count * sizeof *mesh->sleepers, CACHE_LINE);
    mesh->requests = memory_alloc_zeroed(memory, count * count * sizeof(struct spsc *));
    mesh->returns = memory_alloc_zeroed(memory, count * count * sizeof(struct spsc *));
    for (size_t i = 0; i < count; i++) {
        atomic_init(&mesh->gates[i].lowest, STAMP_GATE_OPEN);
        atomic_init(&mesh->said[i].said, 0);
        atomic_init(&mesh->sleepers[i].asleep, false);
        mesh->sleepers[i].loop = NULL;
        for (size_t j = 0; j < count; j++) {
            if (i == j)
                continue;
            mesh->requests[i * count + j] = spsc_create(memory, ring_slots(shards));
            mesh->returns[i * count + j] = spsc_create(memory, ring_slots(shards));
        }
    }
}

void mesh_deinit(struct mesh *mesh)
{
    size_t rings = (size_t)mesh->count * (size_t)mesh->count;

    for (size_t i = 0; i < rings; i++) {
        memory_free(mesh->memory, mesh->requests[i]);
        memory_free(mesh->memory, mesh->returns[i]);
    }
    memory_free(mesh->memory, mesh->requests);
    memory_free(mesh->memory, mesh->returns);
    memory_free(mesh->memory, mesh->gates);
    memory_free(mesh->memory, mesh->said);
    memory_free(mesh->memory, mesh->sleepers);
}

void mesh_port_init(struct mesh_port *port, struct mesh *mesh, struct memory *memory, int index)
{
    size_t count = (size_t)mesh->count;

    *port = (struct mesh_port){.mesh = mesh, .memory = memory, .index = index, .run_source = -1};
    port->requests_to = memory_alloc_zeroed(memory, count * sizeof *port->requests_to);
    port->requests_from = memory_alloc_zeroed(memory, count * sizeof *port->requests_from);
    port->returns_to = memory_alloc_zeroed(memory, count * sizeof *port->returns_to);
    port->returns_from = memory_alloc_zeroed(memory, count * sizeof *port->returns_from);
    port->overflow = memory_alloc_zeroed(memory, count * sizeof *port->overflow);
    port->sources = memory_alloc_zeroed(memory, count * sizeof *port->sources);
    port->pushed_to = memory_alloc_zeroed(memory, words(mesh) * sizeof(uint64_t));
    port->returned_to = memory_alloc_zeroed(memory, words(mesh) * sizeof(uint64_t));
    port->own.capacity = OWN_SLOTS;
    port->own.slots = memory_alloc(memory, OWN_SLOTS * sizeof(struct spsc_slot));
    for (size_t other = 0; other < count; other++) {
        port->requests_to[other].ring = mesh->requests[(size_t)index * count + other];
        port->requests_from[other].ring = mesh->requests[other * count + (size_t)index];
        port->returns_to[other].ring = mesh->returns[(size_t)index * count + other];
        port->returns_from[other].ring = mesh->returns[other * count + (size_t)index];
    }
}

void mesh_port_deinit(struct mesh_port *port)
{
    for (int i = 0; i < port->mesh->count; i++)
        memory_free(port->memory, port->overflow[i].slots);
    memory_free(port->memory, port->requests_to);
    memory_free(port->memory, port->requests_from);
    memory_free(port->memory, port->returns_to);
    memory_free(port->memory, port->returns_from);
    memory_free(port->memory, port->overflow);
    memory_free(port->memory, port->sources);
    memory_free(port->memory, port->pushed_to);
    memory_free(port->memory, port->returned_to);
    memory_free(port->memory, port->own.slots);
}

/* The own queue. */

static __attribute__((noinline)) void own_grow(struct mesh_port *port)
{
    struct mesh_own *own = &port->own;
    uint32_t capacity = own->capacity * 2;
    struct spsc_slot *slots = memory_alloc(port->memory, capacity * sizeof *slots);

    for (uint32_t index = own->taken; index != own->staged; index++)
        slots[index & (capacity - 1)] = own->slots[index & (own->capacity - 1)];
    memory_free(port->memory, own->slots);
    own->slots = slots;
    own->capacity = capacity;
}

static void own_stage(struct mesh_port *port, struct message *message)
{
    struct mesh_own *own = &port->own;

    if (own->staged - own->taken == own->capacity)
        own_grow(port);
    own->slots[own->staged++ & (own->capacity - 1)].message = message;
}

static void own_publish(struct mesh_own *own, uint64_t stamp)
{
    for (; own->published != own->staged; own->published++)
        own->slots[own->published & (own->capacity - 1)].stamp = stamp;
}

bool mesh_has_own(const struct mesh_port *port)
{
    return port->own.taken != port->own.staged;
}

void mesh_each_own(struct mesh_port *port, void (*visit)(void *context, struct message *message), void *context)
{
    struct mesh_own *own = &port->own;

    for (uint32_t index = own->taken; index != own->staged; index++)
        visit(context, own->slots[index & (own->capacity - 1)].message);
}

/* Stage and publish. */

static void mark(uint64_t *bits, int shard)
{
    bits[shard / 64] |= UINT64_C(1) << (shard % 64);
}

/* These two are inline for the router, by link-time optimization. */

inline bool mesh_room(struct mesh_port *port, int to)
{
    return to == port->index || spsc_room(&port->requests_to[to]);
}

inline void mesh_stage(struct mesh_port *port, int to, struct message *message)
{
    port->staged = true;
    port->last_staged = message;
    if (to == port->index) {
        own_stage(port, message);
        return;
    }
    spsc_stage(&port->requests_to[to], message);
    port->exchanged = true;
    mark(port->pushed_to, to);
}

/* Calls a function for each marked shard. */
static void each_marked(struct mesh_port *port, const uint64_t *bits, void (*visit)(struct mesh_port *, int, void *),
                        void *context)
{
    for (size_t word = 0; word < words(port->mesh); word++)
        for (uint64_t left = bits[word]; left; left &= left - 1)
            visit(port, (int)(word * 64) + __builtin_ctzll(left), context);
}

static void publish_to(struct mesh_port *port, int to, void *stamp)
{
    spsc_publish(&port->requests_to[to], *(uint64_t *)stamp);
}

static void wake(struct mesh_port *port, int to, void *loop)
{
    mesh_wake(port, loop, to);
}

/* The simulator's fault: every shard's part of the batch has a stamp of its own. */
static uint64_t publish_split(struct mesh_port *port, uint64_t stamp, int64_t now_ms)
{
    struct stamp_gate *gate = &port->mesh->gates[port->index];

    for (int to = 0; to < port->mesh->count; to++) {
        if (to == port->index)
            continue;
        spsc_publish(&port->requests_to[to], stamp);
        stamp_open_gate(gate);
        stamp = stamp_take(&port->mesh->clock, gate, now_ms);
    }
    return stamp;
}

/* Close the gate, stamp, push, open the gate. */
static uint64_t publish_batch(struct mesh_port *port, int64_t now_ms)
{
    struct stamp_gate *gate = &port->mesh->gates[port->index];
    uint64_t stamp = stamp_take(&port->mesh->clock, gate, now_ms);

    if (simulate_fault(FAULT_SPLIT_BATCH))
        stamp = publish_split(port, stamp, now_ms);
    each_marked(port, port->pushed_to, publish_to, &stamp);
    own_publish(&port->own, stamp);
    stamp_open_gate(gate);
    return stamp;
}

static void wake_marked(struct mesh_port *port, uint64_t *bits, struct loop *loop)
{
    /* The receiver declares itself asleep, then looks; we publish, then look: pairs with mesh_fall_asleep. */
    atomic_thread_fence(memory_order_seq_cst);
    each_marked(port, bits, wake, loop);
    memset(bits, 0, words(port->mesh) * sizeof *bits);
}

void mesh_publish(struct mesh_port *port, struct loop *loop, int64_t now_ms)
{
    port->drained = false;
    if (!port->staged) {
        port->bound = port->end = stamp_bound(&port->mesh->clock, now_ms);
        return;
    }
    port->bound = publish_batch(port, now_ms);
    port->end = port->bound + 1;
    port->staged = false;
    port->last_staged = NULL;
    wake_marked(port, port->pushed_to, loop);
}

/* Execute: the merge by stamps. */

/* Looks a moment at a gate that holds up this turn; what it holds up even then stays for the next. */
static uint64_t look_at_gate(const struct mesh_port *port, int source)
{
    const struct stamp_gate *gate = &port->mesh->gates[source];
    uint64_t lowest = stamp_lowest(gate);

    for (int spins = 0; lowest <= port->bound && spins < GATE_SPINS; spins++)
        lowest = stamp_lowest(gate);
    return lowest;
}

/* The gates, then the tails. */
void mesh_collect(struct mesh_port *port)
{
    port->source_count = 0;
    port->run_source = -1;
    port->limit = STAMP_GATE_OPEN;
    for (int source = 0; source < port->mesh->count; source++) {
        uint64_t lowest = source == port->index ? STAMP_GATE_OPEN : look_at_gate(port, source);

        if (lowest < port->limit)
            port->limit = lowest;
    }
    for (int source = 0; source < port->mesh->count; source++) {
        if (source == port->index || spsc_refresh(&port->requests_from[source]))
            port->sources[port->source_count++] = source;
    }
}

static const struct spsc_slot *head_of(const struct mesh_port *port, int source)
{
    const struct mesh_own *own = &port->own;

    if (source != port->index)
        return spsc_peek(&port->requests_from[source]);
    if (own->taken == own->published)
        return NULL;
    return &own->slots[own->taken & (own->capacity - 1)];
}

/* Below every closed gate, and below the bound; the own batch's stamp is at most the bound. */
static bool is_due(const struct mesh_port *port, int source, uint64_t stamp)
{
    if (simulate_fault(FAULT_NO_MERGE))
        return true;
    return stamp < port->limit && (stamp < port->bound || source == port->index);
}

static struct message *take_from(struct mesh_port *port, int source)
{
    if (source != port->index) {
        port->exchanged = true;
        return spsc_pop(&port->requests_from[source]);
    }
    return port->own.slots[port->own.taken++ & (port->own.capacity - 1)].message;
}

/* Makes the source with the lowest due stamp the run to execute; false: nothing is due. */
static bool choose_run(struct mesh_port *port)
{
    port->run_source = -1;
    for (int i = 0; i < port->source_count;) {
        int source = port->sources[i];
        const struct spsc_slot *head = head_of(port, source);

        if (!head || !is_due(port, source, head->stamp)) {
            port->sources[i] = port->sources[--port->source_count];
            continue;
        }
        if (port->run_source < 0 || (head->stamp < port->run_stamp && !simulate_fault(FAULT_NO_MERGE))) {
            port->run_source = source;
            port->run_stamp = head->stamp;
        }
        i++;
    }
    return port->run_source >= 0;
}

struct message *mesh_next(struct mesh_port *port)
{
    if (port->run_source >= 0) {
        const struct spsc_slot *head = head_of(port, port->run_source);

        port->run_started = false;
        if (head && head->stamp == port->run_stamp)
            return take_from(port, port->run_source);
    }
    port->run_started = choose_run(port);
    port->drained = !port->run_started;
    return port->run_started ? take_from(port, port->run_source) : NULL;
}

static const struct message *ring_ahead(const struct spsc_receiver *receiver, uint32_t places)
{
    if (receiver->pushed_seen - receiver->popped <= places)
        return NULL;
    return receiver->ring->slots[(receiver->popped + places) & receiver->ring->mask].message;
}

struct mesh_window mesh_ahead(const struct mesh_port *port)
{
    const struct mesh_own *own = &port->own;

    if (port->run_source < 0)
        return (struct mesh_window){0};
    if (port->run_source == port->index)
        return (struct mesh_window){own->slots, own->capacity - 1, own->taken, own->published - own->taken};

    const struct spsc_receiver *receiver = &port->requests_from[port->run_source];

    return (struct mesh_window){receiver->ring->slots, receiver->ring->mask, receiver->popped,
                                receiver->pushed_seen - receiver->popped};
}

const struct message *mesh_return_ahead(const struct mesh_port *port, int source, uint32_t places)
{
    return ring_ahead(&port->returns_from[source], places);
}

void mesh_release(struct mesh_port *port)
{
    for (int source = 0; source < port->mesh->count; source++)
        if (source != port->index)
            spsc_release(&port->requests_from[source]);
}

/* Answer. */

static void overflow_make_room(struct mesh_port *port, struct mesh_overflow *overflow)
{
    if (overflow->first > 0)
        memmove(overflow->slots, overflow->slots + overflow->first, overflow->count * sizeof *overflow->slots);
    overflow->first = 0;
    if (overflow->count * 2 < overflow->capacity)
        return;
    overflow->capacity = overflow->capacity ? overflow->capacity * 2 : 64;
    overflow->slots = memory_resize(port->memory, overflow->slots, overflow->capacity * sizeof *overflow->slots);
}

static void overflow_add(struct mesh_port *port, int to, struct message *message)
{
    struct mesh_overflow *overflow = &port->overflow[to];
    bool is_news = message->kind == MESSAGE_NEWS;

    if (overflow->first + overflow->count == overflow->capacity)
        overflow_make_room(port, overflow);
    overflow->slots[overflow->first + overflow->count++] =
        (struct spsc_slot){.stamp = is_news ? port->saying : 0, .message = message};
    port->overflow_count++;
    port->urgent_count += is_news;
    mark(port->returned_to, to);
}

void mesh_return(struct mesh_port *port, int to, struct message *message)
{
    ASSERT(to != port->index);
    if (port->overflow[to].count > 0 || !spsc_room(&port->returns_to[to])) {
        overflow_add(port, to, message);
        return;
    }
    spsc_stage(&port->returns_to[to], message);
    mark(port->returned_to, to);
}

static void publish_returns_to(struct mesh_port *port, int to, void *context)
{
    struct mesh_overflow *overflow = &port->overflow[to];

    while (overflow->count > 0 && spsc_room(&port->returns_to[to])) {
        struct message *message = overflow->slots[overflow->first++].message;

        spsc_stage(&port->returns_to[to], message);
        overflow->count--;
        port->overflow_count--;
        port->urgent_count -= message->kind == MESSAGE_NEWS;
    }
    spsc_publish(&port->returns_to[to], 0);
}

void mesh_return_now(struct mesh_port *port, int to, struct message *message)
{
    mesh_return(port, to, message);
    if (port->urgent_count == 0 && !simulate_fault(FAULT_LATE_NEWS))
        spsc_publish(&port->returns_to[to], 0);
}

uint64_t mesh_begin_news(struct mesh_port *port)
{
    return port->saying = stamp_of_news(&port->mesh->clock);
}

void mesh_end_news(struct mesh_port *port)
{
    if (port->urgent_count > 0)
        return;
    simulate_step();
    /* Pairs with mesh_said: who hears one of the news finds all of them in their rings. */
    atomic_store_explicit(&port->mesh->said[port->index].said, port->saying, memory_order_release);
    port->saying = 0;
}

uint64_t mesh_said(const struct mesh_port *port, int source)
{
    simulate_step();
    if (simulate_fault(FAULT_NEWS_APART))
        return UINT64_MAX;
    return atomic_load_explicit(&port->mesh->said[source].said, memory_order_acquire);
}

/* Only as far as news have to come out first. */
static void publish_urgent(struct mesh_port *port)
{
    for (int to = 0; to < port->mesh->count; to++)
        if (port->overflow[to].count > 0)
            publish_returns_to(port, to, NULL);
}

static uint64_t first_news_in(const struct mesh_overflow *overflow)
{
    for (size_t i = 0; i < overflow->count; i++)
        if (overflow->slots[overflow->first + i].stamp != 0)
            return overflow->slots[overflow->first + i].stamp;
    return UINT64_MAX;
}

/* Nobody takes news from a ring that may not be heard: were they to wait for those that do not fit behind them, there
 * would never be room for these. */
static void say_those_that_are_out(struct mesh_port *port)
{
    uint64_t first = UINT64_MAX;

    for (int to = 0; to < port->mesh->count; to++) {
        uint64_t first_to = first_news_in(&port->overflow[to]);

        first = first_to < first ? first_to : first;
        if (to != port->index)
            spsc_publish(&port->returns_to[to], 0);
    }
    simulate_step();
    /* Pairs with mesh_said, likewise. */
    atomic_store_explicit(&port->mesh->said[port->index].said, first - 1, memory_order_release);
}

static void mark_overflowing(struct mesh_port *port)
{
    for (int to = 0; to < port->mesh->count && port->overflow_count > 0; to++)
        if (port->overflow[to].count > 0)
            mark(port->returned_to, to);
}

/* What is held up stays marked. */
static void wake_returned(struct mesh_port *port, struct loop *loop)
{
    if (port->urgent_count == 0) {
        wake_marked(port, port->returned_to, loop);
        return;
    }
    atomic_thread_fence(memory_order_seq_cst); /* pairs with mesh_fall_asleep */
    each_marked(port, port->returned_to, wake, loop);
}

void mesh_publish_returns(struct mesh_port *port, struct loop *loop)
{
    if (port->mesh->count == 1)
        return;
    mark_overflowing(port);
    if (port->urgent_count > 0) {
        publish_urgent(port);
        if (port->urgent_count > 0)
            say_those_that_are_out(port);
        else
            mesh_end_news(port);
    }
    if (port->urgent_count == 0)
        each_marked(port, port->returned_to, publish_returns_to, NULL);
    wake_returned(port, loop);
}

bool mesh_collect_returns(struct mesh_port *port, int source)
{
    bool any = source != port->index && spsc_refresh(&port->returns_from[source]);

    port->exchanged |= any;
    return any;
}

struct message *mesh_next_return(struct mesh_port *port, int source)
{
    struct spsc_receiver *receiver = &port->returns_from[source];

    if (spsc_peek(receiver))
        return spsc_pop(receiver);
    spsc_release(receiver);
    return NULL;
}

/* Sleep. */

static bool ring_has_more(const struct spsc_receiver *receiver)
{
    return atomic_load_explicit(&receiver->ring->pushed, memory_order_relaxed) != receiver->popped;
}

bool mesh_has_inbound(const struct mesh_port *port, bool parked)
{
    for (int source = 0; source < port->mesh->count; source++) {
        if (source == port->index)
            continue;
        if (ring_has_more(&port->returns_from[source]) || (!parked && ring_has_more(&port->requests_from[source])))
            return true;
    }
    return false;
}

bool mesh_fall_asleep(struct mesh_port *port, bool parked)
{
    atomic_store_explicit(&port->mesh->sleepers[port->index].asleep, true, memory_order_release);
    simulate_step();
    /* Pairs with the fence in wake_marked. */
    atomic_thread_fence(memory_order_seq_cst);
    if (!mesh_has_inbound(port, parked))
        return true;
    mesh_awake(port);
    return false;
}

void mesh_awake(struct mesh_port *port)
{
    atomic_store_explicit(&port->mesh->sleepers[port->index].asleep, false, memory_order_relaxed);
}

void mesh_wake(struct mesh_port *port, struct loop *loop, int shard)
{
    struct mesh_sleeper *sleeper = &port->mesh->sleepers[shard];

    simulate_step();
    if (!atomic_load_explicit(&sleeper->asleep, memory_order_relaxed))
        return;
    /* Only one of several senders wakes. Acquire: the loop pointer was written before the first sleep. */
    if (!atomic_exchange_explicit(&sleeper->asleep, false, memory_order_acquire))
        return;
    port->wakes++;
    if (!simulate_fault(FAULT_NO_WAKE))
        loop_wake(loop, sleeper->loop);
}
