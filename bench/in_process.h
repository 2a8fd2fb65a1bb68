/* One shard's parser, admission and execution without sockets, for programs that
 * measure them: the steps of a connection and its shard. Replies are written
 * into one buffer that is used again for the next requests. */
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

enum { ENGINE_REPLY_BYTES = 16384 };

static const int64_t ENGINE_NOW_MS = 1700000000000;

struct engine {
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

static inline void engine_run_request(struct engine *engine)
{
    const struct resp_parser *parser = &engine->parser;
    const struct command *command =
        command_admit(&engine->core, &engine->session, parser->argv, parser->argc, &engine->reply);
    struct call call = {
        .command = command,
        .argv = parser->argv,
        .argc = parser->argc,
        .db = engine->session.db,
        .now_ms = ENGINE_NOW_MS,
        .reply = &engine->reply,
        .core = &engine->core,
        .session_id = engine->session.id,
    };

    ASSERT(command);

    struct call_counting counting = call_count_begin(&call);

    call_run(&call);
    call_count_end(&call, &counting);
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
        engine_run_request(engine);
        bytes.bytes += engine->parser.consumed;
        bytes.length -= engine->parser.consumed;
    }
}

#endif
