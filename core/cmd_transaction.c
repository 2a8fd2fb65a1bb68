/* MULTI, EXEC, DISCARD, WATCH and UNWATCH. Each has a part for the session, which
 * runs when the request is parsed; EXEC and what begins and ends watches have
 * another one, cmd_…_run, for the shards of the keys.
 *
 * EXEC runs where all queued commands and all watched keys are in reach, at one
 * instant. So whether a watched key has been touched is decided there and then,
 * also by its deadline, and nothing can come between that and the commands. */
#include "core/assert.h"
#include "core/call.h"
#include "core/client_tracking.h"
#include "core/core.h"
#include "core/handlers.h"
#include "core/transaction.h"

/* The session's part. */

void cmd_multi(struct call *call)
{
    struct transaction *transaction = transaction_of(call->session);

    if (transaction->open) {
        reply_error(call->reply, "ERR MULTI calls can not be nested");
        return;
    }
    transaction->open = true;
    reply_ok(call->reply);
}

void cmd_discard(struct call *call)
{
    if (!session_is_queuing(call->session)) {
        reply_error(call->reply, "ERR DISCARD without MULTI");
        return;
    }
    transaction_leave(call->session);
    reply_ok(call->reply);
}

static void abort_exec(struct call *call, const char *separator, const char *reason)
{
    transaction_leave(call->session);
    reply_error_format(call->reply, "EXECABORT Transaction discarded because of%s%s", separator, reason);
}

/* What its scripts say of themselves matters where not everything may be run. */
static uint32_t flags_of(struct core *core, const struct transaction *transaction)
{
    uint32_t flags = transaction->flags;

    if (!core->out_of_memory && !core_refuses_writes(core))
        return flags;
    for (const struct queued_command *queued = transaction->first; queued; queued = queued->next)
        if (queued->command->declares)
            flags |= queued->command->declares(core, queued->argv);
    return flags;
}

/* As for a command that is not queued, see command_admit.c. */
static const char *refusal_of(struct core *core, const struct transaction *transaction,
                              char room[static CORE_REFUSAL_BYTES])
{
    uint32_t flags = flags_of(core, transaction);
    bool has_script = flags & CMD_NO_MANDATORY_KEYS && flags & CMD_MAY_REPLICATE;

    return flags & CMD_WRITE || (has_script && core_holds_writers(core)) ? core_write_refusal(core, room) : NULL;
}

void cmd_exec(struct call *call)
{
    struct transaction *transaction = call->session->transaction;
    char room[CORE_REFUSAL_BYTES];
    const char *refusal;

    if (call->argc != 1)
        abort_exec(call, ": ", "wrong number of arguments for 'exec' command");
    else if (!session_is_queuing(call->session))
        reply_error(call->reply, "ERR EXEC without MULTI");
    else if (transaction->failed)
        abort_exec(call, " ", "previous errors.");
    else if ((refusal = refusal_of(call->core, transaction, room)) != NULL)
        abort_exec(call, ": ", refusal);
    else
        transaction_execute(call->session);
}

void cmd_watch(struct call *call)
{
    if (session_is_queuing(call->session)) {
        reply_error(call->reply, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    transaction_watch(call->session, call->argv, call->argc);
    reply_ok(call->reply);
}

/* Queued, it comes too late: EXEC has ended the watches. */
void cmd_unwatch(struct call *call)
{
    if (call->session && !session_is_queuing(call->session))
        transaction_leave(call->session);
    reply_ok(call->reply);
}

/* The shards' parts. */

/* On each owner. */
void cmd_watch_run(struct call *call)
{
    struct watched_keys *watched = call->watched;

    for (int i = 0; i < watched->count; i++) {
        struct watched_key *key = &watched->keys[i];

        if (key->shard == call->core->index)
            key->watch = keyspace_watch(call->core->keyspace, watched->db, (struct key){key->name, key->hash},
                                        watched->watcher, call->now_ms);
    }
}

/* NULL: it was never begun, because its client had been killed. */
static void end_watch(struct keyspace *keyspace, struct watched_key *key)
{
    if (key->watch)
        keyspace_unwatch(keyspace, key->watch);
    key->watch = NULL;
}

/* On each owner. */
void cmd_unwatch_run(struct call *call)
{
    for (struct watched_keys *watched = call->watched; watched; watched = watched->next)
        for (int i = 0; i < watched->count; i++)
            if (watched->keys[i].shard == call->core->index)
                end_watch(call->core->keyspace, &watched->keys[i]);
}

/* A key whose time has come is removed by being looked for, which touches it. */
static void end_watches(struct call *call)
{
    for (struct watched_keys *watched = call->transaction->watched; watched; watched = watched->next)
        for (int i = 0; i < watched->count; i++) {
            struct watched_key *key = &watched->keys[i];
            struct keyspace *keyspace = call_keyspace(call, key->name);

            (void)keyspace_find_hashed(keyspace, watched->db, key->name, key->hash, call->now_ms);
            end_watch(keyspace, key);
        }
}

/* CLIENT REPLY may be among the commands: what is written while there are to be no replies is dropped. */
static bool is_silent(const struct call *call)
{
    const struct session *session = call->session;

    return session && (session->reply_mode == SESSION_REPLY_OFF || session->reply_mode == SESSION_REPLY_SKIP);
}

/* SKIP is for one reply, and EXEC's was it, or that of what follows it will be. */
static void end_skip(const struct call *call)
{
    if (call->session && call->session->reply_mode == SESSION_REPLY_SKIP)
        call->session->reply_mode = SESSION_REPLY_ON;
    else if (call->session && call->session->reply_mode == SESSION_REPLY_SKIP_NEXT)
        call->session->reply_mode = SESSION_REPLY_SKIP;
}

static void run_queued(struct call *call, const struct queued_command *queued)
{
    struct reply *reply = call->reply;
    bool was_closed = call->session && call->session->close_after_reply; /* it has killed itself */
    size_t mark = reply->buffer.length;

    reply->error = false;
    call_nested(call, queued->command, queued->argv, queued->argc, reply);
    call->core->stats.commands++;
    if (was_closed || (is_silent(call) && !(queued->command->pubsub & PUBSUB_CHANGES)))
        reply->buffer.length = mark;
}

static void run_all(struct call *call)
{
    const struct transaction *transaction = call->transaction;

    if (!is_silent(call))
        reply_array(call->reply, transaction->count);
    for (const struct queued_command *queued = transaction->first; queued; queued = queued->next)
        run_queued(call, queued);
    call->reply->error = false; /* the last command's, and counted */
}

void cmd_exec_run(struct call *call)
{
    char room[CORE_REFUSAL_BYTES];
    const char *refusal = refusal_of(call->core, call->transaction, room);
    bool lacks_memory = call->core->out_of_memory && flags_of(call->core, call->transaction) & CMD_DENYOOM;

    end_watches(call);
    if (lacks_memory)
        reply_error(call->reply, "EXECABORT Transaction discarded because of: " CORE_OUT_OF_MEMORY);
    else if (refusal)
        reply_error_format(call->reply, "EXECABORT Transaction discarded because of: %s", refusal);
    else if (!watcher_is_touched(&call->transaction->watcher))
        run_all(call);
    else if (!is_silent(call))
        reply_null_array(call->reply);
    end_skip(call);
    if (call->session)
        client_tracking_end_caching(call->session);
}
