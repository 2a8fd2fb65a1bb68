#include "shards/transaction.h"

#include "core/command.h"
#include "core/memory.h"
#include "core/transaction.h"
#include "shards/gather.h"
#include "shards/scatter.h"
#include "shards/shard.h"

static bool is_run(const struct request *request)
{
    return request->command->flags & CMD_EXECUTES;
}

/* The session's part. */

/* Of the arguments that the client has sent EXEC's name alone is still asked for: it is shown as it was sent. */
static void take_text(struct request *request, struct str text)
{
    struct memory *memory = request->reply.buffer.memory;

    request->argc = is_run(request) ? 1 : 0;
    if (text.bytes == NULL)
        return;
    memory_free(memory, request->argument_block);
    request->argument_block = (char *)(uintptr_t)text.bytes;
    request->arguments_owned = true;
    request->argv[0] = str_from(request->command->name);
    request->argv[1] = text;
    request->argc = 2;
}

void transaction_take_rest(struct request *request, struct session *session)
{
    request->command = session->rest.command;
    request->transaction = session->rest.transaction;
    request->watched = session->rest.watched;
    take_text(request, session->rest.text);
    request->session = NULL;
    if (is_run(request)) {
        request->publishes = request->transaction->publishes;
        request->session = request->transaction->flags & CMD_SESSION ? session : NULL;
    }
    session->rest = (struct session_rest){0};
}

/* Once: from then on the owners look at it. */
static void place_watched(struct shard *shard, struct watched_keys *watched)
{
    for (int i = 0; i < watched->count; i++)
        watched->keys[i].shard = router_owner(&shard->group->router, watched->keys[i].name);
}

bool transaction_submit(struct shard *shard, struct request *request)
{
    struct session *session = request->session;
    const struct command *called = request->command;

    shard_execute(shard, request, NULL, shard_now_ms(shard), NULL);
    if (!session->rest.command)
        return false;
    transaction_take_rest(request, session);
    if (is_run(request))
        request->transaction->called = called;
    if (request->watched && !request->transaction)
        place_watched(shard, request->watched);
    return true;
}

/* Who takes part. */

static void find_owners_of_watched(struct shard *shard, const struct watched_keys *watched)
{
    for (int i = 0; i < watched->count; i++)
        owners_add(&shard->owners, watched->keys[i].shard);
}

static void find_owners_of_queue(struct shard *shard, const struct transaction *transaction)
{
    for (const struct queued_command *queued = transaction->first; queued; queued = queued->next)
        router_add_owners(shard, queued->command, queued->argv, queued->argc);
}

static void find_owners(struct shard *shard, const struct request *request)
{
    const struct watched_keys *watched = request->transaction ? request->transaction->watched : NULL;

    owners_clear(&shard->owners);
    if (!request->transaction) /* those of one WATCH */
        find_owners_of_watched(shard, request->watched);
    for (; watched; watched = watched->next)
        find_owners_of_watched(shard, watched);
    if (is_run(request))
        find_owners_of_queue(shard, request->transaction);
    if (request->session)
        owners_add(&shard->owners, shard->index);
}

/* Staging. */

static bool stage_on_owners(struct shard *shard, struct request *request)
{
    const struct key_owners *owners = &shard->owners;

    if (owners->distinct <= 1)
        return router_stage_single(shard, router_only_owner(shard), request);
    if (is_run(request))
        return gather_stage(shard, request, owners, request->session != NULL);
    return scatter_stage_silent(shard, request, owners);
}

/* The simulator's fault: what touches a watched key from now on is told to nobody. */
static void stop_heeding(const struct transaction *transaction)
{
    static struct watcher nobody;

    for (struct watched_keys *watched = transaction->watched; watched; watched = watched->next)
        for (int i = 0; i < watched->count; i++)
            if (watched->keys[i].watch)
                watched->keys[i].watch->watcher = &nobody;
}

bool transaction_stage(struct shard *shard, struct request *request)
{
    if (simulate_fault(FAULT_EARLY_WATCH) && is_run(request))
        stop_heeding(request->transaction);
    if (is_run(request) && request->transaction->for_all_shards && shard->group->count > 1)
        return gather_stage(shard, request, NULL, request->session != NULL);
    find_owners(shard, request);
    return stage_on_owners(shard, request);
}

/* The end. */

bool transaction_finish(struct shard *shard, struct request *request)
{
    struct transaction *transaction = request->transaction;

    if (is_run(request) && transaction->flags & CMD_SETTLE) {
        transaction->flags &= ~(uint32_t)CMD_SETTLE;
        scatter_settle_after(shard, request);
        return false;
    }
    request->transaction = NULL;
    transaction_destroy(transaction);
    return true;
}

bool transaction_drop(struct request *request)
{
    const struct command *ends;

    if (!request->transaction)
        return false;
    request->transaction->flags &= ~(uint32_t)CMD_SETTLE;
    ends = transaction_abandon(request->transaction);
    if (!ends)
        return false;
    request->command = ends;
    request->watched = request->transaction->watched;
    return true;
}

bool transaction_only_ends(const struct request *request)
{
    return request->transaction && !is_run(request);
}
