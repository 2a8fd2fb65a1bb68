#include "tests/sim/simulation.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "core/assert.h"
#include "core/command.h"
#include "core/keyspace.h"
#include "core/log.h"
#include "core/memory.h"
#include "net/conn.h"

void simulation_init(struct simulation *simulation)
{
    static const uint8_t secret[32] = "the same in each simulation";

    log_set_level(LOG_NOTHING);
    command_table_init();
    keyspace_hash_seed(secret);
    *simulation = (struct simulation){0};
    checker_init(&simulation->checker);
}

void simulation_deinit(struct simulation *simulation)
{
    for (int i = 0; i < SIMULATED_SHARDS_MAX; i++)
        coroutine_deinit(&simulation->loops[i].coroutine);
    checker_deinit(&simulation->checker);
}

/* Setting up. */

static void live(void *shard)
{
    for (;;)
        shard_turn(shard);
}

static void open_group(struct simulation *simulation)
{
    const struct workload *workload = &simulation->workload;
    struct config config;
    const char *wrong;

    config_init(&config);
    config.databases = DATABASES_MAX;
    config.spin_us = workload->spin_us;
    ASSERT(shard_group_init(&simulation->group, &config, &simulation->facts, workload->shards, &wrong));
    config_deinit(&config);
    net_init(&simulation->net, &simulation->memory, &simulation->group, NULL, 0);
    for (int i = 0; i < workload->shards; i++) {
        struct shard *shard = simulation->group.shards[i];
        struct sim_loop *loop = &simulation->loops[i];

        sim_loop_init(loop, &simulation->scheduler, &simulation->memory, workload->like_uring, live, shard);
        ASSERT(shard_open(shard, &loop->loop));
        shard->started->done(shard->started);
    }
}

static void connect_client(struct simulation *simulation, int index)
{
    struct dice *dice = &simulation->scheduler.dice;
    struct client *client = &simulation->clients[index];
    int shard = (int)dice_below(dice, (uint32_t)simulation->workload.shards);

    client_init(client, &simulation->scheduler, &simulation->loops[shard], &simulation->history, index,
                simulation->history.operations[index][0].db);
    client->window = dice_between(dice, 1, simulation->workload.window_most);
    if (simulation->workload.breaks_off && dice_one_in(dice, 3))
        client->leaves_after = dice_between(dice, 1, simulation->workload.operations_most / 2);
    atomic_fetch_add(&simulation->net.load[shard].connections, 1);
    conn_open(&simulation->net.shards[shard], client->wire.fd, false, "127.0.0.1:1", "127.0.0.1:2");
}

static void set_up(struct simulation *simulation, uint64_t seed, int fault)
{
    struct scheduler *scheduler = &simulation->scheduler;

    simulation->seed = seed;
    simulation->undecided = false;
    simulation->memory = (struct memory){0};
    session_restart_ids();
    scheduler_init(scheduler, seed, fault);
    workload_draw(&simulation->workload, &scheduler->dice);
    scheduler->ring_slots = simulation->workload.ring_slots;
    history_init(&simulation->history);
    open_group(simulation);
    workload_plan(&simulation->workload, &scheduler->dice, &simulation->group.router, scheduler->now_us / 1000,
                  &simulation->history);
    for (int i = 0; i < simulation->workload.clients; i++)
        connect_client(simulation, i);
}

/* Checks. */

static bool all_answered(struct simulation *simulation)
{
    for (int i = 0; i < simulation->workload.clients; i++) {
        const struct client *client = &simulation->clients[i];

        if (!client_is_done(client))
            scheduler_fail(&simulation->scheduler,
                           "all shards sleep, and client %d waits for its answer %d (it has sent %d)", i,
                           client->answered, client->sent);
    }
    return simulation->scheduler.failure[0] == '\0';
}

