#include "shards/scatter.h"

#include <stdalign.h>

#include "core/assert.h"
#include "core/call.h"
#include "core/call_count.h"
#include "core/command.h"
#include "core/keyspace.h"
#include "core/memory.h"
#include "core/merge.h"
#include "shards/monitoring.h"
#include "shards/shard.h"

enum {
    ANSWER_BYTES_LEAST = 64, /* of a part: the array's header, and what writing the last element asks for beyond it */
    ANSWERS_BYTES_MOST = 16 * 1024,
};

/* One block. Where it is made by keys, what the parts read lies behind it, each part's arguments in lines one after
 * the other, which their owner finds at once, and behind these what it writes its answer to, as far as answers are no
 * longer than those before: what an owner allocates and home frees costs both.
 *
 *     struct scatter | parts[] | part_of_key[] | part 0: argv[], its keys' hashes, all bytes, answer | part 1 ...
 */
struct scatter {
    struct shard *shard; /* home */
    struct request *whole;
    int part_count, waiting;
    bool holds_answers;                 /* of its parts */
    bool silent;                        /* the reply is complete, the parts answer nothing */
    bool like_others;                   /* see enum call_part */
    struct subscription_change *change; /* of which these are the parts, which are silent; else NULL */
    int key_count;
    uint16_t *part_of_key; /* NULL: not by keys */
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

    whole->scatter = NULL;
    shard_finish(shard, whole);
    memory_free(&shard->core.memory, scatter);
}

static bool answers_each_key(const struct command *command)
{
    return command->merge == merge_in_order;
}

