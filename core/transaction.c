#include "core/transaction.h"

#include "core/assert.h"
#include "core/command.h"
#include "core/handlers.h"
#include "core/keyspace.h"
#include "core/memory.h"

enum { SEARCHED_MOST = 1000 }; /* watched keys: beyond, one that is named again is watched twice */

/* What is left to be done on the shards of the keys: over all of them at once, or on each for its own. */
static const struct command run = {.name = "exec", .run = cmd_exec_run, .route = ROUTE_SESSION, .flags = CMD_EXECUTES};
static const struct command watch = {.name = "watch", .run = cmd_watch_run, .route = ROUTE_SESSION};
static const struct command unwatch = {.name = "unwatch", .run = cmd_unwatch_run, .route = ROUTE_SESSION};

bool session_queues(const struct session *session, const struct command *command)
{
    return session_is_queuing(session) && !(command->flags & CMD_NOT_QUEUED);
}

uint32_t session_flags_with(const struct session *session, const struct command *command)
{
    bool executes = session_is_queuing(session) && command->flags & CMD_EXECUTES;

    return command->flags | (executes ? session->transaction->flags : 0);
}

struct transaction *transaction_of(struct session *session)
{
    struct transaction *transaction = session->transaction;

    if (transaction)
        return transaction;
    transaction = session->transaction = memory_alloc_zeroed(session->memory, sizeof *transaction);
    transaction->memory = session->memory;
    transaction->last = &transaction->first;
    return transaction;
}

static struct str copy_bytes(char **end, struct str bytes)
{
    struct str copy = {*end, bytes.length};

    str_copy(*end, bytes);
    *end += bytes.length;
    return copy;
}

static size_t length_of(const struct str *argv, int argc)
{
    size_t length = 0;

    for (int i = 0; i < argc; i++)
        length += argv[i].length;
    return length;
}

/* Queueing. */

static bool is_for_each_shard(const struct command *command)
{
    return command->route == ROUTE_SCATTER && command->keys[0].begin == KEY_BEGIN_NONE;
}

static bool is_for_all_shards(const struct command *command, const struct str *argv, int argc)
{
    if (command->route == ROUTE_CURSOR || is_for_each_shard(command))
        return true;
    if (command->reaches_all && command->reaches_all(argv, argc))
        return true;
    return command->keys[0].begin == KEY_BEGIN_NONE && command->route == ROUTE_GATHER;
}

/* Commands that change the session or how requests are admitted; and those that report on every session, which
 * are to find this one in its transaction. */
static bool fences(const struct command *command)
{
    return command->flags & (CMD_SESSION | CMD_FENCE | CMD_SETTLE) || is_for_each_shard(command);
}

static struct queued_command *copy_command(struct transaction *transaction, const struct command *command,
                                           const struct str *argv, int argc)
{
    size_t bytes = sizeof(struct queued_command) + (size_t)argc * sizeof *argv + length_of(argv, argc);
    struct queued_command *queued = memory_alloc(transaction->memory, bytes);
    char *end = (char *)&queued->argv[argc];

    queued->next = NULL;
    queued->command = command;
    queued->argc = argc;
    for (int i = 0; i < argc; i++)
        queued->argv[i] = copy_bytes(&end, argv[i]);
    transaction->bytes += bytes;
    return queued;
}

void transaction_queue(struct transaction *transaction, const struct command *command, const struct str *argv, int argc)
{
    ASSERT(transaction->open && !transaction->session);
    if (transaction->failed || watcher_is_touched(&transaction->watcher))
        return;
    *transaction->last = copy_command(transaction, command, argv, argc);
    transaction->last = &(*transaction->last)->next;
    transaction->count++;
    transaction->flags |= command->flags;
    transaction->subscribes |= (command->pubsub & PUBSUB_CHANGES) != 0;
    transaction->publishes |= command->pubsub & PUBSUB_PUBLISHES || command->route == ROUTE_SCRIPT;
    transaction->for_all_shards |= is_for_all_shards(command, argv, argc);
    transaction->fences |= fences(command);
}

void transaction_fail(struct session *session)
{
    if (session_is_queuing(session))
        session->transaction->failed = true;
}

/* Watching. */

static bool is_watched(const struct transaction *transaction, int db, struct str name, uint64_t hash)
{
    if (transaction->watched_count > SEARCHED_MOST)
        return false;
    for (const struct watched_keys *watched = transaction->watched; watched; watched = watched->next)
        for (int i = 0; watched->db == db && i < watched->count; i++)
            if (watched->keys[i].hash == hash && str_equal(watched->keys[i].name, name))
                return true;
    return false;
}

static struct watched_keys *note_names(struct transaction *transaction, int db, const struct str *argv, int argc)
{
    size_t bytes = sizeof(struct watched_keys) + (size_t)argc * sizeof(struct watched_key) + length_of(argv, argc);
    struct watched_keys *watched = memory_alloc(transaction->memory, bytes);
    char *end = (char *)&watched->keys[argc];

    *watched = (struct watched_keys){.next = transaction->watched, .watcher = &transaction->watcher, .db = db};
    transaction->watched = watched;
    transaction->bytes += bytes;
    for (int i = 1; i < argc; i++) {
        uint64_t hash = keyspace_hash(argv[i]);

        if (is_watched(transaction, db, argv[i], hash))
            continue;
        watched->keys[watched->count++] = (struct watched_key){.name = copy_bytes(&end, argv[i]), .hash = hash};
        transaction->watched_count++;
    }
    return watched;
}

void transaction_watch(struct session *session, const struct str *argv, int argc)
{
    struct watched_keys *watched = note_names(transaction_of(session), session->db, argv, argc);

    session->rest = (struct session_rest){.command = &watch, .watched = watched};
}

/* The end. */

void transaction_execute(struct session *session)
{
    struct transaction *transaction = session->transaction;

    session->rest = (struct session_rest){.command = &run, .transaction = transaction};
    if (transaction->fences)
        transaction->session = session;
    else
        session->transaction = NULL;
}

void transaction_leave(struct session *session)
{
    struct transaction *transaction = session->transaction;

    if (!transaction || transaction->session)
        return;
    session->transaction = NULL;
    if (transaction->watched)
        session->rest =
            (struct session_rest){.command = &unwatch, .transaction = transaction, .watched = transaction->watched};
    else
        transaction_destroy(transaction);
}

const struct command *transaction_abandon(const struct transaction *transaction)
{
    return transaction->watched ? &unwatch : NULL;
}

static void free_queue(struct transaction *transaction)
{
    struct queued_command *queued = transaction->first, *next;

    for (; queued; queued = next) {
        next = queued->next;
        memory_free(transaction->memory, queued);
    }
}

static void free_watched(struct transaction *transaction)
{
    struct watched_keys *watched = transaction->watched, *next;

    for (; watched; watched = next) {
        next = watched->next;
        memory_free(transaction->memory, watched);
    }
}

void transaction_destroy(struct transaction *transaction)
{
    if (transaction->session)
        transaction->session->transaction = NULL;
    free_queue(transaction);
    free_watched(transaction);
    memory_free(transaction->memory, transaction);
}
