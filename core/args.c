/* Options and ranges in the arguments of commands. */
#include "core/args.h"

#include <math.h>
#include <stdio.h>

#include "core/call.h"
#include "core/command.h"
#include "core/number.h"
#include "core/resp_write.h"

static const char not_an_integer[] = "ERR value is not an integer or out of range";

bool args_integer(struct reply *reply, struct str text, int64_t *value)
{
    if (number_parse_integer(text, value))
        return true;
    reply_error(reply, not_an_integer);
    return false;
}

bool args_integer_in(struct reply *reply, struct str text, int64_t lowest, int64_t highest, const char *error,
                     int64_t *value)
{
    bool integer = number_parse_integer(text, value);

    if (integer && *value >= lowest && *value <= highest)
        return true;
    if (error)
        reply_error(reply, error);
    else if (integer)
        reply_error_format(reply, "ERR value is out of range, value must between %lld and %lld", (long long)lowest,
                           (long long)highest);
    else
        reply_error(reply, not_an_integer);
    return false;
}

/* Most are short integers, which a double holds exactly. */
bool args_double(struct reply *reply, struct str text, const char *error, double *value)
{
    const size_t exact_digits = 15;
    int64_t integer;

    if (text.length <= exact_digits && number_parse_integer(text, &integer)) {
        *value = (double)integer;
        return true;
    }
    if (number_parse_double(text, value))
        return true;
    reply_error(reply, error ? error : "ERR value is not a valid float");
    return false;
}

void args_syntax_error(struct reply *reply)
{
    reply_error(reply, "ERR syntax error");
}

/* False: no int64_t holds the result, or it lies in the past and may not. */
static bool expiry_absolute(int64_t amount, enum args_expiry_unit unit, int64_t base_ms, bool allow_past,
                            int64_t *expiry_ms)
{
    int64_t scale = unit == ARGS_SECONDS ? 1000 : 1, amount_ms;

    if (!allow_past && amount <= 0)
        return false;
    if (__builtin_mul_overflow(amount, scale, &amount_ms))
        return false;
    return !__builtin_add_overflow(amount_ms, base_ms, expiry_ms);
}

bool args_expiry(struct call *call, struct str text, enum args_expiry_unit unit, bool absolute, bool allow_past,
                 int64_t *expiry_ms)
{
    int64_t amount;
    char name[64];

    if (!args_integer(call->reply, text, &amount))
        return false;
    if (expiry_absolute(amount, unit, absolute ? 0 : call_clock_ms(call), allow_past, expiry_ms))
        return true;
    reply_error_format(call->reply, "ERR invalid expire time in '%s' command", command_full_name(call->command, name));
    return false;
}

bool args_timeout(struct call *call, struct str text, int64_t *timeout_ms)
{
    long double seconds, ms;

    if (!number_parse_long_double(text, &seconds)) {
        reply_error(call->reply, "ERR timeout is not a float or out of range");
        return false;
    }
    ms = ceill(seconds * 1000);
    if (ms < 0) {
        reply_error(call->reply, "ERR timeout is negative");
        return false;
    }
    if (ms >= (long double)INT64_MAX || (int64_t)ms > INT64_MAX - call->now_ms) {
        reply_error(call->reply, "ERR timeout is out of range");
        return false;
    }
    *timeout_ms = (int64_t)ms;
    return true;
}

void args_help(struct call *call, const char *const *lines)
{
    struct reply *reply = call->reply;
    size_t mark = reply_mark(reply);
    char name[COMMAND_CALLED_BYTES], head[COMMAND_CALLED_BYTES + 64];
    int64_t count = 3;

    snprintf(head, sizeof head,
             "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", command_capitals(call->argv[0], name));
    reply_simple(reply, head);
    for (; *lines; lines++, count++)
        reply_simple(reply, *lines);
    reply_simple(reply, "HELP");
    reply_simple(reply, "    Prints this help.");
    reply_array_at(reply, mark, count);
}

bool args_bit_offset(struct call *call, struct str text, unsigned width, uint64_t *offset)
{
    bool counts_fields = width > 0 && text.length > 0 && text.bytes[0] == '#';
    struct str digits = {text.bytes + counts_fields, text.length - counts_fields};
    int64_t limit = call->core->config.proto_max_bulk_len, value;

    bool valid = number_parse_integer(digits, &value) &&
                 !__builtin_mul_overflow(value, counts_fields ? (int64_t)width : 1, &value) && value >= 0 &&
                 value / 8 < limit;
    if (!valid)
        reply_error(call->reply, "ERR bit offset is not an integer or out of range");
    *offset = valid ? (uint64_t)value : 0;
    return valid;
}
