/* Hashes: fields as numbers. A field keeps its deadline. */
#include "core/handlers.h"

#include <math.h>

#include "core/args.h"
#include "core/effects.h"
#include "core/hash_access.h"

static bool value_integer(struct listpack_value value, int64_t *integer)
{
    if (value.bytes != NULL)
        return number_parse_integer((struct str){value.bytes, value.length}, integer);
    *integer = value.integer;
    return true;
}

static void store(struct call *call, struct hash_access *access, struct str value)
{
    hash_begin(call, access);
    hash_set(&access->hash, call->argv[2], value, HASH_KEEP_DEADLINE);
    hash_close(call, access, call->command->name, 1);
}

void cmd_hincrby(struct call *call)
{
    char digits[NUMBER_TEXT_MAX];
    struct hash_access access;
    struct hash_item item;
    int64_t by, value = 0;

    if (!args_integer(call->reply, call->argv[3], &by) || !hash_open_write(call, &access))
        return;
    if (hash_access_get(&access, call->argv[2], &item) && !value_integer(item.value, &value)) {
        reply_error(call->reply, "ERR hash value is not an integer");
        return;
    }
    if (__builtin_add_overflow(value, by, &value)) {
        reply_error(call->reply, "ERR increment or decrement would overflow");
        return;
    }
    store(call, &access, (struct str){digits, number_format_integer(digits, value)});
    reply_integer(call->reply, value);
}

static bool value_float(struct listpack_value value, long double *number)
{
    if (value.bytes != NULL)
        return number_parse_long_double((struct str){value.bytes, value.length}, number);
    *number = (long double)value.integer;
    return true;
}

/* False: answered. */
static bool parse_float_step(struct call *call, long double *by)
{
    if (!number_parse_long_double(call->argv[3], by)) {
        reply_error(call->reply, "ERR value is not a valid float");
        return false;
    }
    if (!isnan(*by) && !isinf(*by))
        return true;
    reply_error(call->reply, "ERR value is NaN or Infinity");
    return false;
}

/* A sum that others may round otherwise. deadline_ms: of the field, -1: none. */
static void record_float(const struct call *call, struct str result, int64_t deadline_ms)
{
    struct str name = call->argv[1], field = call->argv[2];
    char digits[NUMBER_TEXT_MAX];

    if (!call_is_journaled(call, name))
        return;
    CALL_RECORD(call, name, STR("HSET"), name, field, result);
    if (deadline_ms >= 0)
        CALL_RECORD(call, name, STR("HPEXPIREAT"), name, {digits, number_format_integer(digits, deadline_ms)},
                    STR("FIELDS"), STR("1"), field);
}

void cmd_hincrbyfloat(struct call *call)
{
    char text[NUMBER_LONG_DOUBLE_TEXT_MAX];
    struct hash_access access;
    struct hash_item item;
    long double by, value = 0;

    if (!parse_float_step(call, &by) || !hash_open_write(call, &access))
        return;
    bool there = hash_access_get(&access, call->argv[2], &item);
    if (there && !value_float(item.value, &value)) {
        reply_error(call->reply, "ERR hash value is not a float");
        return;
    }
    value += by;
    if (isnan(value) || isinf(value)) {
        reply_error(call->reply, "ERR increment would produce NaN or Infinity");
        return;
    }
    struct str result = {text, number_format_long_double(text, value)};
    store(call, &access, result);
    record_float(call, result, there ? item.deadline_ms : -1);
    reply_bulk(call->reply, result);
}
