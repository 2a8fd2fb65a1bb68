#include "tests/support/command_scatter.h"

#include <criterion/criterion.h>

#include "core/command.h"
#include "core/merge.h"
#include "core/resp_parse.h"

struct parts {
    struct buffer bytes[COMMAND_RUN_SHARDS_MAX];
    struct str replies[COMMAND_RUN_SHARDS_MAX];
};

/* False: a part failed, and its error is the reply. */
static bool run_parts(struct command_run *run, const struct str *argv, int argc, struct parts *parts)
{
    bool ok = true;

    for (run->at = 0; run->at < run->count; run->at++) {
        struct buffer *bytes = &parts->bytes[run->at];

        buffer_init(bytes, &run->memory, NULL, 0);
        if (!ok)
            continue;
        buffer_append_str(bytes, command_run_argv(run, argv, argc));
        parts->replies[run->at] = buffer_str(bytes);
        ok = !run->reply.error;
    }
    run->at = 0;
    return ok;
}

static void merge_parts(struct command_run *run, const struct str *argv, int argc, const struct parts *parts)
{
    const struct command *container;
    const struct command *command = command_find(argv, argc, &container);
    struct merge merge = {.command = command,
                          .argv = argv,
                          .argc = argc,
                          .core = &run->cores[0],
                          .now_ms = run->now_ms,
                          .reply = &run->reply,
                          .parts = parts->replies,
                          .part_count = run->count};

    cr_assert(command && command->route == ROUTE_SCATTER);
    run->reply.buffer.length = 0;
    if (command->merge)
        command->merge(&merge);
    else
        reply_raw(&run->reply, parts->replies[0]);
}

struct str command_scatter(struct command_run *run, const char *line)
{
    static const struct resp_limits limits = {INT32_MAX, INT32_MAX, INT64_MAX};
    struct resp_parser parser;
    struct buffer bytes;
    struct parts parts;

    buffer_init(&bytes, &run->memory, NULL, 0);
    buffer_append_str(&bytes, str_from(line));
    buffer_append_str(&bytes, STR("\r\n"));
    resp_parser_init(&parser, &run->memory);
    cr_assert_eq(resp_parse(&parser, buffer_str(&bytes), &limits), RESP_COMPLETE, "does not parse: %s", line);
    if (run_parts(run, parser.argv, parser.argc, &parts))
        merge_parts(run, parser.argv, parser.argc, &parts);
    for (int i = 0; i < run->count; i++)
        buffer_deinit(&parts.bytes[i]);
    resp_parser_deinit(&parser);
    buffer_deinit(&bytes);
    return buffer_str(&run->reply.buffer);
}

void command_scatter_expect(struct command_run *run, const char *line, const char *expected)
{
    command_expect_reply(run, line, command_scatter(run, line), expected);
}
