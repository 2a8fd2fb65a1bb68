/* Parser and execution without sockets: what the machine's core could serve if
 * I/O were free.
 *
 * Pipelines of requests lie ready in memory; each is parsed, admitted and run on
 * one keyspace (in_process.h). Keys are visited in random order. Time is the
 * process's CPU time, so that who else runs disturbs little. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/in_process.h"
#include "bench/measure.h"
#include "core/assert.h"

enum { KEY_BYTES = 16, VALUE_BYTES = 32, PIPELINE = 32, ROUNDS_MAX = 101 };
enum { GET_REPLY_BYTES = 39, SET_REPLY_BYTES = 5 };

static const char VALUE[VALUE_BYTES + 1] = "32 bytes: the value of every key";

enum kind { KIND_GET, KIND_SET, KIND_MIXED, KINDS };

static const char *const kind_names[KINDS] = {"get", "set", "mixed"};

struct options {
    size_t operations, keys;
    int rounds;
    int kind;   /* KINDS: all of them */
    bool timed; /* as far as the command statistics time commands */
};

/* Requests as a client sends them; one for each key, cut into pipelines. */
struct stream {
    char *bytes;
    size_t *ends; /* of each pipeline */
    size_t pipelines;
    size_t gets, sets;
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

/* --- Execution --- */

/* Returns the bytes of all replies. */
static size_t run_stream(struct engine *engine, const struct stream *stream, size_t operations)
{
    size_t pipeline = 0, begin = 0, replied = 0;

    for (size_t done = 0; done < operations; done += PIPELINE) {
        engine_run(engine, (struct str){stream->bytes + begin, stream->ends[pipeline] - begin});
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
    fprintf(stderr, "usage: engine [--operations N] [--rounds N] [--keys N] [--kind get|set|mixed] [--timed yes|no]\n"
                    "       operations of each kind in each round; kind: one instead of all;\n"
                    "       timed: no: no call is timed for the command statistics, as where each lasts too long\n");
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

static bool truth_from(const char *text)
{
    if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
        usage();
    return text[0] == 'y';
}

static struct options options_from(int argc, char **argv)
{
    struct options options = {.operations = 1000000, .keys = 100000, .rounds = 5, .kind = KINDS, .timed = true};

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
        else if (strcmp(argv[i], "--timed") == 0)
            options.timed = truth_from(value);
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
    if (!options.timed)
        engine.core.command_stats.clock.now_ns = NULL;
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