static bool all_asleep(struct simulation *simulation)
{
    for (int i = 0; i < simulation->workload.shards; i++)
        if (!simulation->loops[i].asleep || simulation->loops[i].timeout_us != -1)
            scheduler_fail(&simulation->scheduler, "shard %d is idle and not asleep", i);
    return simulation->scheduler.failure[0] == '\0';
}

static bool nothing_left(struct simulation *simulation)
{
    for (int i = 0; i < simulation->workload.shards; i++) {
        const struct shard *shard = simulation->group.shards[i];

        if (shard->requests.live > 0 || shard->core.sessions.count > 0 || shard->parked)
            scheduler_fail(&simulation->scheduler,
                           "shard %d keeps %zu requests and %zu connections of clients that have gone%s", i,
                           shard->requests.live, shard->core.sessions.count, shard->parked ? ", and is parked" : "");
    }
    return simulation->scheduler.failure[0] == '\0';
}

static bool has_an_order(struct simulation *simulation)
{
    switch (checker_check(&simulation->checker, &simulation->history)) {
    case VERDICT_HOLDS:
        return true;
    case VERDICT_BROKEN:
        scheduler_fail(&simulation->scheduler, "no order of the operations explains their answers");
        break;
    case VERDICT_UNDECIDED:
        simulation->undecided = true;
        return true;
    }
    return false;
}

/* One run. */

static void disconnect(struct simulation *simulation)
{
    for (int i = 0; i < simulation->workload.clients; i++)
        wire_close(&simulation->clients[i].wire);
}

bool simulation_run(struct simulation *simulation, uint64_t seed, int fault)
{
    struct scheduler *scheduler = &simulation->scheduler;

    set_up(simulation, seed, fault);
    if (!scheduler_run(scheduler) || !all_answered(simulation) || !all_asleep(simulation))
        return false;
    if (!has_an_order(simulation))
        return false;
    disconnect(simulation);
    return scheduler_run(scheduler) && nothing_left(simulation) && all_asleep(simulation);
}

void simulation_clear(struct simulation *simulation)
{
    bool failed = simulation->scheduler.failure[0] != '\0';

    for (int i = 0; i < simulation->workload.clients; i++)
        client_deinit(&simulation->clients[i]);
    for (int i = 0; i < simulation->workload.shards; i++)
        sim_loop_deinit(&simulation->loops[i]);
    if (!failed) {
        net_deinit(&simulation->net);
        shard_group_deinit(&simulation->group);
        ASSERT(simulation->memory.used_bytes == 0 && simulation->group.memory.used_bytes == 0);
    }
    history_deinit(&simulation->history);
    scheduler_deinit(&simulation->scheduler);
}

void simulation_print(const struct simulation *simulation, bool all)
{
    const struct workload *workload = &simulation->workload;
    const struct tempo *tempo = &simulation->scheduler.tempo;
    int ends[CLIENTS_MAX] = {0};

    printf("  %d shards, %d clients, ring slots %u, spin %d us, %s; steps switch one in %u, rest one in %u for %u; "
           "%" PRIu64 " decisions\n",
           workload->shards, workload->clients, workload->ring_slots, workload->spin_us,
           workload->like_uring ? "late wake-ups" : "prompt wake-ups", tempo->switch_one_in, tempo->rest_one_in,
           tempo->rest_most, simulation->scheduler.decisions);
    for (int i = 0; i < simulation->history.key_count; i++)
        printf("  %.*s is on shard %d\n", (int)simulation->history.keys[i].length, simulation->history.keys[i].bytes,
               router_owner(&simulation->group.router, simulation->history.keys[i]));
    for (int i = 0; i < workload->clients; i++)
        printf("  client %d is on shard %d\n", i, (int)(simulation->clients[i].wire.loop - simulation->loops));
    if (all)
        history_print_around(&simulation->history, ends, 0, INT16_MAX);
    else
        history_print_around(&simulation->history, simulation->checker.farthest, 6, 3);
}
