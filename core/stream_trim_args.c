#include "core/stream_trim_args.h"

#include "core/args.h"
#include "core/call.h"
#include "core/stream_args.h"

/* How much an approximate trimming does at once, where LIMIT does not say. */
enum { LIMIT_BLOCKS = 100, LIMIT_DEFAULT = 10000, LIMIT_MAX = 1000000 };

struct parser {
    struct call *call;
    struct stream_trim_args *args;
    int at;
    bool has_limit;
};

static bool refuse(struct parser *parser, const char *text)
{
    reply_error(parser->call->reply, text);
    return false;
}

static bool has_more(const struct parser *parser, int count)
{
    return parser->at + count < parser->call->argc;
}

static struct str take(struct parser *parser)
{
    return parser->call->argv[++parser->at];
}

static bool parse_max_length(struct parser *parser, struct stream_trim *trim)
{
    int64_t length;

    if (!args_integer(parser->call->reply, take(parser), &length))
        return false;
    if (length < 0)
        return refuse(parser, "ERR The MAXLEN argument must be >= 0.");
    trim->max_length = (uint64_t)length;
    return true;
}

/* MAXLEN or MINID, with what follows. */
static bool parse_strategy(struct parser *parser, bool by_id)
{
    struct stream_trim *trim = &parser->args->trim;

    if (parser->args->trims)
        return refuse(parser, "ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
    struct str sign = parser->call->argv[parser->at + 1];
    if (has_more(parser, 2) && (str_equal(sign, STR("~")) || str_equal(sign, STR("=")))) {
        trim->approximate = sign.bytes[0] == '~';
        parser->at++;
    }
    trim->by_id = by_id;
    parser->args->trims = true;
    if (by_id)
        return stream_args_id(parser->call->reply, take(parser), 0, &trim->min_id);
    return parse_max_length(parser, trim);
}

static bool parse_limit(struct parser *parser)
{
    int64_t limit;

    if (!args_integer(parser->call->reply, take(parser), &limit))
        return false;
    if (limit < 0)
        return refuse(parser, "ERR The LIMIT argument must be >= 0.");
    parser->args->trim.limit = (uint64_t)limit;
    parser->has_limit = true;
    return true;
}

/* As one word: it may be the last one. */
static bool parse_references(struct parser *parser)
{
    struct stream_trim *trim = &parser->args->trim;

    if (trim->references != STREAM_REFERENCES_UNSAID)
        return false;
    trim->references = stream_args_references(parser->call->argv[parser->at]);
    return trim->references != STREAM_REFERENCES_UNSAID;
}

enum option { OPTION_TAKEN, OPTION_WRONG, OPTION_UNKNOWN };

static enum option parse_option(struct parser *parser)
{
    struct str word = parser->call->argv[parser->at];

    if (parse_references(parser))
        return OPTION_TAKEN;
    if (!has_more(parser, 1))
        return OPTION_UNKNOWN;
    if (arg_is(word, "maxlen"))
        return parse_strategy(parser, false) ? OPTION_TAKEN : OPTION_WRONG;
    if (arg_is(word, "minid"))
        return parse_strategy(parser, true) ? OPTION_TAKEN : OPTION_WRONG;
    if (arg_is(word, "limit"))
        return parse_limit(parser) ? OPTION_TAKEN : OPTION_WRONG;
    return OPTION_UNKNOWN;
}

static void set_default_limit(struct parser *parser)
{
    uint64_t entries = (uint64_t)parser->call->core->config.stream_node_max_entries, limit;

    if (__builtin_mul_overflow(entries, LIMIT_BLOCKS, &limit) || limit > LIMIT_MAX)
        limit = LIMIT_MAX;
    parser->args->trim.limit = limit == 0 ? LIMIT_DEFAULT : limit;
}

static bool check_limit(struct parser *parser)
{
    struct stream_trim *trim = &parser->args->trim;

    if (trim->limit > 0 && !parser->args->trims)
        return refuse(parser, "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
    if (parser->has_limit && !trim->approximate)
        return refuse(parser, "ERR syntax error, LIMIT cannot be used without the special ~ option");
    if (!parser->has_limit && trim->approximate)
        set_default_limit(parser);
    return true;
}

static bool parse_id(struct parser *parser)
{
    struct stream_trim_args *args = parser->args;
    bool any_sequence;

    if (!stream_id_parse_new(parser->call->argv[parser->at], &args->id, &any_sequence))
        return refuse(parser, "ERR Invalid stream ID specified as stream command argument");
    args->choice = any_sequence ? STREAM_ID_SEQUENCE_AUTOMATIC : STREAM_ID_GIVEN;
    return true;
}

bool stream_trim_args_of_xadd(struct call *call, struct stream_trim_args *args)
{
    struct parser parser = {.call = call, .args = args, .at = 2};

    *args = (struct stream_trim_args){.choice = STREAM_ID_AUTOMATIC};
    for (; parser.at < call->argc; parser.at++) {
        if (str_equal(call->argv[parser.at], STR("*")))
            break;
        enum option option = parse_option(&parser);
        if (option == OPTION_WRONG)
            return false;
        if (option == OPTION_TAKEN)
            continue;
        if (arg_is(call->argv[parser.at], "nomkstream")) {
            args->no_create = true;
            continue;
        }
        if (!parse_id(&parser))
            return false;
        break;
    }
    args->end = parser.at + 1;
    return check_limit(&parser);
}

bool stream_trim_args_of_xtrim(struct call *call, struct stream_trim_args *args)
{
    struct parser parser = {.call = call, .args = args, .at = 2};

    *args = (struct stream_trim_args){0};
    for (; parser.at < call->argc; parser.at++) {
        enum option option = parse_option(&parser);
        if (option == OPTION_WRONG)
            return false;
        if (option == OPTION_TAKEN)
            continue;
        args_syntax_error(call->reply);
        return false;
    }
    if (args->trim.limit == 0 && !args->trims)
        return refuse(&parser, "ERR syntax error, XTRIM must be called with a trimming strategy");
    return check_limit(&parser);
}
