#include "tests/sim/simulation.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "core/assert.h"
#include "core/command.h"
#include "core/entry.h"
#include "core/journal.h"
#include "core/keyspace.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/stream_value.h"
#include "net/conn.h"
#include "shards/aof.h"
#include "shards/loading.h"
#include "tests/sim/restart.h"
#include "tests/sim/channels.h"
#include "tests/sim/line.h"
#include "tests/sim/replay.h"

static void fail_loading(struct completion *completion)
{
    struct simulation *simulation =
        (struct simulation *)((char *)completion - offsetof(struct simulation, load_failed));

    simulation->refused = simulation->crash.has_rotted;
    scheduler_fail(&simulation->scheduler, "what the crash has left can't be loaded");
}

void simulation_init(struct simulation *simulation)
{
    static const uint8_t secret[32] = "the same in each simulation";
    struct config config;

    config_init(&config);
    restart_enter_folder(&simulation->folder, config.appenddirname);
    config_deinit(&config);
    log_set_level(LOG_NOTHING);
    command_table_init();
    keyspace_hash_seed(secret);
    simulation->load_failed.done = fail_loading;
    checker_init(&simulation->checker);
}

void simulation_deinit(struct simulation *simulation)
{
    for (int i = 0; i < SIMULATED_SHARDS_MAX; i++)
        coroutine_deinit(&simulation->loops[i].coroutine);
    restart_leave_folder(&simulation->folder);
    checker_deinit(&simulation->checker);
}

/* Setting up. */

static void live(void *shard)
{
    for (;;)
        shard_turn(shard);
}

/* In memory, where no file is written: both ways are tried. */
static bool is_journaled(const struct simulation *simulation)
{
    return !simulation->workload.appends && simulation->seed % 2 == 0;
}

static void draw_config(const struct simulation *simulation, struct config *config)
{
    const struct workload *workload = &simulation->workload;

    config_init(config);
    config->save[0] = '\0';         /* nothing is saved by itself */
    config->loglevel = LOG_NOTHING; /* also after CONFIG SET */
    config->databases = DATABASES_MAX;
    config->spin_us = workload->spin_us;
    config->appendonly = workload->appends;
    config->appendfsync = workload->fsync;
}

static void open_group(struct simulation *simulation, const struct config *config)
{
    const struct workload *workload = &simulation->workload;
    const char *wrong;

    ASSERT(shard_group_init(&simulation->group, config, &simulation->facts, workload->shards, &wrong));
    net_init(&simulation->net, &simulation->memory, &simulation->group, NULL, 0);
}

static void start_shards(struct simulation *simulation)
{
    const struct workload *workload = &simulation->workload;

    for (int i = 0; i < workload->shards; i++) {
        struct shard *shard = simulation->group.shards[i];
        struct sim_loop *loop = &simulation->loops[i];

        sim_loop_init(loop, &simulation->scheduler, &simulation->memory, workload->like_uring, live, shard);
        ASSERT(shard_open(shard, &loop->loop));
        keyspace_set_journaled(shard->core.keyspace, is_journaled(simulation));
        shard->started->done(shard->started);
    }
}

static void put_manifest(struct simulation *simulation, const struct config *config)
{
    char name[AOF_MANIFEST_NAME_MAX], temporary[AOF_MANIFEST_NAME_MAX + 8], path[DISK_PATH_BYTES];
    struct buffer text;

    aof_folder_manifest_names(config, name, temporary);
    ASSERT(snprintf(path, sizeof path, "%s/%s", config->appenddirname, name) < (int)sizeof path);
    buffer_init(&text, &simulation->memory, NULL, 0);
    aof_folder_write(&simulation->group.aof_folder, &text);
    sim_disk_put(&simulation->disk, path, buffer_str(&text));
    buffer_deinit(&text);
}

static void begin_journal(struct simulation *simulation, const struct config *config, int shard)
{
    struct buffer path;

    buffer_init(&path, &simulation->memory, NULL, 0);
    aof_folder_name_segment(&simulation->group.aof_folder, config, (uint64_t)shard + 1, &path);
    sim_loop_use_disk(&simulation->loops[shard], &simulation->disk);
    aof_begin(simulation->group.shards[shard], sim_disk_put_open(&simulation->disk, path.bytes), 1);
    buffer_deinit(&path);
}

/* As if the manifest had been there before. */
static void begin_journals(struct simulation *simulation, const struct config *config)
{
    struct aof_folder *folder = &simulation->group.aof_folder;
    struct aof_manifest manifest;

    aof_manifest_init(&manifest, &simulation->group.memory);
    aof_folder_init(folder, &simulation->group.memory, config, simulation->workload.shards, &manifest);
    aof_folder_add_generation(folder, config, simulation->workload.shards, 1);
    put_manifest(simulation, config);
    folder->generation = 1;
    atomic_store(&folder->named, 1);
    atomic_store(&folder->is_complete, true);
    for (int i = 0; i < simulation->workload.shards; i++)
        begin_journal(simulation, config, i);
}

