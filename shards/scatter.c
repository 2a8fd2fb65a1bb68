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
    LINE_BYTES = 64,
    COPIED_AT_ONCE = 32,
};

/* One block. Where it is made by keys, what the parts read lies behind it, each part's arguments in lines of its own
 * one after the other, which their owner finds at once, and behind these what it writes its answer to, as far as
 * answers are no longer than those before: what an owner allocates and home frees costs both.
 *
 *     struct scatter | parts[] | part_of_key[] | name | part 0: argv[], its keys' hashes, all bytes, answer | part 1
 * ...
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

/* With its parts, and what lies behind them. */
static struct scatter *scatter_alloc(struct shard *shard, size_t bytes)
{
    return memory_alloc_aligned(&shard->core.memory, bytes, LINE_BYTES);
}

static void scatter_init(struct shard *shard, struct scatter *scatter, struct request *whole, int parts)
{
    *scatter = (struct scatter){.shard = shard, .whole = whole, .part_count = parts, .waiting = parts};
    shard->core.stats.scattered++;
}

static struct scatter *scatter_create(struct shard *shard, struct request *whole, int parts)
{
    struct scatter *scatter = scatter_alloc(shard, sizeof *scatter + (size_t)parts * sizeof scatter->parts[0]);

    scatter_init(shard, scatter, whole, parts);
    return scatter;
}

static struct scatter *create_for_all(struct shard *shard, struct request *whole)
{
    request_own_arguments(&shard->requests, whole); /* the merge reads them */
    return scatter_create(shard, whole, shard->group->count);
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

static size_t round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

/* Whether the scatter has room for the answers of all parts. */
static bool holds_answers(const struct shard *shard, const struct command *command, const struct key_shares *shares)
{
    return answers_each_key(command) &&
           (size_t)shares->distinct * ANSWER_BYTES_LEAST + (size_t)shares->count * shard->key_answer_bytes <=
               ANSWERS_BYTES_MOST;
}

/* For the answer to so many keys; 0: where few bytes are enough, the request has them itself. */
static size_t bytes_of_answer(const struct shard *shard, size_t keys)
{
    size_t bytes = ANSWER_BYTES_LEAST + keys * shard->key_answer_bytes;

    return bytes <= REQUEST_BYTES ? 0 : bytes;
}

/* One part: its arguments, the hashes of its keys, the bytes of both; and the answer. */
static size_t bytes_of_part(const struct key_share *share, int step, size_t answer)
{
    size_t argc = 1 + (size_t)share->keys * (size_t)step;
    size_t bytes = argc * sizeof(struct str) + share->keys * sizeof(uint64_t) + share->bytes + COPIED_AT_ONCE;

    return round_up(round_up(bytes, alignof(uint64_t)) + answer, LINE_BYTES);
}

/* Of what lies before them. */
static size_t bytes_of_head(const struct request *whole, const struct key_shares *shares)
{
    return round_up(sizeof(struct scatter) + (size_t)shares->distinct * sizeof(struct request *) +
                        (size_t)shares->count * sizeof(uint16_t) + whole->argv[0].length,
                    LINE_BYTES);
}

static struct scatter *create_by_keys(struct shard *shard, struct request *whole, const struct key_shares *shares)
{
    bool answers = holds_answers(shard, whole->command, shares);
    size_t bytes = bytes_of_head(whole, shares);
    struct scatter *scatter;

    for (int i = 0; i < shares->distinct; i++) {
        const struct key_share *share = &shares->of_owner[shares->owners[i]];

        bytes += bytes_of_part(share, whole->command->keys[0].step, answers ? bytes_of_answer(shard, share->keys) : 0);
    }
    scatter = scatter_alloc(shard, bytes);
    scatter_init(shard, scatter, whole, shares->distinct);
    scatter->holds_answers = answers;
    scatter->key_count = shares->count;
    scatter->part_of_key = (uint16_t *)&scatter->parts[shares->distinct];
    return scatter;
}

/* By the largest part: what home does is little beside it. */
static bool is_like_others(struct shard *shard, const struct request *whole, const struct key_shares *shares)
{
    uint32_t keys = 0;

    for (int i = 0; i < shares->distinct; i++) {
        uint32_t share = shares->of_owner[shares->owners[i]].keys;

        keys = share > keys ? share : keys;
    }
    int argc = 1 + (int)keys * whole->command->keys[0].step;
    return command_stats_is_like_awaited(&shard->core.command_stats, whole->command, whole->argv + whole->argc - argc,
                                         argc);
}

/* The part of one owner while it is made: where the next of it goes. */
struct part_room {
    struct str *argument;
    uint64_t *hash;
    char *byte;
    uint16_t index; /* of the part */
};

static void lend_answer(struct buffer *answer, char *room, size_t bytes)
{
    if (bytes == 0)
        return;
    answer->bytes = room;
    answer->capacity = bytes;
}

/* A part with the command's name and room for its keys, each with the values that follow it. Returns the end of the
 * room. */
static char *make_part(struct shard *shard, struct scatter *scatter, int index, const struct key_share *share,
                       struct part_room *room, struct str name, char *at)
{
    int step = scatter->whole->command->keys[0].step, argc = 1 + (int)share->keys * step;
    size_t answer = scatter->holds_answers ? bytes_of_answer(shard, share->keys) : 0;
    char *end = at + bytes_of_part(share, step, answer);
    struct request *part = part_lend(shard, scatter, (struct str *)at, argc);

