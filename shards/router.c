#include "shards/router.h"

#include <stdatomic.h>

#include "core/assert.h"
#include "core/command.h"
#include "core/command_admit.h"
#include "core/keyspace.h"
#include "core/memory.h"
#include "core/scan_options.h"
#include "core/transaction.h"
#include "shards/blocked.h"
#include "shards/gather.h"
#include "shards/scatter.h"
#include "shards/trial.h"
#include "shards/shard.h"
#include "shards/transaction.h"

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
    router->affinity.count +=
        affinity_preset_patterns(config->affinity_presets, router->patterns + router->affinity.count);
    affinity_prepare(&router->affinity);
    return true;
}

/* Owners of keys. */

static __attribute__((noinline)) void grow_places(struct key_owners *owners)
{
    owners->capacity = owners->capacity ? owners->capacity * 2 : 64;
    owners->places = memory_resize(owners->memory, owners->places, (size_t)owners->capacity * sizeof *owners->places);
}

static inline void place(struct key_owners *owners, int index, int owner)
{
    if (__builtin_expect(owners->count == owners->capacity, 0))
        grow_places(owners);
    owners->places[owners->count++] = (struct key_place){.index = index, .owner = (uint16_t)owner};
    owners_add(owners, owner);
}

struct find_owners {
    struct key_owners *owners;
    const struct router *router;
    const struct str *argv;
    struct slot_alike alike;
};

static void find_place(void *context, struct key_position key)
{
    struct find_owners *find = context;

    place(find->owners, key.index, router_owner_alike(find->router, &find->alike, find->argv[key.index]));
}

/* The owners of all keys, as far as the arguments fit the command: where they do not its handler says so, or
 * there are no more keys (PFMERGE with a target alone). */
void router_find_owners(struct shard *shard, const struct request *request)
{
    struct find_owners find = {.owners = &shard->owners, .router = &shard->group->router, .argv = request->argv};

    owners_clear(&shard->owners);
    bool all = command_each_key(request->command, request->argv, request->argc, find_place, &find);
    (void)all;
}

static void begin_shares(struct key_shares *shares, int keys, int shards)
{
    if (__builtin_expect(keys > shares->capacity, 0)) {
        shares->capacity = keys > 64 ? keys : 64;
        shares->owner_of_key =
            memory_resize(shares->memory, shares->owner_of_key, (size_t)shares->capacity * sizeof(uint16_t));
        shares->hash_of_key =
            memory_resize(shares->memory, shares->hash_of_key, (size_t)shares->capacity * sizeof(uint64_t));
    }
    shares->count = keys;
    shares->distinct = 0;
    memset(shares->of_owner, 0, (size_t)shards * sizeof shares->of_owner[0]);
}

/* No branch asks whose it is: keys of several owners come in an order that cannot be foretold. Returns the next key. */
static inline const struct str *share_key(struct key_shares *shares, int number, int owner, const struct str *key,
                                          int step)
{
    struct key_share *share = &shares->of_owner[owner];
    const struct str *end = key + step;

    shares->owner_of_key[number] = (uint16_t)owner;
    shares->owners[shares->distinct & (CONFIG_SHARDS_MAX - 1)] = (uint16_t)owner;
    shares->distinct += share->keys++ == 0;
    do
        share->bytes += key->length;
    while (++key < end);
    return key;
}

/* It has nothing but keys, or those and as many values for each. */
void router_share_keys(struct shard *shard, const struct request *request)
{
    const struct router *router = &shard->group->router;
    const struct key_spec *keys = &request->command->keys[0];
    const struct str *argument = request->argv + keys->index;
    struct key_shares *shares = &shard->shares;
    uint16_t *slots;

    begin_shares(shares, (request->argc - keys->index) / keys->step, router->shard_count);
    slots = shares->owner_of_key;
    slots_of(&router->affinity, argument, keys->step, shares->count, slots);
    for (int i = 0, count = shares->count, step = keys->step; i < count; i++)
        argument = share_key(shares, i, router_owner_of_slot(router, slots[i]), argument, step);
}

int router_only_owner(const struct shard *shard)
{
    for (int i = 0; i < SHARD_SET_WORDS; i++)
        if (shard->owners.set[i])
            return i * 64 + __builtin_ctzll(shard->owners.set[i]);
    return shard->index;
}

static void find_owner(void *context, struct key_position key)
{
    struct find_owners *find = context;

    owners_add(find->owners, router_owner(find->router, find->argv[key.index]));
}