static void start_server(struct simulation *simulation)
{
    struct config config;

    draw_config(simulation, &config);
    open_group(simulation, &config);
    start_shards(simulation);
    if (simulation->workload.appends)
        begin_journals(simulation, &config);
    config_deinit(&config);
}

static void connect_client(struct simulation *simulation, int index)
{
    struct dice *dice = &simulation->scheduler.dice;
    struct client *client = &simulation->clients[index];
    int shard = (int)dice_below(dice, (uint32_t)simulation->workload.shards);

    client_init(client, &simulation->scheduler, &simulation->loops[shard], &simulation->history, index,
                simulation->history.operations[index][0].db);
    client->window = dice_between(dice, 1, simulation->workload.window_most);
    client->lingers_us = 1u << dice_between(dice, 0, 14);
    if (index < simulation->workload.clients && simulation->workload.breaks_off && dice_one_in(dice, 3))
        client->leaves_after = dice_between(dice, 1, simulation->workload.operations_most / 2);
    net_count_in(&simulation->net, shard);
    conn_open(&simulation->net.shards[shard], client->wire.fd, false, "127.0.0.1:1", "127.0.0.1:2");
}

/* Checks at rest. */

static struct operation *waiting_operation(struct simulation *simulation, int client)
{
    const struct client *it = &simulation->clients[client];

    return it->wire.client_closed || it->wire.server_closed || it->answered == it->sent
               ? NULL
               : &simulation->history.operations[client][it->answered];
}

static bool stream_has_something(const struct stream *stream, const struct operation *operation, int64_t now_ms)
{
    const struct stream_group *group = stream_groups_find(&stream->groups, STR("g"));
    struct stream_range range = stream_group_range(stream, group);
    const struct stream_pending *oldest;
    struct stream_entry entry;

    if (stream_range_next(&range, &entry))
        return true;
    if (operation->kind != OPERATION_XREADGROUP_CLAIM)
        return false;
    oldest = stream_group_next_delivered(group, INT64_MIN);
    return oldest && oldest->delivered_ms + operation->claim_ms + 1 < now_ms;
}

/* For the command that waits. */
static bool has_something(const struct entry *entry, const struct operation *operation, int64_t now_ms)
{
    switch (entry_type(entry)) {
    case VALUE_LIST:
        return operation->kind <= OPERATION_BLMOVE;
    case VALUE_ZSET:
        return operation->kind == OPERATION_BZPOPMIN;
    case VALUE_STREAM:
        return stream_has_something(entry_value(entry), operation, now_ms);
    default:
        return false;
    }
}

/* What somebody waits for is not there. */
static void check_waits(struct simulation *simulation, struct shard *shard, int db, int key)
{
    struct str name = simulation->history.keys[key];
    struct key hashed = {name, keyspace_hash(name)};
    int64_t now_ms = simulation->scheduler.now_us / 1000;
    const struct entry *entry = keyspace_find(shard->core.keyspace, db, hashed, INT64_MIN); /* and change nothing */

    if (!entry || (entry_expiry_ms(entry) >= 0 && entry_expiry_ms(entry) <= now_ms))
        return;
    for (int i = 0; i < simulation->history.client_count; i++) {
        const struct operation *operation = waiting_operation(simulation, i);

        for (int k = 0; operation && operation->db == db && operation_may_wait(operation) &&
                        k < (operation->kind == OPERATION_BLMOVE ? 1 : operation->key_count);
             k++)
            if (operation->keys[k] == key && has_something(entry, operation, now_ms))
                scheduler_fail(&simulation->scheduler, "all shards sleep, client %d waits for %.*s, and it is there", i,
                               (int)name.length, name.bytes);
    }
}

/* It stands in line, and its time is not over. */
static void note_rest(struct simulation *simulation, struct operation *operation)
{
    struct scheduler *scheduler = &simulation->scheduler;
    int64_t now_ms = scheduler->now_us / 1000;

    if (!operation_has_rested(operation)) {
        operation->first_rest = scheduler->decisions;
        operation->first_rest_ms = now_ms;
    }
    operation->last_rest = scheduler->decisions;
    if (operation->deadline_ms > 0 && operation->first_rest_ms + operation->deadline_ms < now_ms)
        scheduler_fail(scheduler, "all shards sleep, and client %d's time has been over for %d ms", operation->client,
                       (int)(now_ms - operation->first_rest_ms - operation->deadline_ms));
}

/* What is in it can be taken. */
static void check_journal(struct simulation *simulation, struct shard *shard)
{
    if (keyspace_journal(shard->core.keyspace)->unit_records > 0)
        scheduler_fail(&simulation->scheduler, "all shards sleep, and shard %d is within a unit of its journal",
                       shard->index);
}

