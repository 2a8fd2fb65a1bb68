#include "tests/support/journal_text.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "core/resp_parse.h"
#include "tests/support/command_run.h"

static void each_record(struct str records, void (*visit)(void *context, struct str *argv, int argc), void *context)
{
    static const struct resp_limits limits = {INT32_MAX, INT32_MAX, INT64_MAX};
    struct memory memory = {0};
    struct resp_parser parser;

    resp_parser_init(&parser, &memory);
    while (records.length > 0) {
        cr_assert_eq(resp_parse(&parser, records, &limits), RESP_COMPLETE);
        visit(context, parser.argv, parser.argc);
        records = (struct str){records.bytes + parser.consumed, records.length - parser.consumed};
    }
    resp_parser_deinit(&parser);
}

struct text {
    struct buffer *to;
    bool follows;
};

static void append(void *context, struct str *argv, int argc)
{
    struct text *text = context;

    if (text->follows)
        buffer_append_str(text->to, STR("|"));
    text->follows = true;
    for (int i = 0; i < argc; i++) {
        if (i > 0)
            buffer_append_str(text->to, STR(" "));
        buffer_append_str(text->to, argv[i]);
    }
}

void journal_text(struct str records, struct buffer *text)
{
    each_record(records, append, &(struct text){.to = text});
}

static void execute(void *context, struct str *argv, int argc)
{
    struct command_run *run = context;

    command_run_argv(run, argv, argc);
    cr_assert(!run->reply.error, "%.*s %.*s …: %.*s", (int)argv[0].length, argv[0].bytes,
              argc > 1 ? (int)argv[1].length : 0, argc > 1 ? argv[1].bytes : "", (int)run->reply.buffer.length,
              run->reply.buffer.bytes);
}

void journal_execute(struct str records, struct command_run *run)
{
    each_record(records, execute, run);
}
