/* Parser and execution without sockets: what the machine's core could serve if
 * I/O were free.
 *
 * Pipelines of requests lie ready in memory; each is parsed, admitted and run on
 * one keyspace, its reply written into a buffer that is used again for the next
 * pipeline. Keys are visited in random order. Time is the process's CPU time, so
 * that who else runs disturbs little. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure.h"
#include "core/assert.h"
#include "core/call.h"
#include "core/command.h"
#include "core/command_admit.h"
#include "core/keyspace.h"
#include "core/resp_parse.h"
#include "core/resp_write.h"

enum { KEY_BYTES = 16, VALUE_BYTES = 32, PIPELINE = 32, REPLY_BYTES = 16384, ROUNDS_MAX = 101 };
enum { GET_REPLY_BYTES = 39, SET_REPLY_BYTES = 5 };

static const int64_t NOW_MS = 1700000000000;
static const char VALUE[VALUE_BYTES + 1] = "32 bytes: the value of every key";

enum kind { KIND_GET, KIND_SET, KIND_MIXED, KINDS };

static const char *const kind_names[KINDS] = {"get", "set", "mixed"};

struct options {
    size_t operations, keys;
    int rounds;
    int kind; /* KINDS: all of them */
};

/* Requests as a client sends them; one for each key, cut into pipelines. */
struct stream {
    char *bytes;
    size_t *ends; /* of each pipeline */
    size_t pipelines;
    size_t gets, sets;
};

struct engine {
    struct core core;
    struct session session;
    struct resp_parser parser;
    struct reply reply;
    char reply_bytes[REPLY_BYTES];
};

/* --- Requests --- */

/* Mixed is as memtier's default: ten GETs to a SET. */
static bool is_get(enum kind kind, size_t at)
{
    return kind == KIND_GET || (kind == KIND_MIXED && at % 11 != 10);
}

static int write_request(char *to, bool get, uint32_t number)
{
    if (get)
        return sprintf(to, "*2\r\n$3\r\nGET\r\n$%d\r\nkey:%012u\r\n", KEY_BYTES, number);
    return sprintf(to, "*3\r\n$3\r\nSET\r\n$%d\r\nkey:%012u\r\n$%d\r\n%s\r\n", KEY_BYTES, number, VALUE_BYTES, VALUE);
}

static struct stream stream_of(enum kind kind, size_t keys, uint64_t seed)
{
    struct stream stream = {.pipelines = keys / PIPELINE};
    uint32_t *order = measure_shuffled(keys, seed << 32);
    size_t length = 0;

    stream.bytes = malloc(keys * (KEY_BYTES + VALUE_BYTES + 64));
    stream.ends = malloc(stream.pipelines * sizeof *stream.ends);
    for (size_t at = 0; at < stream.pipelines * PIPELINE; at++) {
        bool get = is_get(kind, at);

        length += (size_t)write_request(stream.bytes + length, get, order[at]);
        stream.gets += get;
        stream.sets += !get;
        stream.ends[at / PIPELINE] = length;
    }
    free(order);
    return stream;
}

static void stream_free(struct stream *stream)
{
    free(stream->bytes);
    free(stream->ends);
}

/* --- Execution: the steps of a connection and its shard --- */

static void engine_init(struct engine *engine)
{
    static const uint8_t secret[32] = "the same for each run of a bench";
    static const struct server_facts facts = {.shard_count = 1};
    struct config config;

    keyspace_hash_seed(secret);
    command_table_init();
    config_init(&config);
    core_init(&engine->core, &config, &facts, 0, 1);
    config_deinit(&config);
    engine->session = (struct session){.authenticated = true};
    session_begin(&engine->core.sessions, &engine->session, NOW_MS);
    resp_parser_init(&engine->parser, &engine->core.memory);
    reply_init(&engine->reply, &engine->core.memory, engine->reply_bytes, REPLY_BYTES, engine->session.protocol);
}

static void engine_deinit(struct engine *engine)
{
    buffer_deinit(&engine->reply.buffer);
    resp_parser_deinit(&engine->parser);
    session_end(&engine->core.sessions, &engine->session);
    core_deinit(&engine->core);
}

static void run_request(struct engine *engine)
{
    const struct resp_parser *parser = &engine->parser;
    const struct command *command =
        command_admit(&engine->core, &engine->session, parser->argv, parser->argc, &engine->reply);
    struct call call = {
        .command = command,
        .argv = parser->argv,
        .argc = parser->argc,
        .db = engine->session.db,
        .now_ms = NOW_MS,
        .reply = &engine->reply,
        .core = &engine->core,
        .session_id = engine->session.id,
    };

    ASSERT(command);
    call_run(&call);
}