static void at_rest(void *context)
{
    struct simulation *simulation = context;

    for (int i = 0; i < simulation->workload.shards; i++)
        check_journal(simulation, simulation->group.shards[i]);

    for (int key = 0; key < simulation->history.key_count; key++) {
        int owner = router_owner(&simulation->group.router, simulation->history.keys[key]);

        for (int db = 0; db < DATABASES_MAX; db++)
            check_waits(simulation, simulation->group.shards[owner], db, key);
    }
    for (int i = 0; i < simulation->history.client_count; i++) {
        const struct wire *wire = &simulation->clients[i].wire;
        struct operation *operation = waiting_operation(simulation, i);

        if (operation && operation_may_wait(operation))
            note_rest(simulation, operation);
        if (wire->client_closed && !wire->server_closed)
            scheduler_fail(&simulation->scheduler,
                           "all shards sleep, and client %d, which has left, is still connected", i);
    }
}

static void set_up(struct simulation *simulation, uint64_t seed, int fault)
{
    struct scheduler *scheduler = &simulation->scheduler;

    simulation->seed = seed;
    simulation->undecided = simulation->refused = false;
    simulation->memory = (struct memory){0};
    session_restart_ids();
    sim_disk_init(&simulation->disk);
    scheduler_init(scheduler, seed, fault);
    workload_draw(&simulation->workload, &scheduler->dice, simulation->crashes_always);
    scheduler->ring_slots = simulation->workload.ring_slots;
    scheduler->move_least = simulation->workload.move_least;
    history_init(&simulation->history);
    start_server(simulation);
    workload_plan(&simulation->workload, &scheduler->dice, &simulation->group.router, scheduler->now_us / 1000,
                  &simulation->history);
    scheduler->at_rest = at_rest;
    scheduler->context = simulation;
    simulation->first_client = 0;
    for (int i = 0; i < simulation->history.client_count; i++)
        connect_client(simulation, i);
    simulation->crash = (struct crash){.is_planned = false};
    if (simulation->workload.crashes)
        crash_plan(&simulation->crash, scheduler, &simulation->history, simulation->clients,
                   simulation->workload.clients, &simulation->disk,
                   simulation->workload.fsync != CONFIG_FSYNC_ALWAYS || simulation->workload.switches);
}

/* Checks. */

static bool is_for_later(const struct simulation *simulation, int client)
{
    const struct history *history = &simulation->history;
    int next = simulation->clients[client].written;

    return simulation->clients[client].answered == next && next < history->operation_counts[client] &&
           history->operations[client][next].stage > history->stage;
}

