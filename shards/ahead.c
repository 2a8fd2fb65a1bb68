/* Five steps, each of which reads what the one before has asked for: the message, its arguments, the home bucket of
 * each key, its entry; and, where the home does not have it, the entry from elsewhere in the table. Where a run of
 * messages begins, the steps of the first ones are made up for. */
#include "shards/ahead.h"

#include "core/command.h"
#include "core/keyspace.h"
#include "shards/shard.h"

enum {
    AHEAD_MESSAGE = 12, /* how many messages ahead of execution each step is */
    AHEAD_ARGUMENTS = 10,
    AHEAD_ELSEWHERE = 2,
    KEYS_MOST = 16, /* of one message; more would push each other out of the cache */
};

static const struct request *as_request(const struct message *message)
{
    return message && message->kind == MESSAGE_REQUEST ? (const struct request *)message : NULL;
}

/* False: the key needs another step. */
typedef bool prefetch_key(const struct keyspace *keyspace, int db, uint64_t hash);

static bool bring_home(const struct keyspace *keyspace, int db, uint64_t hash)
{
    keyspace_prefetch(keyspace, db, hash);
    return true;
}

static bool bring_elsewhere(const struct keyspace *keyspace, int db, uint64_t hash)
{
    keyspace_prefetch_elsewhere(keyspace, db, hash);
    return true;
}

/* A command with many keys. */
static __attribute__((noinline)) bool each_key(const struct shard *shard, const struct request *request,
                                               prefetch_key *prefetch)
{
    const struct key_spec *keys = &request->command->keys[0];
    const uint64_t *hashes = request->hashed ? request->key_hashes : NULL;
    bool all = true;

    if (request->command->route != ROUTE_SCATTER || keys->begin == KEY_BEGIN_NONE)
        return true;
    for (int at = keys->index, number = 0; at < request->argc && number < KEYS_MOST; at += keys->step, number++)
        all &= prefetch(shard->core.keyspace, request->db, hashes ? hashes[number] : keyspace_hash(request->argv[at]));
    return all;
}

/* In line for those with one. False: some key needs another step. */
static inline __attribute__((always_inline)) bool prefetch_keys(const struct shard *shard,
                                                                const struct message *message, prefetch_key *prefetch)
{
    const struct request *request = as_request(message);

    if (!request)
        return true;
    if (__builtin_expect(request->key != 0, 1))
        return prefetch(shard->core.keyspace, request->db, request->key_hash);
    return each_key(shard, request, prefetch);
}

static void prefetch_message(const struct message *message)
{
    if (message)
        request_prefetch((const struct request *)message); /* a gather's lines are asked for in vain */
}

static void prefetch_arguments(const struct message *message)
{
    const struct request *request = as_request(message);

    if (request)
        request_prefetch_arguments(request);
}

static inline void prefetch_table(const struct shard *shard, const struct message *message)
{
    prefetch_keys(shard, message, bring_home);
}

/* Notes what the next step is for. */
static inline void prefetch_entries(struct shard *shard, const struct mesh_window *window, uint32_t places)
{
    bool all = prefetch_keys(shard, mesh_window_at(window, places), keyspace_prefetch_entry);

    shard->ahead.elsewhere |= (uint32_t)!all << places;
}

static __attribute__((noinline)) void prefetch_elsewhere(const struct shard *shard, const struct message *message)
{
    prefetch_keys(shard, message, bring_elsewhere);
}

static __attribute__((noinline)) void begin_run(struct shard *shard, const struct mesh_window *window,
                                                const struct message *message, bool ours)
{
    for (uint32_t places = 0; !ours && places < AHEAD_MESSAGE; places++)
        prefetch_message(mesh_window_at(window, places));
    for (uint32_t places = 0; !ours && places < AHEAD_ARGUMENTS; places++)
        prefetch_arguments(mesh_window_at(window, places));
    prefetch_table(shard, message);
    for (uint32_t places = 0; places < AHEAD_TABLE; places++)
        prefetch_table(shard, mesh_window_at(window, places));
    prefetch_keys(shard, message, keyspace_prefetch_entry);
    shard->ahead.elsewhere = 0;
    for (uint32_t places = 0; places < AHEAD_ENTRY; places++)
        prefetch_entries(shard, window, places);
}

void ahead_prefetch(struct shard *shard, const struct message *message)
{
    struct mesh_window window = mesh_ahead(&shard->port);
    bool ours = shard->port.run_source == shard->index; /* they are here */

    shard->ahead.elsewhere >>= 1;
    if (shard->port.run_started)
        begin_run(shard, &window, message, ours);
    if (!ours) {
        prefetch_message(mesh_window_at(&window, AHEAD_MESSAGE));
        prefetch_arguments(mesh_window_at(&window, AHEAD_ARGUMENTS));
    }
    prefetch_table(shard, mesh_window_at(&window, AHEAD_TABLE));
    prefetch_entries(shard, &window, AHEAD_ENTRY);
    if (__builtin_expect(shard->ahead.elsewhere & 1u << AHEAD_ELSEWHERE, 0))
        prefetch_elsewhere(shard, mesh_window_at(&window, AHEAD_ELSEWHERE));
}
