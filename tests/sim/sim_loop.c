#include "tests/sim/sim_loop.h"

#include <errno.h>
#include <stdlib.h>

#include "core/assert.h"

static struct sim_loop *sim(struct loop *loop)
{
    return (struct sim_loop *)loop;
}

static struct wire *wires; /* all that there are */

static void add_wire(struct sim_loop *loop, struct wire *wire)
{
    ASSERT(loop->wire_count < WIRES_MAX);
    wire->loop = loop;
    loop->wires[loop->wire_count++] = wire;
}

static void remove_wire(struct sim_loop *loop, const struct wire *wire)
{
    int index = 0;

    while (loop->wires[index] != wire)
        index++;
    loop->wires[index] = loop->wires[--loop->wire_count];
}

/* A descriptor is every loop's; while an operation of one is under way no other may use it. */
static struct wire *wire_of(struct loop *loop, int fd)
{
    struct wire *wire = wires;

    while (wire && wire->fd != fd)
        wire = wire->next;
    ASSERT(wire);
    if (wire->loop == sim(loop))
        return wire;
    ASSERT(!wire->receive && !wire->send);
    remove_wire(wire->loop, wire);
    add_wire(sim(loop), wire);
    return wire;
}

/* Starting operations. */

static void refuse_accept(struct loop *loop, struct completion *completion)
{
    ASSERT(!"the simulator's clients need no accept");
}

static void start_receive(struct loop *loop, struct completion *completion)
{
    struct wire *wire = wire_of(loop, completion->fd);

    ASSERT(!wire->receive && !wire->server_closed);
    wire->receive = completion;
}

/* As a socket with room does. */
static void take_at_once(struct wire *wire)
{
    struct completion *send = wire->send;

    buffer_consume(&wire->taken, wire->taken_read);
    wire->taken_read = 0;
    for (int i = 0; i < send->vector_count; i++)
        buffer_append_str(&wire->taken, (struct str){send->vectors[i].iov_base, send->vectors[i].iov_len});
    send->progress = send->total;
}

static void start_send(struct loop *loop, struct completion *completion)
{
    struct wire *wire = wire_of(loop, completion->fd);

    ASSERT(!wire->send && !wire->server_closed && completion->total > 0);
    wire->send = completion;
    completion->waited = dice_one_in(&sim(loop)->scheduler->dice, 2);
    if (!completion->waited)
        take_at_once(wire);
}

static void cancel(struct loop *loop, struct completion *completion)
{
    ASSERT(wire_of(loop, completion->fd)->receive == completion); /* collect sees completion->cancelled */
}

static void start_file(struct loop *loop, struct completion *completion)
{
    ASSERT(sim(loop)->files.disk);
    sim_disk_start(&sim(loop)->files, completion);
}

static void close_fd(struct loop *loop, int fd)
{
    struct wire *wire;

    if (fd >= DISK_FIRST_FD) {
        sim_disk_close(sim(loop)->files.disk, fd);
        return;
    }
    wire = wire_of(loop, fd);
    ASSERT(!wire->receive && !wire->send && !wire->server_closed);
    wire->server_closed = true;
}

/* What has finished. */

static bool send_has_ended(const struct wire *wire)
{
    return wire->send && (wire->send->progress == wire->send->total || wire->client_closed);
}

static bool receive_has_news(const struct wire *wire)
{
    return wire->receive && (wire->arriving.length > 0 || wire->client_closed || wire->receive->cancelled);
}

static bool send_has_news(const struct sim_loop *loop, const struct wire *wire)
{
    return send_has_ended(wire) && (wire->send->waited || loop->loop.awaited);
}

static bool has_news(const struct sim_loop *loop)
{
    for (int i = 0; i < loop->wire_count; i++)
        if (send_has_news(loop, loop->wires[i]) || receive_has_news(loop->wires[i]))
            return true;
    return loop->files.finished.first != NULL;
}

static void finish_send(struct wire *wire)
{
    struct completion *completion = wire->send;

    wire->send = NULL;
    loop_finish(completion, completion->progress == completion->total ? (int)completion->total : -EPIPE);
}

static void end_receive(struct wire *wire, int result)
{
    struct completion *completion = wire->receive;

    wire->receive = NULL;
    loop_finish(completion, result);
}

