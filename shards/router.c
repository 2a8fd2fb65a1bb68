#include "shards/router.h"

#include "core/command.h"
#include "core/keyspace.h"
#include "core/memory.h"
#include "core/number.h"
#include "shards/gather.h"
#include "shards/scatter.h"
#include "shards/shard.h"

bool router_init(struct router *router, const struct config *config, int shards, const char **wrong)
{
    *router = (struct router){.shard_count = shards};
    router->affinity.patterns = router->patterns;
    for (int i = 0; i < config->affinity_count; i++) {
        if (!affinity_pattern_parse(str_from(config->affinity[i]), &router->patterns[i])) {
            *wrong = config->affinity[i];
            return false;
        }
        router->affinity.count++;
    }
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        router->owner_of[slot] = (uint8_t)(slot * shards / SLOT_COUNT);
    return true;
}

/* Owners of keys. */

static void owners_add(struct key_owners *owners, int index, int owner)
{
    if (owners->count == owners->capacity) {
        owners->capacity = owners->capacity ? owners->capacity * 2 : 64;
        owners->places =
            memory_resize(owners->memory, owners->places, (size_t)owners->capacity * sizeof *owners->places);
    }
    owners->places[owners->count++] = (struct key_place){.index = index, .owner = (uint16_t)owner};
    if (shard_set_has(owners->set, owner))
        return;
    owners->set[owner / 64] |= UINT64_C(1) << (owner % 64);
    owners->distinct++;
}

struct find_owners {
    struct key_owners *owners;
    const struct router *router;
    const struct str *argv;
};

static void find_owner(void *context, struct key_position key)
{
    struct find_owners *find = context;

    owners_add(find->owners, key.index, router_owner(find->router, find->argv[key.index]));
}

/* The owners of all keys; none where the arguments do not fit the command (its handler says so). */
static void owners_find(struct shard *shard, const struct request *request)
{
    struct find_owners find = {&shard->owners, &shard->group->router, request->argv};

    shard->owners.count = 0;
    shard->owners.distinct = 0;
    memset(shard->owners.set, 0, sizeof shard->owners.set);
    if (!command_each_key(request->command, request->argv, request->argc, find_owner, &find))
        shard->owners.distinct = 0;
}

/* Staging: each returns false when a ring has no room, and has then staged nothing. */

static bool stage_single(struct shard *shard, int owner, struct request *request)
{
    if (!mesh_room(&shard->port, owner))
        return false;
    if (owner == shard->index) {
        shard->core.stats.local++;
    } else {
        request_own_arguments(&shard->requests, request);
        shard->core.stats.crossed++;
    }
    mesh_stage(&shard->port, owner, &request->message);
    return true;
}

/* SCAN's cursor names the shard it is at (see cmd_scan.c); a wrong one is answered wherever it is read. */
static int cursor_owner(const struct shard *shard, const struct request *request)
{
    uint64_t cursor;

    if (request->argc < 2 || !number_parse_unsigned(request->argv[1], &cursor))
        return shard->index;
    return (int)(cursor % (uint64_t)shard->group->count);
}

/* The common case: one key, whose hash travels with the request so that its owner can prefetch. */
static bool stage_only_key(struct shard *shard, struct request *request)
{
    struct str name = request->argv[request->command->only_key];

    request->key = (uint16_t)request->command->only_key;
    request->key_hash = keyspace_hash(name);
    return stage_single(shard, router_owner(&shard->group->router, name), request);
}

static bool stage_keyed(struct shard *shard, struct request *request)
{
    const struct key_owners *owners = &shard->owners;

    if (request->command->only_key)
        return stage_only_key(shard, request);
    owners_find(shard, request);
    if (owners->distinct == 0)
        return stage_single(shard, shard->index, request);
    if (owners->distinct == 1)
        return stage_single(shard, owners->places[0].owner, request);
    if (request->command->route == ROUTE_SCATTER)
        return scatter_stage(shard, request, owners);
    return gather_stage(shard, request, owners);
}

static bool stage(struct shard *shard, struct request *request)
{
    const struct command *command = request->command;

    if (command->route == ROUTE_CURSOR)
        return stage_single(shard, cursor_owner(shard, request), request);
    if (command->keys[0].begin != KEY_BEGIN_NONE)
        return stage_keyed(shard, request);
    if (command->route == ROUTE_SCATTER)
        return scatter_stage(shard, request, NULL);
    if (command->route == ROUTE_GATHER)
        return gather_stage(shard, request, NULL);
    return stage_single(shard, shard->index, request);
}

/* Holding. */

static void hold(struct shard *shard, struct request *request)
{
    request_own_arguments(&shard->requests, request);
    request->next_held = NULL;
    *shard->held_last = request;
    shard->held_last = &request->next_held;
    request->origin->held++;
}

void router_submit(struct shard *shard, struct request *request)
{
    shard->core.stats.commands++;
    if (request->command->route == ROUTE_LOCAL) {
        shard_execute(shard, request, NULL, shard_now_ms(shard));
        shard_answer(shard, request);
        return;
    }
    if (request->origin->held == 0 && stage(shard, request))
        return;
    if (request->origin->held == 0)
        shard->core.stats.ring_full++;
    hold(shard, request);
}

void router_retry_held(struct shard *shard)
{
    struct request *request = shard->held_first;

    shard->held_first = NULL;
    shard->held_last = &shard->held_first;
    while (request) {
        struct request *next = request->next_held;
        struct origin *origin = request->origin;

        origin->held--;
        if (origin->held_turn == shard->turn || !stage(shard, request)) {
            origin->held_turn = shard->turn; /* whatever it staged later stays behind this one */
            hold(shard, request);
        }
        request = next;
    }
}
