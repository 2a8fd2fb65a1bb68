#include "shards/reload_parts.h"

#include "core/command.h"
#include "core/handlers.h"
#include "core/log.h"
#include "core/memory.h"
#include "shards/load_rdb.h"

void reload_run_parts(const struct call *call, command_handler run)
{
    const struct command command = {.name = "reload", .run = run, .route = ROUTE_SINGLE};
    struct reply replies[CONFIG_SHARDS_MAX];
    struct call part = *call;
    int count = reload_shard_of(call)->group->count;

    part.command = &command;
    for (int i = 0; i < count; i++)
        reply_init(&replies[i], &call->core->memory, NULL, 0, call->reply->protocol);
    if (call->reach)
        call->reach->each_shard(call->reach, &part, replies);
    else
        run(&part);
    for (int i = 0; i < count; i++)
        buffer_deinit(&replies[i].buffer);
}

bool reload_restore_functions(const struct call *call, struct str mode, struct str libraries)
{
    struct str argv[] = {STR("FUNCTION"), STR("RESTORE"), libraries, mode};
    struct call restore = *call;
    struct reply reply;

    reply_init(&reply, &call->core->memory, NULL, 0, 2);
    restore.argv = argv;
    restore.argc = 4;
    restore.reply = &reply;
    cmd_function_restore(&restore);
    bool is_error = reply.buffer.bytes[0] == '-';
    if (is_error)
        log_write(LOG_WARNING, "The functions can't be loaded: %.*s", (int)reply.buffer.length - 3,
                  reply.buffer.bytes + 1);
    buffer_deinit(&reply.buffer);
    return !is_error;
}

/* Nobody is served meanwhile, and what is loaded wants the room. */
void reload_empty(const struct call *call)
{
    struct keyspace *keyspace = call->core->keyspace;

    for (int db = 0; db < keyspace_database_count(keyspace); db++)
        keyspace_flush(keyspace, db);
    keyspace_tell_flush(keyspace, call->session_id);
    keyspace_reclaim_all(keyspace);
}

void reload_take_snapshot(const struct call *call, const struct load_stage *stage)
{
    struct load_rdb *load = load_rdb_begin(reload_shard_of(call), stage);
    enum load_status status;

    do
        status = load_rdb_slice(load, INT64_MAX);
    while (status == LOAD_GOES_ON);
    load_rdb_end(load);
}
