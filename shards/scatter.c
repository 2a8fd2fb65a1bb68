#include "shards/scatter.h"

#include "core/assert.h"
#include "core/call.h"
#include "core/command.h"
#include "core/memory.h"
#include "core/merge.h"
#include "shards/shard.h"

struct scatter {
    struct shard *shard; /* home */
    struct request *whole;
    int part_count, waiting;
    bool silent; /* the reply is complete, the parts answer nothing */
    struct subscription_change *change; /* of which these are the parts, which are silent; else NULL */
    int key_count;
    uint16_t *part_of_key;
    struct request *parts[];
};

/* Replies. */

static void give_back_parts(struct shard *shard, struct scatter *scatter)
{
    for (int i = 0; i < scatter->part_count; i++)
        request_give_back(&shard->requests, scatter->parts[i]);
}

static void finish(struct shard *shard, struct scatter *scatter)
{
    struct request *whole = scatter->whole;

    memory_free(&shard->core.memory, scatter->part_of_key);
    memory_free(&shard->core.memory, scatter);
    whole->scatter = NULL;
    shard_finish(shard, whole);
}

static void merge_parts(struct shard *shard, struct scatter *scatter)
{
    struct request *whole = scatter->whole;
    const struct reply *replies[CONFIG_SHARDS_MAX];
    struct merge merge = {
        .command = whole->command,
        .argv = whole->argv,
        .argc = whole->argc,
        .core = &shard->core,
        .now_ms = shard->now_ms,
        .reply = &whole->reply,
        .part_of_key = scatter->part_of_key,
        .key_count = scatter->key_count,
    };

    for (int i = 0; i < scatter->part_count; i++)
        replies[i] = &scatter->parts[i]->reply;
    merge_replies(&merge, replies, scatter->part_count);
}

static int64_t longest_part_ns(const struct scatter *scatter)
{
    int64_t longest_ns = 0;

    for (int i = 0; i < scatter->part_count; i++)
        if (scatter->parts[i]->spent_ns > longest_ns)
            longest_ns = scatter->parts[i]->spent_ns;
    return longest_ns;
}

/* One call, as long as its slowest part and the merge. What is spent on it is what each part took, which each shard has
 * counted. */
static void merge_and_count(struct shard *shard, struct scatter *scatter)
{
    struct command_stats *stats = &shard->core.command_stats;
    int64_t began_ns = command_stats_now_ns(stats), parts_ns = longest_part_ns(scatter);

    merge_parts(shard, scatter);
    shard_count(shard, scatter->whole, parts_ns + command_stats_now_ns(stats) - began_ns);
    command_stats_spend(stats, scatter->whole->command, -parts_ns);
}

static void settle(struct shard *shard, struct scatter *scatter)
{
    scatter->silent = true;
    scatter->whole->scatter = scatter;
    if (!scatter_settle(scatter))
        router_hold(shard, scatter->whole);
}

static bool must_settle(const struct scatter *scatter)
{
    const struct request *whole = scatter->whole;

    return !scatter->silent && whole->command->flags & CMD_SETTLE && !whole->reply.error;
}

/* One part for every shard. */
static int shard_of_part(const struct scatter *scatter, const struct request *part)
{
    int index = 0;

    while (scatter->parts[index] != part)
        index++;
    return index;
}

static void part_done(struct request *part)
{
    struct scatter *scatter = part->scatter;
    struct shard *shard = scatter->shard;

    ASSERT(scatter->waiting > 0);
    if (scatter->change && !simulate_fault(FAULT_WHOLE_CHANGE))
        subscription_change_came_home(scatter->change, shard_of_part(scatter, part));
    if (--scatter->waiting > 0)
        return;
    if (scatter->change)
        subscription_change_end(&shard->core.channels, scatter->change);
    else if (!scatter->silent)
        merge_and_count(shard, scatter);
    give_back_parts(shard, scatter);
    if (must_settle(scatter))
        settle(shard, scatter);
    else
        finish(shard, scatter);
}

/* Parts. */

static bool room_for_all(struct shard *shard, const struct key_owners *owners)
{
    for (int i = 0; i < shard->group->count; i++)
        if ((!owners || shard_set_has(owners->set, i)) && !mesh_room(&shard->port, i))
            return false;
    return true;
}

static struct scatter *scatter_create(struct shard *shard, struct request *whole, int parts, int keys)
{
    struct scatter *scatter =
        memory_alloc(&shard->core.memory, sizeof *scatter + (size_t)parts * sizeof scatter->parts[0]);

    *scatter =
        (struct scatter){.shard = shard, .whole = whole, .part_count = parts, .waiting = parts, .key_count = keys};
    if (keys > 0)
        scatter->part_of_key = memory_alloc(&shard->core.memory, (size_t)keys * sizeof(uint16_t));
    request_own_arguments(&shard->requests, whole); /* the merge reads them */
    shard->core.stats.scattered++;
    return scatter;
}

static struct request *part_take(struct shard *shard, struct scatter *scatter, const struct command *command, int argc)
{
    struct request *whole = scatter->whole;
    struct request *part = request_take(&shard->requests, argc, whole->reply.protocol);

    part->command = command;
    part->db = whole->db;
    part->no_touch = whole->no_touch;
    part->tracked = whole->tracked;
    part->session_id = whole->session_id;
    part->origin = whole->origin;
    part->watched = whole->watched;
    part->scatter = scatter;
    part->part = true;
    part->done = part_done;
    return part;
}