void router_add_owners(struct shard *shard, const struct command *command, const struct str *argv, int argc)
{
    struct find_owners find = {.owners = &shard->owners, .router = &shard->group->router, .argv = argv};

    if (command->only_key) {
        find_owner(&find, (struct key_position){.index = command->only_key});
        return;
    }
    bool all = command_each_key(command, argv, argc, find_owner, &find);
    (void)all;
}

/* Of the other shards that a connection's requests go to the one that most of them do is found by counting those to it
 * up, and those to others down. */
static inline void note_crossing(struct origin *origin, int to)
{
    if (origin->crossings == 0)
        origin->crossed_to = (uint16_t)to;
    origin->crossings += origin->crossed_to == to ? 1 : UINT32_MAX;
}

/* Staging: each returns false when a ring has no room, and has then staged nothing. */

static inline __attribute__((always_inline)) bool stage_single(struct shard *shard, int owner, struct request *request)
{
    if (!mesh_room(&shard->port, owner))
        return false;
    if (owner == shard->index) {
        shard->core.stats.local++;
    } else {
        request_own_arguments(&shard->requests, request);
        shard->core.stats.crossed++;
        note_crossing(request->origin, owner);
    }
    mesh_stage(&shard->port, owner, &request->message);
    return true;
}

bool router_stage_single(struct shard *shard, int owner, struct request *request)
{
    return stage_single(shard, owner, request);
}

/* SCAN's cursor names the shard it is at (see cmd_scan.c); a wrong one is answered wherever it is read. */
static int cursor_owner(const struct shard *shard, const struct request *request)
{
    uint64_t cursor;

    if (request->argc < 2 || !scan_cursor_read(request->argv[1], &cursor))
        return shard->index;
    return (int)(cursor % (uint64_t)shard->group->count);
}

/* The common case: one key, whose hash travels with the request so that its owner can prefetch. */
static inline __attribute__((always_inline)) bool stage_only_key(struct shard *shard, struct request *request)
{
    struct str name = request->argv[request->command->only_key];

    request->key = (uint16_t)request->command->only_key;
    request->key_hash = keyspace_hash(name);
    return stage_single(shard, router_owner(&shard->group->router, name), request);
}

static bool reaches_all(const struct shard *shard, const struct request *request)
{
    command_reaches_all *reaches = request->command->reaches_all;

    return reaches && shard->group->count > 1 && reaches(request->argv, request->argc);
}

static bool stage_shared(struct shard *shard, struct request *request)
{
    if (shard->group->count == 1)
        return router_stage_single(shard, shard->index, request);
    router_share_keys(shard, request);
    if (shard->shares.distinct == 1)
        return router_stage_single(shard, shard->shares.owner_of_key[0], request);
    return scatter_stage_by_keys(shard, request, &shard->shares);
}

static bool stage_keyed(struct shard *shard, struct request *request)
{
    const struct key_owners *owners = &shard->owners;

    if (request->command->only_key)
        return stage_only_key(shard, request);
    if (reaches_all(shard, request))
        return gather_stage(shard, request, NULL, false);
    if (request->command->route == ROUTE_SCATTER)
        return stage_shared(shard, request);
    router_find_owners(shard, request);
    if (owners->distinct == 0)
        return router_stage_single(shard, shard->index, request);
    if (owners->distinct == 1)
        return router_stage_single(shard, owners->places[0].owner, request);
    return gather_stage(shard, request, owners, false);
}

/* It has been everywhere once, and what it waits for is known at home. */
static bool is_waiting(const struct request *request)
{
    return request->blocking && request->waiter->waits;
}

static bool stage(struct shard *shard, struct request *request)
{
    const struct command *command = request->command;
    const struct origin *origin = request->origin;

    if (__builtin_expect((origin->tried | origin->awaited) > 0, 0) && !simulate_fault(FAULT_NO_HOLD))
        return trial_stage_behind(shard, request);
    if (command->route == ROUTE_SCRIPT)
        return trial_stage(shard, request);
    if (command->route == ROUTE_SESSION)
        return transaction_stage(shard, request);
    if (command->route == ROUTE_SAVE)
        return saving_stage(shard, request);
    if (command->pubsub & PUBSUB_CHANGES)
        return scatter_stage_change(shard, request);
    if (command->route == ROUTE_CURSOR)
        return router_stage_single(shard, cursor_owner(shard, request), request);
    if (command->keys[0].begin != KEY_BEGIN_NONE)
        return stage_keyed(shard, request);
    if (command->route == ROUTE_SCATTER)
        return scatter_stage(shard, request);
    if (command->route == ROUTE_GATHER && !is_waiting(request))
        return gather_stage(shard, request, NULL, false);
    return router_stage_single(shard, shard->index, request);
}

