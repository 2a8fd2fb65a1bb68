/* The mesh with a thread for each port: `stress_mesh [rounds]`, exit status 0
 * when every promise held. With 2 and 4 threads, on each backend of the loop.
 *
 * Each thread keeps three kinds of parcel under way, and sleeps without a time
 * limit when it has nothing to do, so a lost wake-up ends in the alarm:
 *  - pairs: a write of x on one shard, then of y on another, in one batch. Each
 *    shard asserts that a source's versions come in order and without a gap.
 *  - probes: read some thread's y; when the answer is home, read its x, which
 *    must be as new: an effect is never seen before its cause.
 *  - transactions: a part on every shard, in one batch. Each shard folds their
 *    order into a digest; in the end all digests are equal.
 * Within a turn stamps never fall. (From turn to turn they may: a batch that nobody
 * can have seen, because its gate was still closed, comes after one stamped later.) */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "shards/loop.h"
#include "shards/mesh.h"
#include "shards/message.h"

enum { THREADS_MOST = 4, PARCELS = 40, PROBES = 2, TIMEOUT_S = 120 };

enum parcel_kind { WRITE_X, WRITE_Y, READ_Y, READ_X, PART };

struct parcel {
    struct message message;
    enum parcel_kind kind;
    int about;           /* whose x or y, or whose transaction */
    uint64_t value;      /* written, or read */
    struct parcel *next; /* in its home's free list */
};

struct world;

struct worker {
    /* Frozen before the start. */
    struct world *world;
    int index;
    /* This thread. */
    pthread_t thread;
    struct memory memory;
    struct loop *loop;
    struct mesh_port port;
    struct parcel parcels[PARCELS], probes[PROBES];
    struct parcel *free;
    int away; /* parcels and probes that are not home */
    int rounds_left;
    bool counted; /* in world.finished */
    uint64_t version, transactions;
    uint64_t dice;
    uint64_t sleeps;
    /* The data of this shard. */
    uint64_t x[THREADS_MOST], y[THREADS_MOST];
    uint64_t digest;
};

struct world {
    struct memory memory;
    struct mesh mesh;
    enum loop_backend backend;
    int count;
    int rounds;
    pthread_barrier_t opened, closed;
    atomic_int finished; /* workers that have done their rounds and have everything home */
    struct worker workers[THREADS_MOST];
};

static void fail(const struct worker *worker, const char *what)
{
    fprintf(stderr, "stress_mesh: shard %d of %d: %s\n", worker->index, worker->world->count, what);
    exit(1);
}

static uint64_t draw(struct worker *worker, int limit)
{
    worker->dice = worker->dice * 6364136223846793005u + 1442695040888963407u;
    return (worker->dice >> 33) % (uint64_t)limit;
}

static int owner_of_x(const struct world *world, int about)
{
    return (about + 1) % world->count;
}

static int owner_of_y(const struct world *world, int about)
{
    return (about + 2) % world->count;
}

/* Staging. */

/* With so few parcels a ring is never full. */
static void stage(struct worker *worker, int to, struct parcel *parcel)
{
    if (!mesh_room(&worker->port, to))
        fail(worker, "a ring is full");
    worker->away++;
    mesh_stage(&worker->port, to, &parcel->message);
}

static struct parcel *take(struct worker *worker, enum parcel_kind kind, uint64_t value)
{
    struct parcel *parcel = worker->free;

    worker->free = parcel->next;
    parcel->kind = kind;
    parcel->about = worker->index;
    parcel->value = value;
    return parcel;
}

static bool has_free(const struct worker *worker, int count)
{
    const struct parcel *parcel = worker->free;

    for (; parcel && count > 1; count--)
        parcel = parcel->next;
    return parcel != NULL;
}

static void stage_pair(struct worker *worker)
{
    uint64_t version = ++worker->version;

    stage(worker, owner_of_x(worker->world, worker->index), take(worker, WRITE_X, version));
    stage(worker, owner_of_y(worker->world, worker->index), take(worker, WRITE_Y, version));
}