static void deliver_bytes(struct sim_loop *loop, struct wire *wire)
{
    size_t length = wire->arriving.length;

    if (!dice_one_in(&loop->scheduler->dice, 2))
        length = 1 + dice_below(&loop->scheduler->dice, (uint32_t)length);

    char *bytes = malloc(length);

    memcpy(bytes, wire->arriving.bytes, length);
    buffer_consume(&wire->arriving, length);
    loop->given_out_bytes[loop->given_out_count] = length;
    loop->given_out[loop->given_out_count++] = bytes;
    wire->receive->result = (int)length;
    wire->receive->bytes = bytes;
    wire->receive->more = true;
    wire->receive->done(wire->receive);
}

static void deliver_end(struct sim_loop *loop, struct wire *wire)
{
    end_receive(wire, 0);
    wire->end_delivered = true;
    wire->end_delivered_at = loop->scheduler->decisions;
}

static void deliver_receive(struct sim_loop *loop, struct wire *wire)
{
    if (wire->receive->cancelled)
        end_receive(wire, -ECANCELED);
    else if (wire->arriving.length > 0)
        deliver_bytes(loop, wire);
    else
        deliver_end(loop, wire);
}

/* Each piece of news comes now or at a later wait, connections in any order. */
static int collect(struct sim_loop *loop)
{
    struct dice *dice = &loop->scheduler->dice;
    int first = loop->wire_count ? (int)dice_below(dice, (uint32_t)loop->wire_count) : 0;
    int delivered = 0;

    for (int i = 0; i < loop->wire_count; i++) {
        struct wire *wire = loop->wires[(first + i) % loop->wire_count];

        if (send_has_ended(wire) && !dice_one_in(dice, 4)) {
            finish_send(wire);
            delivered++;
        }
        if (receive_has_news(wire) && !dice_one_in(dice, 4)) {
            deliver_receive(loop, wire);
            delivered++;
        }
    }
    return delivered + sim_disk_deliver(&loop->files, dice);
}

/* Waiting and waking. */

static void take_back_buffers(struct sim_loop *loop)
{
    for (int i = 0; i < loop->given_out_count; i++) {
        memset(loop->given_out[i], '!', loop->given_out_bytes[i]);
        free(loop->given_out[i]);
    }
    loop->given_out_count = 0;
}

static void submit_wakes(struct loop *base)
{
    struct sim_loop *loop = sim(base);

    for (int i = 0; i < loop->to_wake_count; i++)
        loop->to_wake[i]->wakes_travelling++;
    loop->to_wake_count = 0;
}

static void sleep_until_woken(struct sim_loop *loop, int64_t timeout_us)
{
    loop->asleep = true;
    loop->timeout_us = timeout_us;
    loop->shard.deadline_us = timeout_us < 0 ? INT64_MAX : loop->scheduler->now_us + timeout_us;
    scheduler_give_way(loop->scheduler);
    loop->shard.deadline_us = INT64_MAX;
    loop->asleep = false;
}

static int wait(struct loop *base, int64_t timeout_us)
{
    struct sim_loop *loop = sim(base);
    int delivered;

    take_back_buffers(loop);
    submit_wakes(base);
    scheduler_give_way(loop->scheduler);
    delivered = collect(loop);
    if (delivered == 0 && timeout_us != 0 && !loop->woken) {
        sleep_until_woken(loop, timeout_us);
        delivered = collect(loop);
    }
    loop->woken = false;
    return delivered;
}

static bool shard_ready(struct actor *actor)
{
    struct sim_loop *loop = (struct sim_loop *)((char *)actor - offsetof(struct sim_loop, shard));

    return !loop->asleep || loop->woken || has_news(loop);
}

static bool postman_ready(struct actor *actor)
{
    return ((struct sim_loop *)((char *)actor - offsetof(struct sim_loop, postman)))->wakes_travelling > 0;
}

static void postman_act(struct actor *actor)
{
    struct sim_loop *loop = (struct sim_loop *)((char *)actor - offsetof(struct sim_loop, postman));

    loop->wakes_travelling--;
    loop->woken = true;
}

static bool arm_ready(struct actor *actor)
{
    return ((struct sim_loop *)((char *)actor - offsetof(struct sim_loop, arm)))->files.count > 0;
}

static void arm_act(struct actor *actor)
{
    struct sim_loop *loop = (struct sim_loop *)((char *)actor - offsetof(struct sim_loop, arm));

    sim_disk_step(&loop->files, &loop->scheduler->dice);
}