/* Order of messages. A shard's news arrive in the order in which it sent them, those of two shards in that of their
 * causes. So what a connection publishes by way of one shard waits until what it publishes by way of another has been
 * answered. */

/* PUBLISH is executed here; where a transaction or a script will be is not known yet. */
static int publisher_of(const struct shard *shard, const struct request *request)
{
    return request->command->pubsub & PUBSUB_PUBLISHES ? shard->index : PUBLISHER_UNKNOWN;
}

static bool stage_publisher(struct shard *shard, struct request *request)
{
    struct origin *origin = request->origin;
    int publisher = publisher_of(shard, request);

    if (shard->group->count > 1 && origin->publishing > 0 && !simulate_fault(FAULT_PUBLISH_APART) &&
        (publisher == PUBLISHER_UNKNOWN || publisher != origin->publisher))
        return false;
    if (!stage(shard, request))
        return false;
    origin->publisher = publisher;
    origin->publishing++;
    request->publishing = true;
    return true;
}

/* What comes behind a script to another shard waits in any case (trial.h). */
static bool stage_in_order(struct shard *shard, struct request *request)
{
    if (request->command->route == ROUTE_SCRIPT && request->origin->publishing > 0 &&
        !simulate_fault(FAULT_PUBLISH_APART))
        return false;
    return request->publishes ? stage_publisher(shard, request) : stage(shard, request);
}

void router_publisher_done(struct request *request)
{
    ASSERT(request->origin->publishing > 0);
    request->origin->publishing--;
    request->publishing = false;
}

/* Holding. A connection's held requests are all in one of the two lists: those that wait for room in a ring, or,
 * once the first of them is held back by CLIENT PAUSE, those that wait for its end. */

/* Of a client that goes. */
static bool ends_subscriptions(const struct request *request)
{
    uint8_t leaves = PUBSUB_UNSUBSCRIBES | PUBSUB_LEAVES;

    return (request->command->pubsub & leaves) == leaves;
}

/* It has been executed and lacks one more round, which nothing but room may keep it from: a scatter that is to
 * settle, a blocked command that is to be served or to end. Or its client has gone. */
static bool is_under_way(const struct request *request)
{
    return request->scatter || ends_subscriptions(request) || is_waiting(request);
}

void router_hold(struct shard *shard, struct request *request)
{
    bool waits_for_pause = request->origin->paused && !is_under_way(request);
    struct request ***last = waits_for_pause ? &shard->paused_last : &shard->held_last;

    request_own_arguments(&shard->requests, request);
    request->next_held = NULL;
    **last = request;
    *last = &request->next_held;
    request->origin->held++;
}

void router_hold_before(struct shard *shard, struct request *first, struct request *last)
{
    last->next_held = shard->held_first;
    if (!shard->held_first)
        shard->held_last = &last->next_held;
    shard->held_first = first;
}

/* Whether its requests may be staged as they come. */
static bool is_free(const struct origin *origin)
{
    return (origin->held | origin->tried | origin->awaited) == 0;
}

/* The common case, without what else a request may have to heed. False: it has not been staged. */
static inline bool submit_plain(struct shard *shard, struct request *request)
{
    return request->command->plain && is_free(request->origin) && !shard->busy.active && stage_only_key(shard, request);
}

void router_submit(struct shard *shard, struct request *request)
{
    shard->core.stats.commands++;
    if (__builtin_expect(submit_plain(shard, request), 1))
        return;
    if (__builtin_expect(shard->busy.active, 0) && busy_refuses(shard, request->command, &request->reply)) {
        shard_answer(shard, request);
        return;
    }
    if (request->command->route == ROUTE_LOCAL && !(request->command->pubsub & PUBSUB_CHANGES)) {
        shard_execute(shard, request, NULL, shard_now_ms(shard), NULL);
        shard_finish(shard, request);
        return;
    }
    if (request->command->route == ROUTE_SESSION && !transaction_submit(shard, request)) {
        shard_finish(shard, request);
        return;
    }
    router_submit_rest(shard, request);
}

