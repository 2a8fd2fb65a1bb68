/* Strings as numbers: counters. */
#include "core/handlers.h"

#include <math.h>

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/effects.h"
#include "core/number.h"

static void increment(struct call *call, int64_t by)
{
    struct str name = call->argv[1];
    struct entry *entry;
    int64_t value = 0;

    if (!call_find_write(call, name, VALUE_STRING, &entry))
        return;
    if (entry != NULL && !entry_integer(entry, &value)) {
        reply_error(call->reply, "ERR value is not an integer or out of range");
        return;
    }
    if (__builtin_add_overflow(value, by, &value)) {
        reply_error(call->reply, "ERR increment or decrement would overflow");
        return;
    }
    keyspace_set_integer(call_keyspace(call, name), call->db, call_key(call, name), value);
    call_changed(call, EVENT_STRING, "incrby", name);
    reply_integer(call->reply, value);
}

void cmd_incr(struct call *call)
{
    increment(call, 1);
}

void cmd_decr(struct call *call)
{
    increment(call, -1);
}

void cmd_incrby(struct call *call)
{
    int64_t by;

    if (args_integer(call->reply, call->argv[2], &by))
        increment(call, by);
}

void cmd_decrby(struct call *call)
{
    int64_t by;

    if (!args_integer(call->reply, call->argv[2], &by))
        return;
    if (by == INT64_MIN)
        reply_error(call->reply, "ERR decrement would overflow");
    else
        increment(call, -by);
}

/* The value as a float, 0 for an absent key. */
static bool entry_float(const struct entry *entry, long double *value)
{
    char digits[32];

    *value = 0;
    if (entry != NULL && entry_is_sparse_bitmap(entry))
        return false; /* it is longer than any number */
    return entry == NULL || number_parse_long_double(entry_string(entry, digits), value);
}

/* The result stays text, as what it says may not fit an integer or a double. */
void cmd_incrbyfloat(struct call *call)
{
    char text[NUMBER_LONG_DOUBLE_TEXT_MAX];
    struct str name = call->argv[1];
    struct entry *entry;
    long double value, by;

    if (!call_find_write(call, name, VALUE_STRING, &entry))
        return;
    if (!entry_float(entry, &value) || !number_parse_long_double(call->argv[2], &by)) {
        reply_error(call->reply, "ERR value is not a valid float");
        return;
    }
    value += by;
    if (isnan(value) || isinf(value)) {
        reply_error(call->reply, "ERR increment would produce NaN or Infinity");
        return;
    }
    struct str result = {text, number_format_long_double(text, value)};
    keyspace_set_bytes(call_keyspace(call, name), call->db, call_key(call, name), result);
    call_changed(call, EVENT_STRING, "incrbyfloat", name);
    if (call_is_journaled(call, name)) /* a sum that others may round otherwise */
        CALL_RECORD(call, name, STR("SET"), name, result, STR("KEEPTTL"));
    reply_bulk(call->reply, result);
}