static void stage_transaction(struct worker *worker)
{
    uint64_t number = ++worker->transactions;

    for (int to = 0; to < worker->world->count; to++)
        stage(worker, to, take(worker, PART, number));
}

static void stage_round(struct worker *worker)
{
    int pairs = (int)draw(worker, 4);

    if (worker->rounds_left == 0 || !has_free(worker, 2))
        return;
    worker->rounds_left--;
    for (; pairs > 0 && has_free(worker, 2); pairs--)
        stage_pair(worker);
    if (draw(worker, 2) && has_free(worker, worker->world->count))
        stage_transaction(worker);
}

static void stage_probe(struct worker *worker, struct parcel *probe)
{
    if (worker->rounds_left == 0)
        return;
    probe->kind = READ_Y;
    probe->about = (int)draw(worker, worker->world->count);
    stage(worker, owner_of_y(worker->world, probe->about), probe);
}

/* Executing. */

static void write_next(const struct worker *worker, uint64_t *cell, uint64_t version)
{
    if (version != *cell + 1)
        fail(worker, "a write is out of its source's order");
    *cell = version;
}

static void execute(struct worker *worker, struct parcel *parcel)
{
    switch (parcel->kind) {
    case WRITE_X:
        write_next(worker, &worker->x[parcel->about], parcel->value);
        break;
    case WRITE_Y:
        write_next(worker, &worker->y[parcel->about], parcel->value);
        break;
    case READ_Y:
        parcel->value = worker->y[parcel->about];
        break;
    case READ_X:
        if (worker->x[parcel->about] < parcel->value)
            fail(worker, "an effect was seen before its cause");
        break;
    case PART:
        worker->digest =
            (worker->digest + parcel->value * THREADS_MOST + (uint64_t)parcel->about) * 0x9e3779b97f4a7c15u;
        break;
    }
}

static void come_home(struct worker *worker, struct parcel *parcel)
{
    worker->away--;
    if (parcel->kind == READ_Y) {
        parcel->kind = READ_X;
        stage(worker, owner_of_x(worker->world, parcel->about), parcel);
    } else if (parcel->kind == READ_X) {
        stage_probe(worker, parcel);
    } else {
        parcel->next = worker->free;
        worker->free = parcel;
    }
}

static void execute_due(struct worker *worker)
{
    struct message *message;
    uint64_t last_stamp = 0;

    mesh_collect(&worker->port);
    while ((message = mesh_next(&worker->port)) != NULL) {
        if (worker->port.run_stamp < last_stamp)
            fail(worker, "the stamp falls");
        last_stamp = worker->port.run_stamp;
        execute(worker, (struct parcel *)message);
        if (message->home == worker->index)
            come_home(worker, (struct parcel *)message);
        else
            mesh_return(&worker->port, message->home, message);
    }
    mesh_release(&worker->port);
}

static void take_returns(struct worker *worker)
{
    struct message *message;

    for (int source = 0; source < worker->world->count; source++) {
        if (!mesh_collect_returns(&worker->port, source))
            continue;
        while ((message = mesh_next_return(&worker->port, source)) != NULL)
            come_home(worker, (struct parcel *)message);
    }
}

/* The turn. */

static bool all_finished(struct worker *worker)
{
    return atomic_load(&worker->world->finished) == worker->world->count;
}

/* The last parcel may be home while others still need this shard. */
static void count_if_finished(struct worker *worker)
{
    struct world *world = worker->world;

    if (worker->counted || worker->rounds_left > 0 || worker->away > 0)
        return;
    worker->counted = true;
    atomic_fetch_add(&world->finished, 1);
    for (int i = 0; i < world->count; i++)
        if (i != worker->index)
            loop_wake(worker->loop, world->workers[i].loop);
}

static bool can_go_on(const struct worker *worker)
{
    return worker->port.staged || (worker->rounds_left > 0 && has_free(worker, 2));
}

