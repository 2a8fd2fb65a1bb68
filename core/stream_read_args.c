#include "core/stream_read_args.h"

#include "core/args.h"
#include "core/call.h"
#include "core/number.h"

struct parser {
    struct call *call;
    struct stream_read_args *args;
};

static bool refuse(struct parser *parser, const char *text)
{
    reply_error(parser->call->reply, text);
    return false;
}

static bool parse_block(struct parser *parser, struct str text)
{
    if (!number_parse_integer(text, &parser->args->block_ms))
        return refuse(parser, "ERR timeout is not an integer or out of range");
    if (parser->args->block_ms < 0)
        return refuse(parser, "ERR timeout is negative");
    if (parser->args->block_ms > INT64_MAX - parser->call->now_ms)
        return refuse(parser, "ERR timeout is out of range");
    return true;
}

static bool parse_count(struct parser *parser, struct str text)
{
    int64_t count;

    if (!args_integer(parser->call->reply, text, &count))
        return false;
    parser->args->count = count < 0 ? 0 : (uint64_t)count;
    return true;
}

static bool parse_claim(struct parser *parser, struct str text)
{
    if (!number_parse_integer(text, &parser->args->claim_ms))
        return refuse(parser, "ERR min-idle-time is not an integer or out of range");
    return parser->args->claim_ms >= 0 || refuse(parser, "ERR min-idle-time must be a positive integer");
}

static bool parse_streams(struct parser *parser, int first)
{
    int count = parser->call->argc - first;

    parser->args->first_key = first;
    parser->args->key_count = count / 2;
    if (count % 2 == 0)
        return true;
    reply_error_format(
        parser->call->reply, "ERR Unbalanced '%s' list of streams: for each stream key %s must be specified.",
        parser->args->grouped ? "xreadgroup" : "xread", parser->args->grouped ? "an ID or '>'" : "an ID, '+', or '$'");
    return false;
}

/* One option at argv[*at], which ends at its last argument. */
static bool parse_option(struct parser *parser, int *at)
{
    const struct str *argv = parser->call->argv;
    int more = parser->call->argc - *at - 1;
    struct str word = argv[*at];

    if (arg_is(word, "block") && more > 0)
        return parse_block(parser, argv[++*at]);
    if (arg_is(word, "count") && more > 0)
        return parse_count(parser, argv[++*at]);
    if (arg_is(word, "claim") && more > 0 && parser->args->grouped)
        return parse_claim(parser, argv[++*at]);
    if (arg_is(word, "group") && more > 1) {
        if (!parser->args->grouped)
            return refuse(parser, "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
        parser->args->group_name = argv[++*at];
        parser->args->consumer_name = argv[++*at];
        return true;
    }
    if (arg_is(word, "noack")) {
        if (!parser->args->grouped)
            return refuse(parser, "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
        parser->args->no_ack = true;
        return true;
    }
    return refuse(parser, "ERR syntax error");
}

bool stream_read_args_parse(struct call *call, bool grouped, struct stream_read_args *args)
{
    struct parser parser = {call, args};

    *args = (struct stream_read_args){
        .grouped = grouped, .block_ms = STREAM_READ_NO_BLOCK, .claim_ms = STREAM_READ_NO_CLAIM};
    for (int i = 1; i < call->argc; i++) {
        if (arg_is(call->argv[i], "streams") && i + 1 < call->argc) {
            if (!parse_streams(&parser, i + 1))
                return false;
            break;
        }
        if (!parse_option(&parser, &i))
            return false;
    }
    if (args->first_key == 0)
        return refuse(&parser, "ERR syntax error");
    if (grouped && args->group_name.bytes == NULL)
        return refuse(&parser, "ERR Missing GROUP option for XREADGROUP");
    return true;
}

/* The same walk without a look at the options' arguments. */

static int option_arguments(struct str word)
{
    if (arg_is(word, "group"))
        return 2;
    return arg_is(word, "block") || arg_is(word, "count") || arg_is(word, "claim");
}

/* The option of this name; where STREAMS comes before it, or it is not there: 0. */
static int find_option(const struct str *argv, int argc, const char *name)
{
    for (int i = 1; i < argc; i += 1 + option_arguments(argv[i])) {
        if (arg_is(argv[i], name))
            return i;
        if (arg_is(argv[i], "streams"))
            break;
    }
    return 0;
}

void stream_read_find_keys(const struct str *argv, int argc, command_visit_key *visit, void *context)
{
    int streams = find_option(argv, argc, "streams"), count = argc - streams - 1;

    if (streams == 0 || count % 2 != 0)
        return;
    for (int i = 1; i <= count / 2; i++)
        visit(context, (struct key_position){streams + i, KEY_RO | KEY_ACCESS});
}

bool stream_read_blocks(const struct str *argv, int argc)
{
    return find_option(argv, argc, "block") > 0;
}