    part->argv[0].bytes = name.bytes;
    part->argv[0].length = name.length;
    *room = (struct part_room){.argument = part->argv + 1, .hash = (uint64_t *)(part->argv + argc)};
    room->byte = (char *)(room->hash + share->keys);
    room->index = (uint16_t)index;
    part->hashed = true;
    part->key_hashes = room->hash;
    lend_answer(&part->reply.buffer, end - round_up(answer, alignof(uint64_t)), answer);
    scatter->parts[index] = part;
    return end;
}

/* end: of what may be read behind it. Most are short, of lengths that differ: all of these are copied alike. */
static inline void copy_argument(char *to, struct str from, const char *end)
{
    if (__builtin_expect(from.length <= COPIED_AT_ONCE && from.bytes + COPIED_AT_ONCE <= end, 1))
        memcpy(to, from.bytes, COPIED_AT_ONCE);
    else
        str_copy(to, from);
}

static const char *end_of_arguments(const struct request *whole)
{
    const struct str *last = &whole->argv[whole->argc - 1];

    return whole->joined ? last->bytes + last->length : NULL;
}

/* The whole has its arguments there, too. Returns the next key. Nothing is read back as a struct that has been written
 * as two fields: that would wait until both are in the cache. */
static inline struct str *fill_part(struct part_room *room, struct str *key, int step, const char *end)
{
    struct str *argument = room->argument, *next_key = key + step;
    char *byte = room->byte;

    do {
        size_t length = key->length;

        copy_argument(byte, (struct str){key->bytes, length}, end);
        key++->bytes = argument->bytes = byte;
        argument++->length = length;
        byte += length;
    } while (key < next_key);
    room->argument = argument;
    room->byte = byte;
    return key;
}

static void fill_parts(struct scatter *scatter, const struct key_shares *shares, struct part_room *rooms)
{
    int step = scatter->whole->command->keys[0].step, count = scatter->key_count;
    struct str *key = scatter->whole->argv + 1;
    const char *end = end_of_arguments(scatter->whole);
    const uint16_t *owner = shares->owner_of_key;
    uint16_t *part = scatter->part_of_key;

    keyspace_hash_each(key, step, count, shares->hash_of_key);
    for (int i = 0; i < count; i++) {
        struct part_room *room = &rooms[owner[i]];

        part[i] = room->index;
        *room->hash++ = shares->hash_of_key[i];
        key = fill_part(room, key, step, end);
    }
}

static struct str move_name(const struct scatter *scatter, struct request *whole)
{
    char *bytes = (char *)(scatter->part_of_key + scatter->key_count);
    size_t length = whole->argv[0].length;

    str_copy(bytes, (struct str){whole->argv[0].bytes, length});
    whole->argv[0].bytes = bytes;
    return (struct str){bytes, length};
}

static void stage_by_keys(struct shard *shard, struct request *whole, const struct key_shares *shares)
{
    struct scatter *scatter = create_by_keys(shard, whole, shares);
    char *room = (char *)scatter + bytes_of_head(whole, shares);
    struct str name = move_name(scatter, whole);
    struct part_room rooms[CONFIG_SHARDS_MAX]; /* by owner */

    scatter->like_others = is_like_others(shard, whole, shares);
    for (int i = 0; i < shares->distinct; i++) {
        int owner = shares->owners[i];

        room = make_part(shard, scatter, i, &shares->of_owner[owner], &rooms[owner], name, room);
    }
    fill_parts(scatter, shares, rooms);
    for (int i = 0; i < shares->distinct; i++)
        mesh_stage(&shard->port, shares->owners[i], &scatter->parts[i]->message);
    whole->arguments_owned = true;
}

static bool room_for_shares(struct shard *shard, const struct key_shares *shares)
{
    for (int i = 0; i < shares->distinct; i++)
        if (!mesh_room(&shard->port, shares->owners[i]))
            return false;
    return true;
}

bool scatter_stage_by_keys(struct shard *shard, struct request *request, const struct key_shares *shares)
{
    ASSERT(shares->distinct > 1 && request->argc == 1 + shares->count * request->command->keys[0].step);
    if (!room_for_shares(shard, shares))
        return false;
    stage_by_keys(shard, request, shares);
    return true;
}

bool scatter_stage(struct shard *shard, struct request *request)
{
    if (!room_for_all(shard, NULL))
        return false;
    stage_on_all(shard, request);
    return true;
}

static bool stage_silent_on(struct shard *shard, struct request *request, const struct key_owners *owners, int argc)
{
    struct scatter *scatter;
    int index = 0;

    if (!room_for_all(shard, owners))
        return false;
    request_own_arguments(&shard->requests, request);
    scatter = scatter_create(shard, request, owners->distinct);
    scatter->silent = true;
    for (int owner = 0; owner < shard->group->count; owner++) {
        if (!shard_set_has(owners->set, owner))
            continue;
        scatter->parts[index] = part_lend(shard, scatter, request->argv, argc);
        part_stage(shard, owner, scatter->parts[index++]);
    }
    return true;
}

bool scatter_stage_silent(struct shard *shard, struct request *request, const struct key_owners *owners)
{
    return stage_silent_on(shard, request, owners, 0);
}

bool scatter_stage_lent(struct shard *shard, struct request *request, const struct key_owners *owners)
{
    ASSERT(request->arguments_lent);
    return stage_silent_on(shard, request, owners, request->argc);
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
