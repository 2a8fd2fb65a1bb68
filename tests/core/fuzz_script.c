/* libFuzzer target: what scripts may do, and values between RESP and Lua.
 *
 * The first byte chooses. Below 64 the rest is bytes that make up a reply of
 * RESP3, which is given to Lua and answered again; the answer is one complete
 * value. Otherwise the rest is the text of a script, run for some hundred
 * thousand instructions at most. Either way the state is as it was before: the
 * next script finds its world whole. */
#include <stdint.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/call.h"
#include "core/command.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/script_run.h"
#include "core/script_value.h"

enum { REPLY_DEPTH_MAX = 6, LOOKS_MAX = 3, MEMORY_MOST = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct core core;
static struct save_state saves;
static struct server_facts facts = {.shard_count = 1};
static int looks;

static bool goes_on(void *context, struct script_run *run)
{
    return ++looks < LOOKS_MAX;
}

static void init_process(void)
{
    static const uint8_t secret[32] = "the same for every run";
    static bool done;

    if (done)
        return;
    done = log_open("/dev/null");
    ASSERT(done);
    keyspace_hash_seed(secret);
    command_table_init();
}

/* Anew for every input, so that whatever it leaves behind is seen. */
static void init(void)
{
    struct config config;

    init_process();
    config_init(&config);
    config.maxmemory = MEMORY_MOST;
    core_init(&core, &config, &facts, 0, 1);
    save_state_init(&saves, 0);
    core.saves = &saves;
    config_deinit(&config);
    core.script_watch = (struct script_watch){.goes_on = goes_on};
}

static void run(const char *name, struct str script, struct reply *reply)
{
    struct str argv[] = {str_from(name), script, STR("1"), STR("key"), STR("argument")};
    struct call call = {.command = command_find_by_name(argv[0]),
                        .argv = argv,
                        .argc = 5,
                        .now_ms = 1700000000000,
                        .now_us = 1700000000000000,
                        .reply = reply,
                        .core = &core,
                        .session_id = 1};

    looks = 0;
    call_run(&call);
}

static void expect_value(const struct reply *reply)
{
    ASSERT(resp_value_length(buffer_str(&reply->buffer)) == reply->buffer.length);
}

static void expect_whole_world(void)
{
    static const char script[] = "local n = 0 for k, v in pairs(_G) do n = n + 1 end "
                                 "return {n, #KEYS, type(string.format), type(redis.call), ('x'):upper(), "
                                 "redis.call('ping').ok, cjson.encode({1})}";
    static char first[256];
    static size_t first_length;
    struct reply reply;

    reply_init(&reply, &core.memory, NULL, 0, 2);
    run("eval", STR(script), &reply);
    if (first_length == 0) {
        first_length = reply.buffer.length;
        ASSERT(first_length < sizeof first && !reply.error);
        memcpy(first, reply.buffer.bytes, first_length);
    }
    ASSERT(str_equal(buffer_str(&reply.buffer), (struct str){first, first_length}));
    buffer_deinit(&reply.buffer);
}

/* Replies. */

struct source {
    const uint8_t *at, *end;
};

static unsigned take(struct source *source)
{
    return source->at < source->end ? *source->at++ : 0;
}

static void write_value(struct source *source, struct reply *reply, int depth)
{
    unsigned kind = take(source) % (depth < REPLY_DEPTH_MAX ? 14 : 11), size = take(source) % 5;
    struct str text = {(const char *)source->at, size};

    if ((size_t)(source->end - source->at) < size)
        text.length = (size_t)(source->end - source->at);
    switch (kind) {
    case 0:
        reply_null(reply);
        return;
    case 1:
        reply_bool(reply, size & 1);
        return;
    case 2:
        reply_integer(reply, (int64_t)(size * UINT64_C(0x3fffffffffffffff)));
        return;
    case 3:
        reply_double(reply, size == 0 ? -1.0 / 0 : size == 1 ? 0.1 : (double)take(source) * 1e300);
        return;
    case 4:
        reply_verbatim(reply, text, "txt");
        return;
    case 5:
        reply_error(reply, "ERR something");
        return;
    case 6:
        reply_ok(reply);
        return;
    case 7:
        reply_raw(reply, STR("(123456789012345678901234567890\r\n"));
        return;
    case 8:
        reply_raw(reply, STR("*-1\r\n"));
        return;
    case 9:
        reply_raw(reply, STR(",nan\r\n"));
        return;
    case 10:
        reply_bulk(reply, text);
        source->at += text.length;
        return;
    case 11:
        reply_array(reply, size);
        break;
    case 12:
        reply_set(reply, size);
        break;
    default:
        reply_map(reply, size);
        size *= 2;
    }
    for (unsigned i = 0; i < size; i++)
        write_value(source, reply, depth + 1);
}

static void convert(struct source source, int protocol)
{
    struct script_state *state = core.script_state;
    struct call call = {.core = &core};
    struct script_run script = {.call = &call, .protocol = protocol};
    struct reply given, answered;
    int top = lua_gettop(state->lua);

    reply_init(&given, &core.memory, NULL, 0, 3);
    reply_init(&answered, &core.memory, NULL, 0, protocol);
    write_value(&source, &given, 0);
    expect_value(&given);
    state->run = &script;
    script_push_reply(state, state->lua, buffer_str(&given.buffer));
    script_reply_value(state, state->lua, &answered);
    state->run = NULL;
    ASSERT(lua_gettop(state->lua) == top);
    expect_value(&answered);
    buffer_deinit(&given.buffer);
    buffer_deinit(&answered.buffer);
}

/* Scripts. In a block of their own size, so that a sanitizer sees a read outside. */
static void evaluate(struct str text, bool read_only)
{
    char *exact = malloc(text.length + (text.length == 0));
    struct reply reply;

    str_copy(exact, text);
    reply_init(&reply, &core.memory, NULL, 0, text.length & 1 ? 3 : 2);
    run(read_only ? "eval_ro" : "eval", (struct str){exact, text.length}, &reply);
    expect_value(&reply);
    ASSERT(!core.script_state || core.script_state->limit_bytes == SIZE_MAX);
    buffer_deinit(&reply.buffer);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    init();
    expect_whole_world();
    if (data[0] < 64)
        convert((struct source){data + 1, data + size}, data[0] & 1 ? 2 : 3);
    else
        evaluate((struct str){(const char *)data + 1, size - 1}, data[0] & 1);
    expect_whole_world();
    core_deinit(&core);
    return 0;
}