/* As far as it matters, see saving_keeps_answer. */
static bool may_flush(const struct request *request)
{
    const struct command *command = request->command;

    if (command->route == ROUTE_SCATTER)
        return command->flags & CMD_WRITE && command->keys[0].begin == KEY_BEGIN_NONE;
    return command->route == ROUTE_SCRIPT || request->transaction;
}

void router_submit_rest(struct shard *shard, struct request *request)
{
    request->may_flush = may_flush(request);
    request->publishes |= (request->command->pubsub & PUBSUB_PUBLISHES) != 0;
    if (request->origin->held == 0 && stage_in_order(shard, request))
        return;
    if (request->origin->held == 0)
        shard->core.stats.ring_full++;
    router_hold(shard, request);
}

/* Not before what is held already: waiters that go round again and again would keep the one out for whom they do. */
void router_resubmit(struct shard *shard, struct request *request)
{
    if (shard->held_first || !stage(shard, request))
        router_hold(shard, request);
}

/* Empties the list. */
static struct request *take_all(struct request **first, struct request ***last)
{
    struct request *request = *first;

    *first = NULL;
    *last = first;
    return request;
}

/* It was held, and is not to be executed. What began watches has to end them all the same. */
static void drop(struct shard *shard, struct request *request)
{
    request->origin->held--;
    if (transaction_drop(request)) {
        request->origin->paused = false;
        router_hold(shard, request);
    } else {
        shard_finish(shard, request);
    }
}

static bool is_stopping(const struct shard *shard)
{
    return atomic_load_explicit(&shard->group->stopping, memory_order_relaxed);
}

/* EXEC writes if what it executes does. */
static uint32_t flags_of(const struct request *request)
{
    return request->command->flags | (request->transaction ? request->transaction->flags : 0);
}

static bool is_paused(struct shard *shard, const struct request *request)
{
    const struct sessions *sessions = &shard->core.sessions;

    if (transaction_only_ends(request) || !command_is_paused(flags_of(request), sessions, shard_now_ms(shard)))
        return false;
    timer_arm(&shard->timers, &shard->pause_end, sessions->pause_until_ms);
    return true;
}

static bool try_held(struct shard *shard, struct request *request)
{
    struct origin *origin = request->origin;

    if (request->scatter)
        return scatter_settle(request->scatter);
    if (is_under_way(request))
        return stage(shard, request);
    if (origin->held_turn == shard->turn)
        return false;
    origin->paused = is_paused(shard, request);
    if (!origin->paused && stage_in_order(shard, request))
        return true;
    origin->held_turn = shard->turn; /* whatever it staged later stays behind this one */
    return false;
}

void router_retry_held(struct shard *shard)
{
    struct request *request = take_all(&shard->held_first, &shard->held_last), *next;

    for (; request; request = next) {
        next = request->next_held;
        request->origin->held--;
        if (!try_held(shard, request))
            router_hold(shard, request);
    }
    if (!shard->paused_first || !is_stopping(shard))
        return;
    for (request = take_all(&shard->paused_first, &shard->paused_last); request; request = next) {
        next = request->next_held;
        drop(shard, request);
    }
}

void router_resume(struct shard *shard)
{
    struct request *request = take_all(&shard->paused_first, &shard->paused_last), *next;

    for (; request; request = next) {
        next = request->next_held;
        request->origin->paused = false;
        request->origin->held--;
        router_hold(shard, request);
    }
}

static void drop_from(struct shard *shard, struct request **first, struct request ***last, const struct origin *origin)
{
    struct request *request = take_all(first, last), *next;

    for (; request; request = next) {
        next = request->next_held;
        if (request->origin == origin && !is_under_way(request)) {
            drop(shard, request);
            continue;
        }
        request->next_held = NULL;
        **last = request;
        *last = &request->next_held;
    }
}

void router_drop_held(struct shard *shard, struct origin *origin)
{
    origin->dropped = true;
    if (origin->held == 0)
        return;
    drop_from(shard, &shard->held_first, &shard->held_last, origin);
    drop_from(shard, &shard->paused_first, &shard->paused_last, origin);
}

static void pause_over(struct completion *completion)
{
    router_resume((struct shard *)((char *)completion - offsetof(struct shard, pause_over)));
}

void router_start(struct shard *shard)
{
    shard->held_last = &shard->held_first;
    shard->paused_last = &shard->paused_first;
    shard->pause_over.done = pause_over;
    shard->pause_end.completion = &shard->pause_over;
}