/* Of one key; large ones are forgotten slowly. */
static void expect_answers(struct shard *shard, size_t bytes)
{
    size_t *expected = &shard->key_answer_bytes;

    *expected -= *expected / 64;
    if (bytes > *expected)
        *expected = bytes;
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
    if (answers_each_key(whole->command))
        expect_answers(shard, whole->reply.buffer.length / (size_t)scatter->key_count);
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
 * counted; where it was not timed, it counts as one that takes as long as others do. */
static void merge_and_count(struct shard *shard, struct scatter *scatter)
{
    struct command_stats *stats = &shard->core.command_stats;
    int64_t began_ns, parts_ns = longest_part_ns(scatter);

    if (scatter->like_others && parts_ns == 0) {
        merge_parts(shard, scatter);
        shard_count(shard, scatter->whole, CALL_LIKE_OTHERS);
        return;
    }
    began_ns = command_stats_now_ns(stats);
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

/* more: bytes behind the parts. */
static struct scatter *scatter_create(struct shard *shard, struct request *whole, int parts, size_t more)
{
    struct scatter *scatter =
        memory_alloc(&shard->core.memory, sizeof *scatter + (size_t)parts * sizeof scatter->parts[0] + more);

    *scatter = (struct scatter){.shard = shard, .whole = whole, .part_count = parts, .waiting = parts};
    shard->core.stats.scattered++;
    return scatter;
}

static struct scatter *create_for_all(struct shard *shard, struct request *whole)
{
    request_own_arguments(&shard->requests, whole); /* the merge reads them */
    return scatter_create(shard, whole, shard->group->count, 0);
}

static struct request *part_init(struct request *part, struct scatter *scatter, const struct command *command)
{
    const struct request *whole = scatter->whole;

    part->command = command;
    part->db = whole->db;
    part->no_touch = whole->no_touch;
    part->tracked = whole->tracked;
    part->session_id = whole->session_id;
    part->origin = whole->origin;
    part->watched = whole->watched;
    part->scatter = scatter;
    part->part = scatter->like_others ? CALL_PART_LIKE_OTHERS : CALL_PART;
    part->done = part_done;
    return part;
}

static struct request *part_take(struct shard *shard, struct scatter *scatter, const struct command *command, int argc)
{
    struct request *part = request_take(&shard->requests, argc, scatter->whole->reply.protocol);

    return part_init(part, scatter, command);
}

/* A part of the command itself, whose arguments live as long as the scatter. */
static struct request *part_lend(struct shard *shard, struct scatter *scatter, struct str *argv, int argc)
{
    struct request *part = request_take_lent(&shard->requests, argv, argc, scatter->whole->reply.protocol);

    return part_init(part, scatter, scatter->whole->command);
}

static void part_stage(struct shard *shard, int owner, struct request *part)
{
    if (owner != shard->index)
        request_own_arguments(&shard->requests, part);
    mesh_stage(&shard->port, owner, &part->message);
}

static void stage_on_all(struct shard *shard, struct request *whole)
{
    struct scatter *scatter = create_for_all(shard, whole);

    for (int i = 0; i < scatter->part_count; i++) {
        scatter->parts[i] = part_lend(shard, scatter, whole->argv, whole->argc);
        part_stage(shard, i, scatter->parts[i]);
    }
}

/* By keys. */

static size_t round_up(size_t bytes)
{
    return (bytes + alignof(struct str) - 1) / alignof(struct str) * alignof(struct str);
}

/* What the answers of all parts are given in the scatter; 0: nothing. */
static size_t bytes_of_answers(const struct shard *shard, const struct request *whole, const struct key_owners *owners)
{
    size_t bytes = (size_t)owners->distinct * (ANSWER_BYTES_LEAST + alignof(struct str)) +
                   (size_t)owners->count * shard->key_answer_bytes;

    return answers_each_key(whole->command) && bytes <= ANSWERS_BYTES_MOST ? bytes : 0;
}

/* Of the places of keys, of their hashes, and of the arguments: the name in each part, all others in one. */
static size_t bytes_of_parts(const struct request *whole, const struct key_owners *owners)
{
    size_t parts = (size_t)owners->distinct;
    size_t bytes = parts * (sizeof(struct str) + whole->argv[0].length + alignof(struct str));

    for (int i = 1; i < whole->argc; i++)
        bytes += sizeof(struct str) + whole->argv[i].length;
    return bytes + (size_t)owners->count * sizeof(uint64_t) + round_up((size_t)owners->count * sizeof(uint16_t));
}

static struct scatter *create_by_keys(struct shard *shard, struct request *whole, const struct key_owners *owners)
{
    size_t answers = bytes_of_answers(shard, whole, owners);
    struct scatter *scatter = scatter_create(shard, whole, owners->distinct, bytes_of_parts(whole, owners) + answers);

    scatter->holds_answers = answers > 0;
    scatter->key_count = owners->count;
    scatter->part_of_key = (uint16_t *)&scatter->parts[owners->distinct];
    return scatter;
}

/* Copies its bytes; the argument lies there from now on, and so it does for the whole. */
static struct str move_argument(struct str *argument, char **to)
{
    str_copy(*to, *argument);
    argument->bytes = *to;
    *to += argument->length;
    return *argument;
}

/* The part of one owner while it is made: how much it is to hold, then where the next of that goes. */
struct part_room {
    int keys;
    size_t bytes; /* of its arguments but the command's name */
    struct str *argument;
    uint64_t *hash;
    char *byte;
};

/* By the largest part: what home does is little beside it. */
static bool is_like_others(struct shard *shard, const struct scatter *scatter, const struct part_room *rooms)
{
    const struct request *whole = scatter->whole;
    int keys = 0;

    for (int i = 0; i < scatter->part_count; i++)
        keys = rooms[i].keys > keys ? rooms[i].keys : keys;
    int argc = 1 + keys * whole->command->keys[0].step;
    return command_stats_is_like_awaited(&shard->core.command_stats, whole->command, whole->argv + whole->argc - argc,
                                         argc);
}

/* No branch asks whose a key is: keys of several owners come in an order that cannot be foretold. */
static void count_parts(struct scatter *scatter, const struct key_owners *owners, struct part_room *rooms)
{
    const struct str *argv = scatter->whole->argv;
    int step = scatter->whole->command->keys[0].step;
    uint16_t part_of_owner[CONFIG_SHARDS_MAX];

    for (int owner = 0, index = 0; index < scatter->part_count; owner++) {
        if (!shard_set_has(owners->set, owner))
            continue;
        rooms[index] = (struct part_room){0};
        part_of_owner[owner] = (uint16_t)index++;
    }
    for (int i = 0; i < owners->count; i++) {
        const struct key_place *place = &owners->places[i];
        struct part_room *room = &rooms[scatter->part_of_key[i] = part_of_owner[place->owner]];

        room->keys++;
        for (int j = 0; j < step; j++)
            room->bytes += argv[place->index + j].length;
    }
}

/* Where few bytes are enough, the request has them itself. */
static void lend_answer(const struct shard *shard, struct buffer *answer, int keys, char **room)
{
    size_t bytes = round_up(ANSWER_BYTES_LEAST + (size_t)keys * shard->key_answer_bytes);

    if (bytes <= answer->capacity)
        return;
    answer->bytes = *room;
    answer->capacity = bytes;
    *room += bytes;
}

/* A part with the command's name and room for its keys, each with the values that follow it. *room: where it is to lie,
 * and behind it then. */
static struct request *make_room(struct shard *shard, struct scatter *scatter, struct part_room *part_room, char **room)
{
    struct str *argv = (struct str *)*room, *name = &scatter->whole->argv[0];
    int keys = part_room->keys, argc = 1 + keys * scatter->whole->command->keys[0].step;
    struct request *part = part_lend(shard, scatter, argv, argc);

    part_room->argument = argv;
    part_room->hash = (uint64_t *)(argv + argc);
    part_room->byte = (char *)(part_room->hash + keys);
    part->hashed = true;
    part->key_hashes = part_room->hash;
    *room += round_up((size_t)(part_room->byte - *room) + name->length + part_room->bytes);
    *part_room->argument++ = move_argument(name, &part_room->byte);
    if (scatter->holds_answers)
        lend_answer(shard, &part->reply.buffer, keys, room);
    return part;
}

static void fill_parts(struct scatter *scatter, const struct key_owners *owners, struct part_room *rooms)
{
    struct str *argv = scatter->whole->argv;
    int step = scatter->whole->command->keys[0].step;

    for (int i = 0; i < owners->count; i++) {
        struct part_room *room = &rooms[scatter->part_of_key[i]];
        struct str *argument = &argv[owners->places[i].index];

        *room->hash++ = keyspace_hash(*argument);
        for (int j = 0; j < step; j++)
            *room->argument++ = move_argument(&argument[j], &room->byte);
    }
}

static void stage_by_keys(struct shard *shard, struct request *whole, const struct key_owners *owners)
{
    struct scatter *scatter = create_by_keys(shard, whole, owners);
    char *room = (char *)scatter->part_of_key + round_up((size_t)owners->count * sizeof(uint16_t));
    struct part_room rooms[CONFIG_SHARDS_MAX];

    ASSERT(whole->argc == 1 + owners->count * whole->command->keys[0].step);
    count_parts(scatter, owners, rooms);
    scatter->like_others = is_like_others(shard, scatter, rooms);
    for (int i = 0; i < scatter->part_count; i++)
        scatter->parts[i] = make_room(shard, scatter, &rooms[i], &room);
    fill_parts(scatter, owners, rooms);
    for (int owner = 0, index = 0; index < scatter->part_count; owner++)
        if (shard_set_has(owners->set, owner))
            part_stage(shard, owner, scatter->parts[index++]);
    whole->arguments_owned = true;
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
    request_own_arguments(&shard->requests, request);
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
    struct scatter *scatter = create_for_all(shard, request);

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
    monitoring_note(shard, request);
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
    settle(shard, create_for_all(shard, request));
}

static bool stage_silent(struct scatter *scatter, const struct command *command)
{
    struct shard *shard = scatter->shard;

    ASSERT(scatter->silent && scatter->part_count == shard->group->count);
    if (!room_for_all(shard, NULL))
        return false;
    scatter->waiting = scatter->part_count;
    for (int i = 0; i < scatter->part_count; i++) {
        scatter->parts[i] = part_take(shard, scatter, command, 0);
        part_stage(shard, i, scatter->parts[i]);
    }
    return true;
}

bool scatter_settle(struct scatter *scatter)
{
    return stage_silent(scatter, &empty);
}

bool scatter_has_room(struct shard *shard)
{
    return room_for_all(shard, NULL);
}

bool scatter_stage_on_all(struct shard *shard, struct request *request, const struct command *command)
{
    struct scatter *scatter;

    if (!room_for_all(shard, NULL))
        return false;
    scatter = create_for_all(shard, request);
    scatter->silent = true;
    bool staged = stage_silent(scatter, command);
    ASSERT(staged);
    return true;
}

/* Home does not touch the whole before all parts are back. */
const struct request *scatter_whole(const struct request *part)
{
    const struct scatter *scatter = part->scatter;

    return scatter->parts[0] == part && !scatter->silent ? scatter->whole : NULL;
}