static void part_stage(struct shard *shard, int owner, struct request *part)
{
    if (owner != shard->index)
        request_own_arguments(&shard->requests, part);
    mesh_stage(&shard->port, owner, &part->message);
}

static void stage_on_all(struct shard *shard, struct request *whole)
{
    struct scatter *scatter = scatter_create(shard, whole, shard->group->count, 0);

    for (int i = 0; i < scatter->part_count; i++) {
        struct request *part = scatter->parts[i] = part_take(shard, scatter, whole->command, whole->argc);

        memcpy(part->argv, whole->argv, (size_t)whole->argc * sizeof(struct str));
        part_stage(shard, i, part);
    }
}

/* The part of one owner: the command's name, then its keys, each with the values that follow it. */
static struct request *part_of_owner(struct shard *shard, struct scatter *scatter, const struct key_owners *owners,
                                     int owner, int part_index)
{
    const struct str *argv = scatter->whole->argv;
    int step = scatter->whole->command->keys[0].step;
    int keys = 0;

    for (int i = 0; i < owners->count; i++)
        keys += owners->places[i].owner == owner;

    struct request *part = part_take(shard, scatter, scatter->whole->command, 1 + keys * step);
    struct str *next = part->argv;

    *next++ = argv[0];
    for (int i = 0; i < owners->count; i++) {
        if (owners->places[i].owner != owner)
            continue;
        scatter->part_of_key[i] = (uint16_t)part_index;
        memcpy(next, &argv[owners->places[i].index], (size_t)step * sizeof(struct str));
        next += step;
    }
    return part;
}

static void stage_by_keys(struct shard *shard, struct request *whole, const struct key_owners *owners)
{
    struct scatter *scatter = scatter_create(shard, whole, owners->distinct, owners->count);
    int index = 0;

    for (int owner = 0; owner < shard->group->count; owner++) {
        if (!shard_set_has(owners->set, owner))
            continue;
        scatter->parts[index] = part_of_owner(shard, scatter, owners, owner, index);
        part_stage(shard, owner, scatter->parts[index++]);
    }
}

bool scatter_stage(struct shard *shard, struct request *request, const struct key_owners *owners)
{
    if (!room_for_all(shard, owners))
        return false;
    if (owners)
        stage_by_keys(shard, request, owners);
    else
        stage_on_all(shard, request);
    return true;
}

bool scatter_stage_silent(struct shard *shard, struct request *request, const struct key_owners *owners)
{
    struct scatter *scatter;
    int index = 0;

    if (!room_for_all(shard, owners))
        return false;
    scatter = scatter_create(shard, request, owners->distinct, 0);
    scatter->silent = true;
    for (int owner = 0; owner < shard->group->count; owner++) {
        if (!shard_set_has(owners->set, owner))
            continue;
        scatter->parts[index] = part_take(shard, scatter, request->command, 0);
        part_stage(shard, owner, scatter->parts[index++]);
    }
    return true;
}

/* Subscriptions. */

static void stage_change(struct shard *shard, struct request *request, struct subscription_change *change)
{
    struct scatter *scatter = scatter_create(shard, request, shard->group->count, 0);

    scatter->change = change;
    for (int i = 0; i < scatter->part_count; i++) {
        struct request *part = scatter->parts[i] = part_take(shard, scatter, &subscription_part, 1 + change->count);

        subscription_change_arguments(change, part->argv);
        part_stage(shard, i, part);
    }
}

/* Of a client that has gone what ends its subscriptions is under way, and nobody reads the answer. */
static struct subscription_change *plan(struct shard *shard, struct request *request)
{
    const struct command_stats *stats = &shard->core.command_stats;
    int64_t began_ns = command_stats_now_ns(stats);
    struct subscription_change *change;

    if (request->session->closing && !(request->command->pubsub & PUBSUB_LEAVES))
        return NULL;
    change = subscriptions_plan(&shard->core.channels, request->session, shard->index, request->command, request->argv,
                                request->argc, &request->reply);
    shard_count(shard, request, command_stats_now_ns(stats) - began_ns);
    return change;
}

bool scatter_stage_change(struct shard *shard, struct request *request)
{
    struct subscription_change *change;

    if (!room_for_all(shard, NULL))
        return false;
    change = plan(shard, request);
    if (change)
        stage_change(shard, request, change);
    else
        shard_finish(shard, request);
    return true;
}

/* Settling. */

static void do_nothing(struct call *call)
{
}

static const struct command empty = {.name = "settle", .run = do_nothing, .route = ROUTE_SINGLE};

void scatter_settle_after(struct shard *shard, struct request *request)
{
    settle(shard, scatter_create(shard, request, shard->group->count, 0));
}

bool scatter_settle(struct scatter *scatter)
{
    struct shard *shard = scatter->shard;

    ASSERT(scatter->silent && scatter->part_count == shard->group->count);
    if (!room_for_all(shard, NULL))
        return false;
    scatter->waiting = scatter->part_count;
    for (int i = 0; i < scatter->part_count; i++) {
        scatter->parts[i] = part_take(shard, scatter, &empty, 0);
        part_stage(shard, i, scatter->parts[i]);
    }
    return true;
}

/* Home does not touch the whole before all parts are back. */
const struct request *scatter_whole(const struct request *part)
{
    const struct scatter *scatter = part->scatter;

    return scatter->parts[0] == part && !scatter->silent ? scatter->whole : NULL;
}