static bool all_answered(struct simulation *simulation)
{
    for (int i = 0; i < simulation->history.client_count; i++) {
        const struct client *client = &simulation->clients[i];

        if (!client_is_done(client) && !is_for_later(simulation, i))
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

static bool journals_hold(struct simulation *simulation)
{
    struct scheduler *scheduler = &simulation->scheduler;
    bool holds = true;

    for (int i = 0; holds && is_journaled(simulation) && i < simulation->workload.shards; i++)
        holds = replay_check(simulation->group.shards[i], &simulation->history, scheduler->failure,
                             sizeof scheduler->failure);
    return holds;
}

static bool waits_were_fair(struct simulation *simulation)
{
    return line_check(&simulation->history, simulation->scheduler.failure, sizeof simulation->scheduler.failure);
}

static bool messages_were_heard(struct simulation *simulation)
{
    return channels_check(&simulation->history, simulation->scheduler.failure, sizeof simulation->scheduler.failure);
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

/* At rest: what the clients that have left were not answered has been executed, if at all; and what was waiting
 * when all was at rest before, only before the server read that the client had gone. */
static void note_departures(struct simulation *simulation)
{
    for (int i = 0; i < simulation->history.client_count; i++) {
        const struct client *client = &simulation->clients[i];

        if (!client->wire.client_closed && !client->wire.server_closed)
            continue;
        for (int at = client->answered; at < client->sent; at++) {
            struct operation *operation = &simulation->history.operations[i][at];
            bool waited = operation_has_rested(operation) && client->wire.end_delivered;

            if (operation->over == NEVER)
                operation->over = waited ? client->wire.end_delivered_at : simulation->scheduler.decisions;
        }
    }
}

/* Nothing of a client is executed after the answer to CLIENT KILL. */
static void note_kill(struct simulation *simulation, const struct operation *kill)
{
    const struct client *client;

    if (kill->kind != OPERATION_KILL || kill->responded == NEVER ||
        !str_equal(texts_get(&simulation->history.texts, kill->reply), STR(":1\r\n")))
        return;
    client = &simulation->clients[kill->other];
    for (int at = client->answered; at < client->sent; at++) {
        struct operation *operation = &simulation->history.operations[kill->other][at];

        if (operation->over > kill->responded)
            operation->over = kill->responded;
    }
}

static void note_kills(struct simulation *simulation)
{
    for (int i = 0; i < simulation->history.client_count; i++)
        for (int at = 0; at < simulation->clients[i].answered; at++)
            note_kill(simulation, &simulation->history.operations[i][at]);
}

/* Ending a server, and another one after a crash. */

static void disconnect(struct simulation *simulation)
{
    for (int i = 0; i < simulation->history.client_count; i++)
        wire_close(&simulation->clients[i].wire);
}

/* All have left: nothing is left of them. */
static bool end_well(struct simulation *simulation)
{
    struct scheduler *scheduler = &simulation->scheduler;

    disconnect(simulation);
    scheduler->at_rest = NULL;
    return scheduler_run(scheduler) && nothing_left(simulation) && all_asleep(simulation);
}

static void free_server(struct simulation *simulation, bool is_failed)
{
    for (int i = simulation->first_client; i < simulation->history.client_count; i++)
        client_deinit(&simulation->clients[i]);
    for (int i = 0; i < simulation->workload.shards; i++)
        sim_loop_deinit(&simulation->loops[i]);
    if (is_failed)
        return;
    net_deinit(&simulation->net);
    shard_group_deinit(&simulation->group);
    ASSERT(simulation->memory.used_bytes == 0 && simulation->group.memory.used_bytes == 0);
}

/* What is left is loaded, and then nothing is written. */
static bool load(struct simulation *simulation, struct config *config)
{
    struct loading *loading;
    char error[512];

    config->appendonly = false;
    open_group(simulation, config);
    config->appendonly = true;
    if (!loading_prepare(&simulation->group, config, error, sizeof error)) {
        scheduler_fail(&simulation->scheduler, "%s", error);
        return false;
    }
    loading = simulation->group.loading;
    loading->failed = &simulation->load_failed;
    start_shards(simulation);
    loading_begin(&simulation->group);
    return scheduler_run(&simulation->scheduler);
}

/* Those that look at what is left come to the new server. */
static bool restart(struct simulation *simulation)
{
    struct scheduler *scheduler = &simulation->scheduler;
    struct restart_folder folder;
    struct config config;
    bool loaded;

    crash_now(&simulation->crash);
    if (!end_well(simulation))
        return false;
    free_server(simulation, false);
    simulation->first_client = simulation->workload.clients;
    crash_cut_history(&simulation->crash);
    scheduler->actor_count = 0;
    simulation->workload.shards = dice_between(&scheduler->dice, 1, SIMULATED_SHARDS_MAX);
    draw_config(simulation, &config);
    restart_write_folder(&folder, &simulation->crash.left, config.appenddirname);
    loaded = load(simulation, &config);
    restart_leave_folder(&folder);
    config_deinit(&config);
    if (!loaded)
        simulation->first_client = simulation->history.client_count;
    for (int i = simulation->first_client; i < simulation->history.client_count; i++)
        connect_client(simulation, i);
    return loaded;
}

/* Each stage until all is at rest; the last one looks at what is left. */
static bool run_stages(struct simulation *simulation)
{
    struct history *history = &simulation->history;

    for (history->stage = 0; history->stage <= history->last_stage; history->stage++) {
        if (history->stage == history->last_stage && simulation->crash.is_planned && !restart(simulation))
            return false;
        if (!scheduler_run(&simulation->scheduler) ||
            (history->stage == history->last_stage - 1 && !all_answered(simulation)))
            return false;
        note_departures(simulation);
    }
    return true;
}

bool simulation_run(struct simulation *simulation, uint64_t seed, int fault)
{
    set_up(simulation, seed, fault);
    if (!run_stages(simulation) || !all_answered(simulation) || !all_asleep(simulation))
        return simulation->refused;
    note_kills(simulation);
    if (!journals_hold(simulation))
        return false;
    if (!waits_were_fair(simulation) || !messages_were_heard(simulation) || !has_an_order(simulation))
        return false;
    return end_well(simulation);
}

void simulation_clear(struct simulation *simulation)
{
    bool failed = simulation->scheduler.failure[0] != '\0';

    free_server(simulation, failed);
    if (!failed)
        sim_disk_deinit(&simulation->disk);
    crash_deinit(&simulation->crash);
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
    for (int i = 0; i < simulation->history.client_count; i++)
        printf("  client %d is on shard %d\n", i, (int)(simulation->clients[i].wire.loop - simulation->loops));
    if (all)
        history_print_around(&simulation->history, ends, 0, INT16_MAX);
    else
        history_print_around(&simulation->history, simulation->checker.farthest, 6, 3);
}