static void wake(struct loop *from, struct loop *target)
{
    if (from && sim(from)->wakes_wait_for_submit) {
        ASSERT(sim(from)->to_wake_count < 64);
        sim(from)->to_wake[sim(from)->to_wake_count++] = sim(target);
    } else {
        sim(target)->wakes_travelling++;
    }
}

/* Time, and the rest. */

static int64_t time_us(struct loop *loop)
{
    return sim(loop)->scheduler->now_us;
}

/* Who looks at the clock again and again lets it go on. */
static int64_t monotonic_us(struct loop *loop)
{
    struct scheduler *scheduler = sim(loop)->scheduler;

    if (scheduler->running)
        scheduler_give_way(scheduler);
    return scheduler->now_us;
}

/* Of how long a command took nothing depends: nobody gives way here. */
static int64_t clock_ns(struct loop *loop)
{
    return sim(loop)->scheduler->now_us * 1000;
}

static void close_loop(struct loop *loop)
{
}

static const struct loop_operations operations = {
    .name = "simulated",
    .close = close_loop,
    .accept = refuse_accept,
    .receive = start_receive,
    .send = start_send,
    .cancel = cancel,
    .close_fd = close_fd,
    .file = start_file,
    .wait = wait,
    .submit = submit_wakes,
    .wake = wake,
    .time_us = time_us,
    .monotonic_us = monotonic_us,
    .clock_ns = clock_ns,
};

void sim_loop_init(struct sim_loop *loop, struct scheduler *scheduler, struct memory *memory, bool like_uring,
                   void (*body)(void *context), void *context)
{
    void *stack = loop->coroutine.stack;

    *loop = (struct sim_loop){
        .loop = {.operations = &operations, .memory = memory},
        .scheduler = scheduler,
        .wakes_wait_for_submit = like_uring,
        .coroutine = {.stack = stack},
        .shard = {.ready = shard_ready},
        .postman = {.ready = postman_ready, .act = postman_act},
    };
    loop->shard.coroutine = &loop->coroutine;
    coroutine_init(&loop->coroutine, body, context);
    scheduler_add(scheduler, &loop->shard);
    scheduler_add(scheduler, &loop->postman);
}

void sim_loop_use_disk(struct sim_loop *loop, struct sim_disk *disk)
{
    loop->arm = (struct actor){.ready = arm_ready, .act = arm_act};
    scheduler_add(loop->scheduler, &loop->arm);
    sim_disk_queue_init(&loop->files, disk);
}

void sim_loop_deinit(struct sim_loop *loop)
{
    take_back_buffers(loop);
}

/* Wires. */

void wire_init(struct wire *wire, struct sim_loop *loop, int fd)
{
    *wire = (struct wire){.fd = fd, .next = wires};
    wires = wire;
    buffer_init(&wire->arriving, loop->loop.memory, NULL, 0);
    buffer_init(&wire->taken, loop->loop.memory, NULL, 0);
    add_wire(loop, wire);
}

void wire_deinit(struct wire *wire)
{
    struct wire **link = &wires;

    while (*link != wire)
        link = &(*link)->next;
    *link = wire->next;
    buffer_deinit(&wire->arriving);
    buffer_deinit(&wire->taken);
}

void wire_write(struct wire *wire, struct str bytes)
{
    ASSERT(!wire->client_closed);
    buffer_append_str(&wire->arriving, bytes);
}

void wire_close(struct wire *wire)
{
    wire->client_closed = true;
}

bool wire_readable(const struct wire *wire)
{
    bool taken = wire->taken_read < wire->taken.length;

    return !wire->client_closed && (taken || (wire->send && wire->send->progress < wire->send->total));
}

static struct str read_taken(struct wire *wire, size_t most)
{
    struct str bytes = {wire->taken.bytes + wire->taken_read, wire->taken.length - wire->taken_read};

    if (bytes.length > most)
        bytes.length = most;
    wire->taken_read += bytes.length;
    return bytes;
}

struct str wire_read(struct wire *wire, size_t most)
{
    if (wire->taken_read < wire->taken.length)
        return read_taken(wire, most);

    struct loop_rest rest = loop_send_rest(wire->send);
    struct str bytes = {rest.bytes, rest.length};

    if (rest.count > 0)
        bytes = (struct str){rest.vectors[0].iov_base, rest.vectors[0].iov_len};
    if (bytes.length > most)
        bytes.length = most;
    wire->send->progress += bytes.length;
    return bytes;
}