static void run_pipeline(struct engine *engine, struct str bytes)
{
    static const struct resp_limits limits = {512 << 20, INT32_MAX, INT64_MAX};

    engine->reply.buffer.length = 0;
    while (bytes.length > 0) {
        enum resp_status status = resp_parse(&engine->parser, bytes, &limits);

        ASSERT(status == RESP_COMPLETE);
        run_request(engine);
        bytes.bytes += engine->parser.consumed;
        bytes.length -= engine->parser.consumed;
    }
}

/* Returns the bytes of all replies. */
static size_t run_stream(struct engine *engine, const struct stream *stream, size_t operations)
{
    size_t pipeline = 0, begin = 0, replied = 0;

    for (size_t done = 0; done < operations; done += PIPELINE) {
        keyspace_set_access(engine->core.keyspace, ACCESS_LRU, NOW_MS);
        run_pipeline(engine, (struct str){stream->bytes + begin, stream->ends[pipeline] - begin});
        replied += engine->reply.buffer.length;
        begin = stream->ends[pipeline++];
        if (pipeline == stream->pipelines)
            pipeline = begin = 0;
    }
    return replied;
}

static void run_and_check(struct engine *engine, const struct stream *stream)
{
    size_t replied = run_stream(engine, stream, stream->pipelines * PIPELINE);

    ASSERT(replied == stream->gets * GET_REPLY_BYTES + stream->sets * SET_REPLY_BYTES);
}

/* In an order of its own: where entries lie one after the other as they are visited, caches do too well. */
static void fill(struct engine *engine, size_t keys)
{
    struct stream stream = stream_of(KIND_SET, keys, KINDS);

    run_and_check(engine, &stream);
    stream_free(&stream);
}

/* --- Measuring --- */

static int compare(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;

    return (difference > 0) - (difference < 0);
}

static void report(enum kind kind, double *rates, int rounds)
{
    qsort(rates, (size_t)rounds, sizeof *rates, compare);
    printf("%-5s %7.2f million operations a second, from %.2f to %.2f\n", kind_names[kind], rates[rounds / 2] / 1e6,
           rates[0] / 1e6, rates[rounds - 1] / 1e6);
}

/* Rounds alternate the kinds, so that noise hits all alike. */
static void measure(struct engine *engine, const struct stream *streams, const struct options *options)
{
    static double rates[KINDS][ROUNDS_MAX];

    for (int round = 0; round < options->rounds; round++) {
        for (int kind = 0; kind < KINDS; kind++) {
            double began_ns = measure_now_ns();

            if (options->kind != KINDS && options->kind != kind)
                continue;
            run_stream(engine, &streams[kind], options->operations);
            rates[kind][round] = (double)options->operations * 1e9 / (measure_now_ns() - began_ns);
        }
    }
    for (int kind = 0; kind < KINDS; kind++)
        if (options->kind == KINDS || options->kind == kind)
            report((enum kind)kind, rates[kind], options->rounds);
}

/* --- Options --- */

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: engine [--operations N] [--rounds N] [--keys N] [--kind get|set|mixed]\n"
                    "       operations of each kind in each round; kind: one instead of all\n");
    exit(1);
}

static size_t number_from(const char *text, size_t least, size_t most)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (*end || end == text || number < least || number > most)
        usage();
    return number;
}

static int kind_from(const char *name)
{
    for (int kind = 0; kind < KINDS; kind++)
        if (strcmp(name, kind_names[kind]) == 0)
            return kind;
    usage();
}

static struct options options_from(int argc, char **argv)
{
    struct options options = {.operations = 1000000, .keys = 100000, .rounds = 5, .kind = KINDS};

    for (int i = 1; i < argc; i += 2) {
        const char *value = argv[i + 1]; /* argv ends with NULL */

        if (!value)
            usage();
        if (strcmp(argv[i], "--operations") == 0)
            options.operations = number_from(value, PIPELINE, SIZE_MAX / 2);
        else if (strcmp(argv[i], "--keys") == 0)
            options.keys = number_from(value, PIPELINE, 100000000);
        else if (strcmp(argv[i], "--rounds") == 0)
            options.rounds = (int)number_from(value, 1, ROUNDS_MAX);
        else if (strcmp(argv[i], "--kind") == 0)
            options.kind = kind_from(value);
        else
            usage();
    }
    options.keys -= options.keys % PIPELINE; /* whole pipelines */
    options.operations -= options.operations % PIPELINE;
    return options;
}

int main(int argc, char **argv)
{
    struct options options = options_from(argc, argv);
    struct stream streams[KINDS];
    static struct engine engine;

    engine_init(&engine);
    fill(&engine, options.keys);
    for (int kind = 0; kind < KINDS; kind++) {
        streams[kind] = stream_of((enum kind)kind, options.keys, (uint64_t)kind);
        run_and_check(&engine, &streams[kind]);
    }
    measure(&engine, streams, &options);
    for (int kind = 0; kind < KINDS; kind++)
        stream_free(&streams[kind]);
    engine_deinit(&engine);
    return 0;
}