static void wait(struct worker *worker)
{
    bool sleeps = !can_go_on(worker) && !all_finished(worker) && mesh_fall_asleep(&worker->port, false);

    worker->sleeps += sleeps;
    loop_wait(worker->loop, sleeps ? -1 : 0);
    mesh_awake(&worker->port);
}

static void turn(struct worker *worker)
{
    wait(worker);
    take_returns(worker);
    stage_round(worker);
    mesh_publish(&worker->port, worker->loop, loop_time_us(worker->loop) / 1000);
    execute_due(worker);
    mesh_publish_returns(&worker->port, worker->loop);
    count_if_finished(worker);
}

static void begin(struct worker *worker)
{
    struct world *world = worker->world;
    struct parcel home = {.message.home = (uint16_t)worker->index};
    const char *why;
    int error_code;

    worker->loop = loop_open(world->backend, &worker->memory, &why, &error_code);
    if (!worker->loop)
        fail(worker, strerror(error_code));
    world->mesh.sleepers[worker->index].loop = worker->loop;
    mesh_port_init(&worker->port, &world->mesh, &worker->memory, worker->index);
    worker->rounds_left = world->rounds;
    worker->dice = (uint64_t)worker->index;
    for (int i = 0; i < PARCELS; i++) {
        worker->parcels[i] = home;
        worker->parcels[i].next = worker->free;
        worker->free = &worker->parcels[i];
    }
    pthread_barrier_wait(&world->opened);
    for (int i = 0; i < PROBES; i++) {
        worker->probes[i] = home;
        stage_probe(worker, &worker->probes[i]);
    }
}

static void *live(void *argument)
{
    struct worker *worker = argument;

    begin(worker);
    while (!all_finished(worker))
        turn(worker);
    loop_wait(worker->loop, 0); /* sends the last wake-ups */
    pthread_barrier_wait(&worker->world->closed);
    mesh_port_deinit(&worker->port);
    loop_close(worker->loop);
    return NULL;
}

static void check_end(const struct world *world)
{
    for (int i = 0; i < world->count; i++) {
        const struct worker *worker = &world->workers[i];

        if (worker->digest != world->workers[0].digest)
            fail(worker, "transactions came in another order than on shard 0");
        if (world->workers[owner_of_x(world, i)].x[i] != worker->version ||
            world->workers[owner_of_y(world, i)].y[i] != worker->version)
            fail(worker, "a write was lost");
        if (worker->memory.used_bytes != 0)
            fail(worker, "memory is left");
    }
}

static void run(enum loop_backend backend, int count, int rounds)
{
    struct world *world = calloc(1, sizeof *world);
    uint64_t sleeps = 0, pairs = 0, transactions = 0;

    world->backend = backend;
    world->count = count;
    world->rounds = rounds;
    mesh_init(&world->mesh, &world->memory, count);
    pthread_barrier_init(&world->opened, NULL, (unsigned)count);
    pthread_barrier_init(&world->closed, NULL, (unsigned)count);
    for (int i = 0; i < count; i++) {
        world->workers[i].world = world;
        world->workers[i].index = i;
        pthread_create(&world->workers[i].thread, NULL, live, &world->workers[i]);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(world->workers[i].thread, NULL);
        sleeps += world->workers[i].sleeps;
        pairs += world->workers[i].version;
        transactions += world->workers[i].transactions;
    }
    check_end(world);
    mesh_deinit(&world->mesh);
    printf("%s, %d shards: %llu pairs, %llu transactions, %llu sleeps: all in order\n",
           backend == LOOP_EPOLL ? "epoll" : "io_uring", count, (unsigned long long)pairs,
           (unsigned long long)transactions, (unsigned long long)sleeps);
    free(world);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 20000;

    alarm(TIMEOUT_S);
    run(LOOP_URING, 2, rounds);
    run(LOOP_EPOLL, 2, rounds);
    run(LOOP_URING, 4, rounds);
    run(LOOP_EPOLL, 4, rounds);
    return 0;
}
