#include "core/scan_options.h"

#include "core/args.h"
#include "core/call.h"
#include "core/number.h"

enum { SCAN_COUNT = 10 };

static bool pattern_is_all(struct str pattern)
{
    return pattern.length == 1 && pattern.bytes[0] == '*';
}

static bool parse_count(struct call *call, struct str text, int64_t *count)
{
    if (!args_integer(call->reply, text, count))
        return false;
    if (*count >= 1)
        return true;
    args_syntax_error(call->reply);
    return false;
}

/* NOVALUES stands alone. False: answered. */
static bool parse_no_values(struct call *call, enum scan_of of, struct scan_options *options)
{
    if (of == SCAN_OF_MEMBERS) {
        reply_error(call->reply, "ERR NOVALUES option can only be used in HSCAN");
        return false;
    }
    options->no_values = true;
    return true;
}

/* Sets *at to the option's last argument. False: answered. */
static bool parse_option(struct call *call, enum scan_of of, int *at, struct scan_options *options)
{
    struct str word = call->argv[*at];
    bool operand = *at + 1 < call->argc;

    if (of != SCAN_OF_KEYS && arg_is(word, "novalues"))
        return parse_no_values(call, of, options);
    if (!operand) {
        args_syntax_error(call->reply);
        return false;
    }
    struct str value = call->argv[++*at];
    if (arg_is(word, "count"))
        return parse_count(call, value, &options->count);
    if (arg_is(word, "match")) {
        options->pattern = pattern_is_all(value) ? (struct str){0} : value;
    } else if (of == SCAN_OF_KEYS && arg_is(word, "type")) {
        options->type = value; /* of a type that there is not no key is: that is no error */
    } else {
        args_syntax_error(call->reply);
        return false;
    }
    return true;
}

bool scan_options_parse(struct call *call, int first, enum scan_of of, struct scan_options *options)
{
    *options = (struct scan_options){.count = SCAN_COUNT};
    for (int at = first; at < call->argc; at++)
        if (!parse_option(call, of, &at, options))
            return false;
    return true;
}

/* What strtoul takes from a C string that does not begin with a space; nothing at all is 0. */
bool scan_cursor_read(struct str text, uint64_t *cursor)
{
    *cursor = 0;
    text.length = strnlen(text.bytes, text.length);
    if (text.length == 0)
        return true;
    return !number_is_space(text.bytes[0]) && number_parse_wrapping(text, cursor);
}

bool scan_cursor_parse(struct call *call, struct str text, uint64_t *cursor)
{
    if (scan_cursor_read(text, cursor))
        return true;
    reply_error(call->reply, "ERR invalid cursor");
    return false;
}
