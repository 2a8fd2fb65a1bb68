/* One shard's parser, admission and execution without sockets, for programs that
 * measure them: the steps of a connection and its shard. As there, requests are
 * parsed and admitted in batches, and while one is executed the memory of those
 * behind it is on its way (shards/ahead.c). Replies are written into one buffer
 * that is used again for the next requests. */
#ifndef BENCH_IN_PROCESS_H
#define BENCH_IN_PROCESS_H

#include <time.h>

#include "core/assert.h"
#include "core/call.h"
#include "core/call_count.h"
#include "core/command.h"
#include "core/command_admit.h"
#include "core/keyspace.h"
#include "core/resp_parse.h"
#include "core/resp_write.h"
#include "shards/ahead.h"

enum { ENGINE_REPLY_BYTES = 16384, ENGINE_BATCH = 32, ENGINE_ARGUMENTS = 5 };

static const int64_t ENGINE_NOW_MS = 1700000000000;

struct engine_request {
    const struct command *command;
    struct str own_arguments[ENGINE_ARGUMENTS];
    const struct str *argv; /* own_arguments; or the parser's, of a request that is the only one of its batch */
    int argc;
    struct key key; /* the only one of its command; name.bytes NULL: it has none, or several */
};

struct engine {
    struct engine_request batch[ENGINE_BATCH];
    int count;
    struct core core;
    struct session session;
    struct resp_parser parser;
    struct reply reply;
    char reply_bytes[ENGINE_REPLY_BYTES];
};

static inline int64_t engine_clock_ns(void *context)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void engine_init(struct engine *engine)
{
    static const uint8_t secret[32] = "the same for each run of a bench";
    static const struct server_facts facts = {.shard_count = 1};
    struct config config;

    engine->count = 0;
    keyspace_hash_seed(secret);
    command_table_init();
    config_init(&config);
    core_init(&engine->core, &config, &facts, 0, 1);
    config_deinit(&config);
    engine->core.command_stats.clock.now_ns = engine_clock_ns;
    engine->session = (struct session){.authenticated = true};
    session_begin(&engine->core.sessions, &engine->session, ENGINE_NOW_MS);
    resp_parser_init(&engine->parser, &engine->core.memory);
    reply_init(&engine->reply, &engine->core.memory, engine->reply_bytes, ENGINE_REPLY_BYTES, engine->session.protocol);
}

static inline void engine_deinit(struct engine *engine)
{
    buffer_deinit(&engine->reply.buffer);
    resp_parser_deinit(&engine->parser);
    session_end(&engine->core.sessions, &engine->session);
    core_deinit(&engine->core);
}

static inline void engine_admit(struct engine *engine)
{
    const struct resp_parser *parser = &engine->parser;
    struct engine_request *request = &engine->batch[engine->count++];

    request->command = command_admit(&engine->core, &engine->session, parser->argv, parser->argc, &engine->reply);
    ASSERT(request->command);
    request->argv = parser->argv;
    request->argc = parser->argc;
    request->key.name = (struct str){NULL, 0};
    if (request->command->only_key)
        request->key = key_of(parser->argv[request->command->only_key]);
    if (parser->argc > ENGINE_ARGUMENTS)
        return;
    for (int i = 0; i < parser->argc; i++)
        request->own_arguments[i] = parser->argv[i];
    request->argv = request->own_arguments;
}

static inline void engine_prefetch_table(const struct engine *engine, int at)
{
    if (at < engine->count && engine->batch[at].key.name.bytes)
        keyspace_prefetch(engine->core.keyspace, engine->session.db, engine->batch[at].key.hash);
}

static inline void engine_prefetch_entry(const struct engine *engine, int at)
{
    if (at < engine->count && engine->batch[at].key.name.bytes)
        (void)keyspace_prefetch_entry(engine->core.keyspace, engine->session.db, engine->batch[at].key.hash);
}

static inline void engine_execute(struct engine *engine, const struct engine_request *request)
{
    struct call call = {
        .command = request->command,
        .argv = request->argv,
        .argc = request->argc,
        .db = (uint16_t)engine->session.db,
        .now_ms = ENGINE_NOW_MS,
        .reply = &engine->reply,
        .core = &engine->core,
        .session_id = engine->session.id,
        .routed_key = request->key,
    };
    struct call_counting counting = call_count_begin(&call);

    call_run(&call);
    call_count_end(&call, &counting);
}

static inline void engine_execute_batch(struct engine *engine)
{
    for (int at = 0; at < AHEAD_TABLE; at++)
        engine_prefetch_table(engine, at);
    for (int at = 0; at < AHEAD_ENTRY; at++)
        engine_prefetch_entry(engine, at);
    for (int at = 0; at < engine->count; at++) {
        engine_prefetch_table(engine, at + AHEAD_TABLE);
        engine_prefetch_entry(engine, at + AHEAD_ENTRY);
        engine_execute(engine, &engine->batch[at]);
    }
    engine->count = 0;
}

/* Complete requests, whose replies are in engine->reply afterwards. */
static inline void engine_run(struct engine *engine, struct str bytes)
{
    static const struct resp_limits limits = {512 << 20, INT32_MAX, INT64_MAX};

    keyspace_set_access(engine->core.keyspace, ACCESS_LRU, ENGINE_NOW_MS);
    engine->reply.buffer.length = 0;
    while (bytes.length > 0) {
        enum resp_status status = resp_parse(&engine->parser, bytes, &limits);

        ASSERT(status == RESP_COMPLETE);
        if (engine->parser.argc > ENGINE_ARGUMENTS || engine->count == ENGINE_BATCH)
            engine_execute_batch(engine);
        engine_admit(engine);
        if (engine->parser.argc > ENGINE_ARGUMENTS)
            engine_execute_batch(engine);
        bytes.bytes += engine->parser.consumed;
        bytes.length -= engine->parser.consumed;
    }
    engine_execute_batch(engine);
}

#endif
